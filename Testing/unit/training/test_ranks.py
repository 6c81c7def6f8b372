"""Several processes that train together."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import torch

import medsam2
from medsam2.weights.loading import load_model
from unit.training.examples import THIN, write_set

SCRIPT = Path(__file__).with_name("two_processes.py")


def launched(rank: int, port: int, *arguments) -> subprocess.Popen:
    """A process as torch's launcher starts it."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(medsam2.__path__[0]).parent),
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, encoding="utf-8")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_two_processes_hold_the_same_weights_and_one_of_them_writes(tmp_path):
    cases, port = write_set(tmp_path / "set", range(4), THIN), free_port()
    children = [launched(rank, port, cases, tmp_path / "run") for rank in range(2)]
    outputs = [child.communicate(timeout=120)[0] for child in children]
    assert [child.returncode for child in children] == [0, 0]
    prints = [line.split() for output in outputs for line in output.splitlines() if "fingerprint" in line]
    assert [rank for _, rank, _ in prints] == ["0", "1"]
    assert prints[0][2] == prints[1][2]
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 2, 2]
    assert all(map(torch.isfinite, (torch.tensor(lines[1]["loss"]), torch.tensor(lines[1]["norm"]))))
    before, after = load_model("starter"), load_model(tmp_path / "run" / "finetuned.safetensors")
    assert before.config == after.config
