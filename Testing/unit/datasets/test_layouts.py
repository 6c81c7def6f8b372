"""Every layout is recognised and gives the same cases every time."""

import json

import numpy as np
import pytest
import SimpleITK

from medsam2.datasets import read_dataset
from medsam2.errors import InputError
from unit.datasets.examples import (
    LABELS,
    SHAPE,
    image_file,
    labelmap,
    nnunet_description,
    pair_list,
    scan,
)


def test_nnunet_takes_the_first_of_several_channels(tmp_path):
    nnunet_description(tmp_path, {"background": 0, "liver": 1, "cyst": 2})
    for case in ("b", "a"):
        for channel in (1, 0):
            scan(tmp_path / "imagesTr" / f"{case}_000{channel}.nii.gz")
        labelmap(tmp_path / "labelsTr" / f"{case}.nii.gz")
    cases = read_dataset(tmp_path)
    assert [(case.name, case.image.name) for case in cases] == [
        ("a", "a_0000.nii.gz"),
        ("b", "b_0000.nii.gz"),
    ]
    assert cases[0].read().structures == {"liver": 1, "cyst": 2}


def test_the_decathlon_maps_values_to_names(tmp_path):
    nnunet_description(tmp_path, {"0": "background", "1": "spleen"})
    scan(tmp_path / "imagesTr" / "spleen_10.nii.gz")
    labelmap(tmp_path / "labelsTr" / "spleen_10.nii.gz")
    (tmp_path / "imagesTr" / "._spleen_10.nii.gz").write_bytes(b"left by macOS")
    (case,) = read_dataset(tmp_path)
    assert (case.name, case.structures) == ("spleen_10", {"spleen": 1})


def test_cases_whose_own_names_look_like_channels(tmp_path):
    nnunet_description(tmp_path, {"0": "background", "1": "spleen"})
    for name in ("amos_0000", "amos_0001"):
        scan(tmp_path / "imagesTr" / f"{name}.nii.gz")
        labelmap(tmp_path / "labelsTr" / f"{name}.nii.gz")
    assert [case.name for case in read_dataset(tmp_path)] == ["amos_0000", "amos_0001"]


def test_regions_of_several_values_count_by_value(tmp_path):
    nnunet_description(tmp_path, {"background": 0, "whole": [1, 2], "core": 2})
    scan(tmp_path / "imagesTr" / "a_0000.nii.gz")
    labelmap(tmp_path / "labelsTr" / "a.nii.gz")
    assert read_dataset(tmp_path)[0].read().structures == {"1": 1, "2": 2}


def test_voxels_to_ignore_are_no_structure(tmp_path):
    nnunet_description(tmp_path, {"background": 0, "liver": 1, "ignore": 2})
    scan(tmp_path / "imagesTr" / "a_0000.nii.gz")
    labelmap(tmp_path / "labelsTr" / "a.nii.gz")
    assert read_dataset(tmp_path)[0].read().structures == {"liver": 1}


def test_nnunet_parts(tmp_path):
    nnunet_description(tmp_path, {"background": 0, "liver": 1})
    scan(tmp_path / "imagesTs" / "t_0000.nii.gz")
    labelmap(tmp_path / "labelsTs" / "t.nii.gz")
    assert [case.name for case in read_dataset(tmp_path, "test")] == ["t"]
    with pytest.raises(InputError, match="labelsTr is missing"):
        read_dataset(tmp_path, "train")


@pytest.mark.parametrize("part", ["", "Training", "averaged"])
def test_btcv(tmp_path, part):
    scan(tmp_path / part / "img" / "img0002.nii.gz")
    labelmap(tmp_path / part / "label" / "label0002.nii.gz")
    (case,) = read_dataset(tmp_path)
    assert case.name == "img0002"
    assert case.read().structures == {"spleen": 1, "right kidney": 2}


def test_refuge_takes_what_most_raters_say(tmp_path):
    folder = tmp_path / "Test-400" / "T0001"
    image_file(folder / "T0001_cropped.jpg", np.full((16, 16), 90, np.uint8))
    for rater in range(1, 8):
        mask = np.zeros((16, 16), np.uint8)
        mask[4:12, 4:12] = 255
        mask[:2] = 255 * (rater <= 3)
        image_file(folder / f"T0001_seg_cup_{rater}_cropped.jpg", mask)
    (case,) = read_dataset(tmp_path, "test")
    labels = case.read().labels[0]
    assert len(case.labels) == 7
    assert labels[8, 8] == 1
    assert labels[0, 0] == 0
    assert case.read().structures == {"optic cup": 1}


