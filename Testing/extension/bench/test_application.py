"""``slicer.app``, ``slicer.util``, ``slicer.packaging`` and scripted modules."""

import numpy as np
import pytest
import slicer
import vtk

from fakes.session import Session

MODULE = """
import qt
import slicer
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import *


class Greeter(ScriptedLoadableModule):
    def __init__(self, parent):
        super().__init__(parent)
        parent.title = _("Greeter")
        self.started = False
        slicer.app.connect("startupCompleted()", self.onStart)

    def onStart(self):
        self.started = True


class GreeterWidget(ScriptedLoadableModuleWidget):
    def setup(self):
        super().setup()
        self.button = qt.QPushButton("Greet")
        self.button.connect("clicked()", self.onGreet)
        self.layout.addWidget(self.button)

    def onGreet(self):
        with slicer.util.tryWithErrorDisplay("Could not greet."):
            raise RuntimeError("nobody there")

    def cleanup(self):
        slicer.app.setProperty("greeterGone", True)


class GreeterLogic(ScriptedLoadableModuleLogic):
    pass
"""


@pytest.fixture
def aGreeter(aSession, tmp_path):
    path = tmp_path / "Greeter.py"
    path.write_text(MODULE)
    return aSession.load(path)


def test_a_module_is_loaded_and_told_of_start_up(aGreeter, aSession):
    assert slicer.modules.greeter is aGreeter
    assert aGreeter.title == "Greeter"
    assert not aGreeter.self().started
    aSession.completeStartup()
    assert aGreeter.self().started


def test_its_panel_shows_errors(aGreeter, aJournal):
    panel = aGreeter.widgetRepresentation().self()
    panel.button.click()
    assert [each.kind for each in aJournal.popups] == ["error"]
    assert "nobody there" in aJournal.popups[0].text
    assert str(aJournal.take("exceptions")[0]) == "nobody there"


def test_its_panel_is_cleaned_up_in_the_end(aGreeter, anApplication):
    aGreeter.widgetRepresentation()
    aGreeter.unload()
    assert anApplication.property("greeterGone")


def test_a_parameter_node(aGreeter, aScene):
    import sys

    logic = sys.modules["Greeter"].GreeterLogic()
    assert logic.getParameterNode() is logic.getParameterNode()
    assert logic.getParameterNode().GetModuleName() == "Greeter"


def test_everybody_hears_that_slicer_quits(aJournal):
    session, heard = Session(), []
    slicer.app.connect("aboutToQuit()", lambda: heard.append("quit"))
    session.quit()
    assert heard == ["quit"]


def test_what_an_observer_raises_is_swallowed(aScene, aJournal):
    def fail(*_):
        raise KeyError("observer")

    tag = aScene.AddObserver(aScene.NodeAddedEvent, fail)
    aScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    aScene.RemoveObserver(tag)
    assert [type(each) for each in aJournal.take("exceptions")] == [KeyError]


def test_messages_are_put_on_record(aSession, aJournal):
    slicer.util.errorDisplay("Out of memory.")
    slicer.util.showStatusMessage("Ready")
    aJournal.answers["confirm"] = False
    assert not slicer.util.confirmOkCancelDisplay("Install?")
    assert [(each.kind, each.text) for each in aJournal.popups] == [
        ("error", "Out of memory."),
        ("confirm", "Install?"),
    ]
    assert aJournal.statusMessages == ["Ready"]


def test_packages_are_not_installed(aSession, aJournal):
    slicer.packaging.pip_ensure(["numpy>=1.20", "no-such-package>=9"], requester="MedSAM2")
    assert aJournal.pipRequests == [("pip_ensure", "no-such-package>=9")]
    aJournal.answers["confirm"] = False
    with pytest.raises(RuntimeError, match="declined"):
        slicer.packaging.pip_ensure("no-such-package")
    assert not slicer.packaging.pip_check("numpy<1.0")


def test_the_main_window_may_be_missing(anApplication):
    assert slicer.util.mainWindow() is anApplication.mainWindow()
    anApplication.hideMainWindow()
    assert slicer.util.mainWindow() is None


def test_real_functions_of_util_work(aScene, aVolumeNode):
    node = aVolumeNode(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    assert slicer.util.arrayFromVolume(node).shape == (2, 3, 4)
    assert slicer.util.getNode("volume") is node
    assert slicer.mrmlScene is aScene


def test_vtks_errors_are_kept(aScene, aJournal):
    aScene.AddNewNodeByClass("vtkNoSuchNode")
    assert aJournal.take("vtkErrors")


def test_what_is_left_in_the_journal_fails_the_test(aJournal):
    aJournal.critical("something")
    with pytest.raises(AssertionError, match="in silence:\nsomething"):
        aJournal.assertNothingWentWrong()
    aJournal.clear()


def test_a_scene_is_saved_and_loaded(aScene, aVolumeNode, aSegmentation, anEditor, tmp_path):
    """What an effect keeps with a segment comes back with the scene."""
    volume = aVolumeNode(np.zeros((3, 4, 5), np.int16))
    segmentation = aSegmentation(volume, ("liver",))
    segmentation.GetSegmentation().GetSegment("liver").SetTag("Seeds", "1 2 3")
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(tmp_path / "a.seg.nrrd"))
    aScene.AddNode(storage)
    assert storage.WriteData(segmentation)
    aScene.Clear(0)
    again = aScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(tmp_path / "a.seg.nrrd"))
    aScene.AddNode(storage)
    assert storage.ReadData(again)
    tags = again.GetSegmentation().GetNthSegment(0)
    value = vtk.reference("")
    assert tags.GetTag("Seeds", value)
    assert value == "1 2 3"
