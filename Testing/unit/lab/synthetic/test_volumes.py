import numpy as np
import pytest

from medsam2.volume import choose_window, guess_modality
from medsam2_lab.synthetic.volumes import LEAST_SLICES, LEAST_VOXELS, MODALITIES, SyntheticScan, make_scan


@pytest.fixture(scope="module")
def scans() -> dict[str, SyntheticScan]:
    return {modality: make_scan(1, modality) for modality in MODALITIES}


def test_the_same_seed_gives_the_same_scan(scans):
    again = make_scan(1, "MR")
    assert np.array_equal(again.volume.voxels, scans["MR"].volume.voxels)
    assert np.array_equal(again.labels, scans["MR"].labels)
    assert not np.array_equal(make_scan(2, "MR").labels, scans["MR"].labels)


def test_structures_are_labelled_and_large_enough(scans):
    for scan in scans.values():
        assert scan.labels.shape == scan.volume.voxels.shape
        assert set(scan.structures.values()) == set(np.unique(scan.labels)) - {0}
        assert len(scan.structures) >= 2
        for value in scan.structures.values():
            mask = scan.labels == value
            assert mask.sum() >= LEAST_VOXELS
            assert np.count_nonzero(mask.any(axis=(1, 2))) >= LEAST_SLICES


def test_a_ct_is_in_hounsfield_units(scans):
    ct = scans["CT"].volume
    assert ct.voxels.dtype == np.int16
    assert guess_modality(ct.voxels) == "CT"
    assert -1024 <= ct.voxels.min() < -800
    assert 200 < ct.voxels.max() <= 3071


def test_other_modalities_start_at_zero_and_are_not_taken_for_ct(scans):
    for modality in ("MR", "US"):
        voxels = scans[modality].volume.voxels
        assert voxels.min() >= 0
        assert guess_modality(voxels) is None


def test_the_automatic_window_shows_contrast(scans):
    for scan in scans.values():
        grey = choose_window(scan.volume).apply(scan.volume.voxels)
        assert grey.std() > 0.1


def test_outlines_are_no_checkerboards():
    """A scan of about the body part's own voxels, which is not smoothed."""
    made = (make_scan(seed, "CT") for seed in range(20))
    scan = next(scan for scan in made if 72 < scan.labels.shape[1] <= 144)
    alternating = [
        (plane[:-1, :-1] == plane[1:, 1:])
        & (plane[:-1, 1:] == plane[1:, :-1])
        & (plane[:-1, :-1] != plane[:-1, 1:])
        for plane in scan.labels
    ]
    assert np.mean(alternating) < 2e-4
