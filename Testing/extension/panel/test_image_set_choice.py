"""Which images make up a set, and where its results go: real widgets, folders and scene."""

import numpy as np
import pytest
import qt
import SimpleITK
import slicer
from MedSAM2SlicerLib.logic.SceneImages import exportImage
from MedSAM2SlicerLib.panel import DependencyInstaller

from extension.panel.image_sets import SECONDS, Run, disc, iconOf, paint, press, proposeAll, states
from medsam2.image_sets.pictures import read_picture


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


def test_missing_packages_are_said_and_nothing_is_made(aSection, aJournal, images, monkeypatch):
    monkeypatch.setattr(DependencyInstaller, "missing", lambda server: ["torch"])
    aJournal.answers["file"] = str(images[0].parent)
    aSection.choice._folder.click()
    aSection.choice._begin.click()
    assert aSection._problem.text == "⚠ Something is missing: see Installation above."
    assert not images[0].parent.with_name("eyes_medsam2").exists()


def test_a_copy_of_an_image_of_the_scene_has_a_name_that_windows_takes(aVolumeNode, tmp_path):
    for name, file in {"NUL": "_NUL.png", "eye: left": "eye_ left.png"}.items():
        assert exportImage(aVolumeNode(np.zeros((1, 40, 50), np.uint8), name=name), tmp_path).name == file


def test_images_of_the_scene_are_copied_as_they_are(aSection, aVolumeNode, aClock, tmp_path):
    rng = np.random.default_rng(3)
    deep = aVolumeNode(rng.integers(0, 65535, (1, 40, 50)).astype(np.uint16), name="deep")
    signed = aVolumeNode(rng.integers(-900, 900, (1, 30, 20)).astype(np.int16), name="ct")
    aVolumeNode(np.zeros((5, 9, 9), np.int16), name="a volume is no image")
    slicer.mrmlScene.SetRootDirectory(str(tmp_path))
    aSection.choice._scene.click()
    assert aSection.choice._images.count == 2
    aSection.choice._begin.click()
    assert aSection._problem.text == ""
    for node in (deep, signed):
        file = node.GetAttribute("MedSAM2.ImageFile")
        kept = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(file))
        assert kept.dtype == slicer.util.arrayFromVolume(node).dtype
        assert np.array_equal(kept, slicer.util.arrayFromVolume(node)[0])
    aClock.advanceUntil(lambda: not aSection.filesAreMade, SECONDS)
    assert sorted(aSection.review.records) == ["ct", "deep"]


GREY = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "uint64", "float32", "float64")
"""All that Slicer makes a volume of."""


@pytest.mark.parametrize(
    ("kind", "colours"), [*((kind, ()) for kind in GREY), *((kind, (3,)) for kind in ("int16", "float64"))]
)
def test_an_image_of_the_scene_of_any_type_is_copied_with_its_values(aSection, tmp_path, kind, colours):
    pixels = np.linspace(3, 120, 12 * 15 * 3).astype(kind)[: 12 * 15 * (3 if colours else 1)]
    node = imageNode(pixels.reshape(1, 12, 15, *colours))
    begin(aSection, tmp_path)
    assert aSection._problem.text == ""
    (record,) = aSection.review.records.values()
    assert np.array_equal(pixelsIn(record.path), slicer.util.arrayFromVolume(node)[0].astype(np.float32))
    assert read_picture(record.path).pixels.max() > 0


def test_pixels_that_are_neither_grey_nor_colours_are_no_image(aSection):
    imageNode(np.zeros((1, 12, 15, 2), np.float32))
    aSection.choice._scene.click()
    assert "No image of one slice is loaded" in aSection._problem.text


def test_a_copy_that_cannot_be_written_is_said_in_one_sentence(aSection, aVolumeNode, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("No space left on device")

    aVolumeNode(np.zeros((1, 12, 15), np.uint8), name="eye")
    monkeypatch.setattr(SimpleITK, "WriteImage", fail)
    begin(aSection, tmp_path)
    assert aSection._problem.text.endswith(
        "eye.png cannot be written: check the disk, or choose another place for the results."
    )


def test_each_set_has_copies_of_its_own_of_what_the_scene_shows_when_it_begins(aSection, tmp_path):
    node = imageNode(np.full((1, 12, 15), 5, np.uint8))
    first = copyOf(aSection, tmp_path / "first")
    second = copyOf(aSection, tmp_path / "second")
    assert copyOf(aSection, tmp_path / "first") == first, "a set that is begun again has its images already"
    slicer.util.arrayFromVolume(node)[...] = 99
    edited = copyOf(aSection, tmp_path / "third")
    assert [each.relative_to(tmp_path).parts[0] for each in (first, second, edited)] == [
        "first",
        "second",
        "third",
    ]
    assert [pixelsIn(each).max() for each in (first, second, edited)] == [5, 5, 99]


def test_a_set_that_is_begun_again_takes_an_edited_image_in_beside_the_former_one(aSection, tmp_path):
    node = imageNode(np.full((1, 12, 15), 5, np.uint8))
    copyOf(aSection, tmp_path)
    slicer.util.arrayFromVolume(node)[...] = 99
    begin(aSection, tmp_path)
    values = {name: pixelsIn(record.path).max() for name, record in aSection.review.records.items()}
    assert values == {"image": 5, "image_2": 99}


def copyOf(section, root):
    """The copy of the scene's only image for a set below a folder."""
    root.mkdir(exist_ok=True)
    begin(section, root)
    (record,) = section.review.records.values()
    section.close()
    return record.path


def begin(section, root):
    """A set of the scene's images below a folder."""
    slicer.mrmlScene.SetRootDirectory(str(root))
    section.choice._scene.click()
    section.choice._begin.click()


def imageNode(pixels):
    kind = "vtkMRMLScalarVolumeNode" if pixels.ndim == 3 else "vtkMRMLVectorVolumeNode"
    return slicer.util.addVolumeFromArray(pixels, name="image", nodeClassName=kind)


def pixelsIn(path):
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
