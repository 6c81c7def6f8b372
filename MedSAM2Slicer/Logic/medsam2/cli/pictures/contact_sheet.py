"""Images of a set on pages: small, with the outline of the mask, and what became of each."""

import textwrap
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import contourpy
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from medsam2.cli.pictures.style import BACKGROUND, INK, drawn_name
from medsam2.complete_file import complete_file
from medsam2.confidence import DOUBTFUL
from medsam2.image_sets.image_record import ImageRecord, State
from medsam2.image_sets.pictures import ORIENTATION
from medsam2.image_sets.review_file import ReviewFile
from medsam2.image_sets.set_folder import SetFolder

COLUMNS, ROWS, PAGES = 6, 5, 10
"""Nobody looks through more pages, and all are drawn anew after each decision, at half a second each."""
_SIDE, _GAP, _CAPTION = 240, 16, 46
_FINE = 3
"""Times that outlines are drawn larger, so that they become smooth."""
_OUTLINE = "#00e5ff"
_EMPTY = "#1d242b"
_COLOURS = {
    State.WAITING: "#595959",
    State.PROMPTED: "#8e44a0",
    State.PROPOSED: "#1b7837",
    State.ACCEPTED: "#2166ac",
    State.REJECTED: "#b35806",
    State.ABSENT: "#595959",
    State.UNREADABLE: "#b2182b",
}
_DOUBTFUL = "#a66f00"


def write_contact_sheets(folder: SetFolder, review: ReviewFile) -> list[Path]:
    """Write pages of the most doubtful images, one after the other: all images of sets that are not large."""
    records = review.records()[: COLUMNS * ROWS * PAGES]
    pages: list[Path] = []
    for start in range(0, len(records), COLUMNS * ROWS):
        pages.append(folder.contact_sheet(len(pages) + 1))
        page = _page(folder, review, records[start : start + COLUMNS * ROWS])
        with complete_file(pages[-1]) as unfinished:
            page.save(unfinished)
    for path in _later(folder, len(pages) + 1):
        path.unlink()
    return pages


def _later(folder: SetFolder, number: int) -> Iterator[Path]:
    """Pages that a larger set had."""
    while (path := folder.contact_sheet(number)).exists():
        yield path
        number += 1


def _page(folder: SetFolder, review: ReviewFile, records: Sequence[ImageRecord]) -> Image.Image:
    columns, rows = min(COLUMNS, len(records)), -(-len(records) // COLUMNS)
    size = (_GAP + columns * (_SIDE + _GAP), _GAP + rows * (_SIDE + _CAPTION + _GAP))
    page = Image.new("RGB", size, BACKGROUND)
    for number, record in enumerate(records):
        left = _GAP + number % COLUMNS * (_SIDE + _GAP)
        top = _GAP + number // COLUMNS * (_SIDE + _CAPTION + _GAP)
        tile = _tile(folder, review, record)
        page.paste(tile, (left + (_SIDE - tile.width) // 2, top + (_SIDE - tile.height) // 2))
        _caption(ImageDraw.Draw(page), record, left, top + _SIDE + 5)
    return page


def _tile(folder: SetFolder, review: ReviewFile, record: ImageRecord) -> Image.Image:
    """The image as viewers show it, with the outline; in its place the reason where it cannot be read."""
    try:
        with Image.open(folder.thumbnail(record.name)) as thumbnail:
            orientation = thumbnail.getexif()
            shown = ImageOps.contain(thumbnail.convert("RGB"), (_SIDE, _SIDE), Image.Resampling.LANCZOS)
    except OSError:
        return _without_picture(record)
    mask = review.mask(record.name)
    if mask is not None and record.pixels and record.shape is not None:
        _draw_outline(shown, mask.full(record.shape))
    shown.getexif()[ORIENTATION] = orientation.get(ORIENTATION, 1)
    return ImageOps.exif_transpose(shown)


def _without_picture(record: ImageRecord) -> Image.Image:
    tile = Image.new("RGB", (_SIDE, _SIDE), _EMPTY)
    reason = record.reason.replace(str(record.path), "It")
    text = "\n".join(textwrap.wrap(reason, 30)[:8])
    ImageDraw.Draw(tile).multiline_text(
        (_SIDE / 2, _SIDE / 2), text, INK, _font(13), anchor="mm", align="center", spacing=5
    )
    return tile


def _draw_outline(image: Image.Image, mask: np.ndarray) -> None:
    width, height = image.width * _FINE, image.height * _FINE
    fine = Image.fromarray(mask.astype(np.uint8) * 255).resize((width, height), Image.Resampling.BILINEAR)
    # Padded, so that outlines close at the border of the image.
    lines = contourpy.contour_generator(z=np.pad(np.asarray(fine, np.float32), 1)).lines(127.5)
    layers = []
    for thickness in (4, 2):
        layers.append(Image.new("L", (width, height)))
        draw = ImageDraw.Draw(layers[-1])
        for line in lines:
            draw.line([tuple(point) for point in np.asarray(line) - 1], 255, thickness * _FINE, joint="curve")
    for colour, layer in zip(("black", _OUTLINE), layers, strict=True):
        image.paste(colour, (0, 0), layer.resize(image.size, Image.Resampling.BOX))


def _caption(draw: ImageDraw.ImageDraw, record: ImageRecord, left: int, top: int) -> None:
    draw.text((left, top), _fitting(drawn_name(record.name)), INK, _font(14))
    words = record.state.value
    colour = _COLOURS[record.state]
    if record.confidence is not None and record.state is State.PROPOSED:
        words = f"{words} {record.confidence:.2f}" if record.pixels else "nothing found"
        colour = _DOUBTFUL if record.confidence < DOUBTFUL else colour
    width = draw.textlength(words, _font(12))
    draw.rounded_rectangle((left, top + 20, left + width + 14, top + 38), 9, colour)
    draw.text((left + 7, top + 29), words, "white", _font(12), anchor="lm")


def _fitting(name: str) -> str:
    """A name with its middle left out where it is too long for its column."""
    font, kept = _font(14), name
    while font.getlength(kept) > _SIDE and len(name) > 2:
        name = name[: len(name) // 2 - 1] + name[len(name) // 2 + 1 :]
        kept = f"{name[: len(name) // 2]}…{name[len(name) // 2 :]}"
    return kept


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """matplotlib's, which has more letters than Pillow's own."""
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)
