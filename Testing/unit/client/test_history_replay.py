"""Told again what an object's history says, a tracker that knows nothing comes to the same masks."""

import itertools

import numpy as np
import pytest

from medsam2.client.history import History
from medsam2.protocol import Prompt as PromptMessage
from medsam2.protocol import Propagate
from medsam2.tracking import Tracker
from medsam2.volume import Geometry, Prompt, Volume, VolumeSlices
from medsam2.weights.loading import load_model
from unit.client.spoken import mask

SHAPE = (14, 32, 32)
CENTRE = (16.0, 16.0)


@pytest.fixture(scope="module")
def slices() -> VolumeSlices:
    """A noisy tube on all slices."""
    rows, columns = np.ogrid[: SHAPE[1], : SHAPE[2]]
    tube = np.hypot(rows - CENTRE[0], columns - CENTRE[1]) < 7
    noise = np.random.default_rng(0).normal(0, 60, SHAPE)
    voxels = (np.where(tube, 90, -60) + noise).astype(np.int16)
    return VolumeSlices(Volume(voxels, Geometry(SHAPE, np.eye(4))))


@pytest.fixture(scope="module")
def network():
    return load_model("starter", device="cpu")


def act(tracker: Tracker, event: PromptMessage | Propagate, history: History | None = None) -> None:
    """Do to a tracker what a message asks of a backend, and note it in a history."""
    if isinstance(event, PromptMessage):
        tracker.prompt("a", Prompt(event.slice_index, event.points))
        if history is not None:
            history.prompted(event)
        return
    answers = tracker.propagate(
        ["a"], start=event.start, direction=event.direction, first=event.first, last=event.last
    )
    for answer in answers:
        if history is not None:
            history.tracked(event, mask(event.id, "a", answer.slice_index))


@pytest.mark.parametrize("prompted", [(4, 9), (1, 8), (6, 7), (0, 13), (3, 7, 11)])
@pytest.mark.parametrize("start", ["none", "first", "last"])
def test_masks_are_the_same_to_the_logit(slices, network, prompted, start):
    history, tracker, ids = History(), Tracker(network, slices, view="slice"), itertools.count(1)
    for index in prompted:
        act(tracker, PromptMessage(next(ids), "a", "k", index, ((*CENTRE, True),)), history)
        if index == prompted[0]:
            act(tracker, Propagate(next(ids), "k"), history)  # so that the others correct
    place = {"none": None, "first": prompted[0], "last": prompted[-1]}[start]
    act(tracker, Propagate(next(ids), "k", start=place), history)
    again = Tracker(network, slices, view="slice")
    for event in history.retold(ids):
        act(again, event)
    entries, repeated = tracker.objects["a"].entries, again.objects["a"].entries
    assert set(entries) == set(repeated)
    for index, entry in entries.items():
        np.testing.assert_array_equal(entry.logits.numpy(), repeated[index].logits.numpy())
