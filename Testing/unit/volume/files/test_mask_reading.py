"""Masks keep their labels, names, colours and layers, and lie where they were drawn."""

import nibabel
import numpy as np
import pytest
import SimpleITK

from medsam2.errors import InputError, VolumeWarning
from medsam2.volume import (
    Geometry,
    Segment,
    label_names_file,
    read_segments,
    write_label_names,
    write_labelmap,
    write_segmentation,
)

SHAPE = (6, 7, 8)
MATRICES = {
    "flipped": [[-0.8, 0, 0, 10], [0, -0.9, 0, -20], [0, 0, 3, 40], [0, 0, 0, 1]],
    "oblique": [[-0.8, 0.6, 0, 10], [-0.6, -0.8, 0, -20], [0, 0, 3, 40], [0, 0, 0, 1]],
}


@pytest.fixture(params=MATRICES)
def grid(request) -> Geometry:
    return Geometry(SHAPE, np.array(MATRICES[request.param], float))


def cropped(grid: Geometry, start, shape) -> Geometry:
    """The grid of a part of a grid that starts at (k, j, i), which may lie outside."""
    matrix = grid.ijk_to_ras.copy()
    matrix[:3, 3] = grid.kji_to_ras(np.array(start))
    return Geometry(shape, matrix)


def two_labels() -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint16)
    labels[1:3, 2:4, 1:7] = 5
    labels[4, 3:6, 2] = 2
    return labels


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_values_and_names_of_a_labelmap_are_kept(tmp_path, grid, suffix):
    path = tmp_path / f"mask{suffix}"
    write_labelmap(path, two_labels(), grid)
    write_label_names(label_names_file(path), {2: "Niere é", 7: "absent"})
    two, five = read_segments(path, grid)
    assert (two.label, two.name, five.label, five.name) == (2, "Niere é", 5, "Segment_5")
    np.testing.assert_array_equal(five.mask, two_labels() == 5)
    assert two.color != five.color


@pytest.mark.parametrize(
    ("labelmap", "table"),
    [
        ("a.nii.gz", "a.labels.json"),
        ("a.b.NII.GZ", "a.b.labels.json"),
        ("a.mhd", "a.labels.json"),
        ("a", "a.labels.json"),
        (".nii.gz", ".labels.json"),
    ],
)
def test_the_table_of_any_format_lies_beside_it(tmp_path, labelmap, table):
    assert label_names_file(tmp_path / labelmap) == tmp_path / table


def test_two_labelmaps_of_one_name_have_tables_of_their_own(tmp_path):
    for labelmap, table, name in (
        ("a.nii.gz", "a.labels.json", "liver"),
        ("a.nrrd", "a.nrrd.labels.json", "spleen"),
        ("a.mha", "a.mha.labels.json", "kidney"),
    ):
        path = tmp_path / labelmap
        beside = label_names_file(path)
        assert beside.name == table
        write_label_names(beside, {1: name})
        path.touch()
        assert label_names_file(path) == beside


def test_a_large_label_is_kept(tmp_path, grid):
    labels = two_labels().astype(np.uint32) * 20_000
    SimpleITK.WriteImage(grid.to_image(labels), str(tmp_path / "mask.nrrd"))
    assert [segment.label for segment in read_segments(tmp_path / "mask.nrrd", grid)] == [40_000, 100_000]


def overlapping() -> list[Segment]:
    masks = np.zeros((3, *SHAPE), bool)
    masks[0, 1:4], masks[1, 3:5], masks[2, 5] = True, True, True
    names, colors, labels = ("Leber", "é := \\ 2", "gall"), [(1, 0.5, 0), (0, 0, 1), (0, 1, 0)], (5, 2, 7)
    return [Segment(*parts) for parts in zip(names, colors, masks, labels, strict=True)]


def same(segments, expected) -> bool:
    return all(
        (one.name, one.label) == (two.name, two.label)
        and one.color == pytest.approx(two.color)
        and np.array_equal(one.mask, two.mask)
        for one, two in zip(segments, expected, strict=True)
    )


def test_a_segmentation_with_layers_comes_back_whole(tmp_path, grid):
    path = tmp_path / "a.seg.nrrd"
    write_segmentation(path, overlapping(), grid)
    assert SimpleITK.ReadImage(str(path)).GetNumberOfComponentsPerPixel() == 2
    assert same(read_segments(path, grid), overlapping())


def test_a_segmentation_is_known_by_its_keys_not_by_its_name(tmp_path, grid):
    write_segmentation(tmp_path / "a.seg.nrrd", overlapping(), grid)
    (tmp_path / "a.seg.nrrd").rename(tmp_path / "a.NRRD")
    assert same(read_segments(tmp_path / "a.NRRD", grid), overlapping())


