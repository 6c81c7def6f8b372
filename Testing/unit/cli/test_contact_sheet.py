"""Pages of a set's images."""

from pathlib import Path

import numpy as np
from PIL import Image

from medsam2.cli.pictures import contact_sheet
from medsam2.cli.pictures.contact_sheet import COLUMNS, ROWS, write_contact_sheets
from medsam2.image_sets.run_review import RunReview
from medsam2.image_sets.set_folder import SetFolder
from medsam2.image_sets.thumbnails import make_thumbnails
from medsam2.placed_mask import PlacedMask

SHAPES = {"wide": (60, 600), "tall": (700, 90), "small": (12, 16), "large": (900, 1200)}
OUTLINE = (0, 229, 255)


def make_set(folder: Path) -> SetFolder:
    """Pictures of many kinds, each with a disc as its mask, in every state."""
    found = SetFolder(folder / "set")
    rng = np.random.default_rng(0)
    with RunReview(found.path) as review:
        for name, shape in SHAPES.items():
            for kind, colours in {
                "dark": ((2, 2, 2), (9, 8, 8)),
                "bright": ((250, 250, 250), (235, 240, 235)),
                "fundus": ((150, 60, 20), (240, 180, 90)),
                "nuclei": ((225, 170, 205), (90, 50, 140)),
                "ultrasound": ((25, 25, 25), (110, 110, 110)),
            }.items():
                rows, columns = np.mgrid[: shape[0], : shape[1]]
                centre = np.array(shape)[:, None, None] * (0.5, 0.4)[0]
                radius = min(shape) * (0.55 if kind == "nuclei" else 0.3)  # reaches beyond the border
                mask = np.hypot(*((rows, columns) - centre)) < radius
                image = np.where(mask[..., None], colours[1], colours[0]) + rng.normal(0, 4, (*shape, 3))
                path = folder / f"{name}_{kind}.png"
                exif = Image.Exif()
                if kind == "fundus":
                    exif[0x0112] = 6
                Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(path, exif=exif)
                (key,) = review.add([path])
                review.propose(key, float(rng.uniform(0.2, 1)), PlacedMask.cropped(mask), shape)
        long = "a very long name with 日本 and é in it, which does not fit below its picture at all.png"
        (folder / long).write_text("none")
        review.refuse(*review.add([folder / long]), f"{folder / long} is no picture, whatever its name says.")
        review.accept("wide_dark")
        review.reject("tall_dark")
        review.mark_absent("small_dark")
    list(make_thumbnails(found))
    return found


def test_all_images_are_on_pages_with_their_outlines(tmp_path):
    folder = make_set(tmp_path)
    with folder.review() as review:
        (page,) = write_contact_sheets(folder, review)
        count = len(review.records())
    shown = np.asarray(Image.open(page))
    assert shown.shape[1] == 16 + COLUMNS * 256
    assert shown.shape[0] == 16 + -(-count // COLUMNS) * (240 + 46 + 16)
    outlines = (np.abs(shown.astype(int) - OUTLINE).max(axis=2) < 40).sum()
    assert outlines > 20 * 200


def test_a_large_set_takes_more_pages_and_a_smaller_one_leaves_none_of_them(tmp_path):
    folder = SetFolder(tmp_path / "set")
    folder.path.mkdir()
    with folder.review() as review:
        review.add(tmp_path / f"{number}.png" for number in range(COLUMNS * ROWS + 1))
        assert [page.name for page in write_contact_sheets(folder, review)] == [
            "contact_sheet_1.png",
            "contact_sheet_2.png",
        ]
    folder.contact_sheet(3).touch()
    with folder.review() as review:
        assert len(write_contact_sheets(folder, review)) == 2
    assert not folder.contact_sheet(3).exists()


def test_only_the_most_doubtful_images_of_a_very_large_set_are_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(contact_sheet, "PAGES", 1)
    folder = SetFolder(tmp_path / "set")
    folder.path.mkdir()
    with folder.review() as review:
        review.add(tmp_path / f"{number}.png" for number in range(COLUMNS * ROWS + 1))
        assert [page.name for page in write_contact_sheets(folder, review)] == ["contact_sheet_1.png"]
