"""Told again what an object's history says, a tracker that knows nothing comes to the same masks."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from torch import Tensor

from medsam2.client.journal import History
from medsam2.model.segmentation_network import ImageFeatures
from medsam2.prompt import DrawnLine, Prompt
from medsam2.propagation_options import PropagationOptions
from medsam2.protocol import PromptRequest, Propagate
from medsam2.tracking import Tracker
from medsam2.volume import Geometry, Volume, VolumeSlices
from medsam2.weights.loading import load_model
from unit.client.spoken import mask

pytestmark = pytest.mark.network

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
    """The starter network, which encodes each slice once for all tests, as all see the same."""
    network, encoded = load_model("starter", device="cpu"), {}
    encode = network.encode_image

    def encode_once(images: Tensor) -> ImageFeatures:
        key = images.numpy().tobytes()
        if key not in encoded:
            encoded[key] = encode(images)
        return encoded[key]

    network.encode_image = encode_once
    return network


def act(tracker: Tracker, event: PromptRequest | Propagate, history: History | None = None) -> None:
    """Do to a tracker what a message asks of a backend, and note it in a history."""
    if isinstance(event, PromptRequest):
        tracker.prompt("a", event.prompt)
        if history is not None:
            history.prompted(event)
        return
    asked = event.options
    answers = tracker.propagate(
        ["a"], start=asked.start, direction=asked.direction, first=asked.first, last=asked.last
    )
    for answer in answers:
        if history is not None:
            history.tracked(event, mask(event.id, "a", answer.slice_index))


@pytest.mark.parametrize("prompted", [(4, 9), (1, 8), (6, 7), (0, 13), (3, 7, 11)])
@pytest.mark.parametrize("start", ["none", "first", "last"])
def test_masks_are_the_same_to_the_logit(slices, network, prompted, start):
    history, tracker, ids = History(), Tracker(network, slices, field_of_view="slice"), itertools.count(1)
    for index in prompted:
        act(tracker, PromptRequest(next(ids), "a", "k", Prompt(index, ((*CENTRE, True),))), history)
        if index == prompted[0]:
            act(tracker, Propagate(next(ids), "k"), history)  # so that the others correct
    place = {"none": None, "first": prompted[0], "last": prompted[-1]}[start]
    act(tracker, Propagate(next(ids), "k", options=PropagationOptions(start=place)), history)
    assert_same_when_retold(tracker, history, ids)


BESIDE, MIDDLE = ((2.0, 2.0, False),), ((*CENTRE, False),)
EVERYTHING = {"first": 0, "last": None}


@pytest.mark.parametrize(
    "jobs",
    [
        [EVERYTHING, EVERYTHING],
        [{"first": 9, "last": 11}, EVERYTHING],
        [{"first": 9, "last": 11}, {"first": 12, "last": 13}],
        [{"first": 0, "last": 3, "start": 6}, {"first": 10, "last": 12, "start": 6}],
    ],
)
@pytest.mark.parametrize("waiting", [((5, BESIDE), (8, BESIDE)), ((8, MIDDLE), (3, BESIDE))])
def test_with_background_that_waits_and_ranges_elsewhere_too(slices, network, waiting, jobs):
    history, tracker, ids = History(), Tracker(network, slices, field_of_view="slice"), itertools.count(1)
    for index, points in (*waiting, (6, ((*CENTRE, True),))):
        act(tracker, PromptRequest(next(ids), "a", "k", Prompt(index, points)), history)
    for job in jobs:
        act(tracker, Propagate(next(ids), "k", options=PropagationOptions(**job)), history)
    assert_same_when_retold(tracker, history, ids)


def ring(row: float, column: float, radius: float, positive: bool) -> DrawnLine:
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    rows, columns = row + radius * np.sin(angles), column + radius * np.cos(angles)
    return DrawnLine(tuple(zip(rows.tolist(), columns.tolist(), strict=True)), positive)


def test_strokes_and_lassos_come_back_to_the_voxel(slices, network):
    history, tracker, ids = History(), Tracker(network, slices, field_of_view="slice"), itertools.count(1)
    through = DrawnLine(((12.0, 14.0), (16.0, 17.5), (20.0, 18.0)), True)
    beside = DrawnLine(((3.0, 3.0), (4.0, 9.0)), False)
    hole = ring(13.3, 16.2, 2.6, positive=False)
    for prompt in (
        Prompt(6, strokes=(through,)),
        Prompt(10, lassos=(hole,), strokes=(beside,)),
        Prompt(6, lassos=(ring(16, 16, 8.4, positive=True),)),
    ):
        act(tracker, PromptRequest(next(ids), "a", "k", prompt), history)
    act(tracker, Propagate(next(ids), "k"), history)
    act(tracker, PromptRequest(next(ids), "a", "k", Prompt(8, lassos=(hole,))), history)
    act(tracker, Propagate(next(ids), "k"), history)
    assert_same_when_retold(tracker, history, ids)
    assert tracker.objects["a"].entries[8].allowed is not None


def assert_same_when_retold(tracker: Tracker, history: History, ids: Iterator[int]) -> None:
    again = Tracker(tracker.network, tracker.slices, field_of_view="slice")
    for event in history.retold(ids):
        act(again, event)
    entries, repeated = tracker.objects["a"].entries, again.objects["a"].entries
    assert set(entries) == set(repeated)
    for index, entry in entries.items():
        np.testing.assert_array_equal(entry.logits.numpy(), repeated[index].logits.numpy())
        assert entry.mask(SHAPE[1:]) == repeated[index].mask(SHAPE[1:])
