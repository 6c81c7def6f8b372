"""``medsam2 batch``: a list of cases becomes a folder of masks and a report."""

import csv
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil

from e2e.conftest import ENVIRONMENT
from unit.cli.cohort.volumes import MIDDLE, SHAPE, ball, read, scan, write

COHORT = 40
THIN = slice(2, 5)
"""Slices of the cohort's balls."""


def batch(folder: Path, *options: object) -> subprocess.Popen:
    """Start the command on ``cases.csv`` of a folder."""
    words = ("batch", "cases.csv", "-o", "results", "--threads", "1", *map(str, options))
    log = (folder / f"log-{len(list(folder.glob('log-*')))}").open("wb")
    with log:
        return subprocess.Popen(
            [sys.executable, "-m", "medsam2.cli.main", *words],
            stdout=log,
            stderr=log,
            env={**ENVIRONMENT, "MEDSAM2_HOME": str(folder / "home")},
            cwd=folder,
        )


def said(folder: Path) -> str:
    return "".join(log.read_text("utf-8") for log in sorted(folder.glob("log-*")))


def run(folder: Path, *options: object) -> int:
    return batch(folder, *options).wait(timeout=300)


def cohort(folder: Path, count: int) -> None:
    """Very small volumes with balls of different sizes, and a list of them."""
    lines = ["case,image,point,ijk,view"]  # with a view there is none to be chosen, which takes longest
    for number in range(count):
        voxels = np.where(ball(5 + number % 5)[THIN], 150, -20)
        write(folder / f"scan{number}.nrrd", voxels.astype(np.int16))
        lines.append(f'case{number},scan{number}.nrrd,"20,24,1",yes,slice')
    (folder / "cases.csv").write_text("\n".join(lines))


def results(folder: Path) -> dict[str, dict]:
    """The results of finished cases."""
    records = [json.loads(path.read_bytes()) for path in folder.glob("results/*.result.json")]
    return {each["result"]["name"]: each["result"] for each in records if each["result"] is not None}


def backends(process: subprocess.Popen) -> list[psutil.Process]:
    return psutil.Process(process.pid).children()


def test_forty_cases_by_two_processes_of_which_one_is_killed_are_all_done_and_none_twice(tmp_path):
    cohort(tmp_path, COHORT)
    first, second = batch(tmp_path, "--shard", "1/2"), batch(tmp_path, "--shard", "2/2")
    while len(results(tmp_path)) < COHORT // 3:
        assert first.poll() is None, said(tmp_path)
        time.sleep(0.1)
    by_then = {path: path.stat().st_mtime_ns for path in tmp_path.glob("results/*.result.json")}
    finished = results(tmp_path)
    computing = backends(first)
    first.kill()  # not waited for: even a zombie holds no case
    assert second.wait(timeout=300) == 0, said(tmp_path)
    first.wait()
    found = results(tmp_path)
    assert len(found) == COHORT
    assert {result["state"] for result in found.values()} == {"done"}
    for path, written in by_then.items():
        if path.name.removesuffix(".result.json") in finished:
            assert path.stat().st_mtime_ns == written, f"{path.name} was written twice"
    done = re.findall(r"^\[\d+ of 40.*\] (case\d+): ", said(tmp_path), re.MULTILINE)
    assert len(done) == len(set(done))
    with (tmp_path / "results/results.csv").open(encoding="utf-8-sig") as file:
        assert sorted(row["case"] for row in csv.DictReader(file)) == sorted(found)
    page = (tmp_path / "results/report.html").read_text("utf-8")
    assert all(f'src="thumbnails/{name}.jpg"' in page for name in found)
    assert not [path.name for path in tmp_path.glob("results/.*")]
    assert computing
    assert not any(backend.is_running() for backend in computing)
    truth = ball(7)[THIN]
    assert 2 * (truth & (read(tmp_path / "results/case2.seg.nrrd") > 0)).sum() > truth.sum()


