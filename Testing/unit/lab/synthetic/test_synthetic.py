import numpy as np
import pytest
from scipy import ndimage

from medsam2_lab.synthetic.anatomy import Anatomy, make_anatomy
from medsam2_lab.synthetic.clips import Clip, make_clip
from medsam2_lab.synthetic.intensity import scan
from medsam2_lab.synthetic.shapes import Canvas, smooth_noise
from medsam2_lab.synthetic.targets import is_visible
from medsam2_lab.synthetic.tissues import TISSUE_COUNT, TISSUES, draw_means

SIZE, FRAMES, OBJECTS = 128, 4, 4


@pytest.fixture(scope="module")
def anatomies() -> list[Anatomy]:
    return [make_anatomy(np.random.default_rng(seed), 96) for seed in range(4)]


@pytest.fixture(scope="module")
def clips(anatomies: list[Anatomy]) -> list[Clip]:
    rng = np.random.default_rng(11)
    return [make_clip(anatomies[n % 4], rng, SIZE, FRAMES, OBJECTS) for n in range(48)]


@pytest.fixture(scope="module")
def masks(clips: list[Clip]) -> list[np.ndarray]:
    return [mask for clip in clips for mask in clip.masks]


def test_the_same_seed_gives_the_same_clip(anatomies):
    again = make_anatomy(np.random.default_rng(2), 96)
    assert np.array_equal(again.tissues, anatomies[2].tissues)
    assert np.array_equal(again.objects, anatomies[2].objects)
    one, two, other = (
        make_clip(again, np.random.default_rng(seed), SIZE, FRAMES, OBJECTS) for seed in (5, 5, 6)
    )
    assert np.array_equal(one.images, two.images)
    assert np.array_equal(one.masks, two.masks)
    assert np.array_equal(one.labels, two.labels)
    assert not np.array_equal(one.images, other.images)


def test_tissue_kinds_share_no_number():
    numbers = sorted(number for kind in TISSUES.values() for number in kind)
    assert numbers == list(range(TISSUE_COUNT))


@pytest.mark.parametrize("modality", ["CT", "MR", "US"])
def test_bone_is_bright_in_ct_and_dark_elsewhere(modality):
    means = np.stack([draw_means(np.random.default_rng(seed), modality) for seed in range(20)])
    assert np.isfinite(means).all()
    brighter = means[:, TISSUES["cortex"][0]] > means[:, TISSUES["soft"]].max(axis=1)
    assert (brighter == (modality == "CT")).all()


def test_every_object_of_a_body_part_is_one_piece(anatomies):
    for anatomy in anatomies:
        assert anatomy.tissues.shape == anatomy.objects.shape == (96, 96, 96)
        assert anatomy.tissues.max() < TISSUE_COUNT
        assert len(anatomy.boxes) >= 5
        for number, box in anatomy.boxes.items():
            assert ndimage.label(anatomy.objects[box] == number, np.ones((3, 3, 3)))[1] == 1
            assert anatomy.sizes[number] == np.count_nonzero(anatomy.objects == number)


def test_some_objects_consist_of_several_tissues(anatomies):
    for anatomy in anatomies:
        several = [
            n for n, box in anatomy.boxes.items() if np.ptp(anatomy.tissues[box][anatomy.objects[box] == n])
        ]
        assert several


@pytest.mark.parametrize(("size", "frames", "objects"), [(64, 1, 1), (128, 3, 5), (256, 2, 3)])
def test_shapes_and_types(anatomies, size, frames, objects):
    clip = make_clip(anatomies[0], np.random.default_rng(0), size, frames, objects)
    assert clip.images.shape == clip.labels.shape == (frames, size, size)
    assert clip.images.dtype == np.float32
    assert clip.labels.dtype == np.int16
    assert clip.masks.dtype == bool
    assert clip.masks.shape[1:] == (frames, size, size)
    assert 1 <= len(clip.masks) <= objects


