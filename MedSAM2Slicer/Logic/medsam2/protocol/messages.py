"""The messages, each a dataclass; field names are the keys on the wire, but where ``WIRE`` gives another.

Rows and columns are those of a slice along ``axis`` of the volume's array (k, j, i), in array order.
"""

from dataclasses import Field, dataclass, field
from typing import Literal, NamedTuple

from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.propagation_options import PropagationOptions
from medsam2.slice_grid import Axis

Compression = Literal["none", "zstd"]
Dtype = Literal["int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"]
Memory = Literal["temporal", "self-sorting"]
FieldOfViewChoice = Literal["auto", "slice"] | float
Outcome = Literal["finished", "cancelled"]
ErrorCode = Literal[
    "bad_message",
    "bad_version",
    "unknown_type",
    "too_large",
    "unauthorised",
    "not_ready",
    "no_volume",
    "bad_input",
    "busy",
    "out_of_memory",
    "expired",
    "shutting_down",
    "internal",
]
WIRE = "wire"
"""In the metadata of a field whose key on the wire is not its name."""
FLAT = "flat"
"""In the metadata of a field whose own fields are on the wire among those of the message."""


class FieldOfViewBox(NamedTuple):
    """What the network saw of a slice: first voxel and size in voxels; may reach beyond the slice."""

    row: int
    column: int
    rows: int
    columns: int


@dataclass(frozen=True)
class Message:
    """``id`` names the request: chosen by the client, repeated by every answer to it; 0 for no request."""

    id: int


@dataclass(frozen=True)
class Hello(Message):
    """First message of a client. ``client`` is its name and version, for the server's log."""

    token: str = field(repr=False)
    client: str = ""


@dataclass(frozen=True)
class OpenVolume(Message):
    """Announce a volume; its voxels follow as ``Chunk`` messages, unless the server holds them already.

    Attributes:
        upload: a random name that the client gives to these voxels. The same name again goes on with an
            interrupted upload, or opens the session's volume anew with other options, without its prompts.
        shape: voxels along k, j and i.
        dtype: little-endian.
        spacing: millimetres between voxels along k, j and i.
        modality: such as "CT" or "MR"; decides the window when none is given. None: guessed.
        window: intensities shown as black and white; None for automatic.
        memory: which slices the tracker remembers.
        compression: how the chunks are packed.
    """

    upload: str
    shape: tuple[int, int, int]
    dtype: Dtype
    spacing: tuple[float, float, float]
    modality: str | None = None
    window: tuple[float, float] | None = None
    memory: Memory = "temporal"
    compression: Compression = "none"


@dataclass(frozen=True)
class Chunk(Message):
    """Voxels from byte ``offset`` of the volume on, in order; ``id`` is that of the ``OpenVolume``."""

    offset: int
    data: bytes


@dataclass(frozen=True)
class PromptRequest(Message):
    """Clicks, a box, or a mask of an object on one slice; answered with that slice's mask.

    Attributes:
        prompt: what is said; its points add to those given for the slice before. On the wire its fields are
            the message's own.
        field_of_view: "auto" chooses it anew, "slice" shows whole slices from now on, a number is the
            side in millimetres; None keeps what the object has, or chooses.
    """

    object_id: str
    axis: Axis
    prompt: Prompt = field(metadata={FLAT: True})
    field_of_view: FieldOfViewChoice | None = field(default=None, metadata={WIRE: "view"})


@dataclass(frozen=True)
class Propagate(Message):
    """Track objects along an axis; answered with masks slice by slice.

    Attributes:
        objects: which; empty for all that were prompted along this axis.
        options: how. On the wire its fields are the message's own.
    """

    axis: Axis
    objects: tuple[str, ...] = ()
    options: PropagationOptions = field(default=PropagationOptions(), metadata={FLAT: True})


@dataclass(frozen=True)
class SliceShown(Message):
    """The slice that the user looks at (``view`` on the wire): worth encoding in advance. Not answered.

    ``point`` is the row and column at which the user points, where a click may come next.
    """

    axis: Axis
    slice_index: int
    point: tuple[float, float] | None = None


@dataclass(frozen=True)
class Cancel(Message):
    """Stop request ``job``, which then ends with ``Done("cancelled")``. Not answered itself."""

    job: int


@dataclass(frozen=True)
class Forget(Message):
    """Forget an object (``axis`` None: on every axis), or what is known of it on one slice."""

    object_id: str
    axis: Axis | None = None
    slice_index: int | None = None


@dataclass(frozen=True)
class Close(Message):
    """End the session; volume, prompts and features are freed."""


@dataclass(frozen=True)
class Limits:
    """What the server takes: bytes of a message, of a volume, and of one chunk's voxels."""

    message_bytes: int
    volume_bytes: int
    chunk_bytes: int


@dataclass(frozen=True)
class Ready(Message):
    """Answer to ``Hello``: what the server is."""

    server: str
    device: str
    weights: str
    image_size: int
    limits: Limits
    compressions: tuple[Compression, ...]


@dataclass(frozen=True)
class Mask(Message):
    """An object's mask on one slice.

    Attributes:
        iou: predicted IoU, 0 to 1.
        object_score: logit that the object is on this slice.
        field_of_view: what the network saw.
        agreement: how well the orientations agree, 0 to 1, where it is the fused mask of several.
    """

    object_id: str
    slice_index: int
    mask: PlacedMask
    axis: Axis
    iou: float
    object_score: float
    field_of_view: FieldOfViewBox = field(metadata={WIRE: "view"})
    agreement: float | None = None


@dataclass(frozen=True)
class Progress(Message):
    """``done`` of ``total``: bytes of an upload, or slices of a propagation, which may be fewer."""

    done: int
    total: int


@dataclass(frozen=True)
class Done(Message):
    """The one last answer of a request, unless it is an ``Error``. ``window`` answers ``OpenVolume``."""

    outcome: Outcome = "finished"
    window: tuple[float, float] | None = None


@dataclass(frozen=True)
class Error(Message):
    """The request failed, and why. ``hint`` says what to do next where ``message`` does not."""

    code: ErrorCode
    message: str
    hint: str = ""


def wire_name(item: Field) -> str:
    """A field's key on the wire."""
    return item.metadata.get(WIRE, item.name)
