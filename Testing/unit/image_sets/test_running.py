"""A run over a set whose images come and go."""

import numpy as np
import pytest
from PIL import Image

from medsam2.errors import InputError
from medsam2.image_sets.exports import prepare
from medsam2.image_sets.image_record import State
from medsam2.image_sets.run_review import RunReview
from medsam2.image_sets.running import SetRun
from medsam2.image_sets.set_folder import SetFolder
from medsam2.prompt import Prompt
from medsam2.tracking import ImageSetTracker
from medsam2.weights.loading import load_model

SIDE = 64
CLICK = Prompt(0, points=((SIDE / 2, SIDE / 2, True),))


@pytest.fixture(scope="module")
def starter():
    return load_model("starter", device="cpu")


@pytest.fixture
def review(tmp_path):
    """Of the pictures a, b and c, of which a and b are prompted by a click."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    paths = []
    for number, name in enumerate("abc"):
        disc = np.hypot(rows - SIDE / 2, columns - SIDE / 2 - number) < 12
        paths.append(tmp_path / f"{name}.png")
        Image.fromarray(np.where(disc, 200, 60).astype(np.uint8)).save(paths[-1])
    with RunReview(tmp_path / "set") as opened:
        opened.add(paths)
        for name in "ab":
            opened.set_prompt(name, CLICK)
        prepare(SetFolder(tmp_path / "set"))
        yield opened


def a_run(review, network, tmp_path) -> SetRun:
    return SetRun(SetFolder(tmp_path / "set"), review, network, "weights", lambda *_: None)


@pytest.mark.network
def test_a_prompted_image_that_vanished_is_told_and_the_others_are_answered(review, starter, tmp_path):
    (tmp_path / "a.png").rename(tmp_path / "away.png")
    run = a_run(review, starter, tmp_path)
    run.compute()
    assert list(run.failed) == ["a"]
    assert "a.png does not exist" in run.failed["a"]
    assert review.record("b").pixels
    assert review.record("c").state is State.PROPOSED

    (tmp_path / "away.png").rename(tmp_path / "a.png")
    run = a_run(review, starter, tmp_path)
    run.compute()
    assert run.failed == {}
    assert review.record("a").pixels


@pytest.mark.network
def test_when_no_template_can_be_read_the_reason_is_said(review, starter, tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.png").unlink()
    with pytest.raises(InputError, match=r"shows the object can be used: .*a\.png does not exist"):
        a_run(review, starter, tmp_path).compute()


@pytest.mark.network
def test_proposals_of_an_earlier_rule_are_made_anew(review, starter, tmp_path, monkeypatch):
    for rule, answered in ((1, 1), (1, 0), (2, 1)):
        monkeypatch.setattr(ImageSetTracker, "RULE", rule)
        run = a_run(review, starter, tmp_path)
        run.compute()
        assert run.answered == answered
