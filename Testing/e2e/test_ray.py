"""Ray Serve and a cohort on a cluster of two nodes, whose processes are killed while they work."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec

import psutil
import pytest

from e2e.conftest import ENVIRONMENT
from e2e.docs_commands import ROOT
from e2e.ray_nodes import process_ids, two_nodes
from e2e.server_process import Talk, volume, wait_for
from e2e.test_batch import batch, cohort, results, said
from medsam2.client import BlockingClient, LocalBackend, connect
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.propagation_options import PropagationOptions
from medsam2.protocol import Chunk, Hello, OpenVolume, Progress, Ready

pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.*"),
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install medsam2[ray]"),
]
TOKEN = "a-token-of-some-length"
SESSIONS = 6
SLICES = 36
"""So many that no replica has tracked them all before it is killed."""
CASES = 40


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    with two_nodes() as address:
        yield address


@pytest.fixture(scope="module")
def served(cluster, tmp_path_factory) -> Iterator[str]:
    """The example of the page, on a free port and with a token file of its own; gives its address."""
    folder = tmp_path_factory.mktemp("serve")
    tokens = folder / "tokens"
    tokens.touch(0o600)
    tokens.write_text(f"anna {TOKEN}\n")
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    page = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n(proxy_location.*?)```", page, re.DOTALL)[1]
    for written, here in {"/etc/medsam2/tokens": str(tokens), "8400": str(port)}.items():
        assert example.count(written) == 1
        example = example.replace(written, here)
    example = example.replace("replicas: 2", f"replicas: 2\n      max_per_token: {SESSIONS}")
    (folder / "serve.yaml").write_text(example)
    environment = {**ENVIRONMENT, "RAY_ADDRESS": cluster}
    with (folder / "log").open("w") as log:
        serving = subprocess.Popen(
            [sys.executable, "-c", "from ray.serve.scripts import cli; cli()", "run", "serve.yaml"],
            stdout=log,
            stderr=log,
            env=environment,
            cwd=folder,
        )
    try:
        wait_for(lambda: serving.poll() is not None or answers(port, "/healthz") == "ok")
        assert serving.poll() is None, (folder / "log").read_text()
        wait_for_replicas(cluster)
        yield f"ws://127.0.0.1:{port}"
    finally:
        serving.send_signal(signal.SIGINT)
        serving.wait(60)


def wait_for_replicas(cluster: str) -> None:
    """One of them may answer before the other is there; then some clients go over to that."""
    import ray
    from ray import serve

    ray.init(cluster, log_to_driver=False, logging_level="error")
    try:
        running = {"RUNNING": 2}
        wait_for(
            lambda: serve.status().applications["medsam2"].deployments["medsam2"].replica_states == running
        )
        time.sleep(2)  # Ray's proxy hears of it a moment later
    finally:
        ray.shutdown()


def answers(port: int, path: str) -> str | None:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read().decode()
    return None


def test_a_client_comes_back_to_the_replica_that_holds_its_upload(served):
    """By chance it would in one of 64 runs."""
    voxels = volume()
    half = voxels.tobytes()[: voxels.nbytes // 2]
    for number in range(SESSIONS):
        opening = OpenVolume(2, f"upload {number}", voxels.shape, "int16", (2.0, 1.0, 1.0))
        with welcomed(served, f"client {number}") as talk:
            # Announced once more, it tells what it holds.
            talk.send(opening, Chunk(2, 0, half), replace(opening, id=3))
            *_, held = (talk.receive(60) for _ in range(3))
            assert held == Progress(3, len(half), voxels.nbytes)
        with welcomed(served, f"client {number}") as talk:
            talk.send(opening)
            assert talk.receive(60) == Progress(2, len(half), voxels.nbytes)


def welcomed(served: str, session: str) -> Talk:
    talk = Talk(f"{served}/session", additional_headers={"X-Session-Id": session})
    assert isinstance(talk.ask(Hello(1, TOKEN))[-1], Ready)
    return talk


def test_numbers_of_any_one_replica_are_not_told(served):
    port = int(served.rpartition(":")[2])
    assert answers(port, "/healthz") == "ok"
    assert answers(port, "/metrics") is None


def test_when_a_replica_is_killed_while_it_tracks_all_masks_are_as_without(served):
    under_way = threading.Barrier(SESSIONS + 1)

    def session(number: int) -> dict[int, list[PlacedMask]]:
        with connect(served, TOKEN) as client:
            return track(client, number, under_way)

    with ThreadPoolExecutor(SESSIONS) as people:
        sessions = [people.submit(session, number) for number in range(SESSIONS)]
        under_way.wait(60)
        replicas = process_ids("ServeReplica:medsam2")
        assert len(replicas) == 2
        busiest = max(replicas, key=lambda pid: psutil.Process(pid).cpu_times().user)
        os.kill(busiest, signal.SIGKILL)
        seen = [session.result() for session in sessions]
    with BlockingClient(LocalBackend(threads=1)) as client:
        expected = [track(client, number) for number in range(SESSIONS)]
    for masks, alone in zip(seen, expected, strict=True):
        assert sorted(masks) == sorted(alone) == list(range(SLICES))
        assert all(mask == alone[index][0] for index in masks for mask in masks[index])
    # Somebody was interrupted, and told slices once more.
    assert any(len(again) > 1 for masks in seen for again in masks.values())


def track(client: BlockingClient, seed: int, under_way: threading.Barrier | None = None) -> dict:
    """Masks that came for each slice; at the fourth it waits until all others are there."""
    client.open_volume(volume(SLICES, seed=seed), (2.0, 1.0, 1.0), window=(0.0, 200.0))
    client.prompt("a", "k", Prompt(0, ((16.0, 16.0, True),)), "slice")
    masks: defaultdict[int, list[PlacedMask]] = defaultdict(list)
    for mask in client.propagate("k", ["a"], PropagationOptions(absent_stop=None)):
        masks[mask.slice_index].append(mask.mask)
        if under_way is not None and len(masks) == 4:
            under_way.wait(60)
            under_way = None
    return masks


def test_forty_cases_of_which_a_process_is_killed_are_all_done_and_none_twice(cluster, tmp_path):
    cohort(tmp_path, CASES)
    command = batch(tmp_path, "--ray", cluster, "--cpus-per-worker", "3", "--json")
    finished: dict[str, float] = {}
    killed = 0
    while command.poll() is None:
        for name, result in results(tmp_path).items():
            assert finished.setdefault(name, result["finished"]) == result["finished"], name
        if not killed and len(finished) >= CASES // 3:
            killed = process_ids("ray::_work")[0]
            os.kill(killed, signal.SIGKILL)
        time.sleep(0.1)
    assert command.returncode == 0, said(tmp_path)
    assert killed
    found = results(tmp_path)
    assert all(found[name]["finished"] == when for name, when in finished.items())
    assert [found[f"case{number}"]["state"] for number in range(CASES)] == ["done"] * CASES
    last = said(tmp_path).splitlines()[-1]
    assert [case["state"] for case in json.loads(last)["cases"]] == ["done"] * CASES
    report = (tmp_path / "results" / "report.html").read_text("utf-8")
    assert all(f'href="case{number}.png"' in report for number in range(CASES))
    assert not (tmp_path / "results" / ".claims").exists()
