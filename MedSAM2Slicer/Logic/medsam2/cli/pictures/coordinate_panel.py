"""One slice with voxel indices and millimetres at its edges, to read off where to click."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from medsam2.cli.pictures.slice_heights import slice_heights
from medsam2.cli.pictures.style import INK, PLAIN_I, draw_letters
from medsam2.cli.wording import digits_for, spoken
from medsam2.slice_grid import AXES
from medsam2.volume import PLANES, VolumeSlices, anatomical_axes, hanging

VOXEL_COLOR, MM_COLOR = "#f2b134", "#5fc9e8"
LINES = 12
"""At most so many lines of a grid run across the longer side of a slice."""
NUMBERS: dict[str, Any] = {"labelsize": 8, "labelfontfamily": PLAIN_I}
STEPS = (1, 2, 5, 10)


class CoordinatePanel:
    """One slice in radiological convention, in the data coordinates of its voxels.

    Args:
        slices: the volume along an axis.
        index: the slice.
        placed: whether the file says where the image lies in the patient; without, there are no millimetres.
    """

    def __init__(self, slices: VolumeSlices, index: int, placed: bool = True):
        self._slices, self._index, self._placed = slices, index, placed
        self.geometry = slices.volume.geometry
        self._hanging = hanging(self.geometry, slices.axis)
        rows, columns = self.geometry.plane_axes(slices.axis)
        self.dimensions = (rows, columns) if self._hanging.transpose else (columns, rows)
        """Array dimensions across and down the picture."""
        flips = {rows: self._hanging.flip_rows, columns: self._hanging.flip_columns}
        ends = [(-0.5, self.geometry.shape[dimension] - 0.5) for dimension in self.dimensions]
        self._x, self._y = (
            limits[::-1] if flips[dimension] else limits
            for limits, dimension in zip(ends, self.dimensions, strict=True)
        )
        """Left and right, top and bottom."""
        ras_axes, _ = anatomical_axes(self.geometry)
        self._across, self._down = (ras_axes[dimension] for dimension in self.dimensions)

    @property
    def sides(self) -> tuple[float, float]:
        """Width and height of the slice in millimetres."""
        across, down = (self.geometry.spacing[d] * self.geometry.shape[d] for d in self.dimensions)
        return across, down

    def ras(self, x: float, y: float) -> np.ndarray:
        """RAS millimetres of a point on the panel."""
        kji = np.full(3, float(self._index))
        kji[list(self.dimensions)] = x, y
        return self.geometry.kji_to_ras(kji)

    def middle(self) -> tuple[list[int], np.ndarray]:
        """Indices i, j, k of the slice's middle voxel, and its RAS millimetres."""
        kji = [count // 2 for count in self.geometry.shape]
        kji[self._slices.axis_index] = self._index
        return kji[::-1], self.geometry.kji_to_ras(np.array(kji))

    def title(self) -> str:
        """Which slice it is, and where it lies."""
        text = f"slice {self._slices.axis} = {self._index}"
        if not self._placed:
            return text
        normal, lowest, highest = slice_heights(self._slices, self._index)
        digits = digits_for(self.geometry.spacing[self._slices.axis_index])
        low, high = (spoken(end, normal, digits) for end in (lowest, highest))
        is_flat = highest - lowest < 10**-digits / 2
        position = low if is_flat else f"{low} to {high}, tilted: click with --ijk"
        return f"{PLANES[normal]} {text}, {position}"

    def draw(self, axes: Axes) -> None:
        """Draw the slice, both grids and their numbers."""
        image = self._slices.pixels(self._index)
        image = image.T if self._hanging.transpose else image
        aspect = self.geometry.spacing[self.dimensions[1]] / self.geometry.spacing[self.dimensions[0]]
        axes.imshow(image, cmap="gray", vmin=0, vmax=1, aspect=aspect, interpolation="nearest")
        axes.set_xlim(*self._x)
        axes.set_ylim(self._y[1], self._y[0])
        axes.set_title(self.title(), color=INK, fontsize=9, family=PLAIN_I, pad=8)
        self._draw_voxel_grid(axes)
        if self._placed:
            self._draw_mm_grid(axes, self._across, "top")
            self._draw_mm_grid(axes, self._down, "right")
            draw_letters(axes, self._hanging.letters, 12)

    def _lines(self, side: float) -> int:
        """How many lines run across a side of so many millimetres, for numbers that do not touch."""
        return max(2, round(LINES * side / max(self.sides)))

    def _draw_voxel_grid(self, axes: Axes) -> None:
        for axis, dimension, side in zip((axes.xaxis, axes.yaxis), self.dimensions, self.sides, strict=True):
            axis.set_major_locator(MaxNLocator(self._lines(side), integer=True, steps=STEPS))
            axis.set_label_text(AXES[dimension], color=VOXEL_COLOR, fontsize=11, weight="bold")
        axes.yaxis.label.set_rotation(0)
        axes.tick_params(color=VOXEL_COLOR, labelcolor=VOXEL_COLOR, **NUMBERS)
        axes.grid(color=VOXEL_COLOR, lw=0.7, ls=(0, (1, 4)), alpha=0.9)

    def _draw_mm_grid(self, axes: Axes, ras: int, edge: str) -> None:
        """Lines of equal R, A or S, with numbers where they meet an edge."""
        origin = self.ras(0, 0)[ras]
        slope = np.array([self.ras(1, 0)[ras], self.ras(0, 1)[ras]]) - origin
        corners = [self.ras(x, y)[ras] for x in self._x for y in self._y]
        lines = self._lines(self.sides[edge == "right"])
        levels = MaxNLocator(lines, steps=STEPS).tick_values(min(corners), max(corners))
        digits = digits_for(levels[1] - levels[0])
        if edge == "top":
            along, across, ends = 0, 1, sorted(self._x)
            fixed = self._y[0]
        else:
            along, across, ends = 1, 0, sorted(self._y)
            fixed = self._x[1]
        ticks = (levels - origin - slope[across] * fixed) / slope[along]
        turned = np.array([-slope[1], slope[0]])
        for tick in ticks:
            start = np.array([tick, fixed] if edge == "top" else [fixed, tick])
            axes.axline(tuple(start), tuple(start + turned), color=MM_COLOR, lw=0.6, alpha=0.5)
        inside = (ends[0] <= ticks) & (ticks <= ends[1])
        ruler = axes.secondary_xaxis("top") if edge == "top" else axes.secondary_yaxis("right")
        ruler.set_ticks(ticks[inside], [spoken(level, ras, digits) for level in levels[inside]])
        ruler.tick_params(color=MM_COLOR, labelcolor=MM_COLOR, **NUMBERS)
