import time

import numpy as np
import pytest
import torch

from medsam2.model.building import build_network
from medsam2.model.config import network_config
from medsam2.tracking import FieldOfView, SelfSortingMemory, TemporalMemory, Tracker
from medsam2.tracking.feature_cache import AT_ONCE, FeatureCache, sorting_key
from unit.tracking.examples import ball, click, volume_slices
from unit.tracking.oracle_network import OracleNetwork

FIELD_OF_VIEW = FieldOfView(0, 0, 32, 32)
SIZE = 64
BYTES = 4 * (4**2 + 8**2 + 16**2)
"""What the oracle's features of one image of 64 pixels take."""


def a_cache(budget: int, on_disk: bool = False) -> tuple[FeatureCache, OracleNetwork]:
    network = OracleNetwork(SIZE)
    return FeatureCache(network, volume_slices(np.ones((6, 32, 32), bool)), budget, on_disk), network


def test_each_slice_and_field_of_view_is_encoded_once():
    cache, network = a_cache(2**20)
    for _ in range(3):
        for index in (0, 1, 2):
            cache.get(index, FIELD_OF_VIEW)
    assert network.encoded == 3
    cache.get(0, FieldOfView(0, 0, 16, 16))
    assert network.encoded == 4
    assert cache.used_bytes == 4 * BYTES


def test_the_least_recently_used_goes_and_the_budget_holds():
    cache, network = a_cache(3 * BYTES)
    for index in (0, 1, 2, 0, 3):
        cache.get(index, FIELD_OF_VIEW)
        assert cache.used_bytes <= 3 * BYTES
    assert [index for index in range(6) if (index, FIELD_OF_VIEW) in cache] == [0, 2, 3]
    cache.get(0, FIELD_OF_VIEW)
    assert network.encoded == 4
    cache.get(1, FIELD_OF_VIEW)
    assert network.encoded == 5


def test_a_budget_too_small_for_one_slice_keeps_the_last():
    cache, network = a_cache(1)
    for index in (0, 0, 1, 1):
        cache.get(index, FIELD_OF_VIEW)
    assert network.encoded == 2
    assert cache.used_bytes == BYTES


@pytest.mark.network
def test_features_beyond_the_budget_come_back_from_disk_bit_for_bit(network, monkeypatch):
    encoded = []
    encode = network.encode_image
    monkeypatch.setattr(network, "encode_image", lambda images: encoded.append(1) or encode(images))
    truth = np.random.default_rng(0).random((8, 40, 40)) > 0.5
    cache = FeatureCache(network, volume_slices(truth), 3 * 524_288, on_disk=True)
    with torch.no_grad():
        walks = [[cache.get(index, FIELD_OF_VIEW) for index in range(8)] for _ in range(3)]
    assert len(encoded) == 8
    assert cache.used_bytes == 3 * 524_288
    assert all((index, FIELD_OF_VIEW) in cache for index in range(8))
    for walk in walks[1:]:
        for found, first in zip(walk, walks[0], strict=True):
            for level, expected in zip(found, first, strict=True):
                assert torch.equal(level, expected)
                assert level.stride() == expected.stride()
    cache.clear()
    assert not any((index, FIELD_OF_VIEW) in cache for index in range(8))


def test_features_that_are_made_quicker_than_read_stay_off_the_disk(monkeypatch):
    cache, network = a_cache(2 * BYTES, on_disk=True)
    count = cache._spilled._count
    monkeypatch.setattr(cache._spilled, "_count", lambda seconds: time.sleep(0.01) or count(seconds + 0.01))
    for _ in range(10):
        for index in range(6):
            features = cache.get(index, FIELD_OF_VIEW)
            assert torch.equal(features.s4, network.encode_image(torch.ones(1, 1, SIZE, SIZE)).s4)
    assert not cache._spilled.is_used
    network.encoded = 0
    for index in range(6):
        cache.get(index, FIELD_OF_VIEW)
    assert network.encoded == 6


def keys(*indices: int) -> list[tuple[int, FieldOfView]]:
    return [(index, FIELD_OF_VIEW) for index in indices]


def test_images_that_are_missing_are_encoded_together():
    cache, network = a_cache(2**20)
    first = cache.get(1, FIELD_OF_VIEW)
    found = cache.get_several(keys(0, 1, 2, 3, 2, 4, 5))
    assert network.encoded_at_once == [1, AT_ONCE, 1]
    assert found[1] is first
    assert found[2] is found[4]
    assert cache.used_bytes == 6 * BYTES
    cache.get_several(keys(*range(6)))
    assert network.encoded == 6


