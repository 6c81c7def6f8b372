import json
from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from kept_speed import SPEED
from medsam2.cli import weights_commands, weights_list
from medsam2.cli.weights_commands import app
from medsam2.cli.weights_list import TITLES
from medsam2.errors import InputError
from medsam2.weights import catalogue as catalogue_module
from medsam2.weights.catalogue import catalogue, find_entry
from medsam2.weights.recognition import SeveralFamiliesError
from medsam2.weights.store import StoredWeights, find_stored, locate

ORDER = ("starter", "medsam2-latest", "sam2.1-tiny", "sam2.1-large")


def run(*arguments: str, answer: str | None = None) -> str:
    """Standard output of the command; whatever it raised is raised here."""
    return (
        CliRunner()
        .invoke(app, [str(word) for word in arguments], input=answer, catch_exceptions=False)
        .stdout
    )


@pytest.fixture
def served(file_server, monkeypatch):
    known = catalogue()
    made = known[0].__class__(
        **{**vars(known[0]), "name": "served", "shipped": False, "url": file_server.url, "filename": "s.pt"}
    )
    monkeypatch.setattr(catalogue_module, "_read_catalogue", lambda: (*known, made))
    return made


def test_list_shows_every_name_and_the_licence_trouble():
    output = run("list")
    for entry in catalogue():
        assert entry.name in output
    assert "research and education only" in " ".join(output.split())


@pytest.fixture(autouse=True)
def measured(monkeypatch):
    """A computer on which starter is quick, and the large networks are not."""
    monkeypatch.setattr(weights_list, "speed", lambda device, on_measuring: SPEED)


@pytest.mark.parametrize("columns", ["80", None], ids=["80 columns", "no terminal"])
def test_list_fits_into_80_columns_and_says_whose_each_licence_is(starter_file, monkeypatch, columns):
    run("import", starter_file, "--name", "mine")
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    text = run("list")
    folder = next(line for line in text.splitlines() if "used in" in line)
    assert max(len(line) for line in text.splitlines() if line != folder and "/" not in line) <= 80
    words = " ".join(text.split())
    for entry in catalogue():
        about = words[words.index(f"{entry.publisher}, licence {entry.licence} (") :]
        assert entry.name in about.partition(")")[0] + about.partition(": ")[0]
    assert "Imported by you" in words
    assert any(line.startswith("  starter ") and " installed " in line for line in text.splitlines())


def test_list_says_that_a_busy_computer_is_quicker_than_it_seems(monkeypatch):
    assert not CliRunner().invoke(app, ["list"]).stderr
    busy = replace(SPEED, is_at_rest=False)
    monkeypatch.setattr(weights_list, "speed", lambda device, on_measuring: busy)
    assert "may be several times too long" in CliRunner().invoke(app, ["list"]).stderr


def test_list_groups_by_how_quick_a_slice_is_here():
    lines = run("list").splitlines()
    titles = [lines.index(title) for title in TITLES.values() if title in lines]
    assert titles == sorted(titles)
    places = [next(n for n, line in enumerate(lines) if line.startswith(f"  {name} ")) for name in ORDER]
    assert titles[0] < places[0] < titles[1] < places[-1]
    assert places == sorted(places)
    assert "quick on this computer are starter" in " ".join(lines)


def test_slow_weights_say_before_the_download_how_slow_and_what_is_quicker(monkeypatch):
    asked = CliRunner().invoke(app, ["download", "sam2.1-large"])
    assert isinstance(asked.exception, InputError)
    (said,) = (line for line in asked.stderr.splitlines() if "200 slices" in line)
    seconds = rows()["sam2.1-large"]["seconds_per_slice"]
    assert f"takes about {seconds:.0f} s on this computer" in said
    assert f"about {seconds * 200 / 60:.0f} minutes" in said
    assert rows()["sam2.1-large"]["quicker"] in said
    quick = CliRunner().invoke(app, ["download", "medsam2-latest"])
    assert "200 slices" not in quick.stderr


def rows() -> dict[str, dict]:
    return {row["name"]: row for row in json.loads(run("list", "--json"))["weights"]}


def test_list_shows_the_others_where_one_file_is_damaged(starter_file):
    run("import", starter_file, "--name", "mine")
    find_stored("mine").path.write_bytes(b"cut off")
    rows = {row["name"]: row for row in json.loads(run("list", "--json"))["weights"]}
    assert rows["mine"]["family"] == "damaged"
    assert rows["starter"]["installed"]


def test_names_in_a_foreign_file_cannot_write_to_the_terminal(tmp_path, starter_state):
    torch.save(
        {**starter_state, "\x1b]0;title\x07": torch.zeros(1), "\ud800": torch.zeros(1)}, tmp_path / "odd.pt"
    )
    text = run("inspect", tmp_path / "odd.pt")
    assert "\x1b" not in text
    assert r"\x1b]0;title\x07, \ud800" in text


def test_list_for_machines_has_the_imported_too(starter_file):
    run("import", starter_file, "--name", "mine")
    rows = {row["name"]: row for row in json.loads(run("list", "--json"))["weights"]}
    assert rows.keys() == {*(entry.name for entry in catalogue()), "mine"}
    assert (rows["mine"]["preset"], rows["mine"]["installed"]) == ("starter", True)
    assert rows["sam2.1-large"]["installed"] is False
    assert rows["medsam2-latest"]["prompts"] == ["box"]
    assert "mine" in run("list")


