"""The table of the real cases, from scores that are made up."""

import pytest
from typer.testing import CliRunner

from medsam2.evaluation.evaluating import Finding
from medsam2.evaluation.scores import Score
from medsam2_lab.cli import app
from medsam2_lab.experiments import real_cases


def score(structure: str, dice: float, hd95: float | None) -> Finding:
    return Finding(
        Score(
            "abdomen",
            structure,
            1,
            dice,
            dice,
            hd95,
            seconds=2.0,
            slices=10,
            lenient_dice=None,
            lenient_iou=None,
        ),
        None,
    )


def test_each_structure_has_a_row_of_all_protocols_and_the_mean_is_last(monkeypatch, tmp_path):
    findings = [score("liver", 0.9, 2.0), score("colon", 0.0, None)]
    monkeypatch.setattr(real_cases, "load_model", lambda weights: None)
    monkeypatch.setattr(real_cases, "real_cases", lambda folder: [])
    monkeypatch.setattr(real_cases, "evaluate", lambda network, cases, settings: findings)
    tables = real_cases.score_real_cases(tmp_path, "starter", ["click", "corrections"], None)
    scores, seconds = tables["real_cases"], tables["real_cases_speed"]
    assert list(scores.columns)[:3] == ["structure", "Dice, click", "Dice, 6 clicks"]
    assert scores.rows[0] == ["liver", 0.9, 0.9, 0.9, 0.9, 2.0, 2.0]
    assert scores.rows[1] == ["colon", 0.0, 0.0, 0.0, 0.0, None, None]
    assert scores.cell("mean of 2", "Dice, click") == "0.450"
    assert seconds.cell("click, choice of the field of view included", "s per slice") == "0.200"


def test_only_all_protocols_together_are_kept(tmp_path):
    result = CliRunner().invoke(app, ["real-cases", str(tmp_path), "--record", "--protocol", "box"])
    assert result.exit_code == 2


@pytest.mark.parametrize("name", ["real_cases", "real_cases_speed"])
def test_the_shipped_tables_have_the_columns_that_a_run_writes(name, monkeypatch, tmp_path):
    monkeypatch.setattr(real_cases, "load_model", lambda weights: None)
    monkeypatch.setattr(real_cases, "real_cases", lambda folder: [])
    monkeypatch.setattr(real_cases, "evaluate", lambda *_: [score("liver", 0.9, 2.0)])
    tables = real_cases.score_real_cases(tmp_path, "starter", list(real_cases.PROTOCOLS), None)
    shipped = real_cases.ResultTable.read(name)
    assert set(tables[name].columns) <= set(shipped.columns)
