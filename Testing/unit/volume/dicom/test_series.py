"""Which files of a folder become one volume, and where its slices lie."""

import os
import shutil
import warnings

import numpy as np
import pytest

from medsam2.errors import InputError, VolumeWarning
from medsam2.volume import ReadOptions, read_volume
from medsam2.volume.dicom import list_volumes
from unit.volume.dicom.examples import (
    AXIAL,
    CORONAL,
    ROOT,
    SAGITTAL,
    SHAPE,
    VOXELS,
    lps,
    ras,
    turned,
    write_series,
)


def read_silently(path, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_volume(path, ReadOptions(**options))


def at(number, height):
    """The volume's matrix with one slice at a height of its own, in mm from the first."""
    matrix = lps()
    matrix[2, 3] += height - 2.5 * number
    return matrix


def other_series(number=2):
    return {"SeriesInstanceUID": f"{ROOT}.2.{number}", "SeriesNumber": number}


def test_a_gap_is_named_and_resampled_on_request(tmp_path):
    write_series(tmp_path, slices=[0, 1, 3, 4, 5])
    with pytest.raises(InputError, match=r"slices 1 and 2 are 5\.0 mm apart, the others 2\.5 mm"):
        read_volume(tmp_path)
    with pytest.warns(VolumeWarning, match="resampled"):
        volume = read_volume(tmp_path, ReadOptions(resample=True))
    middle = np.rint((VOXELS[1].astype(float) + VOXELS[3]) / 2)
    np.testing.assert_array_equal(volume.voxels, [*VOXELS[:2], middle, *VOXELS[3:]])
    np.testing.assert_allclose(volume.geometry.ijk_to_ras, ras(lps()))


def test_a_slice_within_a_tenth_of_the_distance_is_in_place(tmp_path):
    write_series(tmp_path, lambda number: at(number, 2.5 * number + 0.2 * (number == 3)))
    np.testing.assert_array_equal(read_silently(tmp_path).voxels, VOXELS)


@pytest.mark.parametrize("wrong", [0, 2, 5])
def test_a_slice_beside_the_others_is_named(tmp_path, wrong):
    write_series(tmp_path, lambda number: lps(origin=(10 + 3 * (number == wrong), -20, 30)))
    with pytest.raises(InputError, match=rf"slice {wrong} lies 3\.0 mm off the even grid of the others"):
        read_volume(tmp_path)


def test_a_slice_beside_the_others_is_moved_on_request(tmp_path):
    write_series(tmp_path, lambda number: lps(origin=(10 + 1.4 * (number == 2), -20, 30)))
    with pytest.warns(VolumeWarning, match="resampled"):
        volume = read_volume(tmp_path, ReadOptions(resample=True))
    assert volume.voxels.dtype == np.int16
    others = [0, 1, 3, 4, 5]
    np.testing.assert_array_equal(volume.voxels[others], VOXELS[others])
    np.testing.assert_array_equal(volume.voxels[2][:, 2:], VOXELS[2][:, :-2])
    np.testing.assert_allclose(volume.geometry.ijk_to_ras, ras(lps()))


def test_slices_at_one_place_are_never_resampled(tmp_path):
    write_series(tmp_path, slices=[0, 1, 2, 3])
    write_series(tmp_path, slices=[1], first=50, name="again")
    for options in (ReadOptions(), ReadOptions(resample=True)):
        with pytest.raises(InputError, match="slices 1 and 2 lie at the same place") as refusal:
            read_volume(tmp_path, options)
        assert "--resample" not in str(refusal.value)


def test_series_without_identifiers_are_told_apart_by_their_numbers(tmp_path):
    for series, axes in ((1, AXIAL), (2, AXIAL)):
        elements = {"SeriesInstanceUID": None, "SeriesNumber": series, "SOPInstanceUID": None}
        write_series(tmp_path, lps(axes), VOXELS + series, name=f"{series}-", **elements)
    np.testing.assert_array_equal(read_silently(tmp_path, series=2).voxels, VOXELS + 2)


def test_the_last_time_point_may_have_been_broken_off(tmp_path):
    for time, count in ((1, 6), (2, 6), (3, 4)):
        words = {"TemporalPositionIdentifier": time}
        stored = VOXELS[:count] + time
        write_series(tmp_path, stored=stored, first=10 * time, name=f"{time}", **words)
    assert [entry.shape[0] for entry in list_volumes(tmp_path)] == [6, 6, 4]
    np.testing.assert_array_equal(read_silently(tmp_path, volume=2).voxels, VOXELS + 2)


def test_a_time_point_that_lost_a_slice_hinders_none_of_the_others(tmp_path):
    for time in (1, 2, 3):
        words = {"TemporalPositionIdentifier": time}
        write_series(tmp_path, stored=VOXELS + time, first=10 * time, name=f"{time}-", **words)
    (tmp_path / "2-02.dcm").unlink()
    entries = list_volumes(tmp_path)
    assert [entry.shape[0] for entry in entries] == [6, 5, 6]
    assert [entry.problem is None for entry in entries] == [True, False, True]
    np.testing.assert_array_equal(read_silently(tmp_path, volume=3).voxels, VOXELS + 3)


def test_times_and_b_values_are_told_apart_together(tmp_path):
    for number, (time, b_value) in enumerate([(1, 0), (1, 800), (2, 0), (2, 800)]):
        words = {"TemporalPositionIdentifier": time, "DiffusionBValue": b_value}
        write_series(tmp_path, stored=VOXELS + number, first=10 * number, name=f"{number}-", **words)
    entries = list_volumes(tmp_path)
    assert len({entry.description for entry in entries}) == 4
    for number in range(4):
        np.testing.assert_array_equal(read_silently(tmp_path, volume=number + 1).voxels, VOXELS + number)


def test_a_folder_whose_name_is_not_utf_8_is_read(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    write_series(folder)
    np.testing.assert_array_equal(read_silently(folder).voxels, VOXELS)


def test_a_tilted_gantry_gives_slanting_axes(tmp_path):
    write_series(tmp_path, lps(tilt=-20))
    volume = read_silently(tmp_path)
    np.testing.assert_array_equal(volume.voxels, VOXELS)
    np.testing.assert_allclose(volume.geometry.ijk_to_ras, ras(lps(tilt=-20)), atol=1e-6)


def test_files_are_found_in_sub_folders_and_in_any_order(tmp_path):
    write_series(tmp_path / "b", slices=[5, 3, 1], each=lambda number: {"InstanceNumber": 9 - number})
    write_series(tmp_path / "a" / "deeper", slices=[0, 4, 2], each=lambda number: {"InstanceNumber": number})
    (tmp_path / "a" / "notes.txt").write_text("not an image")
    (tmp_path / ".hidden.dcm").write_bytes(b"a file system's own")
    np.testing.assert_array_equal(read_silently(tmp_path).voxels, VOXELS)


def test_several_series_are_listed_and_one_is_chosen(tmp_path):
    write_series(tmp_path / "one")
    write_series(tmp_path / "two", lps(SAGITTAL), VOXELS[:4], SeriesDescription="second", **other_series())
    with pytest.raises(InputError, match="2 volumes") as refusal:
        read_volume(tmp_path)
    assert "volume 1 (series 1): CT, made up, 14 x 12 x 6, axial, 2020-01-31" in str(refusal.value)
    assert "volume 2 (series 2): CT, second, 14 x 12 x 4, sagittal, 2020-01-31" in str(refusal.value)
    for options in ({"series": 2}, {"volume": 2}, {"series": 2, "volume": 2}):
        assert read_silently(tmp_path, **options).voxels.shape == (4, 12, 14)
    for options in ({"series": 3}, {"volume": 0}, {"series": 1, "volume": 2}):
        with pytest.raises(InputError, match=r"There is no|not in series"):
            read_volume(tmp_path, ReadOptions(**options))


def test_a_volume_is_listed_with_all_that_is_known(tmp_path):
    write_series(tmp_path)
    (entry,) = list_volumes(tmp_path)
    assert (entry.number, entry.series, entry.series_number, entry.series_uid) == (1, 1, 1, f"{ROOT}.2")
    assert (entry.description, entry.modality, entry.date) == ("made up", "CT", "2020-01-31")
    assert (entry.shape, entry.orientation, entry.file_count) == (SHAPE, "axial", 6)
    assert entry.spacing == pytest.approx((2.5, 0.9, 0.7))
    assert (entry.problem, entry.notes) == (None, ())


def test_an_irregular_volume_is_listed_with_its_problem(tmp_path):
    write_series(tmp_path, slices=[0, 1, 3, 4, 5])
    (entry,) = list_volumes(tmp_path)
    assert entry.spacing is None
    assert "slices 1 and 2 are 5.0 mm apart" in entry.problem
    assert entry.can_be_resampled


@pytest.mark.parametrize("same_series", [True, False])
def test_single_images_do_not_stand_in_the_way(tmp_path, same_series):
    write_series(tmp_path)
    others = {} if same_series else other_series()
    for number, axes in enumerate((AXIAL, CORONAL, SAGITTAL)):
        kind = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], **others}
        write_series(tmp_path, lps(axes), slices=[0], first=100 + number, name=f"scout{number}", **kind)
    with pytest.warns(VolumeWarning, match="Single images beside the volume were left out"):
        volume = read_volume(tmp_path)
    np.testing.assert_array_equal(volume.voxels, VOXELS)


