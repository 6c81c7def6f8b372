"""The weights manager over the real command in a real child process."""

import os

import pytest
import torch
from MedSAM2SlicerLib.backend.BackgroundCommand import BackgroundCommand
from MedSAM2SlicerLib.panel import WeightsSection as module

from medsam2.model.config import network_config
from medsam2.model.network import MedSAM2

SECONDS = 300
"""Patience with a child process on a busy computer."""


@pytest.fixture(scope="module")
def aCheckpoint(tmp_path_factory):
    """A file such as a user has after fine-tuning."""
    path = tmp_path_factory.mktemp("files") / "my liver (v2).pt"
    torch.manual_seed(5)
    torch.save({"model": dict(MedSAM2(network_config("starter", "sam2.1")).state_dict())}, path)
    return path


@pytest.fixture
def aSection(aPanel):
    return aPanel.weights


@pytest.fixture
def finish(aSection, aClock):
    """Wait for the running command, and for the list after it."""
    return lambda: aClock.advanceUntil(lambda: not aSection.busy, SECONDS)


def column(section, number: int) -> list[str]:
    table = section.table.widget
    return [table.item(row, number).text() for row in range(table.rowCount)]


def test_the_catalogue_is_shown_at_once_and_no_process_is_started(aSection):
    assert column(aSection, 0)[:2] == ["starter", "sam2.0-tiny"]
    assert column(aSection, 1)[:2] == ["in use", "…"]
    assert not aSection.busy


def test_the_list_is_asked_for_when_the_section_is_opened(aSection, finish, home):
    aSection.widget.collapsed = False
    assert aSection.busy
    finish()
    assert column(aSection, 1)[:2] == ["in use", "no"]
    assert aSection._disk.text == "0 MB used on the disk."
    aSection.widget.collapsed = True
    aSection.widget.collapsed = False
    assert not aSection.busy


def test_no_python_file_of_the_working_folder_is_run(aSection, finish, home, tmp_path, monkeypatch):
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("typer", "torch", "json", "sitecustomize", "medsam2"):
        (folder / f"{name}.py").write_text(f"open(r'{tmp_path}/ran-{name}', 'w')\nraise SystemExit(9)\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", ".", os.environ.get("PYTHONPATH", "")]))
    aSection.widget.collapsed = False
    finish()
    assert column(aSection, 1)[:2] == ["in use", "no"]
    assert not list(tmp_path.glob("ran-*"))


def test_import_use_and_delete(aSection, aManager, aJournal, aCheckpoint, finish, home):
    aJournal.answers["file"] = str(aCheckpoint)
    aSection._import.click()
    assert aSection.busy
    finish()
    assert column(aSection, 0)[:2] == ["starter", "my-liver-v2"], "as quick as what it was tuned from"
    assert (home / "weights" / "my-liver-v2.safetensors").is_file()
    aSection.table.select("my-liver-v2")
    aSection._use.click()
    assert aManager.settings.weights == "my-liver-v2"
    assert column(aSection, 1)[:2] == ["included", "in use"]
    aJournal.answers["confirm"] = False
    aSection._delete.click()
    assert not aSection.busy
    aJournal.answers["confirm"] = True
    aSection._delete.click()
    finish()
    assert "my-liver-v2" not in column(aSection, 0)
    assert not list((home / "weights").glob("my-liver*"))
    assert aManager.settings.weights == "starter"
    assert "Delete the weights my-liver-v2 (28 MB) from the disk?" in aJournal.popups[-1].text


def test_a_file_that_is_no_checkpoint_is_refused_in_the_command_s_words(aSection, aJournal, tmp_path, finish):
    (tmp_path / "scan.pt").write_bytes(b"a text")
    aJournal.answers["file"] = str(tmp_path / "scan.pt")
    aSection._import.click()
    finish()
    assert "'scan.pt' is not a checkpoint; give a .pt, .pth or .safetensors file." in aSection._problem.text
    assert not aSection._problem.isHidden()


def test_the_licence_is_shown_before_a_download_and_no_means_no(aSection, aJournal):
    aSection.table.select("medsam2-2411")
    aJournal.answers["confirm"] = False
    aSection._download.click()
    assert not aSection.busy
    (asked,) = aJournal.popups
    for said in ("156 MB from huggingface.co", "CC-BY-SA-4.0", "research and education only", "No checksum"):
        assert said in asked.text


def test_a_download_shows_its_progress_and_can_be_cancelled(aSection, aClock, monkeypatch, finish):
    started = []

    class Download(BackgroundCommand):
        """Counts like a download that never ends."""

        def __init__(self, arguments, onAnswer, onFinished):
            started.append(arguments)
            super().__init__(("weights", "list", "--json"), lambda answer: None, onFinished)
            onAnswer({"done": 5_000_000_000, "total": 8_000_000_000})

    monkeypatch.setattr(module, "BackgroundCommand", Download)
    aSection.table.select("sam2.1-tiny")
    aSection._download.click()
    assert started == [("weights", "download", "sam2.1-tiny", "--accept-licence", "--json")]
    assert (aSection._bar.value, aSection._bar.maximum) == (5_000_000, 8_000_000)
    assert not aSection._cancel.isHidden()
    assert not aSection._download.enabled
    aSection._cancel.click()
    monkeypatch.undo()
    finish()
    assert aSection._problem.isHidden()


