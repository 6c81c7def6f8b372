"""Slices that are encoded while the user thinks."""

from contextlib import nullcontext

import pytest

from medsam2.backend.lookahead import outward
from medsam2.prompt import Prompt
from medsam2.propagation_options import PropagationOptions
from medsam2.protocol import Mask, PromptRequest, Propagate, SliceShown
from medsam2.slice_grid import SliceGrid
from medsam2.tracking import FieldOfView
from medsam2.tracking.field_of_view_choice import ZOOMS
from unit.backend.examples import SHAPE, a_workspace, opened
from unit.tracking.oracle_network import OracleNetwork

WHOLE = FieldOfView.whole(SliceGrid(SHAPE[1:], (1.0, 1.0)))


class Calm:
    """An interruption that never comes."""

    @staticmethod
    def watching(network):
        return nullcontext()


def encode(workspace, most: int = 1000) -> int:
    """Let a workspace look ahead; returns how many images it encoded."""
    count = 0
    while workspace.lookahead.waiting and count < most:
        workspace.lookahead.step(Calm)
        count += 1
    return count


@pytest.fixture
def network() -> OracleNetwork:
    return OracleNetwork(image_size=128)


@pytest.fixture
def workspace(network):
    return opened(a_workspace(network))


def ask(workspace, request) -> list:
    return list(workspace.steps(request))


def click(index: int = 6, axis: str = "k", point=(18.0, 22.0, True), view="slice") -> PromptRequest:
    return PromptRequest(2, "a", axis, Prompt(index, (point,)), view)


def test_slices_are_taken_nearest_first():
    assert list(outward(2, 6)) == [2, 3, 1, 4, 0, 5]
    assert list(outward(0, 1)) == [0]


def test_nothing_is_encoded_before_the_user_has_done_anything(workspace):
    assert not workspace.lookahead.waiting


def test_tracking_after_a_pause_encodes_nothing(workspace, network):
    ask(workspace, click())
    assert encode(workspace) == 11
    before = network.encoded
    answers = ask(workspace, Propagate(3, "k", options=PropagationOptions(absent_stop=None)))
    assert len([answer for answer in answers if isinstance(answer, Mask)]) == 12
    assert network.encoded == before


def test_the_nearest_slices_come_first(workspace, network):
    ask(workspace, click())
    encode(workspace, most=2)
    before = network.encoded
    ask(workspace, Propagate(3, "k", options=PropagationOptions(first=5, last=7)))
    assert network.encoded == before


def test_a_shown_slice_is_encoded_whole_and_in_the_field_of_view_of_the_prompt_before(workspace):
    view = ask(workspace, click(view=30.0))[0].field_of_view
    assert view.rows == 30
    ask(workspace, SliceShown(3, "k", 10))
    encode(workspace, most=2)
    features = workspace._opened.trackers["k"].features
    assert (10, FieldOfView(*view)) in features
    assert (10, WHOLE) in features


def test_for_the_choice_of_a_field_of_view_a_shown_slice_is_encoded_by_the_network_that_chooses():
    large, quick = OracleNetwork(image_size=128), OracleNetwork(image_size=128)
    workspace = opened(a_workspace(large, field_of_view_network=quick))
    ask(workspace, SliceShown(2, "k", 4))
    encode(workspace, most=1)
    assert (quick.encoded, large.encoded) == (1, 0)
    encode(workspace)
    assert (quick.encoded, large.encoded) == (1, 12)


def test_a_first_click_encodes_all_fields_of_view_but_the_whole_slice(workspace, network):
    ask(workspace, SliceShown(2, "k", 6))
    encode(workspace)
    before = network.encoded
    ask(workspace, click(view="auto"))
    assert network.encoded - before == len(ZOOMS) - 1


def test_where_the_user_points_a_first_click_need_not_wait_for_any_image(workspace, network):
    ask(workspace, SliceShown(2, "k", 6, (18.0, 22.0)))
    encode(workspace, most=len(ZOOMS))
    before = network.encoded
    assert before == len(ZOOMS), "the whole slice, and closer"
    ask(workspace, click(view="auto"))
    assert network.encoded == before


def test_what_a_click_needs_is_encoded_though_two_thirds_are_filled(network):
    one_image = 4 * sum((128 // stride) ** 2 for stride in (16, 8, 4))
    workspace = opened(a_workspace(network, feature_bytes=9 * one_image))
    ask(workspace, SliceShown(2, "k", 3))
    encode(workspace)
    ask(workspace, SliceShown(3, "k", 6, (18.0, 22.0)))
    assert encode(workspace) >= len(ZOOMS) - 1, "but for the whole slice, which may be there"


@pytest.mark.parametrize("point", [(-3.0, 5.0), (float("nan"), 5.0), (1e300, 5.0)])
def test_pointing_beside_the_slice_is_ignored(workspace, point):
    assert ask(workspace, SliceShown(3, "k", 4, point)) == []
    assert not workspace.lookahead.waiting


def test_a_shown_slice_without_a_prompt_is_encoded_whole(workspace):
    ask(workspace, SliceShown(3, "k", 4))
    assert encode(workspace) == 12


@pytest.mark.parametrize("index", [-1, 12])
def test_a_shown_slice_that_does_not_exist_is_ignored(workspace, index):
    assert ask(workspace, SliceShown(3, "k", index)) == []
    assert not workspace.lookahead.waiting


def test_two_thirds_of_the_features_are_filled_at_most(network):
    one_image = 4 * sum((128 // stride) ** 2 for stride in (16, 8, 4))
    workspace = opened(a_workspace(network, feature_bytes=6 * one_image))
    ask(workspace, click())
    encode(workspace)
    assert workspace._opened.trackers["k"].features.used_bytes == 4 * one_image


def test_work_on_another_axis_ends_it(workspace):
    ask(workspace, click(index=18, axis="j", point=(6.0, 22.0, True)))
    ask(workspace, click())
    along_j = workspace._opened.trackers["j"].features
    ask(workspace, click(index=18, axis="j", point=(6.0, 22.0, True)))
    ask(workspace, Propagate(4, "k"))
    encode(workspace)
    assert along_j.used_bytes == 0


def test_freed_features_are_not_made_again_unasked(workspace):
    ask(workspace, click())
    assert workspace.lookahead.waiting
    workspace.free_features()
    assert not workspace.lookahead.waiting


def test_a_freed_session_looks_ahead_to_nothing(workspace):
    ask(workspace, click())
    workspace.free()
    assert not workspace.lookahead.waiting
