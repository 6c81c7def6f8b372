"""Time in DICOM: volumes of a series that are time points, frames of a film, and when each was."""

import warnings

import numpy as np
import pydicom
import pytest
from pydicom import uid

from medsam2.errors import InputError, VolumeWarning
from medsam2.volume import ReadOptions, read_sequence, read_volume
from unit.volume.dicom.examples import (
    ROOT,
    VOXELS,
    a_dataset,
    change,
    group,
    lps,
    ras,
    set_pixels,
    write_enhanced,
    write_series,
)

TIMES = 3
ROUND_MIDNIGHT = ("20200131235959", "20200131235959.25", "20200201000000.5")


def write_times(folder, *, order=range(TIMES), **values):
    """A series of three time points, whose files were numbered in ``order``; element: value of each."""
    for number, time in enumerate(order):
        words = {keyword: each[time] for keyword, each in values.items()}
        write_series(folder, stored=VOXELS + time, first=1 + 10 * number, name=f"{number}-", **words)
    return folder


def assert_in_order(sequence):
    assert sequence.times.count == TIMES
    for time in range(TIMES):
        volume = sequence.volume(time)
        np.testing.assert_array_equal(volume.voxels, VOXELS + time)
        np.testing.assert_allclose(volume.geometry.ijk_to_ras, ras(lps()), atol=1e-6)


@pytest.mark.parametrize(
    ("values", "times"),
    [
        ({"TemporalPositionIdentifier": [1, 2, 10]}, ()),
        (
            {"TemporalPositionIdentifier": [1, 2, 3], "AcquisitionTime": ["101010", "101012.5", "101020"]},
            ("0", "2.5", "10"),
        ),
        ({"AcquisitionTime": ["235950", "235955", "235959.25"]}, ("0", "5", "9.25")),
        ({"TriggerTime": ["0", "40.5", "800"]}, ("0", "0.0405", "0.8")),
        ({"AcquisitionNumber": [1, 2, 3]}, ()),
    ],
    ids=str,
)
def test_volumes_that_differ_in_time_alone_are_time_points_in_their_order(tmp_path, values, times):
    has_time = "AcquisitionNumber" not in values
    values |= {"AcquisitionDate": ["20200131"] * TIMES} if "AcquisitionTime" in values else {}
    sequence = read_sequence(write_times(tmp_path, order=(2, 0, 1) if has_time else range(3), **values))
    assert_in_order(sequence)
    assert (sequence.times.values, sequence.times.unit) == (times, "s" if times else "")


@pytest.mark.parametrize(
    "values",
    [
        {"DiffusionBValue": [0, 500, 1000]},
        {"EchoTime": ["4.6", "9.2", "13.8"]},
        {"FlipAngle": ["5", "10", "15"]},
        {"TemporalPositionIdentifier": [1, 2, 2], "DiffusionBValue": [0, 0, 500]},
        {"ImageType": [["ORIGINAL", "PRIMARY", kind] for kind in "MPR"]},
        {"TemporalPositionIdentifier": [1, 2, 3], "FrameOfReferenceUID": [f"{ROOT}.4.{n}" for n in range(3)]},
    ],
    ids=str,
)
def test_volumes_that_differ_in_anything_else_are_none(tmp_path, values):
    with pytest.raises(InputError, match="holds 3 volumes: choose one with --volume"):
        read_sequence(write_times(tmp_path, **values))


def test_a_volume_that_is_chosen_by_its_number_has_no_time(tmp_path):
    write_times(tmp_path, TemporalPositionIdentifier=[1, 2, 3])
    sequence = read_sequence(tmp_path, ReadOptions(volume=2))
    assert sequence.times.count == 1
    np.testing.assert_array_equal(sequence.volume(0).voxels, VOXELS + 1)


