"""Whatever the module and its panel show, in any state, is in Slicer's language.

That language has each text in brackets (``fakes.translation``); what else is shown are names, addresses
and the words of the backend, which are no texts of Slicer's side (docs/decisions/13).
"""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import slicer
from MedSAM2SlicerLib.backend import BackgroundCommand
from MedSAM2SlicerLib.backend.BackendManager import BackendState
from MedSAM2SlicerLib.panel import DependencyInstaller, SelfTest, WeightsTable
from MedSAM2SlicerLib.panel.StateSection import deviceInWords, stateInWords

from extension.panel.image_sets import writeImages
from fakes.translation import shownBy, untranslated
from medsam2.protocol import Limits, Ready

pytestmark = pytest.mark.usefixtures("aLanguage")

MODULE = Path(__file__).resolve().parents[3] / "MedSAM2Slicer"
NAMES = {"starter", "MedSAM2", "wss://server.hospital.org:8443"}
SERVER = "wss://example.invalid:8443"
SAID_BY_THE_BACKEND = "Any sentence."
READY = Ready(1, "medsam2/0.1.0", "cuda:0", "sam2.1-tiny", 1024, Limits(1, 1, 1), ("none",))


def bare(*widgets) -> set[str]:
    """What is shown that is neither translated nor the name of something."""
    names = NAMES | {"Apache-2.0", "CC-BY-SA-4.0", "LicenseRef-SAM"}
    names |= {row[key] for row in WeightsTable.catalogueRows() for key in ("name", "filename")}
    return untranslated(*(text for widget in widgets for text in shownBy(widget))) - names


def test_the_whole_panel_when_it_is_opened(aPanel):
    assert bare(aPanel.widget) == set()


def test_the_module_s_own_page(aSession, aManager):
    module = aSession.load(MODULE / "MedSAM2Slicer.py")
    shown = untranslated(module.title, *module.categories, module.acknowledgementText, module.helpText)
    assert shown == {sys.modules["MedSAM2Slicer"].HOMEPAGE}


@pytest.mark.parametrize("state", BackendState)
def test_each_state_of_the_backend(aPanel, aManager, monkeypatch, state):
    monkeypatch.setattr(type(aManager), "state", state)
    monkeypatch.setattr(type(aManager), "ready", READY if state is BackendState.READY else None)
    aPanel.update()
    aPanel.state._logButton.click()
    assert bare(aPanel.state.widget) <= {"sam2.1-tiny"}
    assert untranslated(stateInWords(state)) == set()


@pytest.mark.parametrize("device", ["cpu", "cuda:0", "mps"])
@pytest.mark.parametrize("chosen", ["auto", "cpu"])
def test_each_device(device, chosen):
    assert untranslated(deviceInWords(device, chosen)) == set()


def test_memory_that_nobody_can_tell(aPanel, monkeypatch):
    monkeypatch.setattr("MedSAM2SlicerLib.backend.Machine.memoryGigabytes", lambda: (None, None))
    aPanel.update()
    assert bare(aPanel.state.widget) == set()


def test_a_server(aPanel, aManager, aJournal):
    server = aPanel.server
    server._away.checked = True
    server._address.text, server._token.text = SERVER, "a token"
    server._onChooseCaFile()
    server.apply.click()
    assert aManager.settings.serverUrl == SERVER
    assert bare(aPanel.widget) == set()
    assert untranslated(*(each.text for each in aJournal.popups)) == set()


def test_something_is_missing(aPanel, aManager, monkeypatch):
    monkeypatch.setattr(DependencyInstaller, "TORCH", DependencyInstaller.Requirement("torch", "99"))
    aPanel.installation.update()
    aPanel.state._onStart()
    aPanel.weights.refresh()
    aPanel.selfTest.run()
    monkeypatch.setattr(DependencyInstaller, "missing", lambda server: [DependencyInstaller.TORCH])
    aPanel.server._away.checked = True
    aPanel.server.apply.click()
    assert bare(aPanel.widget) == set()


@pytest.mark.parametrize("torch", [None, "2.2.0"])
def test_what_hinders_an_installation(aPanel, monkeypatch, torch):
    monkeypatch.setattr(DependencyInstaller.Requirement, "installed", torch)
    aPanel.installation._onInstall()
    assert not aPanel.installation._problem.isHidden()
    assert bare(aPanel.installation.widget) == set()


