"""One message of every type, every field given."""

import numpy as np

from medsam2.placed_mask import PlacedMask
from medsam2.prompt import DrawnLine, Prompt
from medsam2.propagation_options import PropagationOptions
from medsam2.protocol import (
    Cancel,
    Chunk,
    Close,
    Done,
    Error,
    FieldOfViewBox,
    Forget,
    Hello,
    Limits,
    Mask,
    Message,
    OpenVolume,
    Progress,
    PromptRequest,
    Propagate,
    Ready,
    SliceShown,
)

A_MASK = PlacedMask.packed(np.arange(15).reshape(3, 5) % 2 == 0, 1, 2)
CLICKS_AND_BOX = Prompt(2, ((1.0, 2.5, True), (0.0, 0.0, False)), (0.0, 1.0, 2.0, 3.0))
LINES = Prompt(
    2,
    strokes=(DrawnLine(((1.0, 2.5), (0.0, 0.0)), True),),
    lassos=(DrawnLine(((0.0, 0.0), (2.0, 1.0), (1.0, 3.0)), False),),
)
EXAMPLES: tuple[Message, ...] = (
    Hello(1, "secret", "test/1"),
    OpenVolume(2, "name", (3, 4, 5), "int16", (2.0, 0.5, 0.5), "CT", (-160.0, 240.0), "self-sorting", "zstd"),
    Chunk(2, 60, bytes(range(60))),
    PromptRequest(3, "a", "j", CLICKS_AND_BOX, "auto"),
    PromptRequest(4, "a", "k", Prompt(1, mask=A_MASK), 80.0),
    PromptRequest(4, "a", "k", LINES),
    Propagate(5, "k", ("a", "b"), PropagationOptions(7, "forward", 2, 20, 6)),
    SliceShown(6, "i", 3),
    SliceShown(6, "i", 3, (1.5, 2.0)),
    Cancel(7, 5),
    Forget(8, "a", "k", 2),
    Close(9),
    Ready(1, "medsam2/0.1.0", "cpu", "starter", 256, Limits(8_000_000, 2**32, 2**20), ("none", "zstd")),
    Mask(3, "a", 2, A_MASK, "j", 0.75, 4.5, FieldOfViewBox(-3, 0, 9, 8)),
    Progress(2, 60, 120),
    Done(2, "finished", (-160.0, 240.0)),
    Error(5, "bad_input", "There is no slice 9.", "Choose another."),
)