def test_segments_of_one_label_keep_it_on_layers_of_their_own(tmp_path, grid):
    segments = [Segment(s.name, s.color, s.mask, 1) for s in overlapping()]
    write_segmentation(tmp_path / "a.seg.nrrd", segments, grid)
    assert same(read_segments(tmp_path / "a.seg.nrrd", grid), segments)


@pytest.mark.parametrize(("start", "shape"), [((1, 2, 1), (4, 4, 6)), ((-2, -1, 0), (9, 9, 8))])
def test_a_part_of_the_grid_and_more_than_it_are_placed(tmp_path, grid, start, shape):
    labels = np.zeros(shape, np.uint8)
    labels[2, 3, 1:3] = 4
    write_labelmap(tmp_path / "part.nrrd", labels, cropped(grid, start, shape))
    (only,) = read_segments(tmp_path / "part.nrrd", grid)
    assert np.argwhere(only.mask).tolist() == [[start[0] + 2, start[1] + 3, start[2] + i] for i in (1, 2)]


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, 1), (-1, 1, -1)])
def test_a_turned_or_flipped_grid_is_placed(tmp_path, grid, axes, flips):
    """As when another program stores the same mask with its axes along R, A and S."""
    labels = two_labels()
    turned = labels.transpose(axes)[tuple(slice(None, None, flip) for flip in flips)]
    first = np.zeros(3)
    steps = np.zeros((3, 3))
    for new, (old, flip) in enumerate(zip(axes, flips, strict=True)):
        first[old] = 0 if flip > 0 else SHAPE[old] - 1
        steps[new, old] = flip
    matrix = np.eye(4)
    matrix[:3, 3] = grid.kji_to_ras(first)
    for new in range(3):
        matrix[:3, 2 - new] = grid.kji_to_ras(first + steps[new]) - matrix[:3, 3]
    SimpleITK.WriteImage(
        Geometry(turned.shape, matrix).to_image(np.ascontiguousarray(turned)), str(tmp_path / "turned.nrrd")
    )
    two, five = read_segments(tmp_path / "turned.nrrd", grid)
    np.testing.assert_array_equal(two.mask, labels == 2)
    np.testing.assert_array_equal(five.mask, labels == 5)


@pytest.mark.parametrize("shift", [(0.3, 0, 0), (0, 0, 0.5), (0, 0.2, 0)])
def test_a_shift_by_parts_of_a_voxel_is_refused(tmp_path, grid, shift):
    write_labelmap(tmp_path / "mask.nrrd", two_labels(), cropped(grid, shift, SHAPE))
    with pytest.raises(InputError, match="another grid"):
        read_segments(tmp_path / "mask.nrrd", grid)


def test_another_spacing_or_tilt_is_refused(tmp_path, grid):
    for scale in ([1, 1, 2, 1], [1.05, 1, 1, 1]):
        write_labelmap(
            tmp_path / "mask.nrrd", two_labels(), Geometry(SHAPE, grid.ijk_to_ras @ np.diag(scale))
        )
        with pytest.raises(InputError, match="another grid"):
            read_segments(tmp_path / "mask.nrrd", grid)
    tilt = np.eye(4)
    tilt[0, 2] = 0.1
    SimpleITK.WriteImage(
        Geometry(SHAPE, grid.ijk_to_ras @ tilt).to_image(two_labels()), str(tmp_path / "tilted.nrrd")
    )
    with pytest.raises(InputError, match="another grid"):
        read_segments(tmp_path / "tilted.nrrd", grid)


def test_labels_beyond_the_image_are_refused_not_cut(tmp_path, grid):
    write_labelmap(tmp_path / "mask.nrrd", two_labels(), cropped(grid, (4, 0, 0), SHAPE))
    with pytest.raises(InputError, match="reaches beyond the image"):
        read_segments(tmp_path / "mask.nrrd", grid)


def test_a_segment_without_a_voxel_is_left_out_with_a_note(tmp_path, grid):
    segments = [*overlapping(), Segment("nothing", (0, 0, 0), np.zeros(SHAPE, bool))]
    write_segmentation(tmp_path / "a.seg.nrrd", segments, grid)
    with pytest.warns(VolumeWarning, match="the mask has none of it: nothing"):
        assert same(read_segments(tmp_path / "a.seg.nrrd", grid), overlapping())


def test_a_name_given_twice_is_made_two(tmp_path, grid):
    segments = [Segment("tumour", s.color, s.mask, s.label) for s in overlapping()]
    write_segmentation(tmp_path / "a.seg.nrrd", segments, grid)
    assert [s.name for s in read_segments(tmp_path / "a.seg.nrrd", grid)] == [
        "tumour",
        "tumour_2",
        "tumour_3",
    ]