def test_what_people_fetch_themselves_opens_its_page_and_takes_its_name(aSection, monkeypatch):
    opened = []
    monkeypatch.setattr(module.qt.QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    aSection.table.select("sam2.1-tiny")
    assert aSection._page.isHidden()
    aSection.table.select("medsam")
    assert not aSection._page.isHidden()
    assert aSection._download.isHidden()
    assert "Download medsam_vit_b.pth from its page" in aSection._about.text
    aSection._page.click()
    assert opened == ["https://drive.google.com/drive/folders/1ETWmi4AiniJeWOt6HAsYgTjYv_fkgzoN"]
    rows = module.catalogueRows()
    assert module.nameFor("/x/medsam_vit_b (1).pth", rows) == "medsam"
    assert module.nameFor("/x/sam2.1_hiera_tiny.unproven.pt", rows) == "sam2.1-tiny"
    there = [row | {"installed": True} for row in rows]
    assert module.nameFor("/x/medsam_vit_b.pth", there) == "medsam_vit_b"


def test_what_cannot_be_used_says_why(aSection):
    aSection.table.select("sam3")
    assert "SAM 3 cannot be loaded" in aSection._about.text
    assert not aSection._use.enabled
    assert not aSection._download.enabled
    assert aSection._page.isHidden()


def test_a_file_of_either_family_is_asked_about(aSection, aJournal, monkeypatch):
    started = []

    class Import(BackgroundCommand):
        """Answers like the command that is given a file which fits SAM ViT-B and MedSAM."""

        running = False

        def __init__(self, arguments, onAnswer, onFinished):
            started.append(arguments)
            if arguments[1] == "import" and "--family" not in arguments:
                onAnswer({"families": ["sam", "medsam"]})
                onFinished("'tuned.pth' may be of sam or medsam.")

    monkeypatch.setattr(module, "BackgroundCommand", Import)
    assert aSection._importAs.isHidden()
    aJournal.answers["file"] = "/files/tuned.pth"
    aSection._import.click()
    assert "tuned.pth fits several networks" in aSection._problem.text
    assert not aSection._importAs.isHidden()
    aSection._which.setCurrentText("medsam")
    aSection._importAs.click()
    assert started[-1] == (
        *("weights", "import", "/files/tuned.pth", "--name", "tuned", "--family", "medsam", "--json"),
    )
    assert aSection._importAs.isHidden()
    aSection._import.click()
    aSection._onDelete()
    assert aSection._which.count == 0


def test_slow_weights_say_how_slow_before_they_are_downloaded_or_used(aSection, aManager, aJournal):
    for row in aSection._rows:
        large = row["name"] == "sam2.1-large"
        row |= {"seconds_per_slice": 24.0 if large else 0.05, "pace": "too slow" if large else "quick"}
        row |= {"installed": large, "quicker": "starter" if large else None}
    aSection.update()
    assert column(aSection, 2)[0] == "0.05 s: quick"
    aSection.table.select("sam2.1-large")
    said = (
        "With sam2.1-large a slice takes about 24 s on this computer, and a scan of 200 slices about 80 "
        "minutes. starter takes 0.05 s."
    )
    assert said in aSection._about.text
    aJournal.answers["confirm"] = False
    aSection._use.click()
    assert said in aJournal.popups[-1].text
    assert aManager.settings.weights == "starter"
    aSection.table.selected["installed"] = False
    aSection._onSelected()
    aSection._download.click()
    assert said in aJournal.popups[-1].text


def test_what_ships_cannot_be_deleted_and_what_is_missing_cannot_be_used(aSection):
    aSection.table.select("starter")
    assert not aSection._delete.enabled
    aSection.table.select("sam2.1-large")
    assert not aSection._use.enabled
    assert aSection._download.enabled
    assert "Trained on photographs" in aSection._about.text


def test_names_for_imported_files_are_free_and_allowed():
    assert module.freeName("/x/Müller CT.pt", []) == "M-ller-CT"
    assert module.freeName("/x/a.pt", ["a", "a-2"]) == "a-3"
    assert module.freeName("/x/().pt", []) == "imported"


def test_a_crash_of_the_command_keeps_its_log(aSession, home, aClock):
    ended = []
    command = BackgroundCommand(("no-such-command",), lambda answer: None, ended.append)
    aClock.advanceUntil(lambda: not command.running, SECONDS)
    assert "exit code 2" in ended[0]
    assert "no-such-command" in command.log
    assert not command._logFile.exists()
