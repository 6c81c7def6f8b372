"""Asks before it installs, and torch comes only through the PyTorch extension."""

import importlib.machinery
import importlib.metadata
import logging
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
import slicer
from MedSAM2SlicerLib.panel import DependencyInstaller
from MedSAM2SlicerLib.panel.DependencyInstaller import TORCH, InstallError, Requirement

from extension.panel.image_sets import writeImages
from kept_speed import keep_speed
from unit.packaging.declared import requirements

ROOT = Path(__file__).resolve().parents[3]
WEBSOCKETS = Requirement("websockets", "13")


class Computer:
    """What is installed and loaded on a computer, and its PyTorch extension."""

    def __init__(self):
        self.installed = {"numpy": "2.0"}
        self.modules = {}
        self.torchRequests: list[dict] = []

    def version(self, name: str) -> str:
        if name not in self.installed:
            raise importlib.metadata.PackageNotFoundError(name)
        return self.installed[name]

    def addExtension(self, monkeypatch):
        computer = self

        class PyTorchUtilsLogic:
            def installTorch(self, **options):
                computer.torchRequests.append(options)
                computer.installed["torch"] = "2.13.0+cpu"

        module = types.ModuleType("PyTorchUtils")
        module.PyTorchUtilsLogic = PyTorchUtilsLogic
        module.__spec__ = importlib.machinery.ModuleSpec("PyTorchUtils", None)
        monkeypatch.setitem(sys.modules, "PyTorchUtils", module)

    def obey(self, monkeypatch, journal):
        """Let pip's requests have an effect; those of Slicer 5.10 or of 5.12."""

        def install(specifiers, **_):
            for each in specifiers.split()[-1:] if isinstance(specifiers, str) else specifiers:
                self.installed[each.split(">=")[0]] = each.split(">=")[1]
            journal.pipRequests.append(specifiers)

        monkeypatch.setattr(slicer.util, "pip_install", install)
        monkeypatch.setattr(slicer.packaging, "pip_ensure", install)
        monkeypatch.setattr(slicer.packaging, "pip_install", install)


@pytest.fixture
def aComputer(monkeypatch, aJournal):
    computer = Computer()
    monkeypatch.setattr(importlib.metadata, "version", computer.version)
    monkeypatch.setattr(DependencyInstaller, "sys", computer)
    computer.obey(monkeypatch, aJournal)
    return computer


@pytest.fixture
def withoutPackaging(monkeypatch):
    """Slicer 5.10."""
    monkeypatch.setitem(sys.modules, "slicer.packaging", None)


@pytest.fixture
def aSection(aManager):
    from MedSAM2SlicerLib.panel.InstallSection import InstallSection

    return InstallSection(aManager)


def test_requirements_are_those_of_the_package():
    ours = {each.specifier for each in [TORCH, *DependencyInstaller.readRequirements()]}
    # Slicer brings these; with the others the command line reads and writes what Slicer does itself, or they
    # come with matplotlib.
    brought = {"numpy>=1.26", "SimpleITK>=2.3", "scipy>=1.11", "pydicom>=3.0"}
    others = {"nibabel>=5.2", "highdicom>=0.27", "contourpy>=1.2"}
    assert ours | brought | others == requirements("backend")
    assert not ours & (brought | others)


def test_a_backend_and_the_weights_commands_do_without_what_slicer_is_not_given(tmp_path):
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('matplotlib', 'pydicom', 'nibabel', 'highdicom', 'contourpy')))\n"
        "import medsam2.backend.server, medsam2.backend.service, medsam2.weights.loading\n"
        "import medsam2.cli.serve_command, medsam2.cli.weights_commands\n"
        "sys.argv = ['medsam2', 'weights', 'list']\n"
        "from medsam2.cli.main import run; run()\n"
    )
    done = runInPython(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "starter" in done.stdout


def test_an_image_set_does_without_what_slicer_is_not_given(tmp_path):
    images = writeImages(tmp_path / "images", 3)
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('nibabel', 'highdicom')))\n"
        f"sys.argv = ['medsam2', 'one-prompt', {str(images[0].parent)!r}, '-o', {str(tmp_path / 'set')!r},\n"
        f"    '--template', {str(images[0])!r}, '--point', '30,20']\n"
        "from medsam2.cli.main import run; run()\n"
    )
    done = runInPython(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "set" / "results.csv").is_file()


def runInPython(code: str, home: Path) -> subprocess.CompletedProcess:
    """In a process of its own, which knows the package as Slicer's Python does."""
    logic = str(ROOT / "MedSAM2Slicer" / "Logic")
    environment = dict(os.environ, PYTHONPATH=logic, MEDSAM2_HOME=str(home))
    keep_speed(environment)
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=120
    )


