"""What the pictures of slices have in common: colours, letters at the edges, and how names are written."""

import unicodedata
from functools import cache
from typing import Any

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

# Not with the settings in a file of the working folder, which may have come with images: they can run LaTeX.
matplotlib.rcdefaults()

BACKGROUND, INK = "#101418", "#e8ecef"
OUTLINE = (withStroke(linewidth=3, foreground="black"),)
PLAIN_I = "DejaVu Sans Mono"
"""A font that tells the capital I from a stroke."""
_LONGEST_NAME = 42
_OTHER_SCRIPTS = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Microsoft YaHei",
    "Hiragino Sans",
    "Arial Unicode MS",
)
"""Fonts for what matplotlib's own lacks, where the computer has them."""


def draw_letters(axes: Axes, letters: tuple[str, str, str, str], size: float) -> None:
    """Write what lies at the left, right, top and bottom of a slice."""
    left, right, top, bottom = letters
    for text, x, y, ha, va in (
        (left, 0.015, 0.5, "left", "center"),
        (right, 0.985, 0.5, "right", "center"),
        (top, 0.5, 0.985, "center", "top"),
        (bottom, 0.5, 0.015, "center", "bottom"),
    ):
        write(axes, text, x, y, ha=ha, va=va, size=size, weight="bold")


def write(axes: Axes, text: str, x: float, y: float, **style: Any) -> None:
    """Write on a slice, at (x, y) in parts of its width and height from the lower left."""
    common = {"transform": axes.transAxes, "path_effects": OUTLINE}
    axes.text(x, y, text, **{"color": INK, "parse_math": False, **common, **style})


def drawn_name(name: str) -> str:
    """A name of any length and any characters as one short line."""
    line = " ".join("".join(" " if unicodedata.category(c)[0] == "C" else c for c in name).split())
    if len(line) <= _LONGEST_NAME:
        return line
    half = _LONGEST_NAME // 2
    return f"{line[:half].rstrip()} … {line[-half + 3 :].lstrip()}"


@cache
def fonts() -> list[str]:
    """Families in which names of any script are written, as far as the computer has them."""
    installed = set(font_manager.get_font_names())
    return ["DejaVu Sans", *(family for family in _OTHER_SCRIPTS if family in installed)]
