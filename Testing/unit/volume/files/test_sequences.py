"""Time points in image files: read one by one, and labelmaps of all of them in one file."""

import gzip
import tracemalloc

import nibabel
import numpy as np
import pytest
import SimpleITK

from medsam2.errors import InputError, VolumeWarning
from medsam2.volume import Geometry, TimePoints, read_sequence, read_volume, write_labelmap_sequence

SHAPE = (3, 4, 5, 6)  # time point, k, j, i
VOXELS = np.random.default_rng(0).integers(-1000, 1000, SHAPE).astype(np.int16)
RAS = np.array([[-0.5, 0, 0, 10], [0, -0.75, 0, -20], [0, 0, 2, 30], [0, 0, 0, 1]])
NRRD = """NRRD0004
type: {type}
dimension: {dimension}
space: left-posterior-superior
sizes: {sizes}
space directions: {directions}
kinds: {kinds}
endian: {endian}
encoding: {encoding}
space origin: (-10,20,30)
{keys}

"""
DIRECTIONS = "(0.5,0,0) (0,0.75,0) (0,0,2)"


def write_itk(path, voxels=VOXELS, compressed=True):
    volumes = []
    for each in voxels:
        image = SimpleITK.GetImageFromArray(each, isVector=each.ndim == 4)
        image.SetSpacing((0.5, 0.75, 2.0))
        image.SetOrigin((-10.0, 20.0, 30.0))
        volumes.append(image)
    SimpleITK.WriteImage(SimpleITK.JoinSeries(volumes, 1.0, 0.25), str(path), compressed)
    return path


def write_nrrd(path, voxels=VOXELS, *, first=False, encoding="gzip", endian="little", kind="list", keys=None):
    """As Slicer writes volume sequences: the list of time points first, as it did before, or last."""
    count, *shape = voxels.shape
    axis = 0 if first else 3
    stored = np.moveaxis(voxels, 0, -1) if first else voxels
    stored = stored.astype(stored.dtype.newbyteorder("<" if endian == "little" else ">"))
    sizes, kinds, directions = list(shape[::-1]), ["domain"] * 3, DIRECTIONS.split()
    for values, own in ((sizes, count), (kinds, kind), (directions, "none")):
        values.insert(axis, own)
    header = NRRD.format(
        type={"int16": "short", "uint8": "uchar"}[voxels.dtype.name],
        dimension=4,
        sizes=" ".join(map(str, sizes)),
        directions=" ".join(directions),
        kinds=" ".join(kinds),
        endian=endian,
        encoding=encoding,
        keys=keys or f"axis {axis} index type:=numeric\naxis {axis} index values:=0 0.5 1.25",
    )
    data = np.ascontiguousarray(stored).tobytes()
    path.write_bytes(header.encode() + (gzip.compress(data) if encoding == "gzip" else data))
    return path


def write_nifti(path, voxels=VOXELS, units=("mm", "sec"), step=0.25, first=1.0, **more):
    image = nibabel.Nifti1Image(voxels.T, RAS, **more)
    image.header.set_xyzt_units(*units)
    image.header["pixdim"][4], image.header["toffset"] = step, first
    image.to_filename(path)
    return path


def assert_read(path, values, unit, voxels=VOXELS):
    sequence = read_sequence(path)
    assert (sequence.times.count, sequence.times.values, sequence.times.unit) == (len(voxels), values, unit)
    for time in (2, 0, 1):
        volume = sequence.volume(time)
        assert volume.voxels.dtype == voxels.dtype
        np.testing.assert_array_equal(volume.voxels, voxels[time])
        np.testing.assert_allclose(volume.geometry.ijk_to_ras, RAS, atol=1e-6)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize(
    ("units", "unit"), [(("mm", "sec"), "s"), (("mm", "msec"), "ms"), (("mm", "unknown"), "")]
)
def test_nifti_says_when_its_time_points_were(tmp_path, name, units, unit):
    assert_read(write_nifti(tmp_path / name, units=units), ("1", "1.25", "1.5"), unit)


