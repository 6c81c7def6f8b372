"""The backend starts early, ends without holding Slicer, and says why it cannot start."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import qt
from MedSAM2SlicerLib.backend.BackendManager import BackendState
from MedSAM2SlicerLib.backend.BackendSettings import BackendSettings

from extension.effect.backends import children, localBackends
from medsam2.client import LocalBackend

IMPORTS_FAIL = (
    "import sys; sys.path.insert(0, {folder!r}); import runpy; "
    "sys.argv = ['medsam2', 'serve', '--local']; runpy.run_module('medsam2.cli.main', run_name='__main__')"
)


@pytest.fixture
def noBackend(aBench, aBackend):
    """The effect not active, and no backend running."""
    aBench.editor.setActiveEffect(None)
    aBackend.quit()
    yield aBackend
    aBackend.quit()


def test_the_backend_starts_with_the_effect_so_that_the_first_click_need_not_wait(aBench, noBackend):
    aBench.editor.setActiveEffectByName("MedSAM2")
    assert noBackend.state is BackendState.STOPPED, "choosing the effect itself waits for nothing"
    aBench.wait(lambda: noBackend.ready is not None)
    assert aBench.message == "Click the object in a slice view."
    assert aBench.logic.seeding.seeds() == []


def test_a_server_hears_nothing_before_a_click(aBench, noBackend):
    noBackend.settings = BackendSettings(serverUrl="ws://127.0.0.1:9/session")
    aBench.editor.setActiveEffectByName("MedSAM2")
    for _ in range(10):
        aBench.clock.advance(20)
    assert noBackend.state is BackendState.STOPPED
    assert aBench.message == "Click the object in a slice view."


def test_no_backend_starts_where_the_effect_was_left_at_once(aBench, noBackend):
    aBench.editor.setActiveEffectByName("MedSAM2")
    aBench.editor.setActiveEffect(None)
    aBench.clock.advance(100)
    assert noBackend.state is BackendState.STOPPED


def test_choosing_the_effect_loads_no_library_that_it_does_not_need(aBench):
    """In a Python of its own, as Slicer's is when it has just started."""
    root = Path(__file__).resolve().parents[3]
    code = (
        f"import sys; sys.path[:0] = {[str(root / 'Testing'), str(root / 'MedSAM2Slicer' / 'Logic')]!r}\n"
        f"sys.path.insert(0, {str(root / 'MedSAM2Slicer')!r})\n"
        "import fakes; fakes.install()\n"
        "from fakes.session import Session; from fakes import make_nodes\n"
        "import numpy, slicer\n"
        "session = Session(); session.load('MedSAM2Slicer/MedSAM2Slicer.py'); session.completeStartup()\n"
        "volume = make_nodes.makeVolume(numpy.zeros((4, 8, 8), numpy.int16))\n"
        "editor = session.editorModule.editor\n"
        "editor.edit(make_nodes.makeSegmentation(volume, ('a',)), volume)\n"
        "before = set(sys.modules)\n"
        "editor.activate('MedSAM2')\n"
        "print(sorted({name.split('.')[0] for name in set(sys.modules) - before}))\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, encoding="utf-8", timeout=120, check=True
    )
    loaded = done.stdout.strip().splitlines()[-1]
    assert "MedSAM2SlicerLib" in loaded
    for name in ("SimpleITK", "msgpack", "websockets", "ssl", "torch"):
        assert f"'{name}'" not in loaded


def test_stopping_does_not_wait_for_a_process_that_does_not_end(aBench, noBackend, monkeypatch):
    stubborn = (sys.executable, "-c", "import time; time.sleep(100)")
    monkeypatch.setattr(LocalBackend, "start", startOf(stubborn))
    before = set(children())
    noBackend.client()
    aBench.clock.advanceUntil(lambda: set(children()) - before)
    (process,) = set(children()) - before
    noBackend.stop()
    assert noBackend.state is BackendState.STOPPED
    aBench.clock.advance(100)
    assert process.status() != psutil.STATUS_ZOMBIE, "it has its time to end by itself"
    aBench.clock.advance(500)
    aBench.clock.advanceUntil(lambda: not process.is_running())


def startOf(command: tuple[str, ...]):
    """``LocalBackend.start``, of another program."""
    start = LocalBackend.start

    def startOther(backend):
        backend._command = command
        start(backend)

    return startOther


def test_quitting_waits_until_nothing_is_left(aBench, noBackend):
    noBackend.client()
    aBench.clock.advanceUntil(lambda: noBackend.ready is not None, 60)
    (process,) = localBackends()
    noBackend.stop()
    noBackend.quit()
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_a_backend_that_cannot_start_says_what_is_wrong_and_shows_its_log(
    aBench, aBackend, tmp_path, monkeypatch
):
    (tmp_path / "torch.py").write_text("raise ImportError('libtorch_cpu.so: cannot open shared object file')")
    aBackend.quit()
    with monkeypatch.context() as patch:
        command = (sys.executable, "-c", IMPORTS_FAIL.format(folder=str(tmp_path)))
        patch.setattr(LocalBackend, "start", startOf(command))
        aBench.view("Red").click(aBench.centre("liver"))
        aBench.wait(lambda: bool(aBackend.failure))
    assert aBench.message == (
        "The backend broke off: ImportError: libtorch_cpu.so: cannot open shared object file."
    )
    button = aBench.effect.options.message.logButton
    assert not button.isHidden()
    aBench.press("Show log")
    (window,) = [each for each in qt.QApplication.topLevelWidgets() if isinstance(each, qt.QDialog)]
    assert "Traceback" in window.findChildren(qt.QPlainTextEdit)[0].toPlainText()
    window.close()
    aBench.click("spleen")
    assert button.isHidden()
