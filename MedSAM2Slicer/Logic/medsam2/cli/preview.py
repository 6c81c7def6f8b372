"""The preview: a sheet of slices with contours and seeds, as a radiologist would hang them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.textpath import TextPath

from medsam2.volume import Prompt, VolumeSlices, hanging

PANELS, COLUMNS = 12, 4
BACKGROUND, INK = "#101418", "#e8ecef"
MARGIN_MM = 25.0
OUTLINE = (withStroke(linewidth=3, foreground="black"),)
PANEL_INCHES, LEGEND_POINTS = 2.9, 9


@dataclass(frozen=True, eq=False)
class PreviewSegment:
    """One object on the sheet: name, colour, mask (k, j, i) bool, prompts."""

    name: str
    color: tuple[float, float, float]
    mask: np.ndarray
    prompts: Sequence[Prompt]


def panel_slices(carrying: np.ndarray, prompted: Sequence[int]) -> list[int]:
    """Up to ``PANELS`` slices: the prompted ones, filled up evenly from those that carry a mask.

    Of more prompted slices than that, those evenly spaced among them.
    """
    prompted = _evenly(sorted(set(prompted)), PANELS)
    others = [index for index in np.flatnonzero(carrying).tolist() if index not in prompted]
    return sorted([*prompted, *_evenly(others, PANELS - len(prompted))])


def _evenly(indices: list[int], room: int) -> list[int]:
    """At most ``room`` of the indices, the first and the last among them."""
    if len(indices) <= room:
        return indices
    return [indices[round(place)] for place in np.linspace(0, len(indices) - 1, room)]


class Sheet:
    """Draws slices of one volume in display orientation, cropped to what was segmented."""

    def __init__(self, slices: VolumeSlices, segments: Sequence[PreviewSegment]):
        self.slices = slices
        self.segments = segments
        self.planes = [np.moveaxis(segment.mask, slices.axis_index, 0) for segment in segments]
        self.hanging = hanging(slices.volume.geometry, slices.axis)
        self.crop = self._crop()
        rows, columns = slices.spacing
        self.step = (columns, rows) if self.hanging.transpose else (rows, columns)

    def panels(self) -> list[int]:
        """The slices to draw."""
        carrying = np.any([plane.any(axis=(1, 2)) for plane in self.planes], axis=0)
        return panel_slices(carrying, [prompt.slice_index for s in self.segments for prompt in s.prompts])

    def _crop(self) -> tuple[slice, slice]:
        """The part of the slices round all masks and prompts."""
        shape = self.slices.shape(0)
        places = [corner for s in self.segments for prompt in s.prompts for corner in prompt.corners()]
        for plane in self.planes:
            places += np.argwhere(plane.any(axis=0)).tolist()
        low, high = np.min(places, axis=0), np.max(places, axis=0)
        side = max((high - low) * self.slices.spacing) / 2 + MARGIN_MM
        middle, half = (low + high) / 2, side / np.array(self.slices.spacing)
        first = np.maximum(np.floor(middle - half), 0).astype(int)
        last = np.minimum(np.ceil(middle + half) + 1, shape).astype(int)
        return slice(first[0], last[0]), slice(first[1], last[1])

    def turned(self, plane: np.ndarray) -> np.ndarray:
        """A slice cropped and turned for display."""
        return self.hanging.turned(plane[self.crop])

    def turned_point(self, row: float, column: float) -> tuple[float, float]:
        """(x, y) on the displayed slice of a voxel."""
        rows, columns = self.crop
        shape = rows.stop - rows.start, columns.stop - columns.start
        return self.hanging.turned_point(row - rows.start, column - columns.start, shape)

    def draw(self, axes, index: int) -> None:
        """Draw one slice into matplotlib axes."""
        image = self.turned(self.slices.pixels(index))
        aspect = self.step[0] / self.step[1]
        axes.imshow(image, cmap="gray", vmin=0, vmax=1, aspect=aspect, interpolation="bilinear")
        axes.set_axis_off()
        for segment, plane in zip(self.segments, self.planes, strict=True):
            mask = self.turned(plane[index])
            if mask.any():
                # Padded, so that contours close at the border of the crop.
                padded = np.pad(mask.astype(float), 1)
                x, y = np.arange(-1, mask.shape[1] + 1), np.arange(-1, mask.shape[0] + 1)
                axes.contour(x, y, padded, levels=[0.5], colors=[segment.color], linewidths=1.4)
            for prompt in segment.prompts:
                if prompt.slice_index == index:
                    self._draw_prompt(axes, prompt, segment.color)
        axes.set_xlim(-0.5, image.shape[1] - 0.5)
        axes.set_ylim(image.shape[0] - 0.5, -0.5)
        self._annotate(axes, index)

    def _draw_prompt(self, axes, prompt: Prompt, color) -> None:
        for row, column, positive in prompt.points:
            x, y = self.turned_point(row, column)
            marker = "+" if positive else "_"
            axes.plot(x, y, marker, color=INK, ms=10, mew=2, path_effects=OUTLINE)
        if prompt.box is not None:
            (x0, y0), (x1, y1) = self.turned_point(*prompt.box[:2]), self.turned_point(*prompt.box[2:])
            corner, size = (min(x0, x1), min(y0, y1)), (abs(x1 - x0), abs(y1 - y0))
            axes.add_patch(
                Rectangle(corner, *size, fill=False, ec=INK, ls="--", lw=1.2, path_effects=OUTLINE)
            )

    def _annotate(self, axes, index: int) -> None:
        left, right, top, bottom = self.hanging.letters
        style = {"color": INK, "fontsize": 8, "transform": axes.transAxes, "path_effects": OUTLINE}
        for text, x, y, ha, va in (
            (left, 0.015, 0.5, "left", "center"),
            (right, 0.985, 0.5, "right", "center"),
            (top, 0.5, 0.985, "center", "top"),
            (bottom, 0.5, 0.015, "center", "bottom"),
            (f"{self.slices.axis} {index}", 0.02, 0.98, "left", "top"),
        ):
            axes.text(x, y, text, ha=ha, va=va, **style)

    def draw_scale(self, axes) -> None:
        """A bar of 1, 2 or 5 cm at the lower left."""
        width = axes.get_xlim()[1] * self.step[1]
        length = next((mm for mm in (50, 20) if mm < 0.45 * width), 10)
        height = axes.get_ylim()[0]
        x = np.array([0, length / self.step[1]]) + 0.04 * axes.get_xlim()[1]
        axes.plot(x, [0.94 * height] * 2, color=INK, lw=2, path_effects=OUTLINE)
        axes.text(
            x.mean(),
            0.92 * height,
            f"{length // 10} cm",
            color=INK,
            fontsize=8,
            ha="center",
            path_effects=OUTLINE,
        )


def write_preview(path: Path, slices: VolumeSlices, segments: Sequence[PreviewSegment]) -> None:
    """Write the sheet as a PNG, straight to ``path``."""
    sheet = Sheet(slices, segments)
    indices = sheet.panels()
    columns = min(COLUMNS, len(indices))
    rows = -(-len(indices) // columns)
    height, width = sheet.turned(np.empty(slices.shape(0), bool)).shape
    ratio = np.clip(height * sheet.step[0] / (width * sheet.step[1]), 0.3, 2.5)
    labels = _labels(slices, segments)
    entry_width = _entry_width(labels)
    figure_width = max(columns * PANEL_INCHES, entry_width)
    legend_columns = min(len(labels), 5, int(figure_width / entry_width))
    # A line of 9 points with its spacing takes 0.21 inches.
    legend_height = 0.25 + 0.21 * -(-len(labels) // legend_columns)
    figure_height = rows * PANEL_INCHES * ratio + legend_height
    figure = Figure(figsize=(figure_width, figure_height), dpi=120, facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, index in zip(grid, indices, strict=False):
        sheet.draw(axes, index)
    sheet.draw_scale(grid[0])
    _draw_legend(figure, segments, labels, legend_columns)
    figure.subplots_adjust(0.005, legend_height / figure_height, 0.995, 0.995, 0.015, 0.015)
    figure.savefig(path, facecolor=BACKGROUND)


def _labels(slices: VolumeSlices, segments: Sequence[PreviewSegment]) -> list[str]:
    """Name and volume of each segment; a dollar sign is escaped, as it would start a formula."""
    millilitres = float(np.prod(slices.volume.geometry.spacing)) / 1000
    names = [segment.name.replace("$", r"\$") for segment in segments]
    return [f"{name}  {s.mask.sum() * millilitres:.3g} ml" for name, s in zip(names, segments, strict=True)]


def _entry_width(labels: Sequence[str]) -> float:
    """Inches that the legend needs for the longest label, the line before it and the gap after it."""
    widths = [TextPath((0, 0), label, size=LEGEND_POINTS).get_extents().width for label in labels]
    return max(widths) / 72 + 0.65


def _draw_legend(
    figure: Figure, segments: Sequence[PreviewSegment], labels: Sequence[str], columns: int
) -> None:
    handles = [Line2D([], [], color=segment.color, lw=2) for segment in segments]
    figure.legend(
        handles,
        labels,
        loc="lower center",
        ncols=columns,
        frameon=False,
        labelcolor=INK,
        fontsize=LEGEND_POINTS,
        borderaxespad=0.3,
    )
