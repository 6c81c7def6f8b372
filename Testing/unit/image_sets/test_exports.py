"""Masks and the table, from a review without a network."""

import csv
import os
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image, ImageOps

from medsam2.errors import InputError
from medsam2.image_sets.exports import prepare, write_masks, write_results
from medsam2.image_sets.run_review import RunReview
from medsam2.image_sets.set_folder import SetFolder
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt

SHAPE = (20, 30)
MASK = PlacedMask.packed(np.ones((4, 6), bool), 2, 3)


@pytest.fixture
def folder(tmp_path):
    return SetFolder(tmp_path / "set")


def photo(path, **how):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.zeros(SHAPE, np.uint8)).save(path, **how)
    return path


def pixels(folder, name):
    return np.asarray(Image.open(folder.mask(name)))


def propose(review, folder, tmp_path, names) -> None:
    """A mask for each of some photographs, written."""
    review.add(photo(tmp_path / f"{name}.png") for name in names)
    prepare(folder)
    for name in names:
        review.propose(name, 0.5, MASK, SHAPE)
    write_masks(folder, review)


def test_files_of_masks_follow_what_is_decided(folder, tmp_path):
    with RunReview(folder.path) as review:
        propose(review, folder, tmp_path, "abc")
        np.testing.assert_array_equal(pixels(folder, "a"), MASK.full(SHAPE) * np.uint8(255))
        review.reject("a")
        review.mark_absent("b")
        review.accept("c")
        write_masks(folder, review)
        assert not folder.mask("a").exists()
        assert not pixels(folder, "b").any()
        assert pixels(folder, "c").any()
        assert review.unwritten() == []
        review.undo()  # the acceptance
        review.undo()
        review.undo()
        write_masks(folder, review)
        assert pixels(folder, "a").any()
        assert pixels(folder, "b").any()


def test_the_mask_of_a_turned_photograph_is_turned_with_it(folder, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    with RunReview(folder.path) as review:
        review.add([photo(tmp_path / "phone.jpg", exif=exif)])
        prepare(folder)
        review.propose("phone", 0.5, MASK, SHAPE)
        write_masks(folder, review)
    assert pixels(folder, "phone").shape == SHAPE
    with Image.open(folder.mask("phone")) as mask, Image.open(tmp_path / "phone.jpg") as picture:
        assert ImageOps.exif_transpose(mask).size == ImageOps.exif_transpose(picture).size == SHAPE


def test_names_that_spreadsheets_would_compute_stay_texts(folder, tmp_path):
    names = ("=cmd|' /C calc'!A0.png", "+1.png", "@a.png", "a\n,b.png", os.fsdecode(b"caf\xe9.png"))
    with RunReview(folder.path) as review:
        review.add(tmp_path / name for name in names)
        review.refuse("_1" if "_1" in [record.name for record in review.records()] else "+1", "=1+1")
        write_results(folder, review)
    text = folder.results.read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines(keepends=True)))
    assert [len(row) for row in rows] == [6] * (1 + len(names))
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
    assert "\\udce9" in text


def test_links_are_refused_and_what_a_killed_run_left_is_cleared_away(folder, tmp_path):
    folder.review().close()
    prepare(folder)
    (folder.masks / ".incomplete-xyz").mkdir()
    prepare(folder)
    assert list(folder.masks.iterdir()) == []
    folder.masks.rmdir()
    (tmp_path / "elsewhere").mkdir()
    folder.masks.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="is a link"):
        prepare(folder)


def test_a_mask_file_that_is_a_link_is_replaced_and_not_followed(folder, tmp_path):
    own = photo(tmp_path / "own.png")
    before = own.read_bytes()
    with RunReview(folder.path) as review:
        review.add([photo(tmp_path / "a.png")])
        prepare(folder)
        folder.mask("a").symlink_to(own)
        review.propose("a", 0.5, MASK, SHAPE)
        write_masks(folder, review)
    assert own.read_bytes() == before
    assert not folder.mask("a").is_symlink()


def test_an_image_that_another_one_has_replaced_gets_no_mask_of_the_first(folder, tmp_path):
    with RunReview(folder.path) as review:
        review.add([photo(tmp_path / "a.png"), photo(tmp_path / "b.png")])
        prepare(folder)
        for name in "ab":
            review.propose(name, 0.5, MASK, SHAPE)
            review.accept(name)
        Image.fromarray(np.zeros((90, 90), np.uint8)).save(tmp_path / "a.png")
        (tmp_path / "b.png").unlink()
        write_masks(folder, review)
    assert list(folder.masks.iterdir()) == []


@pytest.fixture
def painted(folder, tmp_path):
    """A set whose mask of ``a`` another program has changed."""
    with RunReview(folder.path) as review:
        propose(review, folder, tmp_path, "ab")
        painted = np.zeros((*SHAPE, 3), np.uint8)
        painted[5:9, 5:9, 0] = 200
        Image.fromarray(painted).save(folder.mask("a"))
        yield review


def test_a_mask_that_another_program_changed_is_kept_and_told_of(folder, painted):
    before = folder.mask("a").read_bytes()
    decisions = (painted.reject, painted.mark_absent, lambda name: painted.propose(name, 0.5, MASK, SHAPE))
    for decide in decisions:
        for name in "ab":
            decide(name)
        assert write_masks(folder, painted) == ["a"]
        assert folder.mask("a").read_bytes() == before
    folder.mask("a").unlink()
    painted.undo()
    write_masks(folder, painted)
    assert not pixels(folder, "a").any()


def test_a_changed_mask_that_was_taken_into_the_set_is_the_set_s(folder, painted):
    taken = PlacedMask.cropped(pixels(folder, "a")[..., 0] > 0)
    painted.set_prompt("a", Prompt(0, mask=taken))
    write_masks(folder, painted)
    np.testing.assert_array_equal(pixels(folder, "a"), taken.full(SHAPE) * np.uint8(255))
    painted.reject("a")
    write_masks(folder, painted)
    assert not folder.mask("a").exists()


def test_a_mask_that_a_killed_run_wrote_is_no_other_program_s(folder, painted, monkeypatch):
    painted.propose("b", 0.5, PlacedMask.packed(np.ones((2, 2), bool), 0, 0), SHAPE)
    monkeypatch.setattr(painted, "note_written", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_masks(folder, painted)
    monkeypatch.undo()
    assert pixels(folder, "b").sum() == 4 * 255
    painted.reject("b")
    write_masks(folder, painted)
    assert not folder.mask("b").exists()
