"""Templates and corrections of an image set in Segment Editor, runs, and results in the scene."""

import csv
from pathlib import Path

import numpy as np
import pytest
import qt
import slicer
from PySide6.QtTest import QTest

from extension.panel.image_sets import SECONDS, SHAPE, disc, paint, press, proposeAll, segmentationOf, states
from fakes.make_nodes import rasOf, rotation, voxelsOf
from medsam2.placed_mask import PlacedMask


def test_a_double_click_opens_an_image(aSet, aSession, loaded, aClock, images):
    aSession.editorModule  # noqa: B018  (Slicer has it)
    grid = aSet.frame.grid.widget
    aClock.advance(200)
    place = grid.visualItemRect(grid.item(1)).center()
    QTest.mouseClick(grid.viewport(), qt.Qt.LeftButton, qt.Qt.NoModifier, place)
    QTest.mouseDClick(grid.viewport(), qt.Qt.LeftButton, qt.Qt.NoModifier, place)
    assert loaded == [str(images[1])]
    assert aSet.frame.segmenting == "image_1"


def test_an_image_is_opened_in_the_editor_with_its_segmentation_below_it(
    anEditedImage, loaded, images, anEditor
):
    assert loaded == [str(images[2])]
    node, volume = segmentationOf(anEditedImage, "image_2"), slicer.util.getNode("image_2")
    assert (anEditor.segmentationNode(), anEditor.sourceVolumeNode()) == (node, volume)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    parent = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node))
    assert hierarchy.GetItemDataNode(parent) is volume
    normals = [anEditor.view(name).mrmlSliceNode().GetSliceToRAS() for name in ("Red", "Yellow", "Green")]
    assert [abs(each.GetElement(2, 2)) for each in normals] == [1, 1, 1], "all views show the image"
    assert "image_2 is open in Segment Editor" in anEditedImage.frame._next.text


def test_a_template_starts_a_run_whose_answers_are_reviewed_most_doubtful_first(anEditedImage, runs, aClock):
    section = anEditedImage
    section.frame._use.click()
    assert "Nothing is segmented on image_2" in section.frame._problem.text
    assert runs == []
    paint(section, "image_2", disc(2))
    section.frame._use.click()
    assert states(section)["image_2"] == "prompted"
    assert np.array_equal(section.review.mask("image_2").full(SHAPE), disc(2))
    (run,) = runs
    assert run.arguments[:3] == ("one-prompt", "-o", str(section.review.folder))
    run.propose("image_5", disc(5), 0.9)
    run.propose("image_1", disc(1), 0.4)
    aClock.advance(300)
    assert section._progress.text.startswith("1 of 8 images; about 1 min left")
    run.finish()
    assert section.frame.grid._names[:2] == ["image_1", "image_5"]
    assert section.frame.grid.chosen == "image_1"


def test_a_correction_during_a_run_starts_another_one_after_it(anEditedImage, runs, aClock):
    section = anEditedImage
    paint(section, "image_2", disc(2))
    section.frame._use.click()
    runs[0].propose("image_1", ~disc(1), 0.4)
    aClock.advance(300)
    section.frame.grid.choose("image_1")
    press(section, qt.Qt.Key_C)
    node = segmentationOf(section, "image_1")
    identifier = node.GetSegmentation().GetNthSegmentID(0)
    assert np.array_equal(voxelsOf(node, identifier, slicer.util.getNode("image_1"))[0], ~disc(1))
    paint(section, "image_1", disc(1))
    press(section, qt.Qt.Key_C)
    assert np.array_equal(voxelsOf(node, identifier, slicer.util.getNode("image_1"))[0], disc(1))
    section.frame._use.click()
    assert states(section)["image_1"] == "prompted"
    assert len(runs) == 1
    runs[0].finish()
    assert len(runs) == 2


def test_another_run_starts_also_after_one_that_could_not_read_every_image(anEditedImage, runs):
    section = anEditedImage
    paint(section, "image_2", disc(2))
    section.frame._use.click()
    section.run()
    runs[0].onAnswer({"states": {"unreadable": 1}})
    runs[0].finish("The command ended unexpectedly (exit code 1); its log says more.")
    assert len(runs) == 2


