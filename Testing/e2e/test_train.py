"""``medsam2 train``, the real command: it improves the score on other volumes, also when killed half-way."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from e2e.conftest import ENVIRONMENT
from medsam2.volume import Geometry, write_labelmap, write_volume
from unit.training.examples import GEOMETRY, THIN, same_tensors, striped_ball, write_set

OPTIONS = ["--steps", 16, "--clips", 2, "--frames", 3, "--image-size", 96, "--rate", 8e-4, "--save-every", 8]
OPTIONS += ["--validate-every", 16, "--device", "cpu"]


def train(*arguments) -> subprocess.Popen:
    command = [sys.executable, "-m", "medsam2.cli.main", "train", *map(str, arguments)]
    return subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


def finish(process: subprocess.Popen) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def kill_after_first_state(process: subprocess.Popen, folder: Path) -> None:
    """End a run as a crash does, as soon as it has saved for the first time."""
    while not (folder / "state.pt").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.kill()
    process.communicate()


def test_fine_tuning_improves_other_volumes_and_a_killed_run_ends_alike(tmp_path, medsam2):
    cases = write_set(tmp_path / "set", range(4))
    others = write_set(tmp_path / "others", range(100, 102), THIN)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    command = [cases, "--validation", others, *OPTIONS]
    assert finish(train(*command, "-o", whole))[0] == 0
    kill_after_first_state(train(*command, "-o", killed), killed)
    assert torch.load(killed / "state.pt", weights_only=True)["step"] == 8
    code, out, err = finish(train(*command, "-o", killed, "--workers", 0))
    assert code == 0, err
    assert "finetuned.safetensors" in out
    states = [torch.load(folder / "state.pt", weights_only=True) for folder in (whole, killed)]
    assert same_tensors(*states)
    scores = json.loads((whole / "validation.json").read_text())
    assert scores == json.loads((killed / "validation.json").read_text())
    assert scores["16"] > scores["0"] + 0.15

    image = tmp_path / "others" / "100_ct.nii.gz"
    _, labels = striped_ball(100)
    k, j, i = (round(float(np.mean(places))) for places in np.nonzero(labels[THIN]))
    segment = ["segment", image, "--ijk", "--point", f"{i},{j},{k}", "-o", tmp_path / "ball.nrrd"]
    assert medsam2(*segment, "--weights", whole / "finetuned.safetensors").returncode == 0

    changed = finish(train(*command, "-o", killed, "--seed", 5))
    assert changed[0] == 2
    assert "--seed 0, not 5" in changed[2]


@pytest.fixture
def bad_set(tmp_path) -> Path:
    """Four cases: a good one, a label of another grid, a missing label, a damaged image."""
    cases = write_set(tmp_path / "set", range(4))
    folder = cases.parent
    image, labels = striped_ball(1)
    smaller = Geometry((4, 56, 56), GEOMETRY.ijk_to_ras)
    write_labelmap(folder / "1_label.nii.gz", labels[:4], smaller)
    (folder / "2_label.nii.gz").unlink()
    write_volume(folder / "3_ct.nii", image, GEOMETRY)
    (folder / "3_ct.nii.gz").write_bytes((folder / "3_ct.nii").read_bytes()[:500])
    return cases


def test_every_bad_file_is_named_before_training_starts(bad_set, tmp_path):
    code, _, err = finish(train(bad_set, "-o", tmp_path / "run"))
    assert code == 2
    for name in ("1_label.nii.gz", "2_label.nii.gz", "3_ct.nii.gz"):
        assert name in err
    assert "0_label" not in err
    assert "Traceback" not in err
    assert not (tmp_path / "run").exists()
