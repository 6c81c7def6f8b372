"""The log of a training run."""

import json

from medsam2.training.training_log import TrainingLog


def test_the_log_can_be_read_by_machines(tmp_path):
    log = TrainingLog(tmp_path)
    log.add({"loss": 2.0, "last": float("nan")})
    log.add({"loss": 4.0, "last": 0.5})
    log.write_means(7)
    (line,) = (tmp_path / "log.jsonl").read_text().splitlines()
    entry = json.loads(line)
    assert entry.pop("seconds_per_step") >= 0
    assert entry == {"step": 7, "loss": 3.0, "last": 0.5}


def test_the_time_of_a_validation_is_not_that_of_the_next_steps(tmp_path, monkeypatch):
    clock = iter([0.0, 100.0, 103.0, 103.0])  # a validation of 100 s, then a step of 3 s
    monkeypatch.setattr("medsam2.training.training_log.time.monotonic", lambda: next(clock))
    log = TrainingLog(tmp_path)
    log.write(0, {"validation_dice": 0.5})
    log.add({"loss": 2.0})
    log.write_means(1)
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert json.loads(lines[1])["seconds_per_step"] == 3.0
