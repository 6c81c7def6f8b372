"""Clips cut from labelled volumes."""

import sys
from multiprocessing import active_children

import numpy as np
import pytest
import torch

from medsam2.datasets import LabelledVolume
from medsam2.slice_grid import SliceGrid
from medsam2.training.augmentation import random_affine, transformed
from medsam2.training.fine_tuning_clips import (
    CLIPS_PER_CASE,
    POOL_SIZE,
    LabelledClips,
    case_pool,
    fine_tuning_batches,
)
from medsam2.training.labelled_clips import ClipSource, aimed_field_of_view, frame_indices
from medsam2.training.ranks import Ranks
from medsam2.volume import Geometry, Volume
from unit.training.examples import cases_in


def two_blocks(spacing=(1.0, 1.0, 1.0)) -> LabelledVolume:
    """A bright block (1) beside a brighter one (2) in the dark, 8-bit."""
    labels = np.zeros((12, 40, 40), np.uint8)
    labels[2:10, 10:30, 8:20] = 1
    labels[2:10, 10:30, 20:30] = 2
    image = np.array([20, 120, 220], np.uint8)[labels]
    volume = Volume(image, Geometry(labels.shape, np.diag([*spacing[::-1], 1.0])), "CT")
    return LabelledVolume("blocks", volume, labels, {"one": 1, "two": 2})


def test_masks_lie_where_the_structures_are():
    source, rng = ClipSource(two_blocks()), np.random.default_rng(0)
    counts = set()
    for _ in range(40):
        clip = source.cut(rng, image_size=64, frames=3, objects=2)
        counts.add(len(clip.masks))
        assert clip.images.shape == (3, 64, 64)
        assert clip.images.dtype == np.float32
        assert clip.masks[:, 0].any(axis=(1, 2)).all()
        for mask in clip.masks:
            grey = np.median(clip.images[0][mask[0]])
            assert min(abs(grey - 120 / 255), abs(grey - 220 / 255)) < 0.2
        if len(clip.masks) == 2:
            assert not (clip.masks[0] & clip.masks[1]).sum() > 0.1 * clip.masks[0].sum()
    assert counts == {1, 2}


@pytest.mark.parametrize("shape", ["specks", "outline"])
def test_scattered_and_thin_structures_are_looked_at_closely(shape):
    labels = np.zeros((10, 400, 400), np.uint8)
    if shape == "specks":
        labels[:, 5:8, 5:8] = labels[:, 390:393, 390:393] = 1
    else:
        labels[:, 5:395, 5:395] = 1
        labels[:, 6:394, 6:394] = 0
    volume = Volume(200 * labels, Geometry(labels.shape, np.diag([1.0, 1.0, 5.0, 1.0])), "MR")
    source = ClipSource(LabelledVolume(shape, volume, labels, {"one": 1}))
    clip = source.cut(np.random.default_rng(0), image_size=64, frames=2, objects=1)
    assert clip.masks[0, 0].any()


def test_a_picture_is_a_clip_of_itself():
    blocks = two_blocks()
    volume = Volume(blocks.volume.voxels[5:6], Geometry((1, 40, 40), np.eye(4)))
    picture = LabelledVolume("picture", volume, blocks.labels[5:6], blocks.structures)
    clip = ClipSource(picture).cut(np.random.default_rng(0), image_size=64, frames=4, objects=1)
    assert all((mask == clip.masks[0, 0]).all() for mask in clip.masks[0])


def test_thick_slices_are_not_looked_at_from_the_side():
    thin, thick = ClipSource(two_blocks()), ClipSource(two_blocks(spacing=(5.0, 1.0, 1.0)))
    assert thin._axes == ["k", "j", "i"]
    assert thick._axes == ["k"]


@pytest.mark.parametrize("count", [1, 2, 5, 30])
def test_slices_follow_each_other_and_turn_back_at_the_end(count):
    rng = np.random.default_rng(0)
    for _ in range(50):
        first = int(rng.integers(count))
        indices = frame_indices(rng, count, first, 8)
        assert indices[0] == first
        assert ((indices >= 0) & (indices < count)).all()
        assert np.abs(np.diff(indices)).max() <= 2
        assert count == 1 or len(set(indices.tolist())) > 1


def test_fields_of_view_show_the_object_at_many_sizes():
    section, rng = np.zeros((100, 100), bool), np.random.default_rng(0)
    section[40:60, 45:55] = True
    fields_of_view = [
        aimed_field_of_view(rng, section, SliceGrid(section.shape, (2.0, 2.0))) for _ in range(100)
    ]
    for field_of_view in fields_of_view:
        assert field_of_view.cut(section).sum() == section.sum()
        assert field_of_view.row >= 0
        assert field_of_view.row + field_of_view.rows <= 100
    shares = [20 / field_of_view.rows for field_of_view in fields_of_view]
    assert min(shares) < 0.3
    assert max(shares) > 0.8


def test_turning_changes_images_and_masks_alike():
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 10:22, 8:24] = 1
    rng = np.random.default_rng(0)
    for _ in range(10):
        turned = transformed(mask, random_affine(rng))
        assert not torch.equal(turned, mask)
        assert 0.6 < float(turned.sum() / mask.sum()) < 1.4


def test_all_cases_take_turns():
    cases = 2 * POOL_SIZE + 1
    turn = cases * CLIPS_PER_CASE
    pools = [case_pool(0, cases, clip).tolist() for clip in range(turn)]
    assert max(map(len, pools)) <= POOL_SIZE
    shares = [sum((case in pool) / len(pool) for pool in pools) for case in range(cases)]
    assert shares == pytest.approx([CLIPS_PER_CASE] * cases, rel=0.2)
    assert case_pool(1, cases, 0).tolist() != pools[0]


def test_batches_follow_from_their_number_and_differ_between_processes(tmp_path):
    cases = cases_in(tmp_path / "set", range(3))
    options = {"clips": 2, "image_size": 64, "frames": 2, "objects": 1}

    def batches(seed: int, first: int, rank: int, count: int, workers: int = 0):
        ranks = Ranks(rank, count, torch.device("cpu"))
        dataset = LabelledClips(cases, seed, **options)
        return [batch.images for batch in fine_tuning_batches(dataset, first, 4, ranks, workers)]

    alone = batches(0, 0, 0, 1)
    assert len(alone) == 4
    assert not torch.equal(alone[0], alone[1])
    assert all(map(torch.equal, alone[2:], batches(0, 2, 0, 1, workers=2)))
    assert not torch.equal(alone[0], batches(1, 0, 0, 1)[0])
    assert torch.equal(batches(0, 0, 1, 2)[0], alone[1])


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
def test_a_process_that_makes_batches_ends_well_when_it_is_terminated(tmp_path):
    dataset = LabelledClips(cases_in(tmp_path / "set", range(2)), 0, 1, image_size=64, frames=2, objects=1)
    batches = fine_tuning_batches(dataset, 0, 1000, Ranks(0, 1, torch.device("cpu")), workers=1)
    next(batches)
    (worker,) = active_children()
    worker.terminate()
    worker.join(60)
    assert worker.exitcode == 0