def test_time_points_of_one_place_are_taken_beside_localizers(tmp_path):
    write_times(tmp_path, TemporalPositionIdentifier=[1, 2, 3])
    kind = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
    write_series(tmp_path, lps(np.eye(3)[[1, 2, 0]].T), slices=[0], first=100, name="scout", **kind)
    with pytest.warns(VolumeWarning, match="Single images"):
        sequence = read_sequence(tmp_path)
    assert_in_order(sequence)


@pytest.mark.parametrize("by", ["offset", "trigger", "date"])
def test_frames_of_an_enhanced_file_are_separated_into_its_time_points(tmp_path, by):
    frames = [(number, time) for number in (3, 0, 5, 1, 4, 2) for time in (2, 0, 1)]
    seconds = [0.0, 0.25, 1.5]

    def macros(index):
        _, time = frames[index]
        if by == "offset":
            return {"TemporalPositionSequence": group(TemporalPositionTimeOffset=seconds[time])}
        if by == "trigger":
            delay = 100 + 1000 * seconds[time]
            return {"CardiacSynchronizationSequence": group(NominalCardiacTriggerDelayTime=delay)}
        return {}

    def content(time):
        words = {"TemporalPositionIndex": time + 1, "DimensionIndexValues": [time + 1]}
        if by == "date":
            words["FrameReferenceDateTime"] = ROUND_MIDNIGHT[time]
        return words

    path = write_enhanced(
        tmp_path / "a.dcm",
        [(number, content(time)) for number, time in frames],
        stored=np.stack([VOXELS[number] + time for number, time in frames]),
        dimensions=["TemporalPositionIndex"],
        macros=macros,
    )
    sequence = read_sequence(path)
    assert_in_order(sequence)
    assert sequence.times.values == ("0", "0.25", "1.5")


def test_a_dimension_that_is_no_time_separates_no_time_points(tmp_path):
    frames = [(number, {"DimensionIndexValues": [weighting]}) for weighting in (1, 2) for number in range(6)]
    write_enhanced(tmp_path / "a.dcm", frames, dimensions=["DiffusionBValue"])
    with pytest.raises(InputError, match="2 volumes"):
        read_sequence(tmp_path)


def test_cine_mr_of_one_slice_has_a_time_point_for_each_file(tmp_path):
    for time in range(TIMES):
        words = {"TriggerTime": f"{30 * time}", "Modality": "MR"}
        write_series(tmp_path, stored=VOXELS, slices=[0], first=1 + 10 * time, name=f"{time}-", **words)
    sequence = read_sequence(tmp_path)
    assert sequence.times.values == ("0", "0.03", "0.06")
    assert sequence.volume(2).voxels.shape == (1, 12, 14)
    assert sequence.volume(2).modality == "MR"


def test_what_was_left_out_beside_one_volume_is_said_once(tmp_path):
    write_series(tmp_path)
    write_series(tmp_path, lps(np.eye(3)[[1, 2, 0]].T), slices=[0], first=100, name="scout")
    with pytest.warns(VolumeWarning) as said:
        read_sequence(tmp_path).volume(0)
    assert ["Single images" in str(each.message) for each in said] == [True]


FRAMES = np.random.default_rng(1).integers(0, 255, (5, 12, 14)).astype(np.uint8)
REGION = {
    "PhysicalUnitsXDirection": 3,
    "PhysicalUnitsYDirection": 3,
    "PhysicalDeltaX": 0.02,
    "PhysicalDeltaY": 0.03,
}


def write_film(folder, stored=FRAMES, modality="US", **elements):
    ds = a_dataset(1, uid.UltrasoundMultiFrameImageStorage, Modality=modality, NumberOfFrames=len(stored))
    ds.SequenceOfUltrasoundRegions = [group(**REGION, RegionSpatialFormat=1, RegionDataType=1)]
    set_pixels(ds, stored)
    change(ds, elements)
    ds.save_as(folder / "film.dcm", enforce_file_format=True)
    return folder / "film.dcm"


