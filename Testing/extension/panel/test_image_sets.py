"""Image sets on the panel: real widgets, keys and scene, the real review file."""

import csv

import numpy as np
import pytest
import qt
import slicer
from MedSAM2SlicerLib.logic.ImageSetScene import labelmapOf
from MedSAM2SlicerLib.panel import ImageSetSection as module
from MedSAM2SlicerLib.panel.ReviewGrid import CELL_HEIGHT, CELL_WIDTH
from PySide6.QtTest import QTest

from extension.panel.image_sets import SHAPE, disc, writeImages
from fakes.make_nodes import rasOf, rotation, voxelsOf
from medsam2.image_sets.review_file import ReviewFile
from medsam2.placed_mask import PlacedMask

EFFECT = "MedSAM2SlicerLib/SegmentEditorEffect.py"
SECONDS = 120


@pytest.fixture
def images(tmp_path):
    return writeImages(tmp_path / "eyes", 8)


@pytest.fixture
def loaded(monkeypatch):
    """``slicer.util.loadVolume`` needs Slicer's file readers: loads through SimpleITK, as a colour volume."""
    import SimpleITK

    calls = []

    def loadVolume(path, properties):
        assert properties["singleFile"], "else files with numbers become one volume"
        calls.append(path)
        pixels = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path))[None]
        return slicer.util.addVolumeFromArray(
            pixels, np.diag([-1.0, -1, 1, 1]), properties["name"], "vtkMRMLVectorVolumeNode"
        )

    monkeypatch.setattr(slicer.util, "loadVolume", loadVolume)
    return calls


class Run:
    """Stands for the command while it looks for discs: the test says when it ends."""

    started: list["Run"]

    def __init__(self, arguments, onAnswer, onFinished):
        self.arguments, self.onAnswer, self.onFinished = arguments, onAnswer, onFinished
        self.running = True
        Run.started.append(self)

    def propose(self, name, mask, confidence):
        with ReviewFile(self.arguments[2]) as file:
            file.propose(name, confidence, PlacedMask.cropped(mask), mask.shape)
        self.onAnswer({"name": name, "done": 1, "of": 8})

    def finish(self, failure=""):
        self.running = False
        self.onFinished(failure)

    def cancel(self):
        self.finish()


@pytest.fixture
def runs(monkeypatch):
    """Each run that was started."""
    monkeypatch.setattr(Run, "started", [], raising=False)
    monkeypatch.setattr("MedSAM2SlicerLib.logic.ImageSetReview.BackgroundCommand", Run)
    return Run.started


@pytest.fixture
def aSection(aPanel, aJournal, aClock):
    section = aPanel.imageSets
    section.widget.collapsed = False
    aPanel.widget.setFixedSize(380, 1500)
    aPanel.widget.show()
    return section


@pytest.fixture
def aSet(aSection, aJournal, aClock, images):
    """A set of the folder, with its thumbnails."""
    aJournal.answers["file"] = str(images[0].parent)
    aSection.choice._folder.click()
    aSection.choice._begin.click()
    aClock.advanceUntil(lambda: not aSection.filesAreMade, SECONDS)
    return aSection


def proposeAll(section, but=()):
    """The network's answers: the later an image, the surer."""
    for number, name in enumerate(sorted(section.review.records)):
        if name not in but:
            mask = PlacedMask.cropped(disc(number))
            section.review._file.propose(name, 0.3 + 0.08 * number, mask, SHAPE)
    section.review.sort()
    section.frame.showAgain()


def press(section, key, ctrl=False):
    QTest.keyClick(section.frame.grid.widget, key, qt.Qt.ControlModifier if ctrl else qt.Qt.NoModifier)


def states(section):
    with ReviewFile(section.review.folder) as file:
        return {record.name: record.state.value for record in file.records()}


def iconOf(section, name):
    grid = section.frame.grid
    return grid.widget.item(grid._rows[name]).icon()


def test_a_folder_becomes_a_set_beside_it_with_a_thumbnail_of_each_image(aSet, aClock, images):
    folder = images[0].parent.with_name("eyes_medsam2")
    assert aSet.review.folder == folder
    assert aSet._place.text == f"Results: {folder}"
    assert aSet.frame._counts.text == "0 of 8 to review"
    assert not aSet._run.enabled
    aClock.advance(500)
    picture = iconOf(aSet, "image_0").pixmap(144, 144).toImage()
    assert picture.pixelColor(72, 72).red() > 100
    assert aSet.frame.grid.widget.item(0).text() == "image_0\nnot looked at yet"


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


