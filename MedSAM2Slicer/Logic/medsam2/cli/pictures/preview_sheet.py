"""Slices with outlines and prompts, cropped and turned as a radiologist would hang them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from medsam2.cli.pictures.outline import smooth_outline
from medsam2.cli.pictures.slice_heights import slice_heights
from medsam2.cli.pictures.style import INK, OUTLINE, PLAIN_I, draw_letters, write
from medsam2.cli.wording import digits_for, spoken
from medsam2.prompt import Prompt
from medsam2.volume import VolumeSlices, hanging

FEW, MOST_PANELS = 20, 12
"""So many slices are all drawn; of more, this number is chosen."""
MARGIN_MM = 25.0
DOUBT = "#ffd23f"
TEXT_SIZE = 8.0
POSITIVE, NEGATIVE = "+", "_"
"""Marks of points on the object and on the background."""
LINE_STYLES = {True: "-", False: ":"}
"""Of strokes and lassos on the object and on the background."""


@dataclass(frozen=True, eq=False)
class PreviewSegment:
    """One object on the sheet: name, colour, mask (k, j, i) bool, prompts, and slices to look at."""

    name: str
    color: tuple[float, float, float]
    mask: np.ndarray
    prompts: Sequence[Prompt]
    doubtful: Collection[int] = ()


def panel_slices(
    carrying: np.ndarray, prompted: Collection[int], doubtful: Collection[int] = ()
) -> list[int]:
    """All slices of a volume of few, else all that carry a mask or a prompt, if those are few.

    Of more: the prompted ones, then doubtful ones in half of the room that is left, then others, evenly
    spaced each. Where there is nothing at all, some of the volume, so that one sees that.

    Args:
        carrying: (slices,) bool, which slices carry a mask.
        prompted: slices with prompts.
        doubtful: slices to look at.
    """
    if len(carrying) <= FEW:
        return list(range(len(carrying)))
    all_of_interest = sorted({*np.flatnonzero(carrying).tolist(), *prompted})
    if not all_of_interest:
        return _evenly(list(range(len(carrying))), MOST_PANELS)
    if len(all_of_interest) <= FEW:
        return all_of_interest
    chosen = _evenly(sorted(set(prompted)), MOST_PANELS)
    chosen += _evenly(sorted(set(doubtful) - set(chosen)), (MOST_PANELS - len(chosen) + 1) // 2)
    others = [index for index in np.flatnonzero(carrying).tolist() if index not in chosen]
    return sorted([*chosen, *_evenly(others, MOST_PANELS - len(chosen))])


def _evenly(indices: list[int], room: int) -> list[int]:
    """At most ``room`` of the indices, the first and the last among them."""
    if len(indices) <= room:
        return indices
    return [indices[round(at)] for at in np.linspace(0, len(indices) - 1, room)]


class Sheet:
    """Draws slices of one volume in display orientation, cropped to what was segmented."""

    def __init__(self, slices: VolumeSlices, segments: Sequence[PreviewSegment]):
        self.slices = slices
        self.segments = segments
        self.planes = [np.moveaxis(segment.mask, slices.axis_index, 0) for segment in segments]
        self.hanging = hanging(slices.volume.geometry, slices.axis)
        self.crop = self._crop()
        rows, columns = slices.grid(0).spacing
        self.step = (columns, rows) if self.hanging.transpose else (rows, columns)
        """Millimetres between the rows and between the columns of a displayed slice."""

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height of a displayed slice."""
        height, width = self.turned(np.empty(self.slices.grid(0).shape, bool)).shape
        return width * self.step[1], height * self.step[0]

    @property
    def is_placed(self) -> bool:
        """Whether the image lies somewhere in a patient; photographs and screenshots do not."""
        geometry = self.slices.volume.geometry
        unplaced = np.diag([-geometry.spacing[2], -geometry.spacing[1], geometry.spacing[0], 1])
        return geometry.shape[0] > 1 or not np.allclose(geometry.ijk_to_ras, unplaced)

    @property
    def prompted(self) -> list[int]:
        """The slice of each prompt."""
        return [prompt.slice_index for segment in self.segments for prompt in segment.prompts]

    @property
    def doubtful(self) -> list[int]:
        """The doubtful slices of each segment."""
        return [index for segment in self.segments for index in segment.doubtful]

    def panels(self) -> list[int]:
        """The slices to draw."""
        carrying = np.any([plane.any(axis=(1, 2)) for plane in self.planes], axis=0)
        return panel_slices(carrying, self.prompted, self.doubtful)

    def telling(self, most: int) -> list[int]:
        """At most so many slices: where objects are widest, prompted and doubtful; then more of these."""
        carrying = np.sum([plane.sum(axis=(1, 2)) for plane in self.planes], axis=0)
        by_area = [index for index in np.argsort(-carrying, kind="stable").tolist() if carrying[index]]
        first = [
            *by_area[:1],
            *sorted(self.prompted)[:1],
            *sorted(self.doubtful, key=lambda index: -carrying[index])[:1],
        ]
        return sorted(list(dict.fromkeys([*first, *self.doubtful, *by_area, *self.prompted]))[:most])

    def _crop(self) -> tuple[slice, slice]:
        """The part of the slices round all masks and prompts; all of them where there are none."""
        grid = self.slices.grid(0)
        shown = [corner for s in self.segments for prompt in s.prompts for corner in prompt.corners()]
        for plane in self.planes:
            shown += [(row, column) for row, column in np.argwhere(plane.any(axis=0)).tolist()]
        if not shown:
            return slice(0, grid.shape[0]), slice(0, grid.shape[1])
        low, high = np.min(shown, axis=0), np.max(shown, axis=0)
        side = max((high - low) * grid.spacing) / 2 + MARGIN_MM
        middle, half = (low + high) / 2, side / np.array(grid.spacing)
        first = np.maximum(np.floor(middle - half), 0).astype(int)
        last = np.minimum(np.ceil(middle + half) + 1, grid.shape).astype(int)
        return slice(first[0], last[0]), slice(first[1], last[1])

    def turned(self, plane: np.ndarray) -> np.ndarray:
        """A slice cropped and turned for display."""
        return self.hanging.turned(plane[self.crop])

    def turned_point(self, row: float, column: float) -> tuple[float, float]:
        """(x, y) on the displayed slice of a voxel."""
        rows, columns = self.crop
        shape = rows.stop - rows.start, columns.stop - columns.start
        return self.hanging.turned_point(row - rows.start, column - columns.start, shape)

    def draw(self, axes: Axes, index: int) -> None:
        """Draw one slice into matplotlib axes."""
        image = self.turned(self.slices.pixels(index))
        axes.imshow(
            image, cmap="gray", vmin=0, vmax=1, aspect=self.step[0] / self.step[1], interpolation="bicubic"
        )
        axes.set_axis_off()
        for segment, plane in zip(self.segments, self.planes, strict=True):
            mask = self.turned(plane[index])
            if mask.any():
                rows, columns, distance = smooth_outline(mask, self.step)
                axes.contour(columns, rows, distance, levels=[0], colors=[segment.color], linewidths=1.4)
            for prompt in segment.prompts:
                if prompt.slice_index == index:
                    self._draw_prompt(axes, prompt, segment.color)
        axes.set_xlim(-0.5, image.shape[1] - 0.5)
        axes.set_ylim(image.shape[0] - 0.5, -0.5)
        self._draw_doubt(axes, index)
        if self.is_placed:
            draw_letters(axes, self.hanging.letters, TEXT_SIZE)
            write(axes, self.title(index), 0.02, 0.98, va="top", size=TEXT_SIZE, family=PLAIN_I)

    def title(self, index: int) -> str:
        """Which slice it is, and where its middle lies across the slices, unless it runs through several."""
        step = self.slices.volume.geometry.spacing[self.slices.axis_index]
        normal, low, high = slice_heights(self.slices, index)
        is_tilted = high - low > step
        height = "tilted" if is_tilted else f"{spoken((low + high) / 2, normal, digits_for(step))} mm"
        return f"{self.slices.axis} {index}  {height}"

    def _draw_prompt(self, axes: Axes, prompt: Prompt, color: tuple[float, float, float]) -> None:
        for row, column, positive in prompt.points:
            x, y = self.turned_point(row, column)
            mark = POSITIVE if positive else NEGATIVE
            axes.plot(x, y, mark, color=color, ms=10, mew=2.2, path_effects=OUTLINE)
        for line in prompt.lines:
            closing = line.positions[:1] if line in prompt.lassos else ()
            x, y = np.transpose([self.turned_point(*place) for place in line.positions + closing])
            axes.plot(x, y, LINE_STYLES[line.positive], color=color, lw=1.1, path_effects=OUTLINE)
        if prompt.box is not None:
            (x0, y0), (x1, y1) = self.turned_point(*prompt.box[:2]), self.turned_point(*prompt.box[2:])
            corner, size = (min(x0, x1), min(y0, y1)), (abs(x1 - x0), abs(y1 - y0))
            axes.add_patch(
                Rectangle(corner, *size, fill=False, ec=color, ls="--", lw=1.2, path_effects=OUTLINE)
            )

    def _draw_doubt(self, axes: Axes, index: int) -> None:
        """Frame a doubtful slice, and say so in the colour of each object that it is doubtful for."""
        doubted = [segment for segment in self.segments if index in segment.doubtful]
        if not doubted:
            return
        axes.add_patch(Rectangle((0, 0), 1, 1, transform=axes.transAxes, fill=False, ec=DOUBT, lw=7))
        for line, segment in enumerate(doubted):
            write(
                axes,
                "doubtful",
                0.98,
                0.98 - 0.06 * line,
                ha="right",
                va="top",
                size=TEXT_SIZE,
                color=segment.color,
            )

    def draw_scale(self, axes: Axes) -> None:
        """A bar of a round length at the lower left, at most two fifths of the width."""
        if not self.is_placed:
            return
        width, _ = self.size_mm
        tens = 10.0 ** np.floor(np.log10(0.4 * width))
        length = tens * max(step for step in (1, 2, 5) if step * tens <= 0.4 * width)
        text = f"{length / 10:g} cm" if length >= 10 else f"{length:g} mm"
        x = [0.04, 0.04 + length / width]
        axes.plot(x, [0.05, 0.05], color=INK, lw=2, transform=axes.transAxes, path_effects=OUTLINE)
        write(axes, text, sum(x) / 2, 0.065, ha="center", va="bottom", size=TEXT_SIZE)
