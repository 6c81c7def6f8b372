"""Whatever goes wrong is said in one sentence where the user looks, and nothing is lost."""

import sys

import numpy as np
import slicer
import vtk


def test_a_missing_package_says_what_to_do(aBench, monkeypatch):
    aBench.editor.setActiveEffect(None)
    for name in [each for each in sys.modules if each.startswith("MedSAM2SlicerLib.EffectSession")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "medsam2.client", None)
    aBench.editor.setActiveEffectByName("MedSAM2")
    assert "press Install" in aBench.message
    assert not aBench.effect._options.propagateButton.enabled
    aBench.view("Red").click(aBench.centre("liver"))  # does nothing, and fails in nothing


def test_unknown_weights(aBench, aBackend):
    aBackend.settings.weights = "none-such"
    aBench.view("Red").click(aBench.centre("liver"))
    aBench.wait(lambda: "none-such" in aBench.message)
    aBackend.settings.weights = "starter"
    aBench.view("Red").click(aBench.centre("liver") + np.array([10, 0, 0]))  # the next click tries again
    aBench.wait(lambda: aBench.session.preview() is not None)


def test_an_unreachable_server(aBench, aBackend):
    aBackend.settings.serverUrl = "ws://127.0.0.1:9/session"
    aBackend.setToken("a token that opens nothing")
    aBench.view("Red").click(aBench.centre("liver"))
    aBench.wait(lambda: bool(aBackend.failure))
    assert aBench.message == aBackend.failure
    aBackend.settings.serverUrl = ""


def test_an_unencrypted_server(aBench, aBackend):
    aBackend.settings.serverUrl = "ws://server.example.org/session"
    aBench.view("Red").click(aBench.centre("liver"))
    assert "unencrypted" in aBench.message
    aBackend.settings.serverUrl = ""


def test_propagate_without_seeds(aBench):
    aBench.effect.propagateOrCancel()
    assert "Click the object" in aBench.message


def test_a_transform_that_is_not_linear(aBench, aJournal):
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode")
    bend = vtk.vtkThinPlateSplineTransform()
    bend.SetBasisToR()
    places = vtk.vtkPoints()
    for place in ((0, 0, 0), (50, 0, 0), (0, 50, 0), (0, 0, 50)):
        places.InsertNextPoint(*place)
    bend.SetSourceLandmarks(places)
    bend.SetTargetLandmarks(places)
    transform.SetAndObserveTransformToParent(bend)
    aBench.segmentation.SetAndObserveTransformNodeID(transform.GetID())
    aBench.view("Red").click(aBench.centre("liver"))
    assert "harden" in aBench.message
    aBench.segmentation.SetAndObserveTransformNodeID(None)
    aJournal.take("vtkErrors")  # Slicer's own complaints


def test_a_volume_that_changes_under_the_seeds(aBench, aVolumeNode):
    aBench.click()
    other = aVolumeNode(aBench.phantom.volume.voxels // 2, aBench.phantom.volume.geometry.ijk_to_ras, "other")
    aBench.editor.setSourceVolumeNode(other)
    assert "changed under the seeds" in aBench.message
    assert len(aBench.session.seeds()) == 1