@pytest.mark.parametrize(
    ("elements", "times"),
    [
        ({"FrameTime": "40"}, ("0", "0.04", "0.08", "0.12", "0.16")),
        ({"FrameTimeVector": ["0", "40", "50", "40", "70"]}, ("0", "0.04", "0.09", "0.13", "0.2")),
        ({"CineRate": "20"}, ("0", "0.05", "0.1", "0.15", "0.2")),
        ({}, ()),
        ({"FrameTime": "0"}, ()),
    ],
    ids=str,
)
@pytest.mark.parametrize("is_colour", [False, True])
def test_a_film_has_a_time_point_for_each_frame(tmp_path, elements, times, is_colour):
    stored = np.repeat(FRAMES[..., None], 3, axis=-1) if is_colour else FRAMES
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sequence = read_sequence(write_film(tmp_path, stored, **elements))
        volumes = [sequence.volume(number) for number in range(5)]
    assert (sequence.times.values, sequence.times.unit) == (times, "s" if times else "")
    for volume, frame in zip(volumes, FRAMES, strict=True):
        np.testing.assert_array_equal(volume.voxels, frame[None])
        assert volume.geometry.spacing[1:] == pytest.approx((0.3, 0.2))


def test_an_xray_film_is_one_and_converted_slices_are_none(tmp_path):
    elements = {"SequenceOfUltrasoundRegions": None, "ImagerPixelSpacing": ["0.4", "0.4"]}
    assert read_sequence(write_film(tmp_path, modality="XA", **elements)).times.count == 5
    sequence = read_sequence(write_film(tmp_path, modality="OT", **elements))
    assert sequence.times.count == 1
    with pytest.warns(VolumeWarning, match="does not say where its frames lie"):
        volume = sequence.volume(0)
    assert volume.voxels.shape == FRAMES.shape


def test_the_pixel_size_of_ultrasound_is_that_of_the_tissue(tmp_path):
    curve = group(**{**REGION, "PhysicalDeltaX": 9.0}, RegionSpatialFormat=3, RegionDataType=3)
    seconds = group(**{**REGION, "PhysicalUnitsXDirection": 4}, RegionSpatialFormat=1, RegionDataType=1)
    tissue = group(**REGION, RegionSpatialFormat=1, RegionDataType=1)
    path = write_film(tmp_path, SequenceOfUltrasoundRegions=[seconds, curve, tissue])
    assert read_sequence(path).volume(0).geometry.spacing[1:] == pytest.approx((0.3, 0.2))
    sequence = read_sequence(write_film(tmp_path, SequenceOfUltrasoundRegions=[seconds]))
    with pytest.warns(VolumeWarning, match="do not say how far their pixels are apart"):
        volume = sequence.volume(0)
    assert volume.geometry.spacing[1:] == (1, 1)


@pytest.mark.parametrize(
    "elements", [{"FrameTimeVector": ["0", "40"]}, {"FrameTime": "soon"}, {"NumberOfFrames": 9}], ids=str
)
def test_a_film_whose_header_is_wrong_is_damaged(tmp_path, elements):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = write_film(tmp_path)
        ds = pydicom.dcmread(path)
        if elements == {"FrameTime": "soon"}:
            ds.add_new("FrameTime", "LO", "soon")
        else:
            change(ds, elements)
        ds.save_as(path)
    with pytest.raises(InputError, match="is damaged"):
        read_sequence(path)


def test_a_time_point_that_does_not_exist_is_refused(tmp_path):
    sequence = read_sequence(write_times(tmp_path, TemporalPositionIdentifier=[1, 2, 3]))
    with pytest.raises(InputError, match="There is no time point 3: the image has time points 0 to 2"):
        sequence.volume(3)


def test_one_volume_is_a_sequence_of_one(tmp_path):
    sequence = read_sequence(write_series(tmp_path, SeriesInstanceUID=f"{ROOT}.7"))
    assert sequence.times.count == 1
    np.testing.assert_array_equal(sequence.volume(0).voxels, read_volume(tmp_path).voxels)
