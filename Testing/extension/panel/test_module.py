"""The module file: registration at start-up, sample data, its own test, and no weight at import."""

import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
import qt
import slicer
from MedSAM2SlicerLib.backend.BackendManager import BackendState
from MedSAM2SlicerLib.panel import SyntheticCt

import medsam2
from fakes import sample_data

MODULE = Path(__file__).resolve().parents[3] / "MedSAM2Slicer"


@pytest.fixture
def cache(aSession, tmp_path, monkeypatch):
    monkeypatch.setattr(type(slicer.app), "cachePath", str(tmp_path / "cache"), raising=False)
    return tmp_path / "cache"


@pytest.fixture
def loaded(monkeypatch):
    """``slicer.util.loadVolume`` needs Slicer's file readers: reads with slicer-core's own."""
    calls = []

    def loadVolume(path, properties):
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", properties["name"])
        storage = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
        storage.SetFileName(path)
        assert storage.ReadData(node)
        calls.append(path)
        return node

    monkeypatch.setattr(slicer.util, "loadVolume", loadVolume)
    return calls


@pytest.fixture
def aModule(aSession, aManager, cache):
    module = aSession.load(MODULE / "MedSAM2Slicer.py")
    aSession.completeStartup()
    return module


def test_the_effect_is_registered_at_startup(aModule):
    editor = slicer.qMRMLSegmentEditorWidget()
    editor.setMRMLScene(slicer.mrmlScene)
    effect = editor.effectByName("MedSAM2")
    assert type(effect.self()).__name__ == "SegmentEditorEffect"


def test_nothing_is_registered_before_startup_is_over(aSession, cache):
    aSession.load(MODULE / "MedSAM2Slicer.py")
    assert sample_data.SampleDataLogic.sampleDataSourcesByCategory() == {}
    assert slicer.qSlicerSegmentEditorEffectFactory.instance().registeredEffects() == []


def test_who_it_is(aModule):
    assert (aModule.title, aModule.categories) == ("MedSAM2", ["Segmentation"])
    assert "not for diagnosis" in aModule.helpText
    assert Path(aModule.self().resourcePath("Icons/MedSAM2Slicer.png")).is_file()


def test_the_panel_opens_and_closes(aModule):
    widget = aModule.widgetRepresentation()
    widget.self().enter()
    assert widget.self().panel.state.widget.text == "State"


def test_the_panel_tells_the_version(aModule):
    labels = aModule.widgetRepresentation().self().panel.widget.findChildren(qt.QLabel)
    assert [each for each in labels if each.text.startswith(f"Version {medsam2.__version__} · ")]


def test_opening_the_panel_starts_nothing(aModule, aManager, aClock):
    aModule.widgetRepresentation().self().enter()
    assert aManager.state is BackendState.STOPPED
    assert aClock.waiting == 0


def test_nothing_stays_of_what_the_panel_runs_when_it_is_closed(
    aPanel, images, tmp_path, monkeypatch, aClock
):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    aPanel.weights.refresh()
    aPanel.imageSets.openSet(tmp_path / "set")
    aPanel.imageSets.review.add(images)
    aPanel.imageSets.run()
    aPanel.selfTest.run()
    aClock.advance(1000)
    assert list(temporary.iterdir())
    aPanel.cleanup()
    assert list(temporary.iterdir()) == []
    assert aClock.waiting == 0


def test_the_backend_ends_with_slicer(aModule, aManager, monkeypatch):
    stopped = []
    monkeypatch.setattr(type(aManager), "stop", lambda self: stopped.append(True))
    slicer.app.aboutToQuit.emit()
    assert stopped == [True]


def test_a_synthetic_ct_is_offered_and_made_on_this_computer(aModule, cache, loaded):
    (source,) = sample_data.SampleDataLogic.sampleDataSourcesByCategory("MedSAM2")
    assert Path(source.thumbnailFileName).is_file()
    assert source.uris[0].startswith("file://")
    assert not cache.exists()
    node = sample_data.pressButton("MedSAM2SyntheticCt")
    assert (node.GetName(), node.GetImageData().GetDimensions()) == ("MedSAM2 synthetic CT", (160, 160, 32))
    assert node.GetSpacing() == (2.0, 2.0, 3.0)
    written = SyntheticCt.cachePath().stat().st_mtime_ns
    SyntheticCt.loadSyntheticCt()
    assert SyntheticCt.cachePath().stat().st_mtime_ns == written
    assert loaded == [str(cache / "MedSAM2SyntheticCt.nrrd")] * 2


def test_its_own_test_passes(aModule, aManager, loaded, aClock, monkeypatch, aJournal):
    monkeypatch.setattr(type(slicer.app), "processEvents", lambda self: aClock.advance(10))
    test = sys.modules["MedSAM2Slicer"].MedSAM2SlicerTest()
    test.runTest()
    assert aJournal.statusMessages[-1].startswith("MedSAM2 works on this computer.")


HEAVY = ("torch", "SimpleITK", "scipy", "requests", "msgpack", "websockets", "pip")


def imports(code: str, heavy: tuple[str, ...]) -> subprocess.CompletedProcess:
    """Run code in a Python of its own, with the fakes, where importing anything heavy is an error."""
    preamble = f"""
        import sys
        sys.path[:0] = [{str(MODULE.parent / "Testing")!r}, {str(MODULE)!r}]
        import fakes, numpy
        fakes.install()
        for name in {heavy}:
            for each in [each for each in sys.modules if each.split(".")[0] == name]:
                del sys.modules[each]
            sys.modules[name] = None
        import socket
        socket.socket = None
    """
    script = textwrap.dedent(preamble) + textwrap.dedent(code) + "\nimport os; os._exit(0)\n"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, encoding="utf-8")


def test_importing_the_module_and_starting_up_needs_nothing_heavy(tmp_path):
    result = imports(
        f"""
        import slicer
        from fakes.session import Session
        session = Session()
        type(slicer.app).cachePath = {str(tmp_path)!r}
        module = session.load({str(MODULE / "MedSAM2Slicer.py")!r})
        session.completeStartup()
        assert slicer.qSlicerSegmentEditorEffectFactory.instance().registeredEffects()
        """,
        (*HEAVY, "medsam2"),
    )
    assert result.returncode == 0, result.stderr


def test_the_panel_opens_where_nothing_is_installed_yet():
    result = imports(
        f"""
        sys.path.append({str(MODULE / "Logic")!r})
        from fakes.session import Session
        session = Session()
        from MedSAM2SlicerLib.backend.BackendManager import backendManager
        from MedSAM2SlicerLib.panel.ModulePanel import ModulePanel
        panel = ModulePanel(backendManager(), "https://example.org")
        panel.update()
        assert not [name for name in sys.modules if name.startswith("medsam2.")], "only the version is read"
        """,
        HEAVY,
    )
    assert result.returncode == 0, result.stderr
