"""What is written: labelmaps with a table of their labels, overlaps never lost, volumes in words."""

import json
import os

import numpy as np
import pytest
import SimpleITK

from medsam2.cli import stopping
from medsam2.cli.prompt_options import PromptedObject
from medsam2.cli.results import (
    Outputs,
    check_referable,
    describe,
    free_segmentation_name,
    summary,
    write_results,
)
from medsam2.cli.segmentation import Result
from medsam2.cli.wording import millilitres
from medsam2.confidence import SliceConfidence
from medsam2.errors import InputError
from medsam2.prompt import Prompt
from medsam2.volume import PALETTE, Geometry, Volume, VolumeSlices, WeightsUsed, read_segments
from unit.volume.dicom.examples import write_series

SHAPE = (4, 6, 8)
SLICES = VolumeSlices(Volume(np.zeros(SHAPE, np.uint8), Geometry(SHAPE, np.diag([-1.0, -1, 5, 1]))))


def an_object(name: str, label: int) -> PromptedObject:
    return PromptedObject(name, PALETTE[label], [Prompt(1, points=((1, 1, True),))], label)


def a_result(**first_and_last_column) -> Result:
    masks = {}
    for name, (first, last) in first_and_last_column.items():
        masks[name] = np.zeros(SHAPE, bool)
        masks[name][1:3, 2:4, first : last + 1] = True
    confidence = {name: {1: SliceConfidence(0.9, 4.0, True)} for name in masks}
    return Result(masks, 1.0, 4, dict.fromkeys(masks, 10.0), confidence)


OBJECTS = [an_object("liver", 5), an_object("Galle é", 2)]
APART = a_result(**{"liver": (0, 2), "Galle é": (3, 5)})
OVERLAPPING = a_result(**{"liver": (0, 3), "Galle é": (3, 5)})


def voxels(path) -> np.ndarray:
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_a_labelmap_has_its_labels_and_a_table_that_a_mask_is_read_with(tmp_path, suffix):
    outputs = Outputs(tmp_path / f"out{suffix}")
    write_results(outputs, SLICES, OBJECTS, APART)
    assert {path.name for path in tmp_path.iterdir()} == {f"out{suffix}", "out.labels.json"}
    assert json.loads((tmp_path / "out.labels.json").read_text("utf-8")) == {"2": "Galle é", "5": "liver"}
    assert voxels(outputs.masks)[1, 2].tolist() == [5, 5, 5, 2, 2, 2, 0, 0]
    found = {s.name: (s.label, s.mask) for s in read_segments(outputs.masks, SLICES.volume.geometry)}
    for entry in OBJECTS:
        label, mask = found[entry.name]
        assert label == entry.label
        np.testing.assert_array_equal(mask, APART.masks[entry.name])


def test_a_labelmap_and_its_table_get_their_names_while_signals_wait(tmp_path, monkeypatch):
    outputs, waits = Outputs(tmp_path / "out.nii.gz", tmp_path / "out.png"), {}

    def replace(source, target, original=os.replace) -> None:
        original(source, target)
        waits[target] = stopping._is_held_back

    monkeypatch.setattr(os, "replace", replace)
    write_results(outputs, SLICES, OBJECTS, APART)
    assert [waits[file] for file in outputs.files] == [True, True, True]


def test_a_segmentation_keeps_labels_and_needs_no_table(tmp_path):
    outputs = Outputs(tmp_path / "out.seg.nrrd")
    write_results(outputs, SLICES, OBJECTS, OVERLAPPING)
    assert [path.name for path in tmp_path.iterdir()] == ["out.seg.nrrd"]
    found = read_segments(outputs.masks, SLICES.volume.geometry)
    assert [(s.name, s.label) for s in found] == [("liver", 5), ("Galle é", 2)]
    np.testing.assert_array_equal(found[0].mask, OVERLAPPING.masks["liver"])
    np.testing.assert_array_equal(found[1].mask, OVERLAPPING.masks["Galle é"])


@pytest.mark.parametrize("taken", [(), ("out.seg.nrrd",), ("out.seg.nrrd", "out-2.seg.nrrd")])
def test_objects_that_overlap_are_kept_beside_the_labelmap_that_cannot_hold_them(tmp_path, taken):
    for name in taken:
        (tmp_path / name).write_text("older")
    kept = f"out{f'-{len(taken) + 1}' if taken else ''}.seg.nrrd"
    outputs = Outputs(tmp_path / "out.nii.gz", tmp_path / "out.png")
    with pytest.raises(
        InputError, match=rf"share 4 voxels, which out\.nii\.gz cannot hold.*{kept}.*--overlap"
    ):
        write_results(outputs, SLICES, OBJECTS, OVERLAPPING)
    assert {path.name for path in tmp_path.iterdir()} == {*taken, kept, "out.png"}
    assert all((tmp_path / name).read_text() == "older" for name in taken)
    first, second = read_segments(tmp_path / kept, SLICES.volume.geometry)
    assert first.mask.sum() == OVERLAPPING.masks["liver"].sum()
    assert second.mask.sum() == OVERLAPPING.masks["Galle é"].sum()


