"""Each protocol with a network that is never wrong about bright objects on black."""

import numpy as np
import pytest

from medsam2.errors import InputError
from medsam2.evaluation.protocols import segment
from medsam2.tracking import Tracker
from unit.evaluation.examples import BALLS, picture, reported, two_balls
from unit.tracking.examples import a_tracker, disc, volume_slices
from unit.tracking.oracle_network import OneSliceOracle, OracleNetwork


@pytest.mark.parametrize(("protocol", "prompts"), [("click", 1), ("box", 1), ("boxes", 3), ("stroke", 1)])
def test_a_structure_alone(protocol, prompts):
    truth = BALLS["left"]
    (stage,) = segment(a_tracker(truth), truth, protocol, clicks=5)
    assert len(stage.prompts) == prompts
    assert stage.is_last
    np.testing.assert_array_equal(stage.mask, truth)
    assert stage.seconds > 0


def test_corrections_end_when_nothing_is_wrong():
    truth = BALLS["left"]
    (stage,) = segment(a_tracker(truth), truth, "corrections", clicks=5)
    assert stage.is_last


def test_corrections_find_what_the_first_click_cannot():
    """The truth has two parts side by side, and a click means one of them."""
    truth = BALLS["left"] | BALLS["right"]
    first, second, third = segment(a_tracker(truth, field_of_view="slice"), truth, "corrections", clicks=2)
    np.testing.assert_array_equal(first.mask, BALLS["left"])
    assert [stage.prompts[-1].points for stage in (second, third)] == [((32.0, 46.0, True),)] * 2
    assert (second.prompts[1].slice_index, third.prompts[2].slice_index) == (5, 4)
    np.testing.assert_array_equal(second.mask[5], truth[5])
    np.testing.assert_array_equal(third.mask[4:6], truth[4:6])
    assert (first.is_last, second.is_last, third.is_last) == (False, False, True)


def test_corrections_remove_what_leaked():
    """The picture shows one object that grows together; the truth is only the part before that."""
    shown = BALLS["left"] | BALLS["right"]
    truth = BALLS["left"]
    shown[7, 30:34, 18:46] = True
    tracker = Tracker(OracleNetwork(), volume_slices(shown), field_of_view="slice")
    first, *others = segment(tracker, truth, "corrections", clicks=2)
    assert first.mask[..., 40:].any()
    assert len(others) == 2
    assert not others[0].prompts[1].points[0][2]


def test_clicks_are_limited():
    shown = BALLS["left"]
    truth = np.zeros_like(shown)
    truth[4, 10:20, 10:20] = True
    stages = list(segment(a_tracker(shown), truth, "corrections", clicks=2))
    assert len(stages) == 3
    assert [len(stage.prompts) for stage in stages] == [1, 2, 3]


def test_every_structure_of_a_dataset(tmp_path):
    scores = reported([two_balls(tmp_path)], protocol="click").scores
    assert [(score.case, score.structure, score.dice) for score in scores] == [
        ("balls", "left", 1.0),
        ("balls", "right", 1.0),
    ]


def test_only_some_structures(tmp_path):
    cases = [two_balls(tmp_path)]
    assert [s.structure for s in reported(cases, protocol="box", structures=("right",)).scores] == ["right"]
    with pytest.raises(InputError, match=r"looked for middle\): choose from left, right"):
        reported(cases, protocol="box", structures=("middle",))


def test_one_prompt_sets(tmp_path):
    cases = [picture(tmp_path, f"p{column}", disc((64, 64), (30, column), 9)) for column in (30, 32, 34)]
    cases.insert(0, picture(tmp_path, "other", disc((64, 64), (30, 30), 9), value=2))
    report = reported(cases, protocol="one-prompt", structures=("1",), lenient=True)
    scores = {score.case: score for score in report.scores}
    assert list(scores) == ["other", "p32", "p34"]
    assert scores["p32"].dice == 1.0
    assert scores["p32"].lenient_dice == pytest.approx(1.0, abs=0.02)
    # The bright object there has another name, so it is one too many.
    assert (scores["other"].dice, scores["other"].hd95) == (0.0, None)


def test_one_prompt_sets_consist_of_pictures(tmp_path):
    with pytest.raises(InputError, match="10 slices"):
        reported([two_balls(tmp_path), two_balls(tmp_path)], protocol="one-prompt")
    with pytest.raises(InputError, match="at least two pictures"):
        reported([picture(tmp_path, "p", disc((64, 64), (30, 30), 9))], protocol="one-prompt")


def test_one_prompt_sets_need_a_network_that_remembers(tmp_path):
    cases = [picture(tmp_path, f"p{column}", disc((64, 64), (30, column), 9)) for column in (30, 32)]
    with pytest.raises(InputError, match="knows one picture only"):
        reported(cases, OneSliceOracle(), protocol="one-prompt")