@pytest.mark.parametrize(
    ("first", "step"), [(0, 0), (0, -2), (0, np.nan), (0, np.inf), (np.nan, 1), (-np.inf, 1)]
)
def test_what_cannot_be_times_says_nothing_of_when_time_points_were(tmp_path, first, step):
    assert_read(write_nifti(tmp_path / "a.nii", first=first, step=step), (), "")


def test_times_long_after_the_beginning_are_told_apart(tmp_path):
    path = write_nifti(tmp_path / "a.nii", first=45296.1, step=0.04)
    assert_read(path, ("45296.1", "45296.14", "45296.18"), "s")


@pytest.mark.parametrize("values", ["0 nan 1", "0 0.5 inf", "0 1 1", "2 1 0"])
def test_listed_values_that_are_not_evenly_spaced_have_no_step(tmp_path, values):
    keys = f"axis 3 index type:=numeric\naxis 3 index values:={values}"
    assert read_sequence(write_nrrd(tmp_path / "a.seq.nrrd", keys=keys)).times.step is None


@pytest.mark.parametrize(
    ("name", "compressed"),
    [("a.mha", True), ("a.mha", False), ("a.nrrd", True), ("a.nrrd", False), ("a.nii", False)],
)
def test_files_of_itk_have_their_fourth_axis_as_time(tmp_path, name, compressed):
    unit = "s" if name == "a.nii" else ""
    assert_read(write_itk(tmp_path / name, compressed=compressed), ("1", "1.25", "1.5"), unit)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("encoding", ["raw", "gzip"])
@pytest.mark.parametrize("endian", ["little", "big"])
def test_sequences_of_slicer_are_time_points_and_no_vectors(tmp_path, first, encoding, endian):
    path = write_nrrd(tmp_path / "a.seq.nrrd", first=first, encoding=encoding, endian=endian)
    assert_read(path, ("0", "0.5", "1.25"), "")


def test_three_time_points_of_bytes_are_no_colours(tmp_path):
    voxels = VOXELS.astype(np.uint8)
    assert_read(write_nrrd(tmp_path / "a.seq.nrrd", voxels), ("0", "0.5", "1.25"), "", voxels)
    with pytest.raises(InputError, match="holds 3 volumes"):
        read_volume(tmp_path / "a.seq.nrrd")


def test_index_values_may_be_words(tmp_path):
    keys = "axis 3 index type:=text\naxis 3 index values:=end%20systole middle 75%25"
    times = read_sequence(write_nrrd(tmp_path / "a.seq.nrrd", keys=keys)).times
    assert times.values == ("end systole", "middle", "75%")
    assert (times.numbers, times.step) == ((), None)


@pytest.mark.parametrize("kind", ["vector", "3-color", "covariant-vector"])
def test_vectors_are_no_time_points(tmp_path, kind):
    path = write_nrrd(tmp_path / "a.nrrd", first=True, kind=kind)
    with pytest.raises(InputError, match="more than one number per voxel"):
        read_sequence(path)


def test_time_between_two_axes_of_space_is_refused(tmp_path):
    path = write_nrrd(tmp_path / "a.nrrd", encoding="raw")
    content = path.read_bytes().replace(b"domain domain domain list", b"domain list domain domain")
    content = content.replace(b"sizes: 6 5 4 3", b"sizes: 6 3 5 4")
    places = DIRECTIONS.encode().split()
    path.write_bytes(
        content.replace(b" ".join([*places, b"none"]), b" ".join([places[0], b"none", *places[1:]]))
    )
    with pytest.raises(InputError, match="in a way that is not read here"):
        read_sequence(path)


def test_gradients_and_layers_are_no_time_points(tmp_path):
    for keys in (
        "modality:=DWMRI\nDWMRI_b-value:=1000\nDWMRI_gradient_0000:=0 0 1",
        "Segment0_ID:=Segment_1",
    ):
        with pytest.raises(InputError, match="more than one number per voxel"):
            read_sequence(write_nrrd(tmp_path / "a.nrrd", first=True, keys=keys))


def test_volumes_that_differ_in_frequency_or_in_two_ways_are_no_time_points(tmp_path):
    with pytest.raises(InputError, match="no time points but differ in ppm"):
        read_sequence(write_nifti(tmp_path / "a.nii", units=("mm", "ppm")))
    five = np.stack([VOXELS, VOXELS])
    with pytest.raises(InputError, match="not of time points alone"):
        read_sequence(write_nifti(tmp_path / "a.nii", five))