@pytest.mark.parametrize("isOld", [True, False])
def test_an_installation(aPanel, aJournal, monkeypatch, isOld):
    """The question, each step, a failure, and the restart."""
    shown = []
    monkeypatch.setattr(DependencyInstaller, "obstacle", lambda _: "")
    monkeypatch.setattr(DependencyInstaller, "_installTorch", lambda: None)
    monkeypatch.setattr(DependencyInstaller.Requirement, "installed", None)
    if isOld:
        monkeypatch.setitem(sys.modules, "slicer.packaging", None)
    monkeypatch.setattr(slicer.util, "showStatusMessage", lambda text: shown.append(text))
    section = aPanel.installation
    section._onInstall()
    assert len(shown) > 1
    assert not section._problem.isHidden()
    assert bare(section.widget) == untranslated(*shown) == set()
    assert untranslated(*(text for each in aJournal.popups for text in (each.text, each.title))) <= NAMES
    section._restartFor = ["websockets"]
    section.update()
    assert bare(section.widget) == set()


def test_an_image_set_in_all_its_states(aPanel, aJournal, aClock, tmp_path, monkeypatch):
    section, frame = aPanel.imageSets, aPanel.imageSets.frame
    images = writeImages(tmp_path / "eyes", 8)
    names = {f"image_{number}" for number in range(8)}
    aPanel.widget.setFixedSize(380, 1500)
    aPanel.widget.show()
    aJournal.answers["file"] = str(images[0].parent)
    section.choice._scene.click()
    section.choice._earlier.click()
    assert bare(section.widget) == set()
    section.choice._folder.click()
    assert bare(section.widget) == set()
    section.choice._begin.click()
    for number, state in enumerate(("proposed", "accepted", "rejected", "absent", "prompted", "unreadable")):
        review = section.review
        review.records[f"image_{number}"] = replace(
            review.records[f"image_{number}"], state=state, confidence=None if number else 0.5, pixels=number
        )
    for name in sorted(review.records):
        frame.grid.choose(name)
        assert bare(section.widget) == set()
        assert untranslated(*frame._wordsOf(name), frame.grid.widget.accessibleDescription) <= names
    for state in ("waiting", "accepted"):
        monkeypatch.setattr(
            review, "records", {name: replace(each, state=state) for name, each in review.records.items()}
        )
        section.update()
        assert bare(section.widget) == set()
    frame.segmenting = "image_2"
    frame.update()
    assert bare(section.widget) == set()
    aClock.advanceUntil(lambda: not section.filesAreMade, 60)


def test_each_of_the_weights(aPanel, aJournal):
    weights = aPanel.weights
    aJournal.answers["confirm"] = False
    for row in WeightsTable.catalogueRows():
        weights.table.select(row["name"])
        assert bare(weights.widget) == set()
        if row["url"]:
            weights._onDownload()
        weights._onDelete()
    weights._onImport()
    assert untranslated(*(text for each in aJournal.popups for text in (each.text, each.title))) <= NAMES


def test_weights_that_are_there(aPanel, monkeypatch):
    weights = aPanel.weights
    rows = [row | {"installed": True} for row in WeightsTable.catalogueRows()]
    weights._onListed({"weights": rows, "folder": "/somewhere", "disk_bytes": 1_000_000})
    weights.update()
    assert bare(weights.widget) == set()
    weights._onFinished("download", SAID_BY_THE_BACKEND)
    assert bare(weights.widget) == {f"⚠ {SAID_BY_THE_BACKEND}"}


@pytest.mark.parametrize("ended", [3, FileNotFoundError(2, SAID_BY_THE_BACKEND)])
def test_a_command_that_ends_unexpectedly(ended):
    assert untranslated(BackgroundCommand._reason(ended, "")) == set()


def test_the_self_test(aPanel, aManager, monkeypatch):
    """Its reports of all outcomes; names of programs and devices are what they are."""
    section, client = aPanel.selfTest, SimpleNamespace(failure=None, gone=True, pump=list)
    for ignored in ("start", "open_volume", "prompt", "propagate", "dismiss", "close"):
        setattr(client, ignored, lambda *_: 1)
    monkeypatch.setattr(type(aManager), "newClient", lambda self: client)
    monkeypatch.setattr(SelfTest.Machine, "PACKAGES", ("numpy", "no-such-package"))
    names = [f"{name}: {version}" for name, version in SelfTest.Machine.versions().items()]
    names = {*untranslated(*names), ": cuda:0", ": sam2.1-tiny"}

    def isReported() -> bool:
        rest = "\n".join(bare(section.widget)).splitlines()
        return bool(rest) and untranslated(*rest) <= names

    section.run()
    assert bare(section.widget) == set()
    test = section._test
    test._ready = READY
    test._times |= {"ready": 1.0, "clicked": 2.0, "tracked": 3.0}
    for masks in (test._truth, ~test._truth):
        test._masks = masks
        test._end(test._verdict())
        assert isReported()
    section.run()
    section._test._clock = lambda: float("inf")
    section._test._look()
    assert isReported()
    section._test._end(SAID_BY_THE_BACKEND)
    assert SAID_BY_THE_BACKEND in "\n".join(bare(section.widget))
    section._onCancel()
    assert bare(section.widget) == set()
