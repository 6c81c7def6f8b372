"""The real command: one annotated picture drives many, with the starter weights."""

import csv
import json
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from e2e.conftest import ENVIRONMENT, said
from medsam2.image_sets.review_file import NOTHING, ReviewFile
from medsam2.model.building import build_network
from medsam2.model.config import network_config
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt

COUNT = 6


def disc(seed: int, shape=(128, 150)) -> tuple[np.ndarray, np.ndarray]:
    """A disc that its colour tells from its surroundings, and its mask."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    centre = rng.uniform(0.4, 0.6, 2) * shape
    mask = np.hypot(rows - centre[0], columns - centre[1]) < rng.uniform(0.16, 0.22) * min(shape)
    image = np.where(mask[..., None], (210, 120, 60), (110, 60, 130)) + rng.normal(0, 10, (*shape, 3))
    return image.clip(0, 255).astype(np.uint8), mask


@pytest.fixture
def photos(tmp_path):
    """Pictures 0.png to 5.png, of which 5 is wide, and files that are none; the mask of the first beside."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(COUNT):
        image, mask = disc(number, (96, 220) if number == 5 else (128, 150))
        Image.fromarray(image).save(folder / f"{number}.png")
        if number == 0:
            Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / "mask.png")
    (folder / "notes.txt").write_text("no picture, and not meant to be one")
    return folder


def masks(folder):
    return {path.stem: np.asarray(Image.open(path)) for path in (folder / "masks").iterdir()}


def states(folder):
    with ReviewFile(folder) as review:
        return {record.name: record.state.value for record in review.records()}


def table(folder):
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def dice(one, other):
    return 2 * (one & other).sum() / (one.sum() + other.sum())


def started(folder, *arguments) -> subprocess.Popen:
    """The command while it works."""
    command = [sys.executable, "-m", "medsam2.cli.main", "one-prompt", *arguments]
    environment = {**ENVIRONMENT, "MEDSAM2_HOME": str(folder / "home")}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=folder
    )


def test_one_template_drives_a_folder_and_bad_images_are_left_out(medsam2, photos, tmp_path):
    before = {path: path.read_bytes() for path in photos.iterdir()}
    bad = photos / "bad.png"
    bad.write_bytes(before[photos / "3.png"][:3000])
    arguments = ("one-prompt", "photos", "-o", "set", "--template", "photos/0.png")
    run = medsam2(*arguments, "--mask", "mask.png", "--json")
    assert run.returncode == 1, run.stderr
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert [line["of"] for line in lines[:-1]] == [COUNT] * (len(lines) - 1)
    assert lines[-2]["done"] == COUNT
    assert {line["name"] for line in lines[:-1]} == {"bad", *map(str, range(1, COUNT))}
    assert lines[-1]["answered"] == COUNT - 1
    assert list(lines[-1]["failed"]) == ["bad"]
    assert "incomplete or damaged" in lines[-1]["failed"]["bad"]

    found = masks(tmp_path / "set")
    assert set(found) == set(map(str, range(COUNT)))
    for number in range(COUNT):
        mask = found[str(number)]
        truth = disc(number, (96, 220) if number == 5 else (128, 150))[1]
        assert set(np.unique(mask)) == {0, 255}
        assert dice(mask > 0, truth) > 0.85
    rows = table(tmp_path / "set")
    proposed = [float(row["confidence"]) for row in rows if row["state"] == "proposed"]
    assert len(proposed) == COUNT - 1
    assert proposed == sorted(proposed)
    assert [row["state"] for row in rows[-2:]] == ["unreadable", "prompted"]
    assert int(rows[0]["area"]) == (found[rows[0]["name"]] > 0).sum()
    with Image.open(tmp_path / "set" / "contact_sheet_1.png") as sheet:
        assert min(sheet.size) > 500
    assert {path: path.read_bytes() for path in before} == before


def test_decisions_and_corrections_are_kept_and_the_rest_is_renewed(here, photos, tmp_path):
    folder = tmp_path / "set"
    box = disc(0)[1].nonzero()
    corners = ",".join(str(int(edge)) for edge in (box[1].min(), box[0].min(), box[1].max(), box[0].max()))
    run = here("one-prompt", "photos", "-o", "set", "--template", "photos/0.png", "--box", corners)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("5 images were answered; now 1 prompted, 5 proposed.")
    first = masks(folder)
    assert dice(first["0"] > 0, disc(0)[1]) > 0.85

    run = here("one-prompt", "-o", "set", "--accept", "1", "--reject", "2", "--absent", "3")
    assert run.returncode == 0, run.stderr
    assert said(run.stderr) == []
    assert run.stdout.startswith("0 images were answered")
    expected = {"1": "accepted", "2": "rejected", "3": "absent"}
    assert states(folder) == {"0": "prompted", **expected, **dict.fromkeys("45", "proposed")}
    decided = masks(folder)
    assert "2" not in decided
    assert not decided["3"].any()
    assert decided["3"].shape == (128, 150)

    # A correction of an image of the set, called by its name: a click outside takes away.
    rows, columns = (first["4"] > 0).nonzero()
    stroke = f"{columns.min()},{rows.min()} {columns.min()},{rows.max()},-"
    run = here("one-prompt", "-o", "set", "--template", "4", "--stroke", stroke)
    assert run.returncode == 0, run.stderr
    assert states(folder) == {
        **dict.fromkeys("04", "prompted"),
        "1": "accepted",
        "3": "absent",
        **dict.fromkeys("25", "proposed"),
    }
    last = masks(folder)
    for name in "013":
        np.testing.assert_array_equal(last[name], decided[name])
    assert dice(last["2"] > 0, disc(2)[1]) > 0.8
    assert (last["4"][rows.min() : rows.max(), columns.min()] == 0).all()