def test_inspect_tells_the_network_and_its_gaps(tmp_path, starter_state, starter_file):
    facts = json.loads(run("inspect", starter_file, "--json"))
    assert (facts["family"], facts["preset"], facts["complete"]) == ("sam2.1", "starter", True)
    assert facts["parameters"] == sum(tensor.numel() for tensor in starter_state.values())
    assert facts["matched"] == len(starter_state)
    assert len(facts["sha256"]) == 64
    del (state := dict(starter_state))["no_mem_embed"]
    torch.save(state, tmp_path / "partial.pt")
    assert json.loads(run("inspect", tmp_path / "partial.pt", "--json"))["missing"] == ["no_mem_embed"]
    text = run("inspect", tmp_path / "partial.pt")
    assert "1  (no_mem_embed)" in text
    assert "not finite  0" in text
    assert f"{facts['parameters'] - 128:,}" in text


def test_download_needs_a_yes(served, monkeypatch):
    with pytest.raises(InputError, match="add --accept-licence"):
        run("download", "served")
    monkeypatch.setattr(weights_commands, "_on_terminal", lambda: True)
    with pytest.raises(InputError, match="was not agreed to"):
        run("download", "served", answer="n\n")
    assert find_stored("served") is None
    run("download", "served", answer="y\n")
    assert find_stored("served")


def test_download_shows_the_licence_first(served, file_server):
    file_server.status = 404
    result = CliRunner().invoke(app, ["download", "served", "--accept-licence"])
    assert isinstance(result.exception, InputError)
    assert served.licence_note in result.stderr
    assert "No checksum of this file is known: this first download is trusted" in result.stderr
    file_server.status = None
    assert "are installed" in run("download", "served", "--accept-licence")
    assert "installed already" in run("download", "served")


@pytest.mark.parametrize("name", ["medsam", "lite-medsam", "sam-med2d"])
def test_what_people_fetch_themselves_is_told_with_its_page(name):
    entry = find_entry(name)
    with pytest.raises(InputError) as error:
        run("download", name, "--accept-licence")
    for said in (entry.page, entry.filename, f"'medsam2 weights import {entry.filename} --name {name}'"):
        assert said in str(error.value)


@pytest.mark.parametrize(
    "words", [["download", "sam3"], ["inspect", "sam3"], ["import", "x.pt", "--name", "sam3"]]
)
def test_sam_3_says_why_it_cannot_be_used(words):
    with pytest.raises(InputError, match=r"SAM 3 cannot be loaded.*take sam2.1-large instead"):
        run(*words)


@pytest.fixture
def either_family(tmp_path, monkeypatch):
    """A file that fits SAM ViT-B and MedSAM; what is imported of it is put on record instead."""
    imported = []

    def import_weights(path, name, preset=None, family=None):
        if family not in ("sam", "medsam"):
            raise SeveralFamiliesError(["sam", "medsam"], "'tuned.pth' may be of sam or medsam: --family.")
        imported.append((path.name, name, family))
        return StoredWeights(name, starter)

    starter = locate("starter").path
    monkeypatch.setattr(weights_commands, "import_weights", import_weights)
    return imported


def test_a_file_of_either_family_is_asked_about_on_a_terminal(either_family, monkeypatch):
    monkeypatch.setattr(weights_commands, "_on_terminal", lambda: True)
    run("import", "tuned.pth", "--name", "mine", answer="medsam\n")
    assert either_family == [("tuned.pth", "mine", "medsam")]


def test_a_file_of_either_family_is_refused_where_nobody_can_be_asked(either_family):
    with pytest.raises(InputError, match="may be of sam or medsam"):
        run("import", "tuned.pth", "--name", "mine")
    result = CliRunner().invoke(app, ["import", "tuned.pth", "--name", "mine", "--json"])
    assert lines(result.stdout) == [{"families": ["sam", "medsam"]}]
    run("import", "tuned.pth", "--name", "mine", "--family", "sam", "--json")
    assert either_family == [("tuned.pth", "mine", "sam")]


def lines(output: str) -> list[dict]:
    return [json.loads(line) for line in output.splitlines()]


def test_download_counts_its_bytes_for_machines(served, file_server):
    *steps, last = lines(run("download", "served", "--accept-licence", "--json"))
    size = len(file_server.content)
    assert steps[-1] == {"done": size, "total": size}
    assert last == {"installed": "served", "path": str(find_stored("served").path), "size_bytes": size}
    assert lines(run("download", "served", "--json")) == [last]


def test_list_for_machines_says_what_can_be_deleted_and_what_the_disk_holds(starter_file):
    run("import", starter_file, "--name", "mine")
    (answer,) = lines(run("list", "--json"))
    rows = {row["name"]: row for row in answer["weights"]}
    assert (rows["starter"]["shipped"], rows["mine"]["shipped"]) == (True, False)
    assert answer["disk_bytes"] >= rows["mine"]["size_bytes"]
    assert rows["sam2.1-tiny"]["url"].startswith("https://")


def test_import_and_remove_answer_machines(starter_file):
    (answer,) = lines(run("import", starter_file, "--name", "mine", "--json"))
    assert answer["installed"] == "mine"
    assert lines(run("remove", "mine", "--json")) == [
        {"removed": "mine", "freed_bytes": answer["size_bytes"]}
    ]


def test_remove(starter_file):
    run("import", starter_file, "--name", "mine")
    assert "28 MB freed" in run("remove", "mine")
    assert find_stored("mine") is None


def test_unknown_names_are_input_errors():
    for command in (["download", "nope", "--accept-licence"], ["remove", "nope"], ["inspect", "nope"]):
        with pytest.raises(InputError, match="'nope'"):
            run(*command)
