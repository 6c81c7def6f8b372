"""A picture of slices with grids of voxel indices and millimetres, to read off where to click."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from medsam2.cli.pictures.coordinate_panel import MM_COLOR, VOXEL_COLOR, CoordinatePanel
from medsam2.cli.pictures.style import BACKGROUND, PLAIN_I
from medsam2.cli.wording import digits_for, spoken
from medsam2.errors import InputError
from medsam2.volume import VolumeSlices

PANELS = 6
FIGURE_INCHES, WIDEST_INCHES = 16.2, 9.0
BESIDE_INCHES = {True: 0.65, False: 0.35}
"""The least that numbers beside a slice take, with millimetres and without."""
ABOVE_INCHES, LEGEND_INCHES = 1.1, 0.5
"""For numbers and title above and below a slice, which a lower picture would cut off; below all slices."""


def even_slices(count: int) -> list[int]:
    """Up to ``PANELS`` of ``count`` slices: the middles of equal parts."""
    parts = min(count, PANELS)
    return [int((part + 0.5) * count / parts) for part in range(parts)]


def write_coordinate_picture(path: Path, slices: VolumeSlices, chosen: Sequence[int], placed: bool) -> None:
    """Write :func:`coordinate_figure` as a PNG, straight to ``path``."""
    coordinate_figure(slices, chosen, placed).savefig(path, facecolor=BACKGROUND, format="png")


def coordinate_figure(slices: VolumeSlices, chosen: Sequence[int], placed: bool) -> Figure:
    """The chosen slices, or some evenly spaced ones.

    Args:
        slices: the volume along an axis.
        chosen: slices to draw.
        placed: whether the file says where the image lies in the patient.

    Raises:
        InputError: a chosen slice does not exist.
    """
    for index in chosen:
        if not 0 <= index < slices.count:
            raise InputError(f"--slice {index} does not exist: give a slice from 0 to {slices.count - 1}.")
    panels = [CoordinatePanel(slices, index, placed) for index in chosen or even_slices(slices.count)]
    across, down = panels[0].sides
    ratio = float(np.clip(down / across, 0.1, 2.0))
    # Broad slices lie below each other.
    columns = min(len(panels), 3 if ratio > 0.6 else 2 if ratio > 0.3 else 1)
    rows = -(-len(panels) // columns)
    width = min(FIGURE_INCHES / columns, WIDEST_INCHES)
    size = (columns * width, rows * ((width - BESIDE_INCHES[placed]) * ratio + ABOVE_INCHES) + LEGEND_INCHES)
    legend = LEGEND_INCHES / size[1]
    layout = ConstrainedLayoutEngine(rect=(0, legend, 1, 1 - legend))
    figure = Figure(figsize=size, dpi=110, facecolor=BACKGROUND, layout=layout)
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    for axes, panel in zip(grid, panels, strict=False):
        panel.draw(axes)
    _draw_legend(figure, panels[0], placed)
    return figure


def _draw_legend(figure: Figure, panel: CoordinatePanel, placed: bool) -> None:
    """What the colours mean, with the middle of the first slice as the example."""
    ijk, ras = panel.middle()
    indices = ",".join(map(str, ijk if placed else ijk[:2]))
    lines = [(f"voxel indices, as in --ijk --point {indices}", VOXEL_COLOR)]
    if placed:
        digits = digits_for(min(panel.geometry.spacing))
        letters = ",".join(spoken(float(position), number, digits) for number, position in enumerate(ras))
        lines.append((f"millimetres, as in --point {letters} (the same place)", MM_COLOR))
    for number, (text, color) in enumerate(lines):
        height = (0.3 - 0.2 * number) / figure.get_figheight()
        figure.text(0.5, height, text, color=color, fontsize=9, family=PLAIN_I, ha="center")