def test_a_run_that_is_killed_goes_on_and_ends_as_one_that_was_not(medsam2, photos, tmp_path):
    template = ("--template", "photos/0.png", "--mask", "mask.png")
    whole = medsam2("one-prompt", "photos", "-o", "whole", *template)
    assert whole.returncode == 0, whole.stderr
    first = ("photos", "-o", "set", *template, "--json")
    again = ("-o", "set", "--json")
    for arguments in (first, again):
        with started(tmp_path, *arguments) as process:
            assert process.stdout.readline()
            process.send_signal(signal.SIGKILL)
    done = sum(state == "proposed" for state in states(tmp_path / "set").values())
    assert 0 < done < COUNT - 1
    run = medsam2("one-prompt", "-o", "set", "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout.splitlines()[-1])["answered"] == COUNT - 1 - done
    assert masks(tmp_path / "set").keys() == masks(tmp_path / "whole").keys()
    for name, mask in masks(tmp_path / "whole").items():
        np.testing.assert_array_equal(masks(tmp_path / "set")[name], mask)
    assert not list((tmp_path / "set").rglob(".incomplete-*"))


def test_a_person_decides_while_a_run_works_and_is_obeyed(here, photos, tmp_path):
    template = ("--template", "photos/0.png", "--mask", "mask.png")
    with started(tmp_path, "photos", "-o", "set", *template, "--json") as process:
        assert process.stdout.readline()
        process.send_signal(signal.SIGSTOP)  # for as long as the others look
        second = here("one-prompt", "-o", "set")
        decision = here("one-prompt", "-o", "set", "--absent", "5")
        process.send_signal(signal.SIGCONT)
        process.stdout.read()
    assert process.returncode == 0
    assert second.returncode == 2
    assert "Another run is writing" in second.stderr
    assert decision.returncode == 0
    assert "it will bring masks and tables up to date" in decision.stderr
    assert states(tmp_path / "set")["5"] == "absent"
    assert not masks(tmp_path / "set")["5"].any()
    assert {row["name"]: row["state"] for row in table(tmp_path / "set")}["5"] == "absent"


def test_decisions_are_taken_down_all_or_none_and_nothing_is_computed(here, photos, tmp_path):
    with ReviewFile(tmp_path / "set") as review:
        review.add([photos / f"{number}.png" for number in range(3)])
        mask = PlacedMask.cropped(disc(0)[1])
        review.set_prompt("0", Prompt(0, mask=mask))
        review.propose("1", 0.5, mask, (128, 150))
    run = here("one-prompt", "-o", "set", "--accept", "1", "--accept", "2")
    assert run.returncode == 2
    assert "2 is waiting and has no mask to accept" in run.stderr
    assert states(tmp_path / "set") == {"0": "prompted", "1": "proposed", "2": "waiting"}
    run = here("one-prompt", "-o", "set", "--accept", "1")
    assert run.returncode == 0, run.stderr
    assert states(tmp_path / "set") == {"0": "prompted", "1": "accepted", "2": "waiting"}
    assert set(masks(tmp_path / "set")) == {"0", "1"}


@pytest.fixture
def answered(photos, tmp_path):
    """The folder of a set in which 0 is the template, 1 is proposed, and nothing was found in 2."""
    folder = tmp_path / "set"
    with ReviewFile(folder) as review:
        review.add([photos / f"{number}.png" for number in range(3)])
        mask = PlacedMask.cropped(disc(0)[1])
        review.set_prompt("0", Prompt(0, mask=mask))
        review.propose("1", 0.5, mask, (128, 150))
        review.propose("2", 0.1, NOTHING, (128, 150))
    return folder


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--accept", "1", "--reject", "1"), "--accept 1 and --reject 1 contradict each other: give one."),
        (("--absent", "1", "--accept", "1"), "--accept 1 and --absent 1 contradict each other: give one."),
        (("--reject", "2", "--absent", "1", "--reject", "1"), "--reject 1 and --absent 1 contradict"),
        (
            ("--template", "1", "--point", "70,60", "--reject", "1"),
            "1 is the template, which its prompts decide on: leave out --reject 1.",
        ),
    ],
)
def test_two_decisions_on_one_image_are_refused_and_none_is_taken_down(here, answered, arguments, sentence):
    run = here("one-prompt", "-o", "set", *arguments)
    assert run.returncode == 2
    assert sentence in run.stderr
    assert states(answered) == {"0": "prompted", "1": "proposed", "2": "proposed"}


