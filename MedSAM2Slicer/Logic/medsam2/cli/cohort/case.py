"""One case of a cohort: what is asked, and what came of it. Plain values, so that processes hand them on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from medsam2.cli.cohort.template import Template
from medsam2.cli.results import Outputs, Overlap
from medsam2.confidence import DOUBTFUL
from medsam2.shortcuts import Speed

CaseState = Literal["done", "failed"]


@dataclass(frozen=True)
class Case:
    """A volume with what is to be segmented on it.

    Attributes:
        name: of its files.
        cells: texts by option of ``medsam2 segment``, without dashes: those of its row, else of the command.
        base: where relative paths of cells start.
        folder: where its files go.
        format: of the masks, such as ``.seg.nrrd``.
        weights: by name or file; of a server, None.
        speed: of the network.
        template: makes the prompts where the cells have none.
    """

    name: str
    cells: Mapping[str, str]
    base: Path
    folder: Path
    format: str = ".seg.nrrd"
    weights: str | None = "starter"
    speed: Speed = "exact"
    template: Template | None = None

    @property
    def outputs(self) -> Outputs:
        """The files of its masks and its preview."""
        keeps: dict[str, Overlap] = {"first": "first", "last": "last"}
        overlap = keeps.get(self.cells.get("overlap", "").lower())
        return Outputs(self.folder / (self.name + self.format), self.folder / f"{self.name}.png", overlap)

    @property
    def thumbnail(self) -> Path:
        """The picture that the report shows: a few slices, as a thousand previews would weigh a gigabyte."""
        return self.folder / "thumbnails" / f"{self.name}.jpg"

    @property
    def spare(self) -> Path:
        """Where objects are kept that overlap, and so do not fit into a labelmap."""
        return self.folder / f"{self.name}.seg.nrrd"

    @property
    def record(self) -> Path:
        """The file that says what came of it; written last."""
        return self.folder / f"{self.name}.result.json"


@dataclass(frozen=True)
class FoundObject:
    """One object of a case.

    Attributes:
        confidence: mean certainty over the slices with a mask, 0 to 1; 0 where there are none.
        doubtful_slices: where a person should look.
    """

    name: str
    volume_ml: float
    slices: int
    confidence: float
    doubtful_slices: list[int] = field(default_factory=list)

    @property
    def is_doubtful(self) -> bool:
        """Whether a person should look at it."""
        return self.confidence < DOUBTFUL or bool(self.doubtful_slices)


@dataclass(frozen=True)
class CaseResult:
    """What came of a case.

    Attributes:
        name: of the case.
        state: whether its files were written.
        reason: why it failed, in one sentence.
        objects: in their order.
        axis: along which slices are counted.
        notes: what a person should know.
        files: paths in the folder of the files written, masks first.
        seconds: that it took, reading and writing included.
        finished: seconds since 1970.
    """

    name: str
    state: CaseState
    reason: str = ""
    objects: tuple[FoundObject, ...] = ()
    axis: str = ""
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    seconds: float = 0.0
    finished: float = 0.0

    @property
    def confidence(self) -> float | None:
        """Of its least certain object; None where it failed."""
        return min((entry.confidence for entry in self.objects), default=None)

    @property
    def is_doubtful(self) -> bool:
        """Whether a person should look at one of its objects."""
        return any(entry.is_doubtful for entry in self.objects)
