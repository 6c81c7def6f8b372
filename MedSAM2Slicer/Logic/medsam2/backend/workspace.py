"""One client's volume, objects and features: what requests do, without sockets or threads."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass

import numpy as np

from medsam2.errors import InputError
from medsam2.model.segmentation_network import SegmentationNetwork
from medsam2.protocol import (
    Done,
    Forget,
    Mask,
    Message,
    OpenVolume,
    Progress,
    PromptRequest,
    Propagate,
    ProtocolError,
    SliceShown,
)
from medsam2.slice_grid import Axis
from medsam2.tracking import (
    MEMORIES,
    OrientedPropagation,
    SelfSortingMemory,
    SliceMask,
    TemporalMemory,
    Tracker,
)
from medsam2.volume import Geometry, Volume, VolumeSlices, Window, choose_window, guess_modality

from .interruption import Interruption
from .lookahead import Lookahead

Steps = Generator[Message, None, None]
"""A request's answers; the work for each is done when it is asked for."""


@dataclass(frozen=True)
class _Opened:
    """A volume, how it is looked at, and the tracker of each axis that was used."""

    volume: Volume
    window: Window
    memory: TemporalMemory | SelfSortingMemory
    trackers: dict[Axis, Tracker]


class Workspace:
    """Answers the requests of one client.

    Args:
        network: tracks.
        field_of_view_network: chooses fields of view in its place, when it is a large one.
        feature_bytes: of image features that are kept in memory.
        promise: called with the bytes that tracking remembers; raises ``ProtocolError`` if they are too many.
        on_disk: whether further ones go to a temporary file.
    """

    def __init__(
        self,
        network: SegmentationNetwork,
        field_of_view_network: SegmentationNetwork | None,
        feature_bytes: int,
        promise: Callable[[int], None],
        on_disk: bool = False,
    ):
        self._network = network
        self._field_of_view_network = field_of_view_network
        self._feature_bytes = feature_bytes
        self._on_disk = on_disk
        self._promise = promise
        self._opened: _Opened | None = None
        self._oriented: OrientedPropagation | None = None
        self.lookahead = Lookahead(feature_bytes)

    def steps(self, request: Message) -> Steps:
        """Answers to ``PromptRequest``, ``Propagate``, ``Forget`` or ``SliceShown``."""
        kinds: dict[type, Callable[..., Steps]] = {
            PromptRequest: self._prompt,
            Propagate: self._propagate,
            Forget: self._forget,
            SliceShown: self._show,
        }
        return kinds[type(request)](request)

    def open(self, announced: OpenVolume, voxels: np.ndarray) -> Steps:
        """Take a volume; what was known of an earlier one is forgotten."""
        self.free()
        if voxels.dtype.kind == "f" and not all(np.isfinite(plane).all() for plane in voxels):
            raise InputError("The volume holds NaN or infinite voxels: replace them, for example with 0.")
        k, j, i = announced.spacing
        modality = announced.modality or guess_modality(voxels)
        volume = Volume(voxels, Geometry(voxels.shape, np.diag([i, j, k, 1.0])), modality)
        window = choose_window(volume, announced.window)
        self._opened = _Opened(volume, window, MEMORIES[announced.memory](), {})
        yield Done(announced.id, window=(float(window.lower), float(window.upper)))

    def free(self) -> None:
        """Forget the volume and everything about it."""
        self._opened = None
        self.lookahead.stop()
        self._promise(0)

    def free_features(self) -> None:
        """Drop all image features; they are made again when needed."""
        self.lookahead.stop()
        for tracker in self._trackers().values():
            tracker.free_features()
        if self._oriented is not None:
            self._oriented.free_features()

    def interruptible(self, interruption: Interruption) -> AbstractContextManager[None]:
        """Within, requests raise ``Interrupted`` when that is wanted; the slice being computed is dropped."""
        return interruption.watching(self._network)

    def _trackers(self) -> dict[Axis, Tracker]:
        return {} if self._opened is None else self._opened.trackers

    def _promise_memory(self) -> None:
        beside = 0 if self._oriented is None else self._oriented.remembered_bytes
        self._promise(sum(tracker.remembered_bytes for tracker in self._trackers().values()) + beside)

    def _tracker(self, axis: Axis) -> Tracker:
        """The tracker along an axis; features of the other axes make room."""
        opened = self._opened
        if opened is None:
            raise ProtocolError("no_volume", "No volume is open.")
        if axis not in opened.trackers:
            opened.trackers[axis] = Tracker(
                self._network,
                VolumeSlices(opened.volume, axis, opened.window),
                memory=opened.memory,
                cache_bytes=self._feature_bytes,
                on_disk=self._on_disk,
                field_of_view_network=self._field_of_view_network,
            )
        for other, tracker in opened.trackers.items():
            if other != axis:
                tracker.free_features()
                self.lookahead.leave(tracker)
        return opened.trackers[axis]

    def _prompt(self, request: PromptRequest) -> Steps:
        tracker = self._tracker(request.axis)
        self._promise_memory()
        answer = tracker.prompt(request.object_id, request.prompt, request.field_of_view)
        self.lookahead.look_from(tracker, answer.slice_index, answer.field_of_view)
        yield _message(request, answer)
        yield Done(request.id)

    def _propagate(self, request: Propagate) -> Steps:
        tracker, options = self._tracker(request.axis), request.options
        if options.absent_stop is not None and options.absent_stop < 1:
            raise InputError("Tracking can stop after one absent slice or more, or never.")
        tracker.absent_stop = options.absent_stop
        names = request.objects or tuple(tracker.objects)
        oriented = OrientedPropagation(tracker, options.orientations)
        slices = sum(map(options.covers, range(tracker.slices.count))) * len(names)
        total = slices * (1 + len(oriented.ways))
        self._oriented = oriented
        try:
            self._promise_memory()
            for share, answer in oriented.propagate(names, options):
                if answer is not None:
                    yield _message(request, answer)
                # Before the next slice, so that what was tracked has been sent.
                self._promise_memory()
                done = round(share * total)
                if answer is None or done % max(1, len(names)) == 0:
                    yield Progress(request.id, done, total)
        finally:
            self._oriented = None
        yield Done(request.id)

    def _show(self, request: SliceShown) -> Steps:
        """Encode round the slice that the user looks at, when there is time; nothing is answered."""
        if self._opened is not None:
            tracker = self._tracker(request.axis)
            # A slice that no field of view can show is refused when it is prompted.
            with suppress(InputError):
                if 0 <= request.slice_index < tracker.slices.count:
                    self.lookahead.look_at(tracker, request.slice_index, request.point)
        yield from ()

    def _forget(self, request: Forget) -> Steps:
        if self._opened is None:
            raise ProtocolError("no_volume", "No volume is open.")
        for axis, tracker in self._opened.trackers.items():
            if request.axis in (None, axis):
                tracker.forget(request.object_id, request.slice_index)
        # It is forgotten, even where what is left is still too much.
        with suppress(ProtocolError):
            self._promise_memory()
        yield Done(request.id)


def _message(request: PromptRequest | Propagate, answer: SliceMask) -> Mask:
    return Mask(
        request.id,
        answer.object_id,
        answer.slice_index,
        answer.mask,
        request.axis,
        answer.iou,
        answer.object_score,
        answer.field_of_view,
        answer.agreement,
    )
