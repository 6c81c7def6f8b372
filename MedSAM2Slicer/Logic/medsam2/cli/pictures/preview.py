"""The preview: a picture of slices with what was segmented on them."""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.textpath import TextPath

from medsam2.cli.pictures.preview_sheet import (
    DOUBT,
    LINE_STYLES,
    NEGATIVE,
    POSITIVE,
    PreviewSegment,
    Sheet,
)
from medsam2.cli.pictures.style import BACKGROUND, INK, drawn_name, fonts
from medsam2.cli.wording import millilitres
from medsam2.volume import VolumeSlices

DPI = 120
SHEET_INCHES, WIDEST_INCHES = 11.6, 6.0
"""Width of all panels together, and of a single one."""
GAP_INCHES = 0.05
STRIP_PANELS, STRIP_INCHES = 3, 6.4
LEGEND_POINTS, LINE_INCHES, HANDLE_INCHES = 9, 0.21, 0.65


def write_preview(path: Path, slices: VolumeSlices, segments: Sequence[PreviewSegment]) -> None:
    """Write the sheet as a PNG, straight to ``path``."""
    figure = preview_figure(slices, segments)
    with warnings.catch_warnings():
        # Characters that no font of this computer has are drawn as boxes.
        warnings.filterwarnings("ignore", "Glyph")
        figure.savefig(path, facecolor=BACKGROUND, format="png")


def write_strip(path: Path, slices: VolumeSlices, segments: Sequence[PreviewSegment]) -> None:
    """Write a few slices side by side as a JPEG, straight to ``path``."""
    sheet = Sheet(slices, segments)
    indices = sheet.telling(STRIP_PANELS)
    width_mm, height_mm = sheet.size_mm
    ratio = float(np.clip(height_mm / width_mm, 0.3, 1.2))
    figure = Figure(figsize=(STRIP_INCHES, STRIP_INCHES / STRIP_PANELS * ratio), facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    grid = figure.subplots(1, STRIP_PANELS, squeeze=False).ravel()
    for axes in grid[len(indices) :]:
        axes.set_axis_off()
    for axes, index in zip(grid, indices, strict=False):
        sheet.draw(axes, index)
    figure.subplots_adjust(0, 0, 1, 1, wspace=GAP_INCHES / STRIP_INCHES)
    content = io.BytesIO()  # Pillow itself would tell of a full disk without the system's number
    figure.savefig(content, facecolor=BACKGROUND, format="jpg", dpi=DPI)
    path.write_bytes(content.getbuffer())


def preview_figure(slices: VolumeSlices, segments: Sequence[PreviewSegment]) -> Figure:
    """The sheet: panels in order, and a legend below them."""
    sheet = Sheet(slices, segments)
    indices = sheet.panels()
    width_mm, height_mm = sheet.size_mm
    ratio = float(np.clip(height_mm / width_mm, 0.1, 2.5))
    columns = _columns_for(len(indices), ratio)
    rows = -(-len(indices) // columns)
    panel = min(SHEET_INCHES / columns, WIDEST_INCHES, WIDEST_INCHES / ratio)
    handles = _handles(slices, segments)
    entry = max(_text_inches(str(handle.get_label())) for handle in handles) + HANDLE_INCHES
    width = max(columns * panel, entry)
    legend_columns = min(len(handles), max(1, int(width / entry)))
    legend = 0.25 + LINE_INCHES * -(-len(handles) // legend_columns)
    height = rows * panel * ratio + legend
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(indices) :]:
        axes.set_axis_off()
    for axes, index in zip(grid, indices, strict=False):
        sheet.draw(axes, index)
    sheet.draw_scale(grid[0])
    _draw_legend(figure, handles, legend_columns)
    edge, gaps = GAP_INCHES / np.array([width, height]), GAP_INCHES / np.array([panel, panel * ratio])
    figure.subplots_adjust(edge[0], legend / height, 1 - edge[0], 1 - edge[1], *gaps)
    return figure


def _columns_for(count: int, ratio: float) -> int:
    """How many of ``count`` panels lie beside each other, if their height is ``ratio`` of their width."""
    return min(count, 6 if ratio > 1.8 else 4 if ratio > 0.6 else 2)


def _handles(slices: VolumeSlices, segments: Sequence[PreviewSegment]) -> list[Line2D | Patch]:
    """Entries of the legend: the objects with their volumes, then the marks that are on the sheet."""
    volumes = [millilitres(s.mask.sum() * slices.volume.geometry.voxel_ml) for s in segments]
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=segment.color, lw=2, label=f"{drawn_name(segment.name)}  {volume}")
        for segment, volume in zip(segments, volumes, strict=True)
    ]
    prompts = [prompt for segment in segments for prompt in segment.prompts]
    marks = {positive for prompt in prompts for _, _, positive in prompt.points}
    style: dict[str, Any] = {"color": INK, "ls": "none", "ms": 8, "mew": 2}
    if True in marks:
        handles.append(Line2D([], [], marker=POSITIVE, label="point on the object", **style))
    if False in marks:
        handles.append(Line2D([], [], marker=NEGATIVE, label="point on the background", **style))
    signs = {line.positive for prompt in prompts for line in prompt.lines}
    for positive, what in ((True, "line on the object"), (False, "line on the background")):
        if positive in signs:
            handles.append(Line2D([], [], color=INK, ls=LINE_STYLES[positive], lw=1.1, label=what))
    if any(prompt.box is not None for prompt in prompts):
        handles.append(Line2D([], [], color=INK, ls="--", lw=1.2, label="box"))
    if any(segment.doubtful for segment in segments):
        handles.append(Patch(fill=False, ec=DOUBT, lw=2, label="doubtful: look at this slice"))
    return handles


def _text_inches(text: str) -> float:
    literal = text.replace("$", r"\$")
    return TextPath((0, 0), literal, size=LEGEND_POINTS).get_extents().width / 72


def _draw_legend(figure: Figure, handles: Sequence[Line2D | Patch], columns: int) -> None:
    legend = figure.legend(
        handles=list(handles),
        labels=[handle.get_label() for handle in handles],
        loc="lower center",
        ncols=columns,
        frameon=False,
        labelcolor=INK,
        prop={"size": LEGEND_POINTS, "family": fonts()},
        borderaxespad=0.3,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