def test_files_that_are_being_made_do_not_keep_a_run_from_the_set(aSet, aClock, runs):
    proposeAll(aSet)
    aSet._updateFiles(aSet.review.folder)
    aSet.run()
    aClock.advanceUntil(lambda: not aSet.filesAreMade, SECONDS)
    assert not (aSet.review.folder / "results.csv").exists(), "the run will write it"
    assert len(runs) == 1


def test_a_mask_that_could_not_be_kept_stays_in_the_scene(anEditedImage, runs):
    section = anEditedImage
    proposeAll(section)
    paint(section, "image_2", disc(5))
    moved = section.review.folder.rename(section.review.folder.with_name("elsewhere"))
    section.frame._use.click()
    assert "is gone" in section.frame._problem.text
    moved.rename(section.review.folder)
    section.frame.grid.choose("image_2")
    press(section, qt.Qt.Key_C)
    node = segmentationOf(section, "image_2")
    identifier = node.GetSegmentation().GetNthSegmentID(0)
    assert np.array_equal(voxelsOf(node, identifier, slicer.util.getNode("image_2"))[0], disc(5))
    section.frame._use.click()
    assert np.array_equal(section.review.mask("image_2").full(SHAPE), disc(5))


def test_closing_the_scene_while_an_image_is_open_loses_nothing(anEditedImage, aJournal):
    slicer.mrmlScene.Clear(0)
    anEditedImage.frame._use.click()
    assert anEditedImage.frame._problem.text == "⚠ image_2 is not in the scene any more: segment it again."
    press(anEditedImage, qt.Qt.Key_C)
    assert segmentationOf(anEditedImage, "image_2") is not None
    assert states(anEditedImage)["image_2"] == "waiting"


def test_accepted_masks_are_loaded_below_their_images_and_look_like_the_template(
    aSet, aClock, aJournal, loaded
):
    proposeAll(aSet)
    press(aSet, qt.Qt.Key_Return)
    press(aSet, qt.Qt.Key_Return)
    aSet._load.click()
    aClock.advanceUntil(lambda: not aSet._loading.left, SECONDS)
    assert len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")) == 2
    for number in (0, 1):
        node, volume = segmentationOf(aSet, f"image_{number}"), slicer.util.getNode(f"image_{number}")
        identifier = node.GetSegmentation().GetNthSegmentID(0)
        assert np.array_equal(voxelsOf(node, identifier, volume)[0], disc(number))
    aClock.advance(50)
    assert aSet._problem.isHidden()


def test_a_run_that_fails_says_why_and_can_be_started_again(anEditedImage, runs):
    section = anEditedImage
    paint(section, "image_2", disc(2))
    section.frame._use.click()
    runs[0].onAnswer({"states": {"unreadable": 1}})
    runs[0].finish("The command ended unexpectedly (exit code 1); its log says more.")
    assert section._problem.isHidden(), "images that cannot be read are in the grid, with the reason"
    section._run.click()
    runs[1].finish("Another run works on this folder: wait for its end.")
    assert section._problem.text == "⚠ Another run works on this folder: wait for its end."
    section._run.click()
    assert section._problem.isHidden()
    assert len(runs) == 3


def test_the_mask_of_an_image_of_the_scene_lies_where_the_image_lies(
    aSection, aTransform, aClock, loaded, tmp_path
):
    """Also turned, in colour, and below a transform; the image is not loaded once more."""
    turned = rotation(30, "S") @ np.diag([0.5, 0.5, 2.0, 1.0])
    colours = np.zeros((1, *SHAPE, 3), np.uint8)
    colours[0, disc(0)] = (200, 90, 30)
    volume = slicer.util.addVolumeFromArray(colours, turned, "tile", "vtkMRMLVectorVolumeNode")
    volume.SetAndObserveTransformNodeID(aTransform(rotation(20, "R")).GetID())
    slicer.mrmlScene.SetRootDirectory(str(tmp_path))
    aSection.choice._scene.click()
    aSection.choice._begin.click()
    aSection.review._file.propose("tile", 0.9, PlacedMask.cropped(disc(0)), SHAPE)
    aSection.review.sort()
    aSection.frame.showAgain()
    press(aSection, qt.Qt.Key_Return)
    aSection._load.click()
    aClock.advanceUntil(lambda: not aSection._loading.left and not aSection.filesAreMade, SECONDS)
    assert loaded == []
    node = segmentationOf(aSection, "tile")
    identifier = node.GetSegmentation().GetNthSegmentID(0)
    assert np.array_equal(voxelsOf(node, identifier, volume)[0], disc(0))
    row, column = np.argwhere(disc(0)).mean(axis=0)
    bounds = np.zeros(6)
    node.GetRASBounds(bounds)
    middle = (bounds[0::2] + bounds[1::2]) / 2
    assert np.abs(middle - rasOf(volume, (column, row, 0))).max() < 1


