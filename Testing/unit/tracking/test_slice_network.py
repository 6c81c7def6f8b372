import math

import numpy as np
import pytest
import torch

from medsam2.tracking import FieldOfView
from medsam2.tracking.memory_bank import Selection
from medsam2.tracking.slice_network import SliceNetwork, network_selection
from unit.tracking.examples import dice, disc, entry, volume_slices
from unit.tracking.oracle_network import OracleNetwork

SHAPE = (64, 64)
WHOLE, CLOSE = FieldOfView(0, 0, 64, 64), FieldOfView(20, 4, 32, 32)
DISC = disc(SHAPE, (32, 24), 8)


@pytest.fixture
def seen() -> SliceNetwork:
    return SliceNetwork(OracleNetwork(), volume_slices(np.stack([DISC] * 3)), 2**24)


def a_memory(index: int = 0, prompted: bool = False):
    """A memory of the disc, with its logits in the field of view of the whole slice."""
    remembered = entry(index, prompted=prompted)
    remembered.field_of_view = WHOLE
    remembered.logits = torch.from_numpy(np.where(DISC, 9.0, -9.0)).float()[None, None]
    return remembered


@pytest.mark.parametrize("field_of_view", [WHOLE, CLOSE, FieldOfView(-10, -6, 70, 70)])
def test_a_memory_shows_the_mask_in_the_view_asked_for(seen, field_of_view):
    memory = seen.memory(a_memory(), field_of_view)[0, 0].numpy() > 0.5
    expected = field_of_view.network_image(DISC.astype(np.float32), 64)[0, 0].numpy() > 0.5
    assert dice(memory, expected) > 0.95


def test_a_memory_is_encoded_anew_only_when_the_field_of_view_has_moved(seen):
    remembered = a_memory()
    first = seen.memory(remembered, WHOLE)
    assert seen.memory(remembered, WHOLE) is first
    assert not torch.allclose(seen.memory(remembered, CLOSE), first)
    torch.testing.assert_close(seen.memory(remembered, WHOLE), first)


def test_what_a_person_prompted_is_remembered_as_certain(seen):
    unsure = [a_memory(prompted=prompted) for prompted in (True, False)]
    for remembered in unsure:
        remembered.logits = remembered.logits / 9
    certain, probable = (seen.memory(remembered, WHOLE).max() for remembered in unsure)
    assert certain == 1
    assert float(probable) == pytest.approx(1 / (1 + math.exp(-1)), abs=1e-3)


def test_objects_are_stacked_with_their_pointers(seen):
    selections = [
        Selection(entries, [6, 0], [(entries[0], 0.2)])
        for entries in ([a_memory(0), a_memory(1)], [a_memory(0), a_memory(2)])
    ]
    taken = network_selection(selections, lambda entry: seen.memory(entry, WHOLE))
    assert taken.memories.shape == (2, 2, 1, 64, 64)
    assert taken.time_index == [6, 0]
    assert taken.pointers.shape == (2, 1, 4)
    assert taken.pointer_distances == [0.2]
    assert network_selection([Selection([])], lambda entry: seen.memory(entry, WHOLE)) is None
