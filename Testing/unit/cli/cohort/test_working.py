"""What a process does when others, their clocks, or programs that hold the report get in its way."""

import time

import pytest

from medsam2.cli.cohort import working
from medsam2.cli.cohort.case import CaseResult
from medsam2.cli.cohort.record import Record, made_from, write_record
from medsam2.cli.cohort.working import Clients, Run, Shard, Worker, begun_run
from medsam2.errors import InputError
from unit.cli.cohort.volumes import case


def finish(one, state="failed", finished=0.0, **more):
    result = CaseResult(one.name, state, "It failed.", finished=finished)
    write_record(one, Record(made_from(one), {}, result=result, **more))


@pytest.mark.parametrize("hours", [-5, 0, 5])
def test_what_failed_before_is_tried_once_more_whatever_the_clock_of_who_did_it_says(tmp_path, hours):
    one = case(tmp_path)
    finish(one, finished=time.time() + 3600 * hours)
    run = begun_run([one], overwrite=False)
    assert run.why(one) == "it failed before"
    finish(one, finished=time.time() + 3600 * hours + 1)
    assert run.why(one) is None


def test_overwrite_does_finished_cases_once_more_whatever_the_clock_of_who_did_it_says(tmp_path):
    one = case(tmp_path)
    finish(one, "done", finished=time.time() + 3600)
    run = begun_run([one], overwrite=True)
    assert run.why(one) == "--overwrite says so"
    finish(one, "done", finished=time.time() - 3600)
    assert run.why(one) is None


def test_a_report_that_cannot_be_written_meanwhile_stops_no_case(tmp_path, monkeypatch, capsys):
    cases = [case(tmp_path, name=name) for name in "abc"]
    reports = []

    def report():
        reports.append(len(reports))
        if len(reports) < 3:
            raise InputError("results.csv is held open.")

    def run_case(one, *_):
        finish(one, "done", finished=1.0)
        return CaseResult(one.name, "done")

    monkeypatch.setattr(working, "REPORT_SECONDS", -1.0)
    monkeypatch.setattr(working, "run_case", run_case)
    monkeypatch.setattr(Clients, "ready", lambda _: None)
    run = Run(False)
    Worker(cases, Clients(lambda: pytest.fail("no backend is needed")), run, report).run()
    assert not run.waiting(cases)
    assert reports == [0, 1, 2, 3]
    assert capsys.readouterr().err.count("results.csv is held open.") == 2


@pytest.mark.parametrize(
    ("shard", "order"),
    [
        (None, "abcdefg"),
        ("1/3", "adgbecf"),
        ("3/3", "cfadgbe"),
        ("9/9", "abcdefg"),
        ("2/1000000000", "bcdefga"),
    ],
)
def test_a_shard_begins_with_its_own_cases_and_goes_on_with_those_of_the_next(tmp_path, shard, order):
    cases = [case(tmp_path, name=name) for name in "abcdefg"]
    assert [each.name for each in Shard(shard).ordered(cases)] == list(order)