def test_a_film_in_colour_becomes_grey_once_noted(tmp_path):
    colours = np.random.default_rng(0).integers(0, 255, (*SHAPE, 3)).astype(np.uint8)
    sequence = read_sequence(write_itk(tmp_path / "a.mha", colours))
    grey = np.rint(colours @ np.array([0.299, 0.587, 0.114]))
    with pytest.warns(VolumeWarning, match="in colour") as said:
        volumes = [sequence.volume(time) for time in range(3)]
    np.testing.assert_array_equal([volume.voxels for volume in volumes], grey)
    assert len(said) == 1


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.mha", "a.nrrd", "a.seq.nrrd"])
@pytest.mark.parametrize("keep", [0.5, 0.99])
def test_a_file_that_lost_its_end_is_refused_at_its_first_time_point(tmp_path, name, keep):
    path = tmp_path / name
    if ".nii" in name:
        write_nifti(path)
    elif name == "a.seq.nrrd":
        write_nrrd(path)
    else:
        write_itk(path)
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    with pytest.raises(InputError, match=r"incomplete or damaged|cannot be read"):
        read_sequence(path).volume(0)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.mha", "a.seq.nrrd"])
@pytest.mark.parametrize("first", [True, False])
def test_one_time_point_takes_no_memory_for_the_others(tmp_path, name, first):
    voxels = np.zeros((40, 20, 100, 100), np.int16)
    path = tmp_path / name
    if name == "a.nii.gz":
        write_nifti(path, voxels)
    elif name == "a.mha":
        write_itk(path, voxels)
    else:
        keys = f"axis {0 if first else 3} index type:=numeric"
        write_nrrd(path, voxels, first=first, keys=keys)
    tracemalloc.start()
    read_sequence(path).volume(20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A few buffers, and sorted samples for the modality.
    assert peak < 0.6 * voxels.nbytes


LABELS = np.random.default_rng(2).integers(0, 3, SHAPE).astype(np.uint8)
EVEN, UNEVEN = TimePoints(3, ("1", "1.25", "1.5"), "s"), TimePoints(3, ("0", "0.5", "1.25"), "s")


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.mha", "a.nrrd", "a.seq.nrrd"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_labelmaps_of_all_time_points_are_read_again_as_they_were(tmp_path, name, dtype):
    labels = LABELS.astype(dtype)
    write_labelmap_sequence(tmp_path / name, labels, Geometry(SHAPE[1:], RAS), EVEN)
    assert_read(tmp_path / name, EVEN.values, "" if name == "a.mha" else "s", labels)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.mha"])
def test_other_programs_read_the_same_grid_and_times(tmp_path, name):
    write_labelmap_sequence(tmp_path / name, LABELS, Geometry(SHAPE[1:], RAS), EVEN)
    image = SimpleITK.ReadImage(str(tmp_path / name))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), LABELS)
    assert image.GetSpacing() == pytest.approx((0.5, 0.75, 2, 0.25))
    assert image.GetOrigin() == pytest.approx((-10, 20, 30, 1))
    if name == "a.nii.gz":
        image = nibabel.load(tmp_path / name)
        np.testing.assert_array_equal(np.asarray(image.dataobj).T, LABELS)
        np.testing.assert_allclose(image.affine, RAS)
        assert image.header.get_zooms()[3] == 0.25
        assert image.header.get_xyzt_units() == ("mm", "sec")


@pytest.mark.parametrize("name", ["a.nii.gz", "a.mha"])
def test_times_that_a_format_cannot_hold_are_said(tmp_path, name):
    with pytest.warns(VolumeWarning, match=r"only \.seq\.nrrd can hold those of the image"):
        write_labelmap_sequence(tmp_path / name, LABELS, Geometry(SHAPE[1:], RAS), UNEVEN)
    assert read_sequence(tmp_path / name).times.numbers in ((), (0, 1, 2))


def test_a_format_without_time_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot hold several time points"):
        write_labelmap_sequence(tmp_path / "a.seg.nrrd", LABELS, Geometry(SHAPE[1:], RAS), EVEN)
    assert not list(tmp_path.iterdir())