@pytest.mark.parametrize(("value", "message"), [(-3, "holds -3"), (1.5, "holds 1.5")])
def test_values_that_are_no_labels_are_refused(tmp_path, grid, value, message):
    voxels = two_labels().astype(np.float32)
    voxels[0, 0, 0] = value
    SimpleITK.WriteImage(grid.to_image(voxels), str(tmp_path / "mask.nrrd"))
    with pytest.raises(InputError, match=message):
        read_segments(tmp_path / "mask.nrrd", grid)


@pytest.mark.parametrize(
    "table",
    [
        *("{", "[1]", '{"a": "liver"}', '{"1": 2}', '{"1": "\\ud800"}', "[" * 100_000),
        *('{"1": "liver", "1": "spleen"}', '{"1": "liver", "01": "spleen"}'),
    ],
)
def test_a_table_that_names_no_labels_or_one_twice_is_refused(tmp_path, grid, table):
    write_labelmap(tmp_path / "mask.nii.gz", two_labels(), grid)
    (tmp_path / "mask.labels.json").write_text(table)
    with pytest.raises(InputError, match=r"mask\.labels\.json does not say which label is which"):
        read_segments(tmp_path / "mask.nii.gz", grid)


@pytest.mark.parametrize(
    ("key", "value"), [("Segment0_LabelValue", "x"), ("Segment0_Layer", "9"), ("Segment1_LabelValue", "-1")]
)
def test_a_segmentation_with_impossible_keys_is_refused(tmp_path, grid, key, value):
    path = tmp_path / "a.seg.nrrd"
    write_segmentation(path, overlapping(), grid)
    image = SimpleITK.ReadImage(str(path))
    image.SetMetaData(key, value)
    SimpleITK.WriteImage(image, str(path))
    with pytest.raises(InputError, match="save it anew in Slicer"):
        read_segments(path, grid)


# As TotalSegmentator writes it.
LABEL_TABLE = (
    '<?xml version="1.0" encoding="UTF-8"?> <CaretExtension> <VolumeInformation Index="0"> <LabelTable>'
    '<Label Key="5" Red="1.0" Green="0" Blue="0" Alpha="1"><![CDATA[kidney <left>]]></Label>\n{}</LabelTable>'
    "<VolumeType><![CDATA[Label]]></VolumeType></VolumeInformation></CaretExtension>"
)


def with_table(path, table: str):
    """A NIfTI labelmap with a table in its header."""
    image = nibabel.load(path)
    extension = nibabel.nifti1.Nifti1Extension(0, table.encode())
    image.header.extensions.append(extension)
    named = path.with_name("named.nii.gz")
    nibabel.save(image, named)
    return named


def test_names_in_the_header_of_a_nifti_file_are_read(tmp_path, grid):
    write_labelmap(tmp_path / "mask.nii.gz", two_labels(), grid)
    named = with_table(tmp_path / "mask.nii.gz", LABEL_TABLE.format(""))
    assert [s.name for s in read_segments(named, grid)] == ["Segment_2", "kidney <left>"]
    write_label_names(label_names_file(named), {2: "from the table beside it"})
    assert [s.name for s in read_segments(named, grid)] == ["from the table beside it", "Segment_5"]


def test_a_damaged_table_in_the_header_costs_the_names_alone(tmp_path, grid):
    write_labelmap(tmp_path / "mask.nii.gz", two_labels(), grid)
    named = with_table(tmp_path / "mask.nii.gz", LABEL_TABLE.format("<Label Key='x'>a</Label>"))
    with pytest.warns(VolumeWarning, match="cannot be read"):
        assert [s.name for s in read_segments(named, grid)] == ["Segment_2", "Segment_5"]


@pytest.mark.parametrize("entity", ["&b;", "<!ENTITY b 'c'>"])
def test_a_table_in_the_header_expands_nothing(tmp_path, grid, entity):
    write_labelmap(tmp_path / "mask.nii.gz", two_labels(), grid)
    label = f"<Label Key='2'>{entity}</Label>"
    bomb = '<!DOCTYPE a [<!ENTITY b "' + "c" * 99 + '">]>' + LABEL_TABLE.format(label)[38:]
    named = with_table(tmp_path / "mask.nii.gz", bomb)
    with pytest.warns(VolumeWarning, match="cannot be read"):
        assert [s.name for s in read_segments(named, grid)] == ["Segment_2", "Segment_5"]


def test_a_mask_whose_table_could_not_even_be_named_is_read(tmp_path):
    """Its own name is as long as file systems take."""
    grid = Geometry(SHAPE, np.array(MATRICES["flipped"], float))
    path = tmp_path / ("a" * 245 + ".nrrd")
    write_labelmap(path, two_labels(), grid)
    assert [segment.label for segment in read_segments(path, grid)] == [2, 5]
