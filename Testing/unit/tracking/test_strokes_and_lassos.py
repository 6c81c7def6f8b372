"""Strokes and lassos through the tracker: what is drawn, what is remembered, and what comes back."""

from dataclasses import replace

import numpy as np
import pytest

from medsam2.model.prompt_encoder import NEGATIVE
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import DrawnLine, Prompt
from medsam2.slice_grid import SliceGrid
from medsam2.tracking import Tracker
from medsam2.tracking.drawn_lines import enclosed, run_through
from medsam2.volume import Geometry, Volume, VolumeSlices
from medsam2.weights.loading import load_model
from unit.tracking.examples import a_tracker, ball, click, collected, dice, disc
from unit.tracking.oracle_network import OracleNetwork

SHAPE = (24, 48, 48)
BALL = ball(SHAPE, (12, 20, 22), 8)
SMALL = ball(SHAPE, (12, 40, 8), 5)
"""On slices 7 to 17, apart from the other."""
BOTH = BALL | SMALL


def stroke(*positions: tuple[float, float], positive: bool = True) -> DrawnLine:
    return DrawnLine(positions, positive)


def ring(row: float, column: float, radius: float, positive: bool = True) -> DrawnLine:
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    round_it = zip(row + radius * np.sin(angles), column + radius * np.cos(angles), strict=True)
    return DrawnLine(tuple((float(r), float(c)) for r, c in round_it), positive)


def segmented(prompts: list[Prompt], truth=BOTH, **options) -> np.ndarray:
    tracker = a_tracker(truth, **options)
    for prompt in prompts:
        tracker.prompt("a", prompt)
    return collected(tracker, tracker.propagate())


@pytest.mark.parametrize(
    "prompt",
    [
        Prompt(12, strokes=(stroke((16, 18), (20, 22), (24, 26)),)),
        Prompt(12, strokes=(stroke((20, 22)),)),
        Prompt(12, lassos=(ring(20, 22, 9),)),
    ],
)
def test_a_stroke_or_a_lasso_starts_an_object(prompt):
    assert dice(segmented([prompt]), BALL) > 0.95


def test_strokes_through_two_objects_and_lassos_round_both_segment_both():
    through = Prompt(12, strokes=(stroke((18, 20), (22, 24)), stroke((39, 7), (41, 9))))
    round_them = Prompt(12, lassos=(ring(20, 22, 9), ring(40, 8, 6)))
    for prompt in (through, round_them):
        assert dice(segmented([prompt], field_of_view="slice"), BOTH) > 0.95


@pytest.mark.parametrize("axis", ["k", "j", "i"])
def test_a_stroke_works_along_every_axis(axis):
    centre = {"k": (20, 22), "j": (12, 22), "i": (12, 20)}[axis]
    index = {"k": 12, "j": 20, "i": 22}[axis]
    line = stroke((centre[0] - 3, centre[1]), (centre[0], centre[1] + 3))
    tracker = a_tracker(BALL, axis)
    tracker.prompt("a", Prompt(index, strokes=(line,)))
    assert dice(collected(tracker, tracker.propagate()), BALL) > 0.95


def test_nothing_is_outside_of_a_lasso_round_the_object_or_inside_of_a_negative_one():
    tracker = a_tracker(BOTH)
    half = DrawnLine(((5.0, 5.0), (5.0, 21.7), (35.0, 21.7), (35.0, 5.0)), True)
    found = tracker.prompt("a", Prompt(12, lassos=(half,))).mask.full(SHAPE[1:])
    assert found[:, :22].any()
    np.testing.assert_array_equal(found[:, :22], BALL[12][:, :22])
    assert not found[:, 22:].any()
    hole = ring(20, 18, 2.3, positive=False)
    left = tracker.prompt("a", Prompt(12, lassos=(hole,))).mask.full(SHAPE[1:])
    np.testing.assert_array_equal(left, found & ~enclosed([hole], SliceGrid(SHAPE[1:], (1.0, 1.0))))
    again = tracker.prompt("a", click(12, 20, 14)).mask.full(SHAPE[1:])
    np.testing.assert_array_equal(again, left)


