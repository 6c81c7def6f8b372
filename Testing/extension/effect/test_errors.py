"""Whatever goes wrong is said in one sentence where the user looks, and nothing is lost."""

import sys

import numpy as np
import pytest
import slicer
import vtk
from MedSAM2SlicerLib.panel import DependencyInstaller

from e2e.server_process import ServerProcess
from extension.effect.backends import localBackends


def test_a_missing_package_says_what_to_do(aBench, monkeypatch):
    aBench.editor.setActiveEffect(None)
    monkeypatch.setattr(DependencyInstaller, "TORCH", DependencyInstaller.Requirement("torch", "99"))
    aBench.editor.setActiveEffectByName("MedSAM2")
    assert aBench.message == "MedSAM2 lacks torch: open the module MedSAM2, press Install."
    assert not aBench.effect.options.propagateButton.enabled
    aBench.view("Red").click(aBench.centre("liver"))  # does nothing, and fails in nothing


def test_unknown_weights(aBench, aBackend):
    aBackend.settings.weights = "none-such"
    aBackend.restart()
    aBench.view("Red").click(aBench.centre("liver"))
    aBench.wait(lambda: "none-such" in aBench.message)
    aBackend.settings.weights = "starter"
    aBench.view("Red").click(aBench.centre("liver") + np.array([10, 0, 0]))  # the next click tries again
    aBench.wait(lambda: aBench.logic.preview() is not None)


def test_an_unreachable_server(aBench, aBackend):
    aBackend.settings.serverUrl = "ws://127.0.0.1:9/session"
    aBackend.restart()
    aBackend.setToken("a token that opens nothing")
    aBench.view("Red").click(aBench.centre("liver"))
    aBench.wait(lambda: bool(aBackend.failure))
    assert aBench.message == aBackend.failure


def test_an_unencrypted_server(aBench, aBackend):
    aBackend.settings.serverUrl = "ws://server.example.org/session"
    aBackend.restart()
    aBench.view("Red").click(aBench.centre("liver"))
    assert "unencrypted" in aBench.message


def test_propagate_without_seeds(aBench):
    aBench.press("Propagate")
    assert "Click the object" in aBench.message


def test_no_segment(aBenchOn, aVolumeNode, aPhantom):
    volume = aVolumeNode(aPhantom.volume.voxels, aPhantom.volume.geometry.ijk_to_ras)
    bench = aBenchOn(volume, aPhantom, segments=())
    bench.view("Red").click(bench.centre("liver"))
    assert "Add a segment first" in bench.message
    bench.press("Propagate")
    assert "Click the object" in bench.message
    segmentId = bench.segmentation.GetSegmentation().AddEmptySegment("liver", "liver")
    bench.editor.setCurrentSegmentID(segmentId)
    bench.click()


def test_no_volume(aBench):
    aBench.editor.setSourceVolumeNode(None)
    aBench.view("Red").click(aBench.centre("liver"))
    assert "There is no volume" in aBench.message
    assert not aBench.logic.seeding.seeds()
    aBench.press("Propagate")
    assert "There is no volume" in aBench.message
    assert not aBench.logic.running
    aBench.editor.setSourceVolumeNode(aBench.volume)
    aBench.click()


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
    assert len(aBench.logic.seeding.seeds()) == 1


def test_a_refused_token(aBench, aBackend, tmp_path):
    server = ServerProcess(tmp_path)
    aBackend.settings.serverUrl = f"ws://127.0.0.1:{server.port}/session"
    aBackend.setToken("a token that opens nothing")
    aBackend.restart()
    aBench.view("Red").click(aBench.centre("liver"))
    aBench.wait(lambda: bool(aBackend.failure))
    assert "token" in aBench.message
    assert aBench.message == aBackend.failure
    aBackend.setToken(server.tokens["anna"])
    aBench.click("spleen")
    server.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux limits another process's memory.")
def test_no_memory_in_the_backend(aBench, aBackend, aVolumeNode):
    import resource

    aBench.click()
    (process,) = localBackends()
    geometry = aBench.phantom.volume.geometry
    # More than the backend keeps for itself of what it has freed.
    large = np.tile(aBench.phantom.volume.voxels, (1, 8, 8))
    aBench.editor.setActiveEffect(None)
    other = aVolumeNode(large, geometry.ijk_to_ras, "large")
    aBench.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(other)
    aBench.volume = other
    before = resource.prlimit(process.pid, resource.RLIMIT_AS)
    resource.prlimit(process.pid, resource.RLIMIT_AS, (process.memory_info().vms, before[1]))
    try:
        aBench.open()
        aBench.view("Red").click(aBench.centre("liver") + np.array([10, 0, 0]))
        aBench.wait(lambda: "memory" in aBench.message)
        for _ in range(20):
            aBench.clock.advance(20)
        assert "memory" in aBench.message, "what follows from it must not hide it"
    finally:
        resource.prlimit(process.pid, resource.RLIMIT_AS, before)
    aBench.click("spleen")
    assert aBench.logic.preview().mask.voxels.any()
