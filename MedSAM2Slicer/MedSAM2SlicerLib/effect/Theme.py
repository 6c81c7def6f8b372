"""Colours and icons that can be read in Slicer's light theme and in its dark one.

The colours are ColorBrewer's (schemes RdBu, PuOr and YlOrBr, which are safe for people who see few colours).
Blue and orange differ in lightness too, and what is doubtful stands out most from either background.
"""

from dataclasses import dataclass

import qt

from ..SlicerTypes import Color, Icon, Widget

MIDDLE = 128
"""Of lightness, 0 to 255."""


@dataclass(frozen=True)
class Theme:
    """Colours for one kind of background: of marks in the strip, and of a sentence about a problem."""

    sure: str
    doubtful: str
    problem: str


LIGHT = Theme(sure="#4393c3", doubtful="#8c2d04", problem="#b2182b")
DARK = Theme(sure="#4393c3", doubtful="#fdb863", problem="#f4a582")


def themeOf(widget: Widget) -> Theme:
    """What a widget's palette asks for."""
    return LIGHT if widget.palette.color(qt.QPalette.Window).lightness() >= MIDDLE else DARK


def tinted(path: str, color: Color) -> Icon:
    """A picture of which only the shape counts, in a colour such as that of a button's text."""
    picture = qt.QPixmap(path)
    painter = qt.QPainter(picture)
    painter.setCompositionMode(qt.QPainter.CompositionMode_SourceIn)
    painter.fillRect(picture.rect(), color)
    painter.end()
    return qt.QIcon(picture)