@pytest.mark.parametrize(
    "apart",
    [
        {"TemporalPositionIdentifier": [1, 2]},
        {"EchoNumbers": [1, 2]},
        {"EchoTime": ["4.6", "9.2"]},
        {"ImageType": [["ORIGINAL", "PRIMARY", "M"], ["ORIGINAL", "PRIMARY", "P"]]},
        {"StackID": ["1", "2"]},
        {"AcquisitionNumber": [1, 2]},
        {"AcquisitionTime": ["101010", "101020"]},
        {"DiffusionBValue": [0, 1000]},
        {"TriggerTime": ["0", "40"]},
        {"ContrastBolusAgent": ["none", "some"]},
        {"Modality": ["CT", "CT"]},  # nothing but the order of the files
    ],
    ids=lambda apart: next(iter(apart)),
)
def test_volumes_at_one_place_are_told_apart(tmp_path, apart):
    ((keyword, values),) = apart.items()
    for time, value in enumerate(values):
        write_series(
            tmp_path, stored=VOXELS + time, first=1 + 10 * time, name=f"t{time}-", **{keyword: value}
        )
    with pytest.raises(InputError, match="2 volumes"):
        read_volume(tmp_path)
    for time in range(2):
        volume = read_silently(tmp_path, volume=time + 1)
        np.testing.assert_array_equal(volume.voxels, VOXELS + time)


