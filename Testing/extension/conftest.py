"""A Slicer for each test: real scene, segmentation and editor logic, fake Qt side. See fakes/README.md."""

import sys
from pathlib import Path

import pytest

import fakes

MODULE = Path(__file__).resolve().parents[2] / "MedSAM2Slicer"
MISSING = fakes.missingPart()

if MISSING:

    class SkippedModule(pytest.Module):
        """A test file that is not even imported."""

        def collect(self):
            pytest.skip(MISSING, allow_module_level=True)

    def pytest_pycollect_makemodule(module_path, parent):
        return SkippedModule.from_parent(parent, path=module_path)

else:
    # Before the test files are imported, since what they test imports qt and slicer.
    fakes.install()

    import slicer

    from fakes import make_nodes, qt_shortcut, translation
    from fakes.clock import CLOCK
    from fakes.journal import JOURNAL
    from fakes.session import Session
    from fakes.vtk_messages import listenToVtk

    listenToVtk()


@pytest.fixture
def aJournal(monkeypatch):
    """What went wrong or was shown; in the end nothing may be left that the test has not taken."""
    monkeypatch.setattr(sys, "excepthook", lambda _kind, exception, _trace: JOURNAL.swallow(exception))
    JOURNAL.clear()
    yield JOURNAL
    JOURNAL.assertNothingWentWrong()


@pytest.fixture
def aSession(aJournal):
    """A running Slicer: ``load(path)`` a module, ``completeStartup()``, ``editorModule``."""
    session = Session()
    yield session
    session.quit()


@pytest.fixture
def anApplication(aSession):
    """``slicer.app``"""
    return slicer.app


@pytest.fixture
def aScene(aSession):
    """``slicer.mrmlScene``, new and empty."""
    return slicer.mrmlScene


@pytest.fixture
def aClock(aSession):
    """The clock that drives ``qt.QTimer``: ``advance(ms)``, ``advanceUntil(condition)``."""
    return CLOCK


@pytest.fixture
def aVolumeNode(aScene):
    """Make a volume: ``aVolumeNode(voxels, ijkToRas=None, name="volume")``."""
    return make_nodes.makeVolume


@pytest.fixture
def aSegmentation(aScene):
    """Make a segmentation: ``aSegmentation(volumeNode=None, segments=("segment",))``."""
    return make_nodes.makeSegmentation


@pytest.fixture
def aTransform(aScene):
    """Make a linear transform: ``aTransform(matrix)``."""
    return make_nodes.makeTransform


@pytest.fixture
def anEffect(aSession):
    """Register an effect by its file, as a module does at start-up: ``anEffect(path)`` -> the prototype."""

    def register(path):
        prototype = slicer.qSlicerSegmentEditorScriptedEffect(None)
        assert prototype.setPythonSource(str(path).replace("\\", "/"))
        prototype.self().register()
        return prototype

    return register


@pytest.fixture
def anEditor(aSession):
    """The Segment Editor, its module open: ``edit(segmentation, volume)``, then ``view("Red")``."""
    return aSession.editorModule.editor


@pytest.fixture
def someShortcuts():
    """The keys that shortcuts answer now."""
    return lambda: sorted(each.key.toString() for each in qt_shortcut.liveShortcuts())


@pytest.fixture(scope="session")
def theTexts(tmp_path_factory) -> Path:
    """What lupdate finds in the module: a .ts file."""
    path = tmp_path_factory.mktemp("translation") / "MedSAM2.ts"
    translation.extract(MODULE, path)
    return path


@pytest.fixture(scope="session")
def theBrackets(theTexts) -> Path:
    return translation.makeBracketLanguage(theTexts)


@pytest.fixture
def aLanguage(theBrackets):
    """Slicer's language has each text in brackets."""
    with translation.speaking(theBrackets):
        yield
