"""Fine-tuning runs of two or three steps: going on, stopping, and what they leave on disk."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import medsam2
from medsam2.errors import InputError
from medsam2.training import fine_tuning
from medsam2.training.fine_tuning import FineTuning, RunOptions, Sets, schedule, split_cases
from medsam2.training.ranks import Ranks
from medsam2.training.run import Run
from medsam2.training.settings import Settings
from medsam2.training.training_log import TrainingLog
from medsam2.weights.loading import load_model
from unit.training.examples import THIN, cases_in, same_tensors

ALONE = Ranks(0, 1, torch.device("cpu"))
SETTINGS = Settings(steps=3, clips=1, frames=2, image_size=64, rate=1e-3, validate_every=2)


@pytest.fixture(scope="module")
def sets(tmp_path_factory) -> Sets:
    cases = cases_in(tmp_path_factory.mktemp("sets") / "set", range(3), THIN)
    return Sets("balls", cases[:2], cases[2:])


def start(folder: Path, sets: Sets, settings: Settings = SETTINGS, save_every: int = 1) -> FineTuning:
    return FineTuning(folder, sets, settings, RunOptions(save_every, workers=0), ALONE)


def state_in(folder: Path) -> dict:
    return torch.load(folder / "state.pt", weights_only=True)


def test_a_run_that_stopped_at_any_step_ends_with_the_same_weights(sets, tmp_path, monkeypatch):
    start(tmp_path / "whole", sets).train()
    real_step = Run.train_step

    def stopping(run, batch):
        if run.step == 2:
            raise KeyboardInterrupt
        return real_step(run, batch)

    monkeypatch.setattr(Run, "train_step", stopping)
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path / "stopped", sets).train()
    assert state_in(tmp_path / "stopped")["step"] == 2
    monkeypatch.setattr(Run, "train_step", real_step)
    torch.rand(7)  # whatever else was drawn does not matter
    start(tmp_path / "stopped", sets).train()
    whole, stopped = state_in(tmp_path / "whole"), state_in(tmp_path / "stopped")
    assert whole["step"] == stopped["step"] == 3
    assert same_tensors(whole, stopped)
    scores = [(tmp_path / name / "validation.json").read_text() for name in ("whole", "stopped")]
    assert scores[0] == scores[1]
    assert list(json.loads(scores[0])) == ["0", "2", "3"]
    assert not same_tensors(whole["network"], load_model("starter").state_dict())


def test_frozen_parts_do_not_change(sets, tmp_path):
    frozen = Settings(**{**vars(SETTINGS), "steps": 1, "freeze": ("image_encoder", "memory_encoder")})
    start(tmp_path, sets, frozen).train()
    before = load_model("starter").state_dict()
    for name, value in state_in(tmp_path)["network"].items():
        if name.startswith(frozen.freeze):
            assert torch.equal(value, before[name]), name
        if name.startswith("sam_mask_decoder.transformer") and value.ndim > 1:
            assert not torch.equal(value, before[name]), name


def test_the_run_ends_when_validation_stalls_and_the_best_weights_stay(sets, tmp_path, monkeypatch):
    scores = iter([0.3, 0.7, 0.6, 0.5, 0.9])
    monkeypatch.setattr(fine_tuning, "mean_click_dice", lambda *_: next(scores))
    patient = Settings(**{**vars(SETTINGS), "steps": 5, "validate_every": 1, "patience": 2})
    assert start(tmp_path, sets, patient, save_every=10).train() == 0.7
    assert state_in(tmp_path)["step"] == 3
    card = (tmp_path / "model_card.md").read_text()
    assert "0.700 after 1 steps, 0.300 before" in card
    assert not any(case.name in card for case in [*sets.training, *sets.validation])
    assert load_model(tmp_path / "finetuned.safetensors").config.preset == "starter"


def changed(**settings) -> Settings:
    return Settings(**{**vars(SETTINGS), **settings})


def test_a_finished_run_goes_on_with_more_steps_and_not_with_fewer(sets, tmp_path):
    start(tmp_path, sets).train()
    start(tmp_path, sets, changed(steps=5)).train()
    assert state_in(tmp_path)["step"] == 5
    assert list(json.loads((tmp_path / "validation.json").read_text())) == ["0", "2", "3", "4", "5"]
    assert json.loads((tmp_path / "settings.json").read_text())["steps"] == 5
    with pytest.raises(InputError, match="--steps 5, not 4"):
        start(tmp_path, sets, changed(steps=4))
    start(tmp_path, sets, changed(steps=5)).train()
    assert state_in(tmp_path)["step"] == 5


def test_a_run_that_stalled_goes_on_with_more_patience(sets, tmp_path, monkeypatch):
    scores = iter([0.7, 0.6, 0.5, 0.9, 0.8])
    monkeypatch.setattr(fine_tuning, "mean_click_dice", lambda *_: next(scores))
    assert start(tmp_path, sets, changed(steps=4, validate_every=1, patience=2)).train() == 0.7
    assert state_in(tmp_path)["step"] == 2
    assert start(tmp_path, sets, changed(steps=4, validate_every=1, patience=3)).train() == 0.9
    assert state_in(tmp_path)["step"] == 4


def test_a_damaged_file_of_a_run_is_told(sets, tmp_path):
    start(tmp_path, sets, changed(steps=1)).train()
    for name in ("state.pt", "settings.json", "validation.json"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(InputError, match=rf"{name} is damaged.*choose another folder"):
            start(tmp_path, sets, changed(steps=1))
        (tmp_path / name).write_bytes(content)


def test_a_run_says_how_far_it_is_and_how_long_validation_takes(sets, tmp_path, capsys):
    start(tmp_path, sets, changed(steps=4, validate_every=2), save_every=10).train()
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"Validating on 1 case …", lines[0])
    assert re.fullmatch(r"Step 0 of 4: mean Dice 0\.\d{3} on the cases held out, found in \d+ s", lines[1])
    assert re.fullmatch(r"Step 2 of 4: loss \d\.\d\d, .* s for each step, about \d+ s left .*", lines[2])
    assert re.fullmatch(r"Validating on 1 case, about \d+ s as the last time …", lines[3])
    assert not any("{" in line for line in lines)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log[0]["validation_seconds"] >= 0


def test_a_fifth_is_held_out_and_a_single_case_is_refused(sets):
    cases = [*sets.training, *sets.validation]
    images = [replace(case, image=Path(f"{number}.nrrd")) for number in range(4) for case in cases[:3]]
    training, held_out = split_cases(images, seed=0)
    assert (len(training), len(held_out)) == (9, 3), "a row for each structure of an image"
    training, held_out = split_cases(cases, seed=0)
    assert (len(training), len(held_out)) == (2, 1)
    assert {case.name for case in training}.isdisjoint(case.name for case in held_out)
    with pytest.raises(InputError, match="--validation"):
        split_cases(cases[:1], seed=0)


def test_a_case_that_is_trained_on_is_not_held_out_whatever_its_name(sets, tmp_path):
    seen = sets.training[1]
    link = tmp_path / "link.nii.gz"
    link.symlink_to(seen.image)
    for image in (seen.image, seen.image.parent / ".." / seen.image.parent.name / seen.image.name, link):
        other = replace(seen, name="other", image=image)
        with pytest.raises(InputError, match=f"{re.escape(str(image))} is trained on and held out.*leave"):
            Sets("balls", sets.training, [*sets.validation, other])


def test_the_rate_warms_up_and_falls_to_a_tenth():
    rates = [schedule(step, 200) for step in range(200)]
    assert rates[0] == pytest.approx(0.1)
    assert rates.index(max(rates)) in (9, 10)
    assert max(rates) == 1.0
    assert rates[-1] == pytest.approx(0.1, abs=1e-3)


FULL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
from pathlib import Path
import torch
from medsam2.errors import InputError
from medsam2.training.saving import write_state
try:
    write_state(Path(sys.argv[1]), {"step": 2, "weights": torch.zeros(10_000)})
except InputError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk_leaves_the_state_before(tmp_path):
    fine_tuning_state = tmp_path / "state.pt"
    torch.save({"step": 1}, fine_tuning_state)
    environment = {"PYTHONPATH": str(Path(medsam2.__path__[0]).parent)}
    command = [sys.executable, "-c", FULL_DISK, str(fine_tuning_state)]
    child = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8")
    assert child.stdout.count("\n") == 1, child.stderr
    assert "the disk is full" in child.stdout
    assert torch.load(fine_tuning_state, weights_only=True) == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


def test_curves_are_written_for_tensorboard(tmp_path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    log = TrainingLog(tmp_path, tensorboard=True)
    log.write(5, {"validation_dice": 0.5})
    written = events.EventAccumulator(str(tmp_path / "tensorboard")).Reload().Scalars("validation_dice")
    assert [(event.step, event.value) for event in written] == [(5, 0.5)]


def test_curves_in_a_folder_that_tensorboard_cannot_name_are_refused_in_one_sentence(tmp_path):
    pytest.importorskip("tensorboard")
    with pytest.raises(InputError, match="rename the folder, or leave out --tensorboard"):
        TrainingLog(tmp_path / "caf\udce9", tensorboard=True)


def test_curves_without_the_package_are_refused_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match="run pip install tensorboard first"):
        TrainingLog(tmp_path, tensorboard=True)
