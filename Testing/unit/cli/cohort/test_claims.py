"""Which process works on which case."""

import json
import os
import subprocess
import sys
import time

import pytest

from medsam2.cli.cohort import claims
from medsam2.cli.cohort.claims import ClaimLostError, Claims
from medsam2.errors import InputError

ELSEWHERE = {"machine": "another", "process": 1, "started": 0.0}


def held(folder, case="a", number=1, **holder):
    """A claim of another machine, or of the process that is given."""
    (folder / ".claims").mkdir(exist_ok=True)
    path = folder / ".claims" / f"{case}.{number}"
    path.write_text(json.dumps({**ELSEWHERE, **holder}))
    return path


def test_a_case_is_one_processs_at_a_time_and_free_afterwards(tmp_path):
    one, other = Claims(tmp_path), Claims(tmp_path)
    with one.taken("a") as claim, other.taken("a") as second, other.taken("a.1") as third:
        assert claim is not None
        assert second is None
        assert third is not None  # of another case
        claim.check()
    with other.taken("a") as claim:
        assert claim is not None
    one.tidy()
    assert list(tmp_path.iterdir()) == []


def test_a_case_is_free_after_an_error(tmp_path):
    with pytest.raises(KeyError), Claims(tmp_path).taken("a"):
        raise KeyError
    with Claims(tmp_path).taken("a") as claim:
        assert claim is not None


def test_a_killed_process_of_this_machine_holds_no_case(tmp_path):
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom medsam2.cli.cohort.claims import Claims\n"
        "with Claims(Path(sys.argv[1])).taken('a') as claim:\n    print(claim.path, flush=True)\n"
        "    time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline().strip().endswith("a.1")
        with Claims(tmp_path).taken("a") as claim:
            assert claim is None
        process.kill()
        while process.poll() is None:
            time.sleep(0.01)
        with Claims(tmp_path).taken("a") as claim:
            assert claim.path.name == "a.2"
    Claims(tmp_path).tidy()
    assert list(tmp_path.iterdir()) == []


def test_what_killed_processes_left_unfinished_goes_once_nobody_else_is_present(tmp_path):
    left = tmp_path / "thumbnails" / ".incomplete-of-a-killed-process"
    left.mkdir(parents=True)
    (left / "half.jpg").write_bytes(b"half")
    one, elsewhere = Claims(tmp_path), held(tmp_path, ".another")
    with one.present():
        Claims(tmp_path).tidy()
    one.tidy()
    assert left.exists()
    elsewhere.unlink()
    with one.present():
        Claims(tmp_path).tidy()
        assert left.exists()
    one.tidy()
    assert [path.name for path in tmp_path.rglob("*")] == ["thumbnails"]


def test_another_machines_claim_counts_while_it_is_touched_and_no_longer(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(claims.time, "monotonic", lambda: now[0])
    path, mine = held(tmp_path), Claims(tmp_path)

    def is_free() -> bool:
        with mine.taken("a") as claim:
            return claim is not None

    assert not is_free()
    now[0] += claims.STALE_SECONDS - 1
    path.touch()
    assert not is_free()
    now[0] += claims.STALE_SECONDS - 1
    assert not is_free()
    now[0] += 2
    assert is_free()
    assert not path.exists()


def test_a_claim_of_which_nothing_can_be_read_counts_while_it_is_touched_too(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(claims.time, "monotonic", lambda: now[0])
    path, mine = held(tmp_path), Claims(tmp_path)
    path.write_text("")
    for number in range(3):
        os.utime(path, (number, number))
        with mine.taken("a") as claim:
            assert claim is None
        now[0] += claims.STALE_SECONDS - 1
    now[0] += 2
    with mine.taken("a") as claim:
        assert claim is not None


def test_a_container_that_is_started_anew_is_not_held_up_by_its_own_claim(tmp_path):
    with Claims(tmp_path).taken("a") as claim:
        before = json.loads(claim.path.read_text())
    held(tmp_path, **{**before, "run": "of the container before, whose process had the same number"})
    with Claims(tmp_path).taken("a") as claim:
        assert claim is not None


def test_a_folder_where_no_claim_can_be_made_is_told(tmp_path):
    (tmp_path / ".claims").write_text("theirs")
    with pytest.raises(InputError, match="was not written"), Claims(tmp_path).taken("a"):
        pass


def test_a_claim_that_cannot_be_written_holds_nobody_up(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(claims.json, "dump", full)
    with pytest.raises(InputError, match="the disk is full"), Claims(tmp_path).taken("a"):
        pass
    assert list((tmp_path / ".claims").iterdir()) == []


def test_who_only_seemed_to_have_ended_finds_the_case_taken_over(tmp_path):
    with Claims(tmp_path).taken("a") as claim:
        other = held(tmp_path, number=2)
        with pytest.raises(ClaimLostError):
            claim.check()
        assert other.exists()
    assert other.exists()
    with Claims(tmp_path).taken("a") as claim:
        assert claim is None
    other.unlink()
    with Claims(tmp_path).taken("a") as claim:
        claim.path.unlink()  # done and let go by who took it over
        with pytest.raises(ClaimLostError):
            claim.check()


def test_a_claim_is_touched_while_its_case_is_worked_on(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "BEAT_SECONDS", 0.01)
    with Claims(tmp_path).taken("a") as claim:
        before = claim.path.stat().st_mtime_ns
        deadline = time.monotonic() + 10
        while claim.path.stat().st_mtime_ns == before:
            assert time.monotonic() < deadline
            time.sleep(0.01)