@pytest.mark.parametrize(("budget", "at_once"), [(1, 1), (3, 1), (4, 2), (7, 3), (100, AT_ONCE)])
def test_no_more_are_encoded_together_than_half_of_the_budget_holds(budget, at_once):
    cache, network = a_cache(budget * BYTES)
    assert cache.at_once == AT_ONCE  # nothing tells yet how much an image takes
    cache.get(0, FIELD_OF_VIEW)
    assert cache.at_once == at_once
    cache.get_several(keys(*range(1, 6)))
    assert network.encoded_at_once[1] == max(network.encoded_at_once) == at_once


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("budget", range(1, 8))
def test_what_is_asked_for_together_is_encoded_once_though_the_budget_holds_less(budget, on_disk):
    cache, network = a_cache(budget * BYTES, on_disk)
    cache.get(0, FIELD_OF_VIEW)
    found = cache.get_several(keys(*range(6)))
    assert network.encoded == 6
    assert [len(features.s16) for features in found] == [1] * 6
    assert cache.used_bytes <= budget * BYTES


@pytest.mark.parametrize(("size", "at_once"), [(64, AT_ONCE), (400, 3), (512, 2), (544, 1), (1024, 1)])
def test_large_images_are_encoded_one_by_one(size, at_once):
    cache = FeatureCache(OracleNetwork(size), volume_slices(np.ones((4, 32, 32), bool)), 2**30)
    assert cache.at_once == at_once


@pytest.mark.network
def test_together_images_have_the_features_that_they_have_alone_and_share_no_memory(network):
    truth = np.random.default_rng(0).random((6, 40, 40)) > 0.5
    together, alone = (FeatureCache(network, volume_slices(truth), 2**24) for _ in range(2))
    with torch.no_grad():
        for key, features in zip(keys(*range(6)), together.get_several(keys(*range(6))), strict=True):
            for level, expected in zip(features, alone.get(*key), strict=True):
                torch.testing.assert_close(level, expected)
                assert level.stride() == expected.stride()
                assert level.untyped_storage().nbytes() == level.nbytes


@pytest.mark.network
def test_networks_of_one_slice_are_told_what_of_each_image_is_the_slice():
    network = build_network(network_config("sam_med2d")).eval()
    views = [FIELD_OF_VIEW, FieldOfView(-16, 0, 64, 32), FieldOfView(8, 8, 16, 48)]
    truth = np.random.default_rng(0).random((1, 32, 32)) > 0.5
    together, alone = (FeatureCache(network, volume_slices(truth), 2**26) for _ in range(2))
    with torch.no_grad():
        found = together.get_several([(0, view) for view in views])
        for view, features in zip(views, found, strict=True):
            torch.testing.assert_close(features.s16, alone.get(0, view).s16, rtol=1e-4, atol=1e-4)


def test_the_time_of_encoding_together_counts_for_each_image(monkeypatch):
    cache, _ = a_cache(4 * BYTES, on_disk=True)
    told = []
    cache.get_several(keys(0, 1, 2, 3, 4, 5))
    monkeypatch.setattr(cache._spilled, "encoding_took", told.append)
    monkeypatch.setattr("medsam2.tracking.feature_cache.time.perf_counter", iter([10.0, 16.0]).__next__)
    assert cache.at_once == 2
    cache._timed_encode(keys(0, 1))
    assert told == [3.0]


def test_features_show_the_slice_in_the_field_of_view():
    truth = np.zeros((2, 32, 32), bool)
    truth[1, 8:16, 8:16] = True
    cache = FeatureCache(OracleNetwork(SIZE), volume_slices(truth), 2**20)
    assert not cache.get(0, FIELD_OF_VIEW).s4.any()
    assert cache.get(1, FIELD_OF_VIEW).s4[0, 0, 4:8, 4:8].all()
    assert cache.get(1, FieldOfView(8, 8, 8, 8)).s4.all()


def test_sorting_keys_have_unit_length_and_do_not_depend_on_brightness(network):
    with torch.no_grad():
        features = network.encode_image(torch.rand(1, 1, 64, 64))
    key = sorting_key(features)
    assert key.shape == (network.config.model_dim * 16,)
    assert key.norm() == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(sorting_key(features._replace(s16=3 * features.s16)), key)


@pytest.mark.parametrize("memory", [TemporalMemory(), SelfSortingMemory()])
def test_objects_directions_and_corrections_share_features(network, monkeypatch, memory):
    encoded = []
    encode = network.encode_image
    monkeypatch.setattr(network, "encode_image", lambda images: encoded.append(len(images)) or encode(images))
    slices = volume_slices(ball((4, 40, 40), (1, 15, 15), 9) | ball((4, 40, 40), (2, 30, 30), 6))
    tracker = Tracker(network, slices, field_of_view="slice", memory=memory, absent_stop=None)
    tracker.prompt("a", click(1, 15, 15))
    tracker.prompt("b", click(2, 30, 30))
    assert len(list(tracker.propagate())) == 2 * slices.count
    assert sum(encoded) == slices.count
    tracker.prompt("a", click(0, 20, 15, positive=False))
    list(tracker.propagate())
    assert sum(encoded) == slices.count