@pytest.mark.process
@pytest.mark.network
def test_from_a_folder_to_results_with_the_real_command(aSet, aSession, aClock, loaded, images, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (images[0].parent / "torn.png").write_bytes(images[0].read_bytes()[:50])
    aSet.review.add([images[0].parent / "torn.png"])
    aSession.editorModule  # noqa: B018  (Slicer has it)
    aSet.frame.grid.choose("image_2")
    press(aSet, qt.Qt.Key_C)
    paint(aSet, "image_2", disc(2))
    aSet.frame._use.click()
    aClock.advanceUntil(lambda: not aSet.review.running, SECONDS)
    assert aSet._problem.isHidden(), aSet._problem.text
    assert aSet.frame._counts.text == "7 of 9 to review; 1 cannot be read"
    assert aSet.review.records["torn"].reason in aSet.frame._wordsOf("torn")[1]
    overlaps = []
    for number in (0, 1, 3, 4, 5, 6, 7):
        found = aSet.review.mask(f"image_{number}").full(SHAPE)
        overlaps.append(2 * (found & disc(number)).sum() / (found.sum() + disc(number).sum()))
    assert np.mean(overlaps) > 0.8
    first = aSet.frame.grid.chosen
    press(aSet, qt.Qt.Key_Return)
    folder = aSet.review.folder
    aSet._close.click()
    aClock.advanceUntil(lambda: not aSet.filesAreMade, SECONDS)
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        table = {row["name"]: row["state"] for row in csv.DictReader(file)}
    assert (table[first], table["image_2"], table["torn"]) == ("accepted", "prompted", "unreadable")
    assert len(list((folder / "masks").iterdir())) == 8


SMALL = np.diag([0.7, 0.6, 1, 1])
"""Pixels in millimetres."""


def test_a_review_stays_with_its_image_after_that_was_edited_in_the_scene(
    aSection, aSession, aVolumeNode, aTransform, loaded, runs, anEffect, tmp_path
):
    aSession.editorModule  # noqa: B018  (Slicer has it)
    turned = aVolumeNode(np.full((1, *SHAPE), 5, np.uint8), rotation(30, "S") @ SMALL, "eye")
    turned.SetAndObserveTransformNodeID(aTransform(rotation(20, "R")).GetID())
    first = begunIn(tmp_path / "first", aSection)
    paint(aSection, "eye", disc(2))
    aSection.frame._use.click()
    slicer.util.arrayFromVolume(turned)[...] = 99
    begunIn(tmp_path / "second", aSection)
    assert loaded == []
    aSection.close()
    aSection.openSet(first)
    press(aSection, qt.Qt.Key_C)
    (file,) = loaded
    assert Path(file).parent == first / "images"
    node = segmentationOf(aSection, "eye")
    shown = node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole())
    assert slicer.util.arrayFromVolume(shown).max() == 5
    assert np.allclose(rasOf(shown, (7, 8, 0)), rasOf(turned, (7, 8, 0)))
    assert np.array_equal(voxelsOf(node, node.GetSegmentation().GetNthSegmentID(0), shown)[0], disc(2))


def begunIn(root, section):
    """The folder of a set of the scene's images, of which the first is opened."""
    root.mkdir()
    section.close()
    slicer.mrmlScene.SetRootDirectory(str(root))
    section.choice._scene.click()
    section.choice._begin.click()
    press(section, qt.Qt.Key_C)
    return section.review.folder
