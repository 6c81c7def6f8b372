"""What is said when there is no cluster to work on."""

import socket
import sys
from pathlib import Path

import pytest

from medsam2.cli.backend_options import WhereToCompute
from medsam2.cli.batch_command import batch
from medsam2.cli.cohort.case import Case
from medsam2.cli.cohort.ray_cluster import _watch, work_on_cluster
from medsam2.cli.cohort.working import Run
from medsam2.cli.progress import case_progress
from medsam2.errors import InputError


def work(folder: Path, address: str) -> list[str]:
    """Try to do a cohort; returns what was reported."""
    reports: list[str] = []
    case = Case("a", {"image": "a.nrrd"}, folder, folder)
    with pytest.raises(InputError) as caught:
        work_on_cluster(address, 1, WhereToCompute(), [case], Run(False), lambda: reports.append("report"))
    return [str(caught.value), *reports]


def test_without_ray_people_are_told_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    said, *reports = work(tmp_path, "auto")
    assert 'pip install "medsam2[ray]"' in said
    assert reports == ["report"]


@pytest.mark.parametrize("address", ["127.0.0.1:{}", "ray://127.0.0.1:{}", "localhost", "127.0.0.1:x", ":1"])
def test_an_address_without_a_cluster_is_refused_at_once(tmp_path, address):
    pytest.importorskip("ray", reason="Ray is not installed")
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    said, *_ = work(tmp_path, address.format(port))
    assert said.startswith(f"No Ray cluster can be used at {address.format(port)} (")
    assert said.count("\n") == 0


@pytest.mark.parametrize("other", [{"shard": "1/2"}, {"server": "wss://example.org"}])
def test_a_cluster_takes_neither_shards_nor_a_server(tmp_path, monkeypatch, other):
    monkeypatch.setenv("MEDSAM2_TOKEN", "a-token-of-some-length")
    with pytest.raises(InputError, match="leave out --shard and --server"):
        batch(tmp_path / "cases.csv", tmp_path, ray="auto", **other)


@pytest.mark.parametrize(("option", "other"), [("template_prompt", "slice"), ("cpus_per_worker", 2)])
def test_an_option_that_would_mean_nothing_is_refused(tmp_path, option, other):
    with pytest.raises(InputError, match=f"--{option.replace('_', '-')} .* give --"):
        batch(tmp_path / "cases.csv", tmp_path, **{option: other})


def test_a_record_that_becomes_unreadable_is_a_failure_of_its_case_alone(tmp_path, capsys):
    case = Case("a", {"image": "a.nrrd"}, tmp_path, tmp_path)

    class Processes:
        failure = ""

        def wait(self, seconds):
            case.record.write_text("cut of")
            return True

    with case_progress(1, 0) as progress:
        _watch(Processes(), {"a": case}, 1, Run(False), lambda: None, progress)
    assert "a failed: " in capsys.readouterr().err
