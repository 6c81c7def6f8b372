"""Draw the icons of the module, the effect, its tools and the sample data: ``make icons``.

A slice of a body, a seed in it, and the contour that grows from the seed. Everything is a curve, so that
another size is one number away. Of the tools' icons only the shape counts: the effect gives them the colour
of text.
"""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.path import Path as Curve

from medsam2.cli.phantom import make_phantom

MODULE = Path(__file__).resolve().parents[1] / "MedSAM2Slicer"
MODULE_ICON = MODULE / "Resources" / "Icons" / "MedSAM2Slicer.png"
EFFECT_ICON = MODULE / "MedSAM2SlicerLib" / "SegmentEditorEffect.png"
SAMPLE_ICON = MODULE / "Resources" / "Icons" / "MedSAM2SyntheticCt.png"
TOOL_ICONS = MODULE / "Resources" / "Icons" / "Tools"
PIXELS, TOOL_PIXELS = 128, 64
SAMPLE_PIXELS = (260, 280)
"""Width and height of a thumbnail in Slicer's Sample Data module."""
SOFT_TISSUE = (-150, 250)
"""Hounsfield units shown as black and white."""

NIGHT, BODY, SKIN = "#14263a", "#33506b", "#9fb6c9"
ORGAN, EDGE, SEED, INK = "#1fb58f", "#7cf2cf", "#ffd23f", "#14263a"
DAY_BODY, DAY_SKIN, DAY_EDGE = "#dfe7ee", "#5d7489", "#0b7d61"
GROWTH = (0.58, 1.0)
"""Sizes of the contour on its way outward."""


def ring(points: np.ndarray, **style) -> PathPatch:
    """A closed curve through points (n, 2)."""
    return PathPatch(Curve(points, closed=True), joinstyle="round", **style)


def body(scale: float = 1.0) -> np.ndarray:
    """Outline of an axial slice, round a centre of 0, 0, about 2 wide; a flat back below."""
    angle = np.linspace(0, 2 * np.pi, 200)
    dent = 1 - 0.07 * np.exp(-(((angle - 1.5 * np.pi) / 0.35) ** 2))
    outline = np.stack([np.cos(angle), 0.86 * np.sin(angle) * dent], 1)
    return scale * np.sign(outline) * np.abs(outline) ** 0.92


def organ(scale: float) -> np.ndarray:
    """Outline of a liver-like organ, round its seed at 0, 0."""
    angle = np.linspace(0, 2 * np.pi, 200)
    radius = 1 + 0.24 * np.cos(2 * angle - 0.5) + 0.13 * np.cos(3 * angle + 0.5)
    return scale * np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)


def draw(axes, night: bool) -> None:
    """The picture within -1 to 1; on a dark tile, or on whatever the toolbar's colour is."""
    if night:
        tile = {"boxstyle": "round,pad=0,rounding_size=0.4", "facecolor": NIGHT, "edgecolor": "none"}
        axes.add_patch(FancyBboxPatch((-0.98, -0.98), 1.96, 1.96, **tile))
    skin, flesh, edge = (SKIN, BODY, EDGE) if night else (DAY_SKIN, DAY_BODY, DAY_EDGE)
    axes.add_patch(ring(body(0.86 if night else 0.94), facecolor=flesh, edgecolor=skin, linewidth=6.5))
    seed = np.array([-0.12, 0.03])
    for size in reversed(GROWTH):
        outer = size == max(GROWTH)
        contour = seed + organ(0.51 * size)
        axes.add_patch(ring(contour, facecolor=ORGAN, alpha=0.55 if outer else 0.9, edgecolor="none"))
        axes.add_patch(ring(contour, facecolor="none", edgecolor=edge, linewidth=5.5 if outer else 2.5))
    arms = np.array([[0.19, 0], [0, 0.19]])
    for colour, width in ((INK, 15), (SEED, 9.5)):  # a plus, outlined
        for arm in arms:
            line = np.stack([seed - arm, seed + arm])
            axes.plot(*line.T, color=colour, linewidth=width, solid_capstyle="round")


def draw_click(axes) -> None:
    """A seed in its ring."""
    angle = np.linspace(0, 2 * np.pi, 100)
    axes.plot(0.66 * np.cos(angle), 0.66 * np.sin(angle), **LINE)
    for x, y in ((1, 0), (0, 1), (-1, 0), (0, -1)):
        axes.plot([0.66 * x, 0.9 * x], [0.66 * y, 0.9 * y], **LINE)
    axes.plot(0, 0, "o", color="black", markersize=17)


def draw_box(axes) -> None:
    """A box with the corners that a drag sets."""
    x, y = 0.74, 0.6
    axes.plot([-x, x, x, -x, -x], [-y, -y, y, y, -y], **LINE)
    axes.plot([-x, x], [y, -y], "s", color="black", markersize=16)


def draw_stroke(axes) -> None:
    """A line drawn by hand, and where it began."""
    x = np.linspace(-0.76, 0.8, 80)
    y = 0.42 * np.sin(4.4 * x) + 0.3 * x
    axes.plot(x, y, **{**LINE, "linewidth": 9})
    axes.plot(x[0], y[0], "o", color="black", markersize=15)


def draw_lasso(axes) -> None:
    """A loop and its end."""
    angle = np.linspace(0, 2 * np.pi, 100)
    axes.plot(0.8 * np.cos(angle), 0.26 + 0.5 * np.sin(angle) * (1 + 0.12 * np.cos(2 * angle)), **LINE)
    bend = np.linspace(0, 1, 30)
    axes.plot(-0.4 - 0.16 * np.sin(np.pi * bend), -0.2 - 0.68 * bend, **LINE)


LINE = {"color": "black", "linewidth": 6, "solid_capstyle": "round", "solid_joinstyle": "round"}
TOOLS = {"click": draw_click, "box": draw_box, "stroke": draw_stroke, "lasso": draw_lasso}


def blank(width: int, height: int, background: str = "none"):
    """A figure of so many pixels, and axes that fill it."""
    # Line widths are points, 1/72 inch: here a point is a pixel.
    figure = Figure(figsize=(width / 72, height / 72), dpi=72, facecolor=background)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    return figure, axes


def save(figure: Figure, path: Path) -> None:
    """Write a PNG; the same drawing is the same file, as matplotlib's version is left out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})


def save_icon(path: Path, night: bool) -> None:
    """Write a square icon with a transparent background."""
    figure, axes = blank(PIXELS, PIXELS)
    axes.set(xlim=(-1, 1), ylim=(-1, 1))
    draw(axes, night)
    save(figure, path)


def save_tool_icon(name: str) -> None:
    """Write what stands for a tool of the effect."""
    figure, axes = blank(TOOL_PIXELS, TOOL_PIXELS)
    axes.set(xlim=(-1, 1), ylim=(-1, 1))
    TOOLS[name](axes)
    save(figure, TOOL_ICONS / f"{name}.png")


def save_thumbnail(path: Path) -> None:
    """Write a slice of the synthetic CT."""
    figure, axes = blank(*SAMPLE_PIXELS, background="black")
    shown = make_phantom().volume.voxels[18]
    axes.imshow(shown, cmap="gray", vmin=SOFT_TISSUE[0], vmax=SOFT_TISSUE[1], interpolation="bilinear")
    save(figure, path)


if __name__ == "__main__":
    save_icon(MODULE_ICON, night=True)
    save_icon(EFFECT_ICON, night=False)
    for tool in TOOLS:
        save_tool_icon(tool)
    save_thumbnail(SAMPLE_ICON)
