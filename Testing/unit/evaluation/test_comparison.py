import pytest

from medsam2.evaluation.comparison import paired_dice
from medsam2.evaluation.report import comparison_table
from medsam2.evaluation.scores import Score


def score(case: str, structure: str, dice: float | None) -> Score:
    return Score(case, structure, 1, dice, None, None, 1.0, 1)


OURS = [
    score("a", "liver", 0.2),
    score("a", "liver", 0.9),
    score("b", "liver", 0.7),
    score("a", "node", None),
]
THEIRS = [score("a", "liver", 0.8), score("b", "liver", 0.9), score("a", "node", 0.0)]


def test_structures_are_paired_case_by_case_after_the_last_prompt():
    pairs = paired_dice(OURS, THEIRS)
    assert list(pairs) == ["mean over all", "liver", "node"]
    liver = pairs["liver"]
    assert (liver.cases, liver.better) == (2, 1)
    assert liver.dice == pytest.approx(0.8)
    assert liver.baseline == pytest.approx(0.85)
    assert liver.difference == pytest.approx(-0.05)
    assert pairs["mean over all"] == liver


def test_cases_without_a_dice_of_both_do_not_count():
    assert (paired_dice(OURS, THEIRS)["node"].cases, paired_dice(OURS, THEIRS)["node"].difference) == (
        0,
        None,
    )


def test_the_table_has_both_side_by_side():
    text = comparison_table(paired_dice(OURS, THEIRS), {"weights": "tuned.pt", "baseline": "starter"})
    assert "| Dice | n | tuned.pt | starter | difference | better |" in text
    assert "| liver | 2 | 0.800 | 0.850 | -0.050 | 1 of 2 |" in text
    assert "| node | 0 | none | none | none | 0 of 0 |" in text
