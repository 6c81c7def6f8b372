"""What the backend is, in words, and where it runs: token and address stay where they belong."""

import logging

import pytest
import qt
import slicer
from MedSAM2SlicerLib.backend.BackendManager import BackendState
from MedSAM2SlicerLib.panel.StateSection import deviceInWords, stateInWords

from fakes import qt_settings
from medsam2.client import ClientState
from medsam2.protocol import Limits, Ready

TOKEN = "quite-secret-token"
SERVER = "wss://example.invalid:8443"


def type_(panel, address: str, token: str = ""):
    panel.server._away.checked = True
    panel.server._address.text = address
    panel.server._token.text = token
    panel.server.apply.click()


def texts(widget) -> str:
    kinds = (qt.QLabel, qt.QLineEdit)
    return "\n".join(each.text for kind in kinds for each in widget.findChildren(kind))


def test_it_says_that_nothing_runs_and_nothing_leaves(aPanel):
    shown = texts(aPanel.state.widget)
    assert "Not running. It starts when the effect is chosen; a server is asked at the first click." in shown
    assert "this computer; nothing leaves it" in shown
    assert "GB free" in shown


def test_every_state_of_the_client_has_words():
    assert {each.value for each in ClientState} < {each.value for each in BackendState}
    assert all(stateInWords(state) for state in BackendState)


@pytest.mark.parametrize(
    ("device", "chosen", "words"),
    [
        ("cpu", "auto", "processor (CPU); PyTorch found no graphics card that it can use"),
        ("cuda:0", "auto", "NVIDIA graphics card (CUDA); found by PyTorch"),
        ("cpu", "cpu", "processor (CPU); as chosen below"),
    ],
)
def test_the_device_in_use_and_why(device, chosen, words):
    assert deviceInWords(device, chosen) == words


def test_a_running_backend_is_described(aPanel, aManager, monkeypatch):
    ready = Ready(1, "medsam2/0.1.0", "cuda:0", "sam2.1-tiny", 1024, Limits(1, 1, 1), ("none",))
    monkeypatch.setattr(type(aManager), "ready", ready)
    monkeypatch.setattr(type(aManager), "state", BackendState.READY)
    aPanel.update()
    shown = texts(aPanel.state.widget)
    for word in ("Ready.", "NVIDIA graphics card (CUDA)", "sam2.1-tiny"):
        assert word in shown
    assert not aPanel.state._start.enabled


def test_words_from_a_server_are_not_taken_for_html(aPanel, aManager, monkeypatch):
    monkeypatch.setattr(type(aManager), "failure", '<a href="https://example.org">Install this</a>')
    aPanel.update()
    assert aPanel.state._problem.textFormat == qt.Qt.PlainText


def test_a_server_is_told_what_is_sent_before_it_is_chosen(aPanel):
    aPanel.server._away.checked = True
    assert "are sent to this server" in texts(aPanel.server._awayFrame)
    assert not aPanel.server._awayFrame.isHidden()
    assert aPanel.server._hereFrame.isHidden()


def test_the_choice_is_kept_in_the_settings_and_shown(aPanel, aManager):
    type_(aPanel, SERVER, TOKEN)
    assert aManager.settings.serverUrl == SERVER
    assert qt_settings.STORE["MedSAM2/serverUrl"] == SERVER
    shown = texts(aPanel.state.widget)
    assert f"the server {SERVER}; images are sent to it" in shown
    assert "starter" not in shown  # the server's weights are its own
    assert not aPanel.weights._server.isHidden()


def test_the_token_is_neither_in_settings_nor_scene_nor_log_nor_on_the_screen(aPanel, aManager, caplog):
    with caplog.at_level(logging.DEBUG):
        type_(aPanel, SERVER, TOKEN)
        aPanel.state._start.click()
    assert aPanel.server._token.echoMode == qt.QLineEdit.Password
    slicer.mrmlScene.SetSaveToXMLString(1)
    slicer.mrmlScene.Commit()
    kept = [str(qt_settings.STORE), slicer.mrmlScene.GetSceneXMLString(), caplog.text, texts(aPanel.widget)]
    assert slicer.mrmlScene.GetSceneXMLString()
    assert not [each for each in kept if TOKEN in each]
    assert aManager._token == TOKEN


def test_images_never_travel_unencrypted(aPanel, aManager):
    type_(aPanel, "ws://server.hospital.org")
    assert "Images would travel unencrypted to server.hospital.org" in aPanel.server._problem.text
    assert aManager.settings.serverUrl == ""


def test_a_wrong_address_is_refused_in_the_client_s_words(aPanel):
    type_(aPanel, "server.hospital.org")
    assert "is no address of a server: give wss://HOST:PORT" in aPanel.server._problem.text


def test_a_certificate_is_chosen_by_a_file_dialog(aPanel, aJournal):
    aJournal.answers["file"] = "/somewhere/authority.pem"
    aPanel.server._onChooseCaFile()
    type_(aPanel, SERVER)
    assert qt_settings.STORE["MedSAM2/caFile"] == "/somewhere/authority.pem"


def test_back_to_this_computer(aPanel, aManager):
    type_(aPanel, SERVER, TOKEN)
    aPanel.server._here.checked = True
    aPanel.server._device.currentIndex = 1
    aPanel.server.apply.click()
    assert (aManager.settings.serverUrl, aManager.settings.device) == ("", "cpu")


def test_speed_is_chosen_and_kept(aPanel, aManager):
    speed = aPanel.server._speed
    assert speed.itemData(speed.currentIndex) == "exact"
    speed.currentIndex = 1
    aPanel.server.apply.click()
    assert aManager.settings.speed == "fast"
    assert qt_settings.STORE["MedSAM2/speed"] == "fast"
    aPanel.server.update()
    assert speed.currentIndex == 1
    aPanel.state._start.click()
    assert "--speed fast" in " ".join(aManager._running.backend._command)


def test_a_failure_is_shown_with_its_reason_and_the_log(aPanel, aManager, aClock, home):
    aManager.settings.weights = "nonesuch"
    aPanel.state._start.click()
    aClock.advanceUntil(lambda: aManager.failure, seconds=300)
    shown = texts(aPanel.state.widget)
    assert "It cannot be used." in shown
    assert "There are no weights called 'nonesuch'" in shown
    aPanel.state._logButton.click()
    assert "nonesuch" in aPanel.state._log.toPlainText()
    assert aPanel.state._start.enabled