def test_npz_has_its_spacing_as_x_y_z(tmp_path):
    image = np.arange(np.prod(SHAPE), dtype=np.uint8).reshape(SHAPE)
    np.savez(tmp_path / "a.npz", imgs=image, gts=LABELS, spacing=(0.5, 0.6, 2.0))
    (case,) = read_dataset(tmp_path)
    read = case.read()
    assert read.volume.geometry.spacing == pytest.approx((2.0, 0.6, 0.5))
    np.testing.assert_array_equal(read.volume.voxels, image)
    assert read.structures == {"1": 1, "2": 2}


def test_a_list_keeps_its_order_and_names(tmp_path):
    for name in ("z", "a"):
        scan(tmp_path / f"{name}.nrrd")
        labelmap(tmp_path / f"{name}_label.nrrd")
    csv = pair_list(tmp_path, ("z.nrrd", "z_label.nrrd"), ("a.nrrd", "a_label.nrrd"))
    assert [case.name for case in read_dataset(csv)] == ["z", "a"]
    rows = [{"image": "a.nrrd", "label": "a_label.nrrd", "name": "first", "structures": {"cyst": 2}}]
    (tmp_path / "cases.json").write_text(json.dumps(rows))
    (case,) = read_dataset(tmp_path / "cases.json")
    assert case.name == "first"
    assert case.read().structures == {"cyst": 2}


def test_structures_are_called_as_the_label_s_file_or_the_table_beside_it_says(tmp_path):
    for name in ("a", "b"):
        scan(tmp_path / f"{name}.nrrd")
    image = SimpleITK.ReadImage(str(labelmap(tmp_path / "a.nii.gz")))
    (tmp_path / "a.labels.json").write_text('{"1": "liver"}')
    for number in range(2):
        for key, text in (("ID", f"s{number}"), ("Name", "cyst"), ("LabelValue", str(number + 1))):
            image.SetMetaData(f"Segment{number}_{key}", text)
    SimpleITK.WriteImage(image, str(tmp_path / "b.seg.nrrd"))
    beside, inside = read_dataset(pair_list(tmp_path, ("a.nrrd", "a.nii.gz"), ("b.nrrd", "b.seg.nrrd")))
    assert beside.read().structures == {"liver": 1, "2": 2}
    assert inside.read().structures == {"cyst": 1, "cyst (2)": 2}
    image.SetMetaData("Segment1_LabelValue", "two")
    SimpleITK.WriteImage(image, str(tmp_path / "b.seg.nrrd"))
    with pytest.raises(InputError, match="save it anew in Slicer"):
        inside.read()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_list_is_read_as_a_spreadsheet_saves_it(tmp_path, encoding):
    text = 'sep=;\r\nimage;label;name\r\n\r\nKöln.nrrd;b.nrrd;"one\r\nname"\r\n;;\r\n'
    (tmp_path / "cases.csv").write_bytes(text.encode(encoding))
    (case,) = read_dataset(tmp_path / "cases.csv")
    assert (case.name, case.image) == ("one\r\nname", tmp_path / "Köln.nrrd")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("cases.csv", "image,label\n", "no case"),
        ("cases.csv", "image,label\na.nrrd,\n", "Line 2"),
        ("cases.csv", "image,label\na.nrrd,b\nx/a.nrrd,b\n", "two cases called 'a'"),
        ("cases.json", "[", "no usable JSON"),
        ("cases.json", "[" * 100_000, "no usable JSON"),
        ("cases.json", '[{"image": "a", "label": "b", "label": "c"}]', "'label' stands twice"),
        ("cases.json", '[{"image": "a.nrrd"}]', "label"),
        ("cases.txt", "", "no dataset"),
    ],
)
def test_lists_that_are_wrong(tmp_path, name, content, words):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=words):
        read_dataset(tmp_path / name)


def test_folders_of_no_layout(tmp_path):
    with pytest.raises(InputError, match="known layout"):
        read_dataset(tmp_path)
    (tmp_path / "labelsTr").mkdir()
    for content in ("{}", "[" * 100_000, '{"labels": {"liver": 1, "liver": 2}}'):
        (tmp_path / "dataset.json").write_text(content)
        with pytest.raises(InputError, match=r"dataset\.json is not nnU-Net's"):
            read_dataset(tmp_path)
