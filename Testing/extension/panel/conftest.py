from pathlib import Path

import numpy as np
import pytest

from kept_speed import keep_speed


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A store of weights of the test's own."""
    monkeypatch.setenv("MEDSAM2_HOME", str(tmp_path / "home"))
    keep_speed({})
    return tmp_path / "home"


@pytest.fixture
def aManager(aSession, home, monkeypatch):
    """The shared backend manager of this run of Slicer."""
    from MedSAM2SlicerLib.backend import BackendManager

    monkeypatch.setattr(BackendManager, "_shared", None)
    manager = BackendManager.backendManager()
    yield manager
    manager.quit()


@pytest.fixture
def aPanel(aManager):
    """The module's panel."""
    from MedSAM2SlicerLib.panel.ModulePanel import ModulePanel

    panel = ModulePanel(aManager, "https://example.org")
    yield panel
    panel.cleanup()
    panel.widget.deleteLater()


@pytest.fixture
def images(tmp_path):
    """The files of eight images with a disc."""
    from extension.panel.image_sets import writeImages

    return writeImages(tmp_path / "eyes", 8)


@pytest.fixture
def loaded(monkeypatch):
    """``slicer.util.loadVolume`` needs Slicer's file readers: loads through SimpleITK, as a colour volume."""
    import SimpleITK
    import slicer

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


@pytest.fixture
def runs(monkeypatch):
    """Each run that was started."""
    from extension.panel.image_sets import Run

    monkeypatch.setattr(Run, "started", [], raising=False)
    monkeypatch.setattr("MedSAM2SlicerLib.logic.ImageSetReview.BackgroundCommand", Run)
    return Run.started


@pytest.fixture
def aSection(aPanel, aJournal, aClock):
    """The panel's section for image sets, shown."""
    section = aPanel.imageSets
    section.widget.collapsed = False
    aPanel.widget.setFixedSize(380, 1500)
    aPanel.widget.show()
    return section


@pytest.fixture
def aSet(aSection, aJournal, aClock, images):
    """A set of the folder, with its thumbnails."""
    from extension.panel.image_sets import SECONDS

    aJournal.answers["file"] = str(images[0].parent)
    aSection.choice._folder.click()
    aSection.choice._begin.click()
    aClock.advanceUntil(lambda: not aSection.filesAreMade, SECONDS)
    return aSection


@pytest.fixture
def anEditedImage(aSet, aSession, aJournal, loaded, runs, anEffect):
    """The image image_2 in Segment Editor."""
    import qt

    from extension.panel.image_sets import press

    aSession.editorModule  # noqa: B018  (Slicer has it)
    aSet.frame.grid.choose("image_2")
    press(aSet, qt.Qt.Key_C)
    assert aJournal.popups[-1].text == "SegmentEditor"
    return aSet
