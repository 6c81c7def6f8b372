"""What is known of one image of a set."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from medsam2.prompt import Prompt


class State(str, Enum):
    """Where an image stands between the network and the person.

    Prompted and accepted images are the templates: a run changes neither, and remembers both.
    """

    WAITING = "waiting"
    """Nothing was answered yet."""
    PROMPTED = "prompted"
    """A person prompted it: a template, or a correction."""
    PROPOSED = "proposed"
    """The network's answer; a later run may replace it."""
    ACCEPTED = "accepted"
    """A person found the answer right."""
    REJECTED = "rejected"
    """A person found it wrong: it is no result, and the network tries again once it has more templates."""
    ABSENT = "absent"
    """A person says that the object is not in the image: its mask is empty, for good."""
    UNREADABLE = "unreadable"
    """It is no image that can be used; tried again with every run."""


TEMPLATES = (State.PROMPTED, State.ACCEPTED)
UNDECIDED = (State.WAITING, State.PROPOSED, State.REJECTED, State.UNREADABLE)
"""A run may answer these; the others belong to a person."""


@dataclass(frozen=True)
class ImageRecord:
    """One image of a set.

    Attributes:
        index: its place in the set, from 0, which never changes.
        name: its own within the set; its mask is called after it.
        path: of the file, absolute.
        confidence: how sure the network is of its answer, 0 to 1; None where it gave none.
        pixels: that the mask covers; None where there is no mask.
        shape: rows and columns; None before it was read.
        prompt: all that a person said on it.
        reason: why it is unreadable.
        revision: grows with every change of the record.
    """

    index: int
    name: str
    path: Path
    state: State
    confidence: float | None = None
    pixels: int | None = None
    shape: tuple[int, int] | None = None
    prompt: Prompt | None = None
    reason: str = ""
    revision: int = 0
