from pathlib import Path

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