def test_a_decision_that_is_given_twice_is_one(here, answered):
    assert here("one-prompt", "-o", "set", "--accept", "1", "--accept", "1").returncode == 0
    with ReviewFile(answered) as review:
        assert review.undo() == "1"
    assert states(answered)["1"] == "proposed"


def test_accepting_an_image_in_which_nothing_was_found_says_that_it_becomes_absent(here, answered):
    run = here("one-prompt", "-o", "set", "--accept", "1", "--accept", "2")
    assert run.returncode == 0
    assert said(run.stderr) == [
        "medsam2: note: Nothing was found in 2, so it is absent now: if the object is there, show it with "
        "--template '2'."
    ]
    assert states(answered) == {"0": "prompted", "1": "accepted", "2": "absent"}


def test_other_weights_replace_proposals_only_when_told(here, photos, tmp_path):
    torch.manual_seed(5)
    torch.save({"model": build_network(network_config("starter")).state_dict()}, tmp_path / "untrained.pt")
    with ReviewFile(tmp_path / "set") as review:
        first, second = review.add([photos / "0.png", photos / "1.png"])
        review.set_prompt(first, Prompt(0, mask=PlacedMask.cropped(disc(0)[1])))
    Image.new("RGB", (150, 128)).save(photos / "dark.png")
    run = here("one-prompt", "photos/dark.png", "-o", "set")
    assert run.returncode == 0, run.stderr
    assert "In 1 of the proposed nothing was found: if the object is there, show it" in run.stdout
    before = masks(tmp_path / "set")
    run = here("one-prompt", "-o", "set", "--weights", "untrained.pt")
    assert run.returncode == 2
    assert "made with the weights starter, not untrained.pt" in run.stderr
    run = here("one-prompt", "-o", "set", "--speed", "fast")
    assert run.returncode == 2
    assert "made with --speed exact, not fast: take that, or replace all" in run.stderr
    np.testing.assert_array_equal(masks(tmp_path / "set")[second], before[second])
    run = here("one-prompt", "-o", "set", "--weights", "untrained.pt", "--speed", "fast", "--renew")
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("2 images were answered")
    after = masks(tmp_path / "set")
    np.testing.assert_array_equal(after[first], before[first])
    assert (after[second] != before[second]).any()


def test_a_run_that_is_interrupted_says_what_is_left(photos, tmp_path):
    with started(
        tmp_path, "photos", "-o", "set", "--template", "photos/0.png", "--mask", "mask.png", "--json"
    ) as process:
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.decode().splitlines()[-1].startswith("Stopped: what was decided and proposed is kept")
    assert len(states(tmp_path / "set")) == COUNT


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("photos", "-o", "set"), "show the object on one image, with --template"),
        (("photos", "-o", "set", "--point", "1,1"), "Say with --template"),
        (("photos", "-o", "set", "--template", "photos/0.png"), "Say where the object is"),
        (("photos", "-o", "set", "--template", "photos/no.png", "--point", "1,1"), "There is no image"),
        (("photos", "-o", "set", "--template", "photos/0.png", "--point", "1,1,1"), "two coordinates, X,Y"),
        (("photos", "-o", "set", "--template", "photos/0.png", "--point", "999,1"), "at 999,1 lies outside"),
        (
            ("photos", "-o", "set", "--template", "photos/0.png", "--point", "9,9,-"),
            "All prompts are background",
        ),
        (("photos", "-o", "set", "--template", "photos/0.png", "--mask", "photos/1.png"), "several labels"),
        (("photos", "-o", "set", "--template", "photos/5.png", "--mask", "mask.png"), "give one that fits"),
        (
            ("nothing", "-o", "set", "--template", "photos/0.png", "--point", "9,9"),
            "There is no image nothing",
        ),
        (
            ("--list", "list.txt", "-o", "set", "--template", "photos/0.png", "--point", "9,9"),
            "There is no image nothing.png, which line 2 of list.txt names: correct the list.",
        ),
        (("photos", "-o", "photos", "--template", "photos/0.png", "--point", "9,9"), "holds other files"),
        (("-o", "set", "--accept", "1"), "is no set yet"),
    ],
    ids=lambda value: "" if isinstance(value, tuple) else value,
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    here, photos, tmp_path, arguments, sentence
):
    (tmp_path / "list.txt").write_text("photos/1.png\nnothing.png\n")
    before = sorted(tmp_path.rglob("*"))
    run = here("one-prompt", *arguments)
    assert run.returncode == 2
    assert sentence in run.stderr
    assert len(said(run.stderr)) == 1
    assert [path for path in sorted(tmp_path.rglob("*")) if "home" not in path.parts] == before
