"""Pictures of the images of a set, with the outline of the mask and a badge that tells the state."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import qt

from ..effect.Theme import Theme
from ..SlicerTypes import Image, Painter, Pixmap

if TYPE_CHECKING:
    from medsam2.image_sets.image_record import ImageRecord
    from medsam2.placed_mask import PlacedMask

OUTLINE, HALO = "#40f0ff", "#000000"
"""A blue that tissue never has, within black: one of them is seen on whatever the image shows."""
BADGE, BAR = 22, 5
"""Pixels: of the sign of a state, and of the bar that says how sure the network is."""
BEHIND = 40
"""Opacity of what is behind an image that is no square, 0 to 255."""
BADGES = {
    "prompted": ("#762a83", (((0.3, 0.7), (0.7, 0.3)), ((0.3, 0.7), (0.42, 0.7)))),
    "accepted": ("#2166ac", (((0.25, 0.5), (0.45, 0.7)), ((0.45, 0.7), (0.75, 0.3)))),
    "rejected": ("#b35806", (((0.3, 0.3), (0.7, 0.7)), ((0.3, 0.7), (0.7, 0.3)))),
    "absent": ("#595959", (((0.25, 0.5), (0.75, 0.5)),)),
    "unreadable": ("#b2182b", (((0.5, 0.22), (0.5, 0.58)), ((0.5, 0.74), (0.5, 0.76)))),
}
"""By state: the colour (ColorBrewer's, for people who see few colours) and the lines of its sign."""


def thumbnail(
    picture: Path, record: "ImageRecord", mask: "PlacedMask | None", theme: Theme, side: int, ratio: float
) -> Pixmap:
    """A square with the image in the middle, the outline of its mask, and a sign of its state.

    A bar at the bottom says how sure the network is of a proposal.

    Args:
        picture: a small picture of the image; where there is none, its place stays empty.
        record: of the image.
        mask: that is shown.
        theme: colours that suit what is around.
        side: pixels, of which each is ``ratio`` times ``ratio`` of the screen's.
    """
    from medsam2.confidence import DOUBTFUL  # the panel opens without loading anything of the package

    wide = round(side * ratio)
    square = qt.QPixmap(wide, wide)
    square.fill(qt.QColor(128, 128, 128, BEHIND))
    painter = qt.QPainter(square)
    image = qt.QImage(str(picture))
    if not image.isNull():
        _drawImage(painter, image.scaled(wide, wide, qt.Qt.KeepAspectRatio, qt.Qt.SmoothTransformation), wide)
        if mask is not None and record.shape is not None and mask.height:
            _drawOutline(painter, mask.full(record.shape), wide, ratio)
    painter.scale(ratio, ratio)
    if record.state in BADGES:
        _drawBadge(painter, *BADGES[record.state])
    elif record.confidence is not None:
        color = theme.doubtful if record.confidence < DOUBTFUL else theme.sure
        painter.fillRect(0, side - BAR, round(side * record.confidence), BAR, qt.QColor(color))
    painter.end()
    square.setDevicePixelRatio(ratio)
    return square


def _drawImage(painter: Painter, image: Image, side: int) -> None:
    painter.drawImage((side - image.width()) // 2, (side - image.height()) // 2, image)


def _drawOutline(painter: Painter, mask: np.ndarray, side: int, ratio: float) -> None:
    height, width = fitting(mask.shape, side)
    mask = shrunk(mask, (height, width))
    for color, thick in ((HALO, 3), (OUTLINE, 2)):
        painter.setPen(qt.QColor(color))
        bits = _bitmap(outline(mask, max(round(thick * ratio), 1)))
        painter.drawPixmap((side - width) // 2, (side - height) // 2, bits)


def _drawBadge(painter: Painter, color: str, lines: tuple) -> None:
    painter.setRenderHint(qt.QPainter.Antialiasing)
    pen = qt.QPen(qt.QColor("white"))
    pen.setWidth(2)
    painter.setPen(pen)
    painter.setBrush(qt.QColor(color))
    painter.drawEllipse(2, 2, BADGE, BADGE)
    for (left, top), (right, bottom) in lines:
        first, last = (left, top), (right, bottom)
        painter.drawLine(*(round(2 + BADGE * each) for each in (*first, *last)))


def fitting(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Height and width of an image that is scaled to fit a square, as Qt rounds them."""
    rows, columns = shape
    longest = max(rows, columns)
    return max(round(rows * side / longest), 1), max(round(columns * side / longest), 1)


def shrunk(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A mask at another size; what is small does not vanish."""
    for axis, (size, wanted) in enumerate(zip(mask.shape, shape, strict=True)):
        mask = np.logical_or.reduceat(mask, np.arange(wanted) * size // wanted, axis=axis)
    return mask


def outline(mask: np.ndarray, thick: int) -> np.ndarray:
    """The pixels just outside a mask, so many thick."""
    grown = mask
    for _step in range(thick):
        wide = np.pad(grown, 1)
        grown = wide[1:-1, 1:-1] | wide[:-2, 1:-1] | wide[2:, 1:-1] | wide[1:-1, :-2] | wide[1:-1, 2:]
    return grown & ~mask


def _bitmap(mask: np.ndarray) -> Pixmap:
    """What Qt draws in the colour of its pen; by way of a file format, as Qt takes no arrays."""
    height, width = mask.shape
    image = qt.QImage()
    image.loadFromData(b"P4\n%d %d\n" % (width, height) + np.packbits(mask, axis=1).tobytes())
    return qt.QBitmap.fromImage(image)
