"""What tracking remembers: counted in the server's memory, and whole after every failure."""

import numpy as np
import pytest

from medsam2.backend.limits import MIB, MemoryBudget, ServerLimits
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.propagation_options import PropagationOptions
from medsam2.protocol import Done, Forget, Mask, PromptRequest, Propagate, ProtocolError
from medsam2.tracking import prompting, tracker
from unit.backend.examples import SHAPE, a_workspace, opened

CLICK = PromptRequest(2, "a", "k", Prompt(6, ((18.0, 22.0, True),)), "slice")
CORRECTION = PromptRequest(3, "a", "k", Prompt(6, ((2.0, 2.0, False),)))
TRACK = Propagate(4, "k", options=PropagationOptions(absent_stop=None))


def ask(workspace, request) -> list:
    return list(workspace.steps(request))


def tracked(workspace) -> dict[int, np.ndarray]:
    masks = [answer for answer in ask(workspace, TRACK) if isinstance(answer, Mask)]
    return {mask.slice_index: mask.mask.full(SHAPE[1:]) for mask in masks}


def known(workspace) -> tuple:
    """All that a workspace knows of its object, as it can be compared."""
    target = workspace._opened.trackers["k"].objects["a"]
    entries = {index: id(entry) for index, entry in target.entries.items()}
    return dict(target.prompts), entries, dict(target.reversed), target.whole_slices


class NoMemory:
    """Stands for a function, or a class whose objects are made in several ways."""

    def __init__(self, *_):
        raise MemoryError

    from_entry = __init__


class Promised(list):
    """Notes what a workspace asks for."""

    def __call__(self, remembered: int) -> None:
        self.append(remembered)


def test_every_tracked_slice_is_promised_and_given_back_when_it_is_forgotten():
    promised = Promised()
    workspace = opened(a_workspace(promise=promised))
    ask(workspace, CLICK)
    ask(workspace, TRACK)
    each = workspace._opened.trackers["k"].objects["a"].entries[6].bytes
    first, last = promised[-SHAPE[0] - 1], promised[-1]
    assert last - first == pytest.approx((SHAPE[0] - 1) * each, rel=0.2)
    ask(workspace, Forget(5, "a", "k", 3))
    assert promised[-1] == last - each
    ask(workspace, Forget(6, "a"))
    assert promised[-1] == 0


def test_painted_masks_are_promised():
    promised = Promised()
    workspace = opened(a_workspace(promise=promised))
    ask(
        workspace,
        PromptRequest(2, "a", "k", Prompt(6, mask=PlacedMask.packed(np.ones((8, 8), bool), 10, 10))),
    )
    ask(workspace, Forget(3, "b"))
    assert promised[-1] > SHAPE[1] * SHAPE[2]


def test_a_freed_session_is_promised_nothing():
    promised = Promised()
    workspace = opened(a_workspace(promise=promised))
    ask(workspace, CLICK)
    workspace.free()
    assert promised[-1] == 0


def test_tracking_that_fills_the_memory_ends_with_an_error_behind_its_last_mask():
    workspace = opened(a_workspace(promise=Promised()))
    ask(workspace, CLICK)
    each = workspace._opened.trackers["k"].remembered_bytes
    budget = MemoryBudget(ServerLimits(memory_bytes=5 * each, feature_bytes=0))
    workspace._promise = lambda remembered: budget.remember("workspace", remembered)
    answers = []
    with pytest.raises(ProtocolError, match="remove an object") as problem:
        answers.extend(workspace.steps(TRACK))
    assert problem.value.code == "out_of_memory"
    ask(workspace, Forget(5, "a"))
    ask(workspace, CLICK)


def test_a_slice_can_be_forgotten_where_what_is_left_is_still_too_much():
    workspace = opened(a_workspace(promise=Promised()))
    ask(workspace, CLICK)
    ask(workspace, PromptRequest(3, "b", "k", Prompt(6, ((18.0, 22.0, True),)), "slice"))
    budget = MemoryBudget(
        ServerLimits(memory_bytes=workspace._opened.trackers["k"].remembered_bytes, feature_bytes=0)
    )
    workspace._promise = lambda remembered: budget.remember("workspace", remembered)
    with pytest.raises(ProtocolError):
        ask(workspace, TRACK)
    assert 7 in workspace._opened.trackers["k"].objects["a"].entries
    assert ask(workspace, Forget(5, "a", "k", 7)) == [Done(5)]
    with pytest.raises(ProtocolError):
        ask(workspace, CORRECTION)


def test_what_is_remembered_leaves_less_for_volumes():
    budget = MemoryBudget(ServerLimits(memory_bytes=100 * MIB, feature_bytes=0))
    budget.remember("workspace", 60 * MIB)
    with pytest.raises(ProtocolError):
        budget.reserve("volume", 50 * MIB, 1)
    with pytest.raises(ProtocolError):
        budget.remember("other", 50 * MIB)
    budget.remember("workspace", 30 * MIB)
    budget.reserve("volume", 70 * MIB, 1)
    budget.remember("workspace", 20 * MIB)
    budget.remember("workspace", 0)
    budget.reserve("second", 30 * MIB, 1)


@pytest.mark.parametrize(("module", "place"), [(prompting, "near_prompt"), (tracker, "SliceMask")])
def test_a_correction_that_runs_out_of_memory_leaves_the_object_as_it_was(monkeypatch, module, place):
    workspace = opened(a_workspace())
    ask(workspace, CLICK)
    masks = tracked(workspace)
    before = known(workspace)
    with monkeypatch.context() as patch:
        patch.setattr(module, place, NoMemory)
        with pytest.raises(MemoryError):
            ask(workspace, CORRECTION)
    assert known(workspace) == before
    again = tracked(workspace)
    assert all((again[index] == mask).all() for index, mask in masks.items())


def test_a_slice_that_runs_out_of_memory_leaves_all_objects_as_they_were(monkeypatch):
    workspace = opened(a_workspace())
    ask(workspace, CLICK)
    ask(workspace, PromptRequest(3, "b", "k", Prompt(6, ((18.0, 22.0, True),)), 30.0))
    before = known(workspace)
    network, calls = workspace._network, []
    encode = network.encode_memory

    def fails_for_the_second(*inputs):
        calls.append(1)
        if len(calls) == 2:
            raise MemoryError
        return encode(*inputs)

    with monkeypatch.context() as patch:
        patch.setattr(network, "encode_memory", fails_for_the_second)
        with pytest.raises(MemoryError):
            ask(workspace, Propagate(4, "k", options=PropagationOptions(start=7, direction="forward")))
    assert known(workspace) == before
    assert ask(workspace, TRACK)[-1] == Done(4)
