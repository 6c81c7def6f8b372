"""Pictures of the report: Dice against prompts, and the worst cases."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from medsam2.evaluation.snapshot import Panel, Snapshot

# Not with the settings in a file of the working folder, which may have come with images: they can run LaTeX.
matplotlib.rcdefaults()

TRUTH, PREDICTED, PROMPT = "#4fd1a5", "#ff9f43", "#ffffff"
BACKGROUND, INK = "#101418", "#e8ecef"
OUTLINE = (withStroke(linewidth=3, foreground="black"),)
PANEL_INCHES = 4.2


def draw_curve(path: Path, curves: Sequence[Sequence[float]], mean: Sequence[float]) -> None:
    """Dice of each structure (thin) and on average (thick) after 1, 2, … prompts; a PNG."""
    figure = Figure(figsize=(6.4, 4.2), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    prompts = np.arange(1, len(mean) + 1)
    for curve in curves:
        axes.plot(prompts, curve, color="0.75", lw=0.8)
    axes.plot(prompts, mean, color="#c2410c", lw=2.5, marker="o")
    for count, value in zip(prompts, mean, strict=True):
        label = axes.annotate(f"{value:.2f}", (count, value), (0, 8), textcoords="offset points", ha="center")
        label.set_path_effects([withStroke(linewidth=3, foreground="white")])
    handles = [Line2D([], [], color="0.75", lw=0.8), Line2D([], [], color="#c2410c", lw=2.5, marker="o")]
    axes.legend(handles, ["one structure", f"mean of {len(curves)}"], loc="lower right")
    axes.set(xlabel="clicks", ylabel="volumetric Dice", ylim=(0, 1.05), xticks=prompts)
    axes.grid(alpha=0.3)
    figure.savefig(path)


def draw_snapshot(path: Path, title: str, snapshot: Snapshot) -> None:
    """The slices of a snapshot side by side, with outlines, prompts and a legend; a PNG."""
    size = (PANEL_INCHES * len(snapshot), PANEL_INCHES + 0.9)
    figure = Figure(figsize=size, dpi=120, facecolor=BACKGROUND, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(_plain(title), color=INK, fontsize=11)
    for axes, panel in zip(figure.subplots(1, len(snapshot), squeeze=False)[0], snapshot, strict=True):
        _draw_panel(axes, panel)
    handles = [
        Line2D([], [], color=TRUTH, lw=2),
        Line2D([], [], color=PREDICTED, lw=2),
        Line2D([], [], color=PROMPT, marker="+", ls="--", mew=2),
    ]
    figure.legend(
        handles,
        ["truth", "prediction", "prompt"],
        loc="outside lower center",
        ncols=3,
        frameon=False,
        labelcolor=INK,
    )
    figure.savefig(path, facecolor=BACKGROUND)


def _plain(text: str) -> str:
    """Text in which a dollar sign starts no formula."""
    return text.replace("$", r"\$")


def _draw_panel(axes: Axes, panel: Panel) -> None:
    axes.imshow(panel.image, cmap="gray", vmin=0, vmax=1, aspect=panel.aspect, interpolation="bilinear")
    axes.set_axis_off()
    axes.set_title(panel.title, color=INK, fontsize=9)
    for mask, color in ((panel.truth, TRUTH), (panel.predicted, PREDICTED)):
        if mask.any():
            # Padded, so that outlines close at the border of the crop.
            x, y = np.arange(-1, mask.shape[1] + 1), np.arange(-1, mask.shape[0] + 1)
            axes.contour(x, y, np.pad(mask.astype(float), 1), levels=[0.5], colors=[color], linewidths=1.5)
    _draw_prompts(axes, panel)
    height, width = panel.image.shape
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    left, right, top, bottom = panel.letters
    for text, across, up in ((left, 0.03, 0.5), (right, 0.97, 0.5), (top, 0.5, 0.97), (bottom, 0.5, 0.03)):
        axes.text(
            across,
            up,
            text,
            color=INK,
            ha="center",
            va="center",
            transform=axes.transAxes,
            path_effects=OUTLINE,
        )


def _draw_prompts(axes: Axes, panel: Panel) -> None:
    for x, y, positive in panel.points:
        marker = "+" if positive else "_"
        axes.plot(x, y, marker, color=PROMPT, ms=11, mew=2, path_effects=OUTLINE)
    for line in panel.lines:
        axes.plot(*np.transpose(line), color=PROMPT, lw=1.2, path_effects=OUTLINE)
    if panel.box is not None:
        (x0, y0), (x1, y1) = panel.box
        corner, size = (min(x0, x1), min(y0, y1)), (abs(x1 - x0), abs(y1 - y0))
        axes.add_patch(Rectangle(corner, *size, fill=False, ec=PROMPT, ls="--", lw=1.2))
