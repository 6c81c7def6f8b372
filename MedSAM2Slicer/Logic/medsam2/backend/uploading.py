"""One client's volume on its way in: announced, received in chunks, kept for a while when it is cut."""

from functools import partial

from medsam2.protocol import Chunk, Done, OpenVolume, Progress, Upload

from .jobs import Client, Job
from .parked_uploads import same_voxels
from .service import Service

PROGRESS_BYTES = 16 * 2**20


class Uploading:
    """Receives volumes for one client.

    Every announcement ends with one answer: that of the job that opens the volume, an error, or
    ``Done("cancelled")``.

    Args:
        service: its limits, budget and parked uploads.
        client: whose workspace takes the volume.
        owner: name of the client's token; uploads go on under the same one only.
    """

    def __init__(self, service: Service, client: Client, owner: str):
        self._service = service
        self._client = client
        self._owner = owner
        self._upload: Upload | None = None
        self._announced: int | None = None

    def open(self, message: OpenVolume) -> None:
        """Make room for a volume; its chunks follow unless it is here already.

        Raises:
            ProtocolError: it is too large, or there is no room; the volume before stays open.
            MemoryError: likewise.
        """
        self.cancel(self._announced)
        self._service.worker.cancel(self._client)
        upload = self._upload
        if upload is None or not same_voxels(upload.announced, message):
            upload = self._service.cut_upload(self._owner, message) or self._new(message)
            self._replace(upload)
        upload.announced = message
        self._announced = message.id
        self._client.send(Progress(message.id, upload.received, upload.total))
        if upload.complete:
            self._finish(upload)

    def take(self, chunk: Chunk) -> None:
        """Take the next chunk; one of another upload was sent before the client heard that it had ended.

        Raises:
            ProtocolError: the chunk is wrong; the upload is dropped.
            MemoryError: likewise, there is no room to unpack it.
        """
        upload = self._upload
        if upload is None or chunk.id != self._announced:
            return
        before = upload.received
        try:
            upload.add(chunk)
        except Exception:
            self._announced = None
            self._drop()
            raise
        if upload.complete or before // PROGRESS_BYTES != upload.received // PROGRESS_BYTES:
            self._client.send(Progress(chunk.id, upload.received, upload.total))
        if upload.complete:
            self._finish(upload)

    def cancel(self, request: int | None) -> None:
        """Stop waiting for the chunks of a request; the same upload, announced anew, goes on where it was."""
        if request is not None and request == self._announced:
            self._announced = None
            self._client.send(Done(request, "cancelled"))

    def stop(self) -> None:
        """Stop waiting for chunks at all."""
        self.cancel(self._announced)

    def give_up(self, owner: str, announced: OpenVolume) -> Upload | None:
        """Hand over an unfinished upload whose client has come back over another connection."""
        upload = self._upload
        if owner != self._owner or upload is None or upload.complete:
            return None
        if not same_voxels(upload.announced, announced):
            return None
        self.stop()
        self._upload = None
        return upload

    def leave(self, keep: bool) -> None:
        """Let go of the volume; an unfinished upload is kept for a while if the client may come back."""
        if keep and self._upload is not None and not self._upload.complete:
            self._service.parked_uploads.put(self._owner, self._upload)
            self._upload = None
        self._drop()

    def _new(self, message: OpenVolume) -> Upload:
        limits = self._service.limits
        upload = Upload(message, limits.chunk_bytes, limits.volume_bytes)
        self._service.budget.reserve(upload, upload.total, message.id, instead_of=self._upload)
        return upload

    def _replace(self, upload: Upload) -> None:
        # The volume before makes room now: both together may be more than there is memory for.
        self._service.worker.free(self._client)
        self._drop()
        self._upload = upload

    def _drop(self) -> None:
        if self._upload is not None:
            self._service.budget.release(self._upload)
            self._upload = None

    def _finish(self, upload: Upload) -> None:
        self._announced = None
        start = partial(self._client.workspace.open, upload.announced, upload.voxels())
        self._service.worker.submit(self._client, Job(upload.announced.id, "open", start, urgent=True))
