"""The ratio of two contenders' times, and when there is none."""

import sys

import numpy as np
import pytest

from benchmarks import bench
from benchmarks.comparison import COLUMNS, Goal, Timed, goal_row, goal_table, in_turn, is_refused, speed_row
from medsam2_lab.result_tables import ResultTable, commit

GOAL = Goal(1.2)


def masks(*, wrong: int = 0, slices: int = 10) -> np.ndarray:
    """1000 voxels on 10 slices, so many of them not as they should be."""
    voxels = np.zeros(slices * 100, bool)
    voxels[:wrong] = True
    return voxels.reshape(slices, 1, 10, 10)


def table_of(ours: np.ndarray, theirs: np.ndarray, *, exact: bool = True) -> ResultTable:
    row = speed_row("track", Timed([1.0, 2.0, 2.0], ours), Timed([2.0, 3.0, 2.0], theirs), GOAL, exact=exact)
    return ResultTable({}, COLUMNS, [row])


def test_the_ratio_is_that_of_each_round_with_its_spread_and_the_goal():
    table = table_of(masks(wrong=5), masks())
    assert table.rows == [["track", 2.0, 2.0, 1.5, 1.0, 2.0, "≥ 1.2x", "yes", 3, commit()]]
    assert not is_refused({"speed": table})


def test_there_is_no_ratio_where_the_masks_differ():
    table = table_of(masks(wrong=6), masks())
    why = "not compared: the masks agree on 99.40% of the voxels only"
    assert table.rows == [["track", None, None, None, None, None, "≥ 1.2x", why, None, commit()]]
    assert is_refused({"speed": table})


def test_networks_that_differ_are_compared_where_they_answer_the_same_slices():
    assert not is_refused({"speed": table_of(masks(wrong=500), masks(), exact=False)})
    stopped_early = table_of(masks(slices=9), masks(), exact=False)
    assert is_refused({"speed": stopped_early})
    assert stopped_early.cell("track", "result") == ""


@pytest.mark.parametrize(("wrong", "code"), [(0, 0), (100, 1)])
def test_the_command_fails_where_a_comparison_is_refused(monkeypatch, capsys, wrong, code):
    tables = {"speed": table_of(masks(wrong=wrong), masks())}
    monkeypatch.setattr(bench, "benches", lambda *_: {"goal_tracks": lambda: tables})
    monkeypatch.setattr(sys, "argv", ["bench.py"])
    assert bench.main() == code
    assert ("not compared: the masks agree on 90.00%" in capsys.readouterr().out) == bool(code)


def test_contenders_take_turns_and_each_piece_of_work_is_timed():
    order: list[str] = []

    def stages(name: str):
        for piece in ("first", "corrected"):
            order.append(f"{name} {piece}")
            yield masks()

    works = in_turn({"ours": lambda: stages("ours"), "sam2": lambda: stages("sam2")}, rounds=2)
    assert order == ["ours first", "ours corrected", "sam2 first", "sam2 corrected"] * 2
    assert {name: [len(work.seconds) for work in each] for name, each in works.items()} == {
        "ours": [2, 2],
        "sam2": [2, 2],
    }


def test_a_goal_may_be_a_limit_from_above():
    assert (str(Goal(0.4, at_most=True)), Goal(0.4, at_most=True).verdict(0.41)) == ("≤ 0.4x", "no")
    assert (str(Goal(80, unit=" %")), Goal(80, unit=" %").verdict(80)) == ("≥ 80 %", "yes")


def test_a_benchmark_of_some_goals_keeps_the_rows_of_others(monkeypatch, tmp_path):
    monkeypatch.setattr("medsam2_lab.result_tables.FOLDER", tmp_path)
    monkeypatch.setattr(bench, "FOLDER", tmp_path)
    bench.keep(goal_table(goal_row("track", [1.0], GOAL), goal_row("objects", [2.0], GOAL)))
    bench.keep(goal_table(goal_row("track", [1.3], GOAL), goal_row("start", [3.0], GOAL)))
    kept = {row[0]: (row[3], row[7]) for row in ResultTable.read("goals").rows}
    assert list(kept.items()) == [("track", (1.3, "yes")), ("objects", (2.0, "yes")), ("start", (3.0, "yes"))]


def test_numbers_of_a_gpu_are_not_recorded_without_one(monkeypatch, capsys):
    monkeypatch.setattr(bench.goal_gpu, "has_gpu", lambda: False)
    monkeypatch.setattr(sys, "argv", ["bench.py", "--only", "goal_gpu", "--record"])
    with pytest.raises(SystemExit):
        bench.main()
    assert "There is no GPU here" in capsys.readouterr().err