@pytest.fixture
def anEditedImage(aSet, aSession, aJournal, loaded, runs, anEffect):
    """The image image_2 in Segment Editor."""
    aSession.editorModule  # noqa: B018  (Slicer has it)
    aSet.frame.grid.choose("image_2")
    press(aSet, qt.Qt.Key_C)
    assert aJournal.popups[-1].text == "SegmentEditor"
    return aSet


def test_a_double_click_opens_an_image(aSet, aSession, loaded, aClock, images):
    aSession.editorModule  # noqa: B018  (Slicer has it)
    grid = aSet.frame.grid.widget
    aClock.advance(200)
    place = grid.visualItemRect(grid.item(1)).center()
    QTest.mouseClick(grid.viewport(), qt.Qt.LeftButton, qt.Qt.NoModifier, place)
    QTest.mouseDClick(grid.viewport(), qt.Qt.LeftButton, qt.Qt.NoModifier, place)
    assert loaded == [str(images[1])]
    assert aSet.frame.segmenting == "image_1"


def segmentationOf(section, name):
    return section._scene.segmentation(section.review.records[name])


def paint(section, name, mask):
    node = segmentationOf(section, name)
    identifier = node.GetSegmentation().GetNthSegmentID(0)
    slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(
        labelmapOf(mask, slicer.util.getNode(name)), node, identifier
    )


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


def test_a_set_goes_on_where_it_was_left(aSet, aJournal):
    proposeAll(aSet)
    press(aSet, qt.Qt.Key_Return)
    folder = aSet.review.folder
    aSet._close.click()
    assert not aSet.choice.widget.isHidden()
    aJournal.answers["file"] = str(folder)
    aSet.choice._earlier.click()
    assert states(aSet)["image_0"] == "accepted"
    assert aSet.frame.grid.chosen == "image_1"


def test_a_set_may_be_closed_during_a_run_and_another_one_opened(anEditedImage, runs, monkeypatch, aJournal):
    section = anEditedImage
    paint(section, "image_2", disc(2))
    section.frame._use.click()
    monkeypatch.setattr(Run, "cancel", lambda self: None)  # its end is seen later
    folder = section.review.folder
    section._close.click()
    runs[0].finish()
    assert not section.choice.widget.isHidden()
    assert section.openSet(folder)
    assert states(section)["image_2"] == "prompted"
    assert section._run.enabled


def test_what_is_no_set_is_refused_in_one_sentence(aSection, aJournal, images):
    aJournal.answers["file"] = str(images[0].parent)
    aSection.choice._earlier.click()
    assert "is no set: choose the folder that its results went to." in aSection._problem.text
    assert aSection.review is None


def test_results_never_go_into_a_folder_with_other_files(aSection, aJournal, images):
    aJournal.answers["file"] = str(images[0].parent)
    aSection.choice._folder.click()
    aSection.choice._other.click()
    aSection.choice._begin.click()
    assert "holds other files" in aSection._problem.text
    assert sorted(images[0].parent.iterdir()) == images


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


def test_missing_packages_are_said_and_nothing_is_made(aSection, aJournal, images, monkeypatch):
    monkeypatch.setattr(module.DependencyInstaller, "missing", lambda server: ["torch"])
    aJournal.answers["file"] = str(images[0].parent)
    aSection.choice._folder.click()
    aSection.choice._begin.click()
    assert aSection._problem.text == "⚠ Something is missing: see Installation above."
    assert not images[0].parent.with_name("eyes_medsam2").exists()


def test_images_of_the_scene_are_copied_as_they_are(aSection, aVolumeNode, aClock, tmp_path):
    rng = np.random.default_rng(3)
    deep = aVolumeNode(rng.integers(0, 65535, (1, 40, 50)).astype(np.uint16), name="deep")
    signed = aVolumeNode(rng.integers(-900, 900, (1, 30, 20)).astype(np.int16), name="ct")
    aVolumeNode(np.zeros((5, 9, 9), np.int16), name="a volume is no image")
    slicer.mrmlScene.SetRootDirectory(str(tmp_path))
    aSection.choice._scene.click()
    assert aSection.choice._images.count == 2
    aSection.choice._begin.click()
    import SimpleITK

    assert aSection._problem.text == ""
    for node in (deep, signed):
        file = node.GetAttribute("MedSAM2.ImageFile")
        kept = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(file))
        assert kept.dtype == slicer.util.arrayFromVolume(node).dtype
        assert np.array_equal(kept, slicer.util.arrayFromVolume(node)[0])
    aClock.advanceUntil(lambda: not aSection.filesAreMade, SECONDS)
    assert sorted(aSection.review.records) == ["ct", "deep"]


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
