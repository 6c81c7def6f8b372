"""What is settled before torch is imported: in this process, and in those that are started."""

import json
import os
import subprocess
import sys

import pytest

from medsam2.client import LocalBackend
from medsam2.threads import COUNT, WAITING, _quota, physical_cores, settle_threads

TELL = """
import json, os
from medsam2.threads import settle_threads
settle_threads()
import torch
print(json.dumps([torch.get_num_threads(), {name: os.environ.get(name) for name in %r}]))
"""

WHEN_TORCH_COMES = """
import json, os, sys
from medsam2.threads import COUNT, WAITING

class Torch:
    @staticmethod
    def find_spec(name, *_):
        if name == "torch":
            print(json.dumps({name: os.environ.get(name) for name in (*WAITING, COUNT)}), flush=True)
            os._exit(0)

sys.meta_path.insert(0, Torch)
from %s import run
run()
"""


def test_threads_wait_briefly_and_take_each_core_once():
    settled = settle_threads(environment={})
    assert settled == {**WAITING, COUNT: str(physical_cores())}
    assert 1 <= physical_cores() <= os.cpu_count()


@pytest.mark.parametrize(
    "own",
    [{"OMP_WAIT_POLICY": "active", COUNT: "3"}, dict.fromkeys(WAITING, "7") | {COUNT: "1"}],
)
def test_what_the_user_has_set_stays(own):
    assert settle_threads(environment=dict(own)) == own


def test_the_option_goes_before_the_variable():
    assert settle_threads(2, {COUNT: "5"})[COUNT] == "2"


@pytest.mark.parametrize(
    ("text", "cores"), [("250000 100000\n", 2), ("max 100000\n", 64), ("", 64), ("50000 100000", 0)]
)
def test_a_container_s_share_of_time_is_looked_at(tmp_path, text, cores):
    (tmp_path / "cpu.max").write_text(text)
    assert _quota(tmp_path / "cpu.max", 64) == cores
    assert _quota(tmp_path / "none", 64) == 64


def test_torch_computes_as_was_settled():
    environment = {**os.environ, COUNT: "1"}
    command = [sys.executable, "-c", TELL % [*WAITING]]
    told = subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True, encoding="utf-8"
    ).stdout
    threads, waiting = json.loads(told)
    assert threads == 1
    assert waiting == {name: os.environ.get(name, value) for name, value in WAITING.items()}


@pytest.mark.parametrize(
    ("module", "arguments"),
    [("medsam2.cli.main", ("weights", "list")), ("medsam2_lab.cli", ("device-speed",))],
)
def test_a_command_settles_them_before_torch_is_imported(module, arguments, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name not in (*WAITING, COUNT)}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    environment["MEDSAM2_HOME"] = str(tmp_path)  # how quick this computer is, is not known there yet
    command = [sys.executable, "-c", WHEN_TORCH_COMES % module, *arguments]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8")
    assert json.loads(told.stdout) == settle_threads(environment={}), told.stderr


def test_a_local_backend_is_told_how_many_threads():
    assert LocalBackend(threads=3)._command[-2:] == ("--threads", "3")
    assert "--threads" not in LocalBackend()._command