def test_a_server_needs_the_client_s_packages_only(aComputer):
    assert {each.name for each in DependencyInstaller.missing(server=True)} == {
        "msgpack",
        "websockets",
    }
    assert TORCH in DependencyInstaller.missing(server=False)


@pytest.mark.parametrize(
    ("installed", "met"), [("2.4", True), ("2.13.0+cu128", True), ("2.3.1", False), ("10.0", True)]
)
def test_versions_are_compared_as_numbers(aComputer, installed, met):
    aComputer.installed["torch"] = installed
    assert TORCH.met is met


def test_refusal_installs_nothing(aComputer, aSection, aJournal, monkeypatch):
    aComputer.addExtension(monkeypatch)
    aJournal.answers["confirm"] = False
    aSection._install.click()
    assert (aJournal.pipRequests, aComputer.torchRequests) == ([], [])
    (asked,) = aJournal.popups
    for said in ("PyTorch 2.4 or newer", "3 GB", "websockets", "pypi.org"):
        assert said in asked.text


def test_agreement_installs_torch_through_its_extension_and_the_rest_by_pip(
    aComputer, aSection, aJournal, monkeypatch
):
    aComputer.addExtension(monkeypatch)
    aSection._install.click()
    assert aComputer.torchRequests == [{"askConfirmation": False, "torchVersionRequirement": ">=2.4"}]
    packages, optional = aJournal.pipRequests
    assert "websockets>=16" in packages
    assert optional == "--only-binary :all: zstandard>=0.22"
    assert not [each for each in packages if each.startswith("torch")]
    assert aSection._text.text == "Everything that is needed is installed."
    assert not aSection._install.enabled


def test_older_slicer_installs_one_after_the_other_and_says_which(
    aComputer, aSection, aJournal, monkeypatch, withoutPackaging
):
    aComputer.addExtension(monkeypatch)
    aSection._install.click()
    assert len(aJournal.pipRequests) == len(DependencyInstaller.readRequirements())
    assert "Installing msgpack (1 of 15)…" in aJournal.statusMessages


def test_without_the_extension_nothing_is_installed_and_the_way_is_told(aComputer, aSection, aJournal):
    aSection._install.click()
    assert (aJournal.pipRequests, aJournal.popups) == ([], [])
    assert "install that in the Extensions Manager" in aSection._problem.text


def test_an_older_torch_is_left_alone(aComputer, aSection, aJournal, monkeypatch):
    aComputer.addExtension(monkeypatch)
    aComputer.installed["torch"] = "2.2.0"
    aSection._install.click()
    assert (aJournal.pipRequests, aComputer.torchRequests) == ([], [])
    assert "PyTorch 2.2.0 is installed, but 2.4 or newer is needed" in aSection._problem.text


def test_failure_is_one_sentence_and_the_details_are_in_the_log(aComputer, aSection, monkeypatch, caplog):
    def fail(*_, **__):
        raise subprocess.CalledProcessError(1, ["pip"])

    aComputer.installed["torch"] = "2.13.0"
    monkeypatch.setattr(slicer.packaging, "pip_ensure", fail)
    with caplog.at_level(logging.ERROR):
        aSection._install.click()
    assert "check the network connection" in aSection._problem.text
    assert "pip" in caplog.text


def test_nobody_is_kept_from_a_server_where_zstandard_has_no_wheel(
    aComputer, aManager, aSection, aJournal, monkeypatch
):
    def fail(specifiers, show_progress):
        assert not show_progress, "Slicer would show a dialog"
        raise subprocess.CalledProcessError(1, ["pip", specifiers])

    monkeypatch.setattr(slicer.packaging, "pip_install", fail)
    aManager.settings.serverUrl = "wss://example.org"
    aSection._install.click()
    assert "zstandard" in aJournal.popups[0].text
    assert "zstandard" not in aComputer.installed
    assert not DependencyInstaller.missing(server=True)
    assert aSection._text.text == "Everything that is needed is installed."
    assert aSection._problem.text == ""


def test_packages_in_use_ask_for_a_restart(aComputer, aManager, aJournal, monkeypatch):
    aComputer.installed |= {"websockets": "12.0"}
    aComputer.modules["websockets"] = types.ModuleType("websockets")
    assert DependencyInstaller.install([WEBSOCKETS], lambda text: None) == ["websockets"]
    monkeypatch.setattr(DependencyInstaller, "install", lambda *_: ["websockets"])
    aComputer.installed["torch"] = "2.13.0"
    from MedSAM2SlicerLib.panel.InstallSection import InstallSection

    section = InstallSection(aManager)
    section._install.click()
    assert section._text.text == "Restart Slicer: it still uses the old websockets."
    assert not section._restart.isHidden()


def test_install_never_begins_with_an_obstacle(aComputer):
    with pytest.raises(InstallError, match="extension PyTorch"):
        DependencyInstaller.install([TORCH, WEBSOCKETS], lambda text: None)
