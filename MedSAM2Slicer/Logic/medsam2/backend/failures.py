"""What went wrong, as the message that the client gets."""

import re

import torch

from medsam2.errors import InputError
from medsam2.protocol import Error, ErrorCode, ProtocolError
from medsam2.protocol.fields import LONGEST_TEXT

HINTS: dict[ErrorCode, str] = {
    "bad_version": "Install the same version of MedSAM2Slicer at both ends.",
    "too_large": "Crop or resample the volume, or ask for higher limits on the server.",
    "busy": "Try again in a few minutes.",
    "unauthorised": "Check the token, or ask the server's administrator for a new one.",
    "not_ready": "Say hello first.",
    "no_volume": "Open a volume first.",
    "expired": "Open the volume again.",
    "shutting_down": "Reconnect in a minute.",
    "internal": "Try again; if it happens again, report it with the backend's log.",
}
_MEMORY_WORDS = re.compile(
    "can't allocate memory|cannot allocate memory|not enough memory|out of memory|bad_alloc|alloc_failed"
    # oneDNN, when there is none for the code that it makes.
    "|could not create a (memory|primitive(?! descriptor))",
    re.IGNORECASE,
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out; torch says so in different ways on CPU, CUDA and MPS."""
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and _MEMORY_WORDS.search(str(error)) is not None


def failure(error: BaseException, request: int) -> Error:
    """The answer to a request that failed."""
    if isinstance(error, InputError):
        return Error(request, "bad_input", str(error)[:LONGEST_TEXT])
    if isinstance(error, ProtocolError):
        return Error(error.id or request, error.code, str(error)[:LONGEST_TEXT], HINTS.get(error.code, ""))
    if is_out_of_memory(error):
        hint = "Close other programs, crop the volume, or use smaller weights."
        return Error(request, "out_of_memory", "The computer's memory is not enough.", hint)
    return Error(request, "internal", "Something went wrong inside the backend.", HINTS["internal"])