def test_a_list_from_a_spreadsheet_with_cases_that_fail_is_done_but_for_these_and_goes_on(tmp_path):
    for name in ("ä", "b"):
        scan(tmp_path / f"{name}.nrrd")
    (tmp_path / "c.nrrd").write_bytes((tmp_path / "b.nrrd").read_bytes()[:-2000])
    lines = [
        "Case;Image;Points;IJK;#who",
        f"ä;ä.nrrd;{MIDDLE} 2,2,3,-;WAHR;me",
        f"b;b.nrrd;{MIDDLE};yes;me",
        "",
        f'"c";c.nrrd;"{MIDDLE}";yes;',
        "<b>d</b>;b.nrrd;1,2;yes;",
        ";;;;",
    ]
    (tmp_path / "cases.csv").write_bytes(("\ufeff" + "\r\n".join(lines) + "\r\n").encode())
    assert run(tmp_path) == 2
    assert "Line 6" in said(tmp_path)
    assert not (tmp_path / "results").exists()
    text = "\r\n".join(lines).replace("<b>d</b>", "d & e").replace("WAHR", "ja")
    (tmp_path / "cases.csv").write_bytes(text.replace("ja", "yes").encode("utf-16"))
    assert run(tmp_path) == 1
    found = results(tmp_path)
    assert {name: result["state"] for name, result in found.items()} == {
        "ä": "done",
        "b": "done",
        "c": "failed",
        "d & e": "failed",
    }
    page = (tmp_path / "results/report.html").read_text("utf-8")
    assert "d &amp; e" in page
    assert page.index("Failed") < page.index("most doubtful")
    scan(tmp_path / "c.nrrd")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("results/*.seg.nrrd")}
    assert run(tmp_path) == 1
    assert results(tmp_path)["c"]["state"] == "done"
    assert all(path.stat().st_mtime_ns == written for path, written in before.items())
    assert "2 of 4 cases are finished already" in said(tmp_path)


def test_a_backend_that_is_killed_at_a_case_fails_it_after_a_retry_and_the_others_are_done(tmp_path):
    cohort(tmp_path, 3)
    write(tmp_path / "scan1.nrrd", np.zeros((60, *SHAPE[1:]), np.int16))
    process = batch(tmp_path)
    killed = set()
    while len(results(tmp_path)) < 2:
        assert process.poll() is None, said(tmp_path)
        if len(results(tmp_path)) == 1:
            for backend in backends(process):
                killed.add(backend.pid)
                backend.kill()
        time.sleep(0.05)
    assert process.wait(timeout=120) == 1, said(tmp_path)
    found = results(tmp_path)
    assert [found[f"case{number}"]["state"] for number in range(3)] == ["done", "failed", "done"]
    assert "memory" in found["case1"]["reason"]
    assert len(killed) == 2


def test_who_stops_the_command_keeps_what_is_finished_and_finds_it_told(tmp_path):
    cohort(tmp_path, 6)
    process = batch(tmp_path)
    while len(results(tmp_path)) < 2:
        assert process.poll() is None, said(tmp_path)
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert "Stopped: finished cases are kept" in said(tmp_path)
    assert "to come" in (tmp_path / "results/report.html").read_text("utf-8")
    assert not (tmp_path / "results/.claims").exists() or not list((tmp_path / "results/.claims").iterdir())
    assert run(tmp_path) == 0
    assert len(results(tmp_path)) == 6


def test_the_place_of_a_template_prompts_every_case_that_it_meets(tmp_path):
    for name, origin in (("a", (0, 0, 0)), ("b", (-5.0, -4.0, 3.0)), ("far", (500.0, 0, 0))):
        scan(tmp_path / f"{name}.nrrd", origin=origin)
    write(tmp_path / "mask.nrrd", ball().astype(np.uint8))
    (tmp_path / "cases.csv").write_text("image\na.nrrd\nb.nrrd\nfar.nrrd\n")
    rule = ("--template", "a.nrrd", "--template-mask", "mask.nrrd", "--format", "nii.gz")
    assert run(tmp_path, *rule) == 1
    found = results(tmp_path)
    assert [found[name]["state"] for name in ("a", "b", "far")] == ["done", "done", "failed"]
    assert "outside of the image" in found["far"]["reason"]
    mask = read(tmp_path / "results/a.nii.gz") > 0
    assert 2 * (ball() & mask).sum() / (ball().sum() + mask.sum()) > 0.8
