"""Every bad file is named, and good ones are not."""

import numpy as np
import pytest

from medsam2.datasets import read_dataset
from unit.datasets.examples import LABELS, SHAPE, image_file, labelmap, pair_list, problems, scan
from unit.volume.dicom.examples import VOXELS, write_series

TURNED = (0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("labels", "header", "words"),
    [
        (LABELS[:2], {}, "its size is 2 x 8 x 10"),
        (LABELS, {"spacing": (1.0, 1.0, 2.5)}, "its spacing is 2.5 x 1 x 1"),
        (LABELS, {"origin": (0.0, 0.5, 0.0)}, "its origin is at"),
        (LABELS, {"direction": TURNED}, "other directions"),
        (np.zeros(SHAPE, np.uint8), {}, "no structure"),
        (np.where(LABELS == 1, 0.5, 0).astype(np.float32), {}, "between whole numbers"),
    ],
)
def test_labels_that_do_not_fit(tmp_path, labels, header, words):
    scan(tmp_path / "a.nrrd")
    bad = labelmap(tmp_path / "a_label.nrrd", labels, **header)
    (problem,) = problems(pair_list(tmp_path, ("a.nrrd", "a_label.nrrd")))
    assert problem.file == bad
    assert str(bad) in problem.sentence
    assert words in problem.sentence


def test_labels_of_another_frame_of_reference(tmp_path):
    write_series(tmp_path / "scan")
    write_series(tmp_path / "labels", stored=(VOXELS > 0).astype(np.int16), FrameOfReferenceUID="1.2.9.9")
    (problem,) = problems(pair_list(tmp_path, ("scan", "labels")))
    assert "another DICOM frame of reference" in str(problem)


@pytest.mark.parametrize("millimetres", [0.001, 1, 1000])
@pytest.mark.parametrize(
    ("shift", "stretch", "words"),
    [(0.08, 1, ""), (0.0, 1.0009, ""), (0.12, 1, "its origin is at"), (0.0, 1.02, "its spacing is")],
)
def test_labels_may_lie_a_tenth_of_a_voxel_off(tmp_path, millimetres, shift, stretch, words):
    spacing = np.array((1.0, 1.0, 2.0)) * millimetres
    scan(tmp_path / "a.nrrd", spacing=spacing)
    header = {"spacing": spacing * stretch, "origin": (0.0, -shift * millimetres, 0.0)}
    labelmap(tmp_path / "a_label.nrrd", LABELS, **header)
    found = problems(pair_list(tmp_path, ("a.nrrd", "a_label.nrrd")))
    assert len(found) == bool(words)
    assert all(words in problem.sentence for problem in found)


def test_an_image_in_place_of_labels(tmp_path):
    image_file(tmp_path / "a.nrrd", np.zeros((3, 10, 10), np.int16))
    image_file(tmp_path / "b.nrrd", np.arange(300, dtype=np.int16).reshape(3, 10, 10))
    (problem,) = problems(pair_list(tmp_path, ("a.nrrd", "b.nrrd")))
    assert "299 different values" in problem.sentence


def test_all_bad_files_are_named_in_order(tmp_path):
    scan(tmp_path / "good.nrrd")
    labelmap(tmp_path / "label.nrrd")
    (tmp_path / "damaged.nrrd").write_bytes(b"NRRD0004\nnothing")
    np.savez(tmp_path / "objects.npz", imgs=np.array([{}], object), gts=LABELS)
    np.savez(tmp_path / "unlabelled.npz", imgs=LABELS)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "unlabelled.npz").read_bytes()[:50])
    with (tmp_path / "single.npz").open("wb") as file:
        np.save(file, LABELS)
    np.savez(tmp_path / "gaps.npz", imgs=LABELS, gts=np.where(LABELS, 1, np.nan))
    pairs = [("good.nrrd", "label.nrrd"), ("damaged.nrrd", "none.nrrd")]
    pairs += [(f"{name}.npz", f"{name}.npz") for name in ("objects", "unlabelled", "cut", "single", "gaps")]
    found = problems(pair_list(tmp_path, *pairs))
    assert list(dict.fromkeys(problem.file.name for problem in found)) == [
        "damaged.nrrd",
        "none.nrrd",
        "objects.npz",
        "unlabelled.npz",
        "cut.npz",
        "single.npz",
        "gaps.npz",
    ]
    assert all(str(problem.file) in problem.sentence for problem in found)


def test_an_image_without_its_label_in_a_layout(tmp_path):
    scan(tmp_path / "img" / "img0001.nii.gz")
    labelmap(tmp_path / "label" / "label0002.nii.gz")
    assert [problem.file.name for problem in problems(tmp_path)] == ["label0001.nii.gz", "img0002.nii.gz"]


def test_a_case_of_refuge_without_raters(tmp_path):
    image_file(tmp_path / "Training-400" / "a" / "a_cropped.jpg", np.full((16, 16), 90, np.uint8))
    (problem,) = problems(tmp_path)
    assert "no labels" in problem.sentence


def test_rounding_in_headers_and_float_labels_are_fine(tmp_path):
    scan(tmp_path / "a.nrrd", origin=(10.0, 20.0, 30.0))
    almost = LABELS.astype(np.float32) + np.float32(1e-4)
    labelmap(tmp_path / "b.nrrd", almost, origin=(10.001, 20.0, 30.0), spacing=(1.00001, 1.0, 3.0))
    source = pair_list(tmp_path, ("a.nrrd", "b.nrrd"))
    assert problems(source) == []
    labels = read_dataset(source)[0].read().labels
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, LABELS)