def test_slices_of_one_volume_may_differ_in_acquisition_and_time(tmp_path):
    write_series(
        tmp_path,
        each=lambda number: {
            "AcquisitionNumber": number // 2,
            "AcquisitionTime": f"10101{number}",
            "TriggerTime": number,
        },
    )
    np.testing.assert_array_equal(read_silently(tmp_path).voxels, VOXELS)


def test_groups_of_slices_at_different_angles_are_volumes_of_their_own(tmp_path):
    for disc, angle in enumerate((0, 8, 16)):
        write_series(tmp_path, lps(turned(angle, 0, 0)), slices=[0, 1, 2], first=10 * disc, name=f"d{disc}-")
    with pytest.raises(InputError, match="3 volumes"):
        read_volume(tmp_path)
    assert read_silently(tmp_path, volume=3).voxels.shape == (3, 12, 14)


def test_slices_of_another_size_are_another_volume(tmp_path):
    write_series(tmp_path)
    write_series(tmp_path, stored=VOXELS[:, :8], first=20, name="small")
    with pytest.raises(InputError, match="2 volumes"):
        read_volume(tmp_path)


def test_a_copy_of_a_file_is_left_out(tmp_path):
    write_series(tmp_path)
    shutil.copy(tmp_path / "s03.dcm", tmp_path / "s03 copy.dcm")
    with pytest.warns(VolumeWarning, match=r"s03\.dcm"):
        volume = read_volume(tmp_path)
    np.testing.assert_array_equal(volume.voxels, VOXELS)


def test_images_that_share_one_identifier_are_no_copies(tmp_path):
    write_series(tmp_path, SOPInstanceUID=f"{ROOT}.9")
    np.testing.assert_array_equal(read_silently(tmp_path).voxels, VOXELS)


def test_slices_that_do_not_say_where_they_lie_are_refused(tmp_path):
    write_series(tmp_path, ImagePositionPatient=None)
    with pytest.raises(InputError, match="do not say where their slices lie"):
        read_volume(tmp_path)


def test_one_slice_that_does_not_say_where_it_lies_is_damaged(tmp_path):
    write_series(tmp_path, each=lambda number: {"ImagePositionPatient": None} if number == 5 else {})
    with pytest.raises(InputError, match=r"s05\.dcm is damaged: it does not say where its slice lies"):
        read_volume(tmp_path)
    with pytest.warns(VolumeWarning, match=r"s05\.dcm"):
        volume = read_volume(tmp_path, ReadOptions(skip_damaged=True))
    np.testing.assert_array_equal(volume.voxels, VOXELS[:5])


@pytest.mark.parametrize("identifiers", ["1.2.3", None])
def test_two_patients_are_two_volumes_though_their_files_share_identifiers(tmp_path, identifiers):
    common = {
        "SeriesInstanceUID": identifiers,
        "SOPInstanceUID": identifiers,
        "StudyInstanceUID": identifiers,
    }
    write_series(tmp_path / "one", PatientID="one", **common)
    write_series(tmp_path / "two", PatientID="two", matrix=lps(origin=(10, -20, 45)), **common)
    assert [entry.shape for entry in list_volumes(tmp_path)] == [SHAPE, SHAPE]
    with pytest.raises(InputError, match="holds 2 volumes"):
        read_volume(tmp_path)