@pytest.mark.parametrize(
    ("overlap", "row"), [("last", [5, 5, 5, 2, 2, 2, 0, 0]), ("first", [5, 5, 5, 5, 2, 2, 0, 0])]
)
def test_overlap_says_who_has_shared_voxels(tmp_path, overlap, row):
    write_results(Outputs(tmp_path / "out.nrrd", overlap=overlap), SLICES, OBJECTS, OVERLAPPING)
    assert voxels(tmp_path / "out.nrrd")[1, 2].tolist() == row


def test_a_link_that_leads_nowhere_is_no_free_name(tmp_path):
    (tmp_path / "out.seg.nrrd").symlink_to(tmp_path / "absent")
    assert free_segmentation_name(tmp_path / "out.mha").name == "out-2.seg.nrrd"


def test_large_labels_need_more_bits(tmp_path):
    objects = [an_object("a", 5), PromptedObject("b", PALETTE[0], [], 70_000)]
    write_results(Outputs(tmp_path / "out.nii.gz"), SLICES, objects, a_result(a=(0, 2), b=(3, 5)))
    assert voxels(tmp_path / "out.nii.gz")[1, 2].tolist() == [5, 5, 5, *[70_000] * 3, 0, 0]


@pytest.fixture
def series(tmp_path):
    """A DICOM series in ``in``, and its slices."""
    volume = Volume.read(write_series(tmp_path / "in"))
    return VolumeSlices(volume)


def on_series(shape) -> Result:
    masks = {name: np.zeros(shape, bool) for name in ("liver", "Galle é")}
    masks["liver"][1:3, 2:6, 2:6] = masks["Galle é"][2:4, 4:8, 4:8] = True
    confidence = {name: {1: SliceConfidence(0.9, 4.0, True)} for name in masks}
    return Result(masks, 1.0, 4, dict.fromkeys(masks, 10.0), confidence)


@pytest.mark.parametrize("name", ["out.dcm", "out.rtstruct.dcm"])
def test_dicom_has_names_and_overlaps_so_that_it_needs_no_table(tmp_path, series, name):
    outputs = Outputs(tmp_path / name)
    check_referable(outputs, tmp_path / "in", series.volume)
    result = on_series(series.volume.geometry.shape)
    write_results(outputs, series, OBJECTS, result, WeightsUsed("starter"))
    assert {path.name for path in tmp_path.iterdir()} == {"in", name}
    if name == "out.dcm":
        found = read_segments(outputs.masks, series.volume.geometry)
        assert [(s.name, s.mask.sum()) for s in found] == [("liver", 32), ("Galle é", 32)]


def test_dicom_is_refused_where_it_could_not_refer_to_the_image_or_would_lie_in_it(tmp_path, series):
    with pytest.raises(InputError, match=r"but ct\.nii\.gz is no DICOM: end the name with \.seg\.nrrd"):
        check_referable(Outputs(tmp_path / "out.dcm"), tmp_path / "ct.nii.gz", SLICES.volume)
    for inside in ("out.dcm", "out.rtstruct.dcm"):
        with pytest.raises(InputError, match="would lie among the images"):
            check_referable(Outputs(tmp_path / "in" / inside), tmp_path / "in", series.volume)
    check_referable(Outputs(tmp_path / "in" / "out.seg.nrrd"), tmp_path / "in", series.volume)


def test_the_summary_has_labels_and_scores():
    report = summary(SLICES, OBJECTS, APART)
    assert [(row["name"], row["label"]) for row in report["objects"]] == [("liver", 5), ("Galle é", 2)]
    assert report["objects"][0]["scores"] == [{"slice": 1, "iou": 0.9, "object_score": 4.0}]
    assert report["objects"][0]["volume_ml"] == 0.06
    json.dumps(report, allow_nan=False)


def test_the_volume_of_a_small_object_of_micro_ct_is_not_0():
    geometry = Geometry(SHAPE, np.diag([0.01, 0.01, 0.01, 1]))
    slices = VolumeSlices(Volume(np.zeros(SHAPE, np.uint8), geometry))
    report = summary(slices, OBJECTS, APART)
    assert report["objects"][0]["volume_ml"] == pytest.approx(12e-9)
    assert describe(report).startswith("liver: 1.2e-05 mm³ on 2 slices")


@pytest.mark.parametrize(
    ("volume", "text"),
    [
        (2250.4, "2,250 ml"),
        (1_234_567, "1,234,567 ml"),
        (31.2, "31 ml"),
        (9.96, "10 ml"),
        (1.25, "1.2 ml"),
        (0.4, "0.4 ml"),
        (0.057, "0.057 ml"),
        (0.001, "0.001 ml"),
        (0.00025, "0.25 mm³"),
        (7.3e-7, "0.00073 mm³"),
        (0, "0 ml"),
    ],
)
def test_volumes_read_as_people_write_them(volume, text):
    assert millilitres(volume) == text