def test_images_lie_in_the_window_and_vary(clips):
    for clip in clips:
        assert np.isfinite(clip.images).all()
        assert clip.images.min() >= 0
        assert clip.images.max() <= 1
    assert np.mean([clip.images.std() > 0.02 for clip in clips]) > 0.9


def test_targets_are_large_enough_and_now_and_then_of_several_pieces(masks):
    assert all(8 <= mask[0].sum() <= 0.7 * SIZE**2 for mask in masks)
    several = np.mean([ndimage.label(mask[0])[1] > 1 for mask in masks])
    assert 0.01 < several < 0.25


def test_targets_of_a_clip_differ(clips):
    for clip in clips:
        assert len({mask[0].tobytes() for mask in clip.masks}) == len(clip.masks)
    assert np.mean([len(clip.masks) for clip in clips]) > 3


def test_targets_are_unions_of_visible_regions(clips):
    for clip in clips:
        for mask in clip.masks:
            border = mask[0] & ndimage.binary_dilation(~mask[0])
            inner, outer = clip.labels[0][border], clip.labels[0][ndimage.binary_dilation(mask[0]) & ~mask[0]]
            assert not set(inner) & set(outer)


def test_sizes_span_small_and_large(masks):
    shares = np.array([mask[0].mean() for mask in masks])
    assert (shares < 0.01).any()
    assert (shares > 0.2).any()
    assert 0.01 < np.median(shares) < 0.15


def test_some_targets_end_and_most_continue(masks):
    ended = np.mean([not mask[-1].any() for mask in masks])
    assert 0.05 < ended < 0.4


def test_targets_change_from_frame_to_frame(masks):
    pairs = [(mask[0], mask[1]) for mask in masks if mask[1].any()]
    dice = np.array([2 * (a & b).sum() / (a.sum() + b.sum()) for a, b in pairs])
    assert np.quantile(dice, 0.1) < 0.7
    assert np.quantile(dice, 0.9) > 0.9


def test_smooth_noise_is_smooth_and_of_unit_deviation():
    field = smooth_noise(np.random.default_rng(0), (60, 60, 60), (8, 8, 8))
    assert field.std() == pytest.approx(1, abs=0.2)
    assert np.abs(np.diff(field, axis=0)).max() < 1


def test_a_ball_has_the_volume_of_its_half_axes():
    canvas = Canvas(np.zeros((40, 40, 40), np.uint8), np.zeros((40, 40, 40), np.uint8))
    canvas.ball(np.array([20.0, 20, 20]), np.array([6.0, 8, 10]), 3, 7)
    painted = np.count_nonzero(canvas.objects == 7)
    assert painted == pytest.approx(4 / 3 * np.pi * 6 * 8 * 10, rel=0.05)
    assert np.array_equal(canvas.tissues == 3, canvas.objects == 7)


def test_a_target_without_contrast_is_not_visible():
    mask = np.zeros((64, 64), bool)
    mask[20:40, 24:44] = True
    noise = 0.02 * np.random.default_rng(0).standard_normal(mask.shape)
    assert not is_visible(0.5 + noise, mask)
    assert is_visible(0.5 + 0.1 * mask + noise, mask)


def test_visible_targets_only(clips):
    assert all(is_visible(clip.images[0], mask[0]) for clip in clips for mask in clip.masks)


@pytest.mark.parametrize("enlarged", [0.5, 1.0, 3.0, 12.0])
def test_coarse_scans_are_smoother(enlarged):
    rng = np.random.default_rng(0)
    image = scan(rng, rng.random((2, 128, 128), dtype=np.float32), enlarged, "CT")
    assert image.shape == (2, 128, 128)
    steps = np.abs(np.diff(image, axis=2)).mean()
    assert (steps < 0.1) == (enlarged > 1.4)


def test_twins_lie_in_a_row_of_their_kind():
    found = [make_anatomy(np.random.default_rng(seed), 96).twins for seed in range(8)]
    assert any(len(twins) > 2 for twins in found)