def test_what_is_drawn_joins_with_what_comes_later_and_is_kept_as_drawn():
    tracker = a_tracker(BOTH, field_of_view="slice")
    first, later = ring(20, 22, 9), stroke((39, 7), (41, 9))
    tracker.prompt("a", Prompt(12, lassos=(first,)))
    answer = tracker.prompt("a", Prompt(12, strokes=(later,)))
    assert dice(answer.mask.full(SHAPE[1:]), BOTH[12]) > 0.95
    assert tracker.objects["a"].prompts[12] == Prompt(12, strokes=(later,), lassos=(first,))
    tracker.prompt("a", click(12, 3, 44, positive=False))
    assert tracker.objects["a"].prompts[12].strokes == (later,)


@pytest.mark.parametrize(
    "drawn",
    [{"strokes": (stroke((39, 6), (41, 10), positive=False),)}, {"lassos": (ring(40, 8, 7, False),)}],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_negative_ones_alone_wait_and_correct_what_tracking_brings(drawn, is_first):
    both = Prompt(8, points=((20.0, 22.0, True), (40.0, 8.0, True)))
    prompts = [both, Prompt(12, **drawn)]
    found = segmented(prompts[::-1] if is_first else prompts, field_of_view="slice")
    kept = BOTH.copy()
    kept[12:] = BALL[12:]
    assert dice(found, kept) > 0.95
    assert not (found & SMALL)[12].any()


@pytest.mark.parametrize(
    "drawn",
    [{"strokes": (stroke((3, 40), (8, 44), positive=False),)}, {"lassos": (ring(8, 40, 5, False),)}],
)
def test_negative_ones_beside_the_object_change_nothing(drawn):
    alone = segmented([click(12, 20, 22)])
    for prompts in ([click(12, 20, 22), Prompt(14, **drawn)], [Prompt(14, **drawn), click(12, 20, 22)]):
        np.testing.assert_array_equal(segmented(prompts), alone)


def test_a_negative_lasso_takes_its_part_of_a_tracked_slice_and_leaves_the_rest():
    tracker = a_tracker(BALL)
    tracker.prompt("a", click(12, 20, 22))
    before = collected(tracker, tracker.propagate())
    lasso = ring(20, 22, 3, positive=False)
    found = tracker.prompt("a", Prompt(14, lassos=(lasso,))).mask.full(SHAPE[1:])
    np.testing.assert_array_equal(found, before[14] & ~enclosed([lasso], SliceGrid(SHAPE[1:], (1.0, 1.0))))
    assert before[14].sum() - found.sum() > 20


class Stubborn(OracleNetwork):
    """Does not listen to negative points."""

    def decode(self, features, conditioned, points=None, labels=None, *more, **options):
        if labels is not None:
            heard = labels[0] != NEGATIVE
            points, labels = points[:, heard], labels[:, heard]
        return super().decode(features, conditioned, points, labels, *more, **options)


@pytest.mark.parametrize("index", [12, 14])
def test_where_a_negative_stroke_runs_nothing_stays_and_other_slices_do_not_suffer(index):
    """On the prompted slice and on a tracked one, whatever the network makes of the stroke."""
    tracker = a_tracker(BALL, network=Stubborn())
    tracker.prompt("a", click(12, 20, 22))
    before = collected(tracker, tracker.propagate())
    line = stroke((15, 17), (15, 27), (18, 28), positive=False)
    answer = tracker.prompt("a", Prompt(index, strokes=(line,))).mask.full(SHAPE[1:])
    expected = before.copy()
    expected[(index, *run_through(line, SliceGrid(SHAPE[1:], (1.0, 1.0))))] = False
    np.testing.assert_array_equal(answer, expected[index])
    assert before[index].sum() - answer.sum() > 6
    np.testing.assert_array_equal(collected(tracker, tracker.propagate()), expected)


def test_a_negative_stroke_over_all_there_is_ends_the_object():
    small = np.zeros(SHAPE, bool)
    small[4:20, 20:22, 22:26] = True
    tracker = a_tracker(small, network=Stubborn())
    tracker.prompt("a", click(12, 20, 23))
    collected(tracker, tracker.propagate())
    line = stroke((20, 20), (20, 28), (21, 28), (21, 20), positive=False)
    assert tracker.prompt("a", Prompt(14, strokes=(line,))).mask.is_empty
    found = collected(tracker, tracker.propagate())
    assert found[13].any()
    assert not found[14:].any()


class Yielding(OracleNetwork):
    """Gives up all of a mask at any negative point, but so many rows."""

    def __init__(self, rows: int = 1):
        super().__init__()
        self.rows = rows

    def decode(self, features, conditioned, points=None, labels=None, mask_logits=None, ambiguous=True):
        answer = super().decode(features, conditioned, points, labels, mask_logits, ambiguous)
        if labels is None or not (labels == NEGATIVE).any():
            return answer
        last = int((mask_logits[0, 0] > 0).any(dim=1).nonzero().max())
        logits = mask_logits.clone()
        logits[..., : last + 1 - self.rows, :] = -9.0
        return answer._replace(logits=logits)


@pytest.mark.parametrize("index", [12, 14])
def test_a_negative_stroke_takes_away_a_line_as_wide_as_the_mask_is_there_and_leaves_the_rest(index):
    tracker = a_tracker(BALL, network=Yielding())
    tracker.prompt("a", click(12, 20, 22))
    before = collected(tracker, tracker.propagate())[index]
    line = stroke((18, 17), (22, 17), positive=False)
    left = tracker.prompt("a", Prompt(index, strokes=(line,))).mask.full(SHAPE[1:])
    np.testing.assert_array_equal(left[:, 21:], before[:, 21:])
    assert before[18:23, 16:19].all()
    assert not left[18:23, 16:19].any()


def test_a_negative_stroke_through_most_of_a_mask_means_all_of_it():
    handled = np.zeros(SHAPE, bool)
    handled[:, 19:22, 4:40] = handled[:, 18:23, 40:45] = True
    tracker = a_tracker(handled, network=Yielding())
    tracker.prompt("a", click(8, 20, 42))
    collected(tracker, tracker.propagate())
    half, most = (stroke((20, 6), (20, last), positive=False) for last in (20, 38))
    assert not tracker.prompt("a", Prompt(14, strokes=(half,))).mask.is_empty
    assert tracker.prompt("a", Prompt(16, strokes=(most,))).mask.is_empty
    found = collected(tracker, tracker.propagate())
    assert found[15].any()
    assert not found[16:].any()


@pytest.mark.parametrize(("network", "connected"), [(Yielding(0), True), (Yielding(), False)])
def test_a_network_that_gives_up_all_of_a_mask_is_believed_and_so_is_any_without_the_rules(
    network, connected
):
    tracker = a_tracker(BALL, network=network, connected=connected)
    tracker.prompt("a", click(12, 20, 22))
    before = collected(tracker, tracker.propagate())[14]
    line = stroke((18, 17), (22, 17), positive=False)
    left = tracker.prompt("a", Prompt(14, strokes=(line,))).mask.full(SHAPE[1:])
    assert left.sum() < before.sum() / 8


def test_a_negative_stroke_after_a_lasso_corrects_what_was_answered():
    """Rather than to begin anew from what the lasso holds."""
    network = Shown()
    tracker = a_tracker(BOTH, network=network)
    tracker.prompt("a", Prompt(12, lassos=(ring(20, 22, 12),)))
    tracker.prompt("a", Prompt(12, strokes=(stroke((10, 22), (13, 22), positive=False),)))
    lassoed, corrected = network.areas
    assert lassoed > 1.3 * corrected > 0


class Shown(Stubborn):
    """Notes how many pixels of an earlier answer it is shown."""

    def __init__(self):
        super().__init__()
        self.areas: list[int] = []

    def decode(self, features, conditioned, points=None, labels=None, mask_logits=None, ambiguous=True):
        if mask_logits is not None:
            self.areas.append(int((mask_logits > 0).sum()))
        return super().decode(features, conditioned, points, labels, mask_logits, ambiguous)


def test_a_negative_lasso_takes_its_part_of_a_painted_slice():
    painted = disc(SHAPE[1:], (20, 22), 6)
    tracker = a_tracker(BALL)
    tracker.prompt("a", Prompt(12, mask=PlacedMask.packed(painted)))
    lasso = ring(24, 22, 4, positive=False)
    found = tracker.prompt("a", Prompt(12, lassos=(lasso,))).mask.full(SHAPE[1:])
    np.testing.assert_array_equal(found, painted & ~enclosed([lasso], SliceGrid(SHAPE[1:], (1.0, 1.0))))
    assert tracker.remembered_bytes > 0


def test_a_negative_lasso_round_all_of_it_ends_the_object_there():
    tracker = a_tracker(BALL)
    tracker.prompt("a", click(8, 20, 22))
    collected(tracker, tracker.propagate())
    assert tracker.prompt("a", Prompt(14, lassos=(ring(20, 22, 15, False),))).mask.is_empty
    found = collected(tracker, tracker.propagate())
    assert found[13].any()
    assert not found[14:].any()


def test_a_lasso_beside_the_mask_of_a_tracked_slice_adds_to_it():
    tracker = a_tracker(BOTH, field_of_view="slice")
    tracker.prompt("a", click(12, 20, 22))
    collected(tracker, tracker.propagate())
    answer = tracker.prompt("a", Prompt(14, lassos=(ring(40, 8, 6),)))
    assert dice(answer.mask.full(SHAPE[1:]), BOTH[14]) > 0.95


def test_a_lasso_replaces_a_painted_slice_where_it_lies_round_the_object():
    tracker = a_tracker(BALL)
    tracker.prompt("a", Prompt(12, mask=PlacedMask.packed(np.ones((20, 20), bool), 10, 10)))
    answer = tracker.prompt("a", Prompt(12, lassos=(ring(20, 22, 9),)))
    assert dice(answer.mask.full(SHAPE[1:]), BALL[12]) > 0.95


def test_the_network_that_chooses_the_field_of_view_gets_no_more_points_than_it_takes():
    seeing, choosing = OracleNetwork(), Noting(stroke_points=2)
    tracker = a_tracker(BALL, network=seeing, field_of_view_network=choosing)
    line = stroke(*((20.0, float(column)) for column in range(16, 29)))
    tracker.prompt("a", Prompt(12, strokes=(line,)))
    assert choosing.points == {2}
    assert seeing.config.stroke_points > 2


class Noting(OracleNetwork):
    """Notes how many points it is given."""

    def __init__(self, stroke_points: int):
        super().__init__()
        self.config = replace(self.config, stroke_points=stroke_points)
        self.points: set[int] = set()

    def decode(self, features, conditioned, points=None, labels=None, *more, **options):
        self.points.add(points.shape[1])
        return super().decode(features, conditioned, points, labels, *more, **options)


def test_a_click_outside_a_lasso_adds_what_it_lies_on():
    left, right = disc((96, 96), (40, 30), 12), disc((96, 96), (60, 66), 12)
    noise = np.random.default_rng(0).normal(0, 12, left.shape)
    voxels = (np.where(left | right, 110, 20) + noise).astype(np.int16)[None]
    tracker = Tracker(load_model("starter"), VolumeSlices(Volume(voxels, Geometry(voxels.shape, np.eye(4)))))
    tracker.prompt("a", Prompt(0, lassos=(ring(40, 30, 13.5),)))
    answer = tracker.prompt("a", click(0, 60, 66))
    assert dice(answer.mask.full(left.shape), left | right) > 0.9


def test_tracking_from_lines_again_gives_the_same_masks():
    prompts = [Prompt(8, lassos=(ring(20, 22, 9),)), Prompt(12, lassos=(ring(14, 22, 4, False),))]
    tracker = a_tracker(BALL)
    for prompt in prompts:
        tracker.prompt("a", prompt)
    first = collected(tracker, tracker.propagate())
    np.testing.assert_array_equal(collected(tracker, tracker.propagate()), first)
