"""The review of an image set: real widgets and keys, the real review file."""

import numpy as np
import qt
from MedSAM2SlicerLib.panel.ReviewGrid import CELL_HEIGHT, CELL_WIDTH
from PySide6.QtTest import QTest

from extension.panel.image_sets import SHAPE, disc, iconOf, press, proposeAll, states
from medsam2.image_sets.review_file import NOTHING
from medsam2.placed_mask import PlacedMask


def test_keys_decide_and_go_on_to_the_next_doubtful_image(aSet):
    proposeAll(aSet)
    grid = aSet.frame.grid
    assert grid.chosen == "image_0"
    press(aSet, qt.Qt.Key_Return)
    assert grid.chosen == "image_1"
    press(aSet, qt.Qt.Key_R)
    press(aSet, qt.Qt.Key_A)
    press(aSet, qt.Qt.Key_Backspace)
    press(aSet, qt.Qt.Key_Delete)
    press(aSet, qt.Qt.Key_Enter)
    decided = ["accepted", "rejected", "absent", "rejected", "rejected", "accepted", "proposed", "proposed"]
    assert [states(aSet)[f"image_{number}"] for number in range(8)] == decided
    assert aSet.frame._counts.text == "2 of 8 to review"
    press(aSet, qt.Qt.Key_Z, ctrl=True)
    assert states(aSet)["image_5"] == "proposed"
    assert grid.chosen == "image_5"
    press(aSet, qt.Qt.Key_Right)
    assert grid.chosen == "image_6"
    QTest.keyClick(aSet.frame._filter, qt.Qt.Key_R)
    assert states(aSet)["image_6"] == "proposed", "keys count in the grid only"


def test_accepting_an_image_in_which_nothing_was_found_says_that_it_becomes_absent(aSet):
    proposeAll(aSet)
    aSet.review._file.propose("image_0", 0.1, NOTHING, SHAPE)
    aSet.review.sort()
    press(aSet, qt.Qt.Key_Return)
    assert states(aSet)["image_0"] == "absent"
    assert "Nothing was found in image_0, so it is without the object now" in aSet.frame._problem.text
    press(aSet, qt.Qt.Key_Return)
    assert states(aSet)["image_1"] == "accepted"
    assert aSet.frame._problem.text == ""


def test_the_outline_lies_round_the_mask_and_goes_when_it_is_rejected(aSet, aClock):
    proposeAll(aSet)
    aClock.advance(500)

    def drawn():
        picture = iconOf(aSet, "image_0").pixmap(144, 144).toImage()
        pixels = [
            (x, y) for x in range(144) for y in range(144) if picture.pixelColor(x, y).name() == "#40f0ff"
        ]
        return np.array(pixels)

    scale, top = 144 / SHAPE[1], (144 - SHAPE[0] * 144 / SHAPE[1]) / 2
    row, column = np.argwhere(disc(0)).mean(axis=0)
    centre = ((column + 0.5) * scale, (row + 0.5) * scale + top)
    assert np.abs(drawn().mean(axis=0) - centre).max() < 1.5
    press(aSet, qt.Qt.Key_R)
    aClock.advance(500)
    assert not len(drawn())


def test_only_images_in_sight_are_drawn(aSet, aClock, tmp_path):
    aSet.review.add([tmp_path / f"more_{number}.png" for number in range(2000)])
    aClock.durations.clear()
    aSet.frame.showAgain()
    aClock.advance(1000)
    assert max(aClock.durations) < 100
    grid = aSet.frame.grid
    assert 4 <= len(grid._drawn) < 20
    grid.widget.verticalScrollBar().setValue(CELL_HEIGHT * 300)
    aClock.advance(500)
    first = grid.widget.row(grid.widget.itemAt(CELL_WIDTH // 2, CELL_HEIGHT // 2))
    assert first in grid._drawn
    assert max(grid._drawn) < first + 20


def test_images_are_shown_by_state(aSet):
    proposeAll(aSet, but=("image_7",))
    press(aSet, qt.Qt.Key_Return)
    aSet.frame._filter.setCurrentText("Accepted")
    assert aSet.frame.grid._names == ["image_0"]
    aSet.frame._filter.setCurrentText("To review")
    assert aSet.frame.grid._names == [f"image_{number}" for number in range(1, 7)]


def test_a_folder_that_is_gone_takes_no_decision(aSet):
    proposeAll(aSet)
    moved = aSet.review.folder.rename(aSet.review.folder.with_name("elsewhere"))
    press(aSet, qt.Qt.Key_Return)
    assert "eyes_medsam2 is gone: bring it back, or close the set." in aSet.frame._problem.text
    moved.rename(aSet.review.folder)
    press(aSet, qt.Qt.Key_Return)
    assert states(aSet)["image_0"] == "accepted"


def test_an_answer_that_a_run_has_renewed_is_looked_at_before_it_is_accepted(aSet):
    proposeAll(aSet)
    aSet.review._file.propose("image_0", 0.9, PlacedMask.cropped(disc(4)), SHAPE)
    press(aSet, qt.Qt.Key_Return)
    assert "The answer for image_0 was renewed in the meantime: look at it again." in aSet.frame._problem.text
    press(aSet, qt.Qt.Key_Return)
    assert states(aSet)["image_0"] == "accepted"
