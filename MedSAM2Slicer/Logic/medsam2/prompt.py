"""Prompts as people give them on a slice: the same object from a click to the tracker."""

from dataclasses import dataclass

from medsam2.errors import InputError
from medsam2.placed_mask import PlacedMask
from medsam2.slice_grid import SliceGrid

MOST_POINTS = 1000
"""On one slice: every point takes time in every block of the network's decoder."""
MOST_POSITIONS = 1000
"""Of all lines on one slice; no hand draws as many bends."""


@dataclass(frozen=True)
class DrawnLine:
    """A line as it was drawn on a slice: a stroke along the object, or a lasso round it.

    Attributes:
        positions: (row, column) in the order in which they were drawn, voxel centres at whole numbers.
        positive: whether the object is where it was drawn, rather than not there.
    """

    positions: tuple[tuple[float, float], ...]
    positive: bool


@dataclass(frozen=True)
class Prompt:
    """What a person says of an object on one slice.

    Attributes:
        slice_index: the slice.
        points: clicks as (row, column, positive), voxel centres at whole numbers.
        box: (row, column) of a corner and of the opposite one: (row0, column0, row1, column1).
        mask: the object as painted or imported; cannot be joined with the others.
        strokes: lines through the object, or through what is not the object.
        lassos: lines round the object or a part of it, or round what is not the object; each is closed by
            the straight way from its last position to its first.
    """

    slice_index: int
    points: tuple[tuple[float, float, bool], ...] = ()
    box: tuple[float, float, float, float] | None = None
    mask: PlacedMask | None = None
    strokes: tuple[DrawnLine, ...] = ()
    lassos: tuple[DrawnLine, ...] = ()

    def check(self, count: int, grid: SliceGrid) -> None:
        """Raise InputError for a prompt that does not fit one of ``count`` slices."""
        if not 0 <= self.slice_index < count:
            raise InputError(f"Slice {self.slice_index} does not exist: give a slice from 0 to {count - 1}.")
        if self.mask is not None:
            self._check_mask(self.mask, grid)
        elif self.is_empty:
            raise InputError("The prompt is empty: click a point, draw a box or a line, or give a mask.")
        if len(self.points) > MOST_POINTS:
            raise InputError(
                f"There are {len(self.points)} points on slice {self.slice_index}: give at most "
                f"{MOST_POINTS}, earlier ones included."
            )
        self._check_lines()
        for row, column in self.corners():
            if not grid.contains(row, column):
                raise InputError(
                    f"The prompt at row {row:g}, column {column:g} lies outside the slice of "
                    f"{grid.shape[0]} x {grid.shape[1]} voxels: place it on the image."
                )
        if self.box is not None and (self.box[0] == self.box[2] or self.box[1] == self.box[3]):
            raise InputError("The box has no area: give two opposite corners.")

    @property
    def lines(self) -> tuple[DrawnLine, ...]:
        """All strokes and lassos."""
        return self.strokes + self.lassos

    def _check_lines(self) -> None:
        count = sum(len(line.positions) for line in self.lines)
        if count > MOST_POSITIONS:
            raise InputError(
                f"The strokes and lassos on slice {self.slice_index} have {count} positions: give at most "
                f"{MOST_POSITIONS}, earlier ones included."
            )
        if any(not stroke.positions for stroke in self.strokes):
            raise InputError("A stroke has no position: give at least one.")
        if any(len(set(lasso.positions)) < 3 for lasso in self.lassos):
            raise InputError("A lasso encloses nothing: give at least three positions.")

    def _check_mask(self, mask: PlacedMask, grid: SliceGrid) -> None:
        if self.points or self.box is not None or self.lines:
            raise InputError("A mask is a prompt of its own: give points, boxes and lines separately.")
        if not mask.is_within(grid.shape):
            raise InputError("The mask reaches beyond the slice: give a mask on the image's own grid.")
        if mask.is_empty:
            raise InputError("The mask is empty on this slice: paint the object, or choose another slice.")

    def corners(self) -> list[tuple[float, float]]:
        """All positions that a field of view must show, (row, column)."""
        corners = [(row, column) for row, column, _ in self.points]
        corners += [position for line in self.lines for position in line.positions]
        if self.box is not None:
            corners += [self.box[:2], self.box[2:]]
        if self.mask is not None:
            tight = self.mask.tightened()
            corners += [(tight.row, tight.column)]
            corners += [(tight.row + tight.height - 1, tight.column + tight.width - 1)]
        return corners

    def joined_with(self, earlier: "Prompt") -> "Prompt":
        """This prompt after an earlier one on the same slice: all adds up, but a new box replaces the old."""
        return Prompt(
            self.slice_index,
            earlier.points + self.points,
            self.box or earlier.box,
            strokes=earlier.strokes + self.strokes,
            lassos=earlier.lassos + self.lassos,
        )

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        return not self.points and self.box is None and self.mask is None and not self.lines

    @property
    def is_ambiguous(self) -> bool:
        """One click may mean a part or the whole; a box, a line or several clicks are clear (SAM 2)."""
        return self.box is None and len(self.points) <= 1 and not self.lines

    @property
    def shows_object(self) -> bool:
        """Whether it says that the object is on the slice, rather than only where it is not."""
        is_clicked = any(positive for _, _, positive in self.points)
        is_drawn = any(line.positive for line in self.lines)
        return self.mask is not None or self.box is not None or is_clicked or is_drawn

    @property
    def only_takes_away(self) -> bool:
        """Whether all it says is that what its lassos hold is not the object."""
        is_drawn = bool(self.lassos) and not any(lasso.positive for lasso in self.lassos)
        return is_drawn and not self.points and not self.strokes and self.box is None and self.mask is None
