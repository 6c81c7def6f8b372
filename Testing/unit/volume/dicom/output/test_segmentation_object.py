"""DICOM SEG: dciodvfy finds nothing, and highdicom, dcmqi and ``--mask`` read the same voxels back."""

from contextlib import nullcontext

import highdicom
import numpy as np
import pydicom
import pytest

from medsam2.errors import InputError
from medsam2.volume import ReadOptions, Segment, WeightsUsed, read_segments, read_volume
from medsam2.volume.dicom.output import check_source, write_dicom
from unit.full_disk import full_disk
from unit.volume.dicom.examples import ROOT, SHAPE, lps, write_series
from unit.volume.dicom.output.examples import SOURCES, assert_valid, masks_by_dcmqi, some_segments, source

WEIGHTS = WeightsUsed("starter", "ab" * 32)


@pytest.mark.parametrize("name", SOURCES)
def test_the_judges_read_the_same_voxels(tmp_path, name):
    volume, segments, path = source(name, tmp_path), some_segments(), tmp_path / "out.dcm"
    check_source(path, volume)
    write_dicom(path, segments, volume, WEIGHTS)
    read = read_segments(path, volume.geometry)
    assert [(each.name, each.label) for each in read] == [
        ("left kidney", 1),
        ("Gallé blåre", 2),
        ("lesion", 3),
    ]
    for ours, theirs, by_dcmqi in zip(
        segments, read, masks_by_dcmqi(path, volume.geometry, tmp_path / "o"), strict=True
    ):
        np.testing.assert_array_equal(theirs.mask, ours.mask)
        np.testing.assert_array_equal(by_dcmqi, ours.mask)
        np.testing.assert_allclose(theirs.color, ours.color, atol=0.01)
    assert_valid(path)


def test_each_segment_says_what_it_is_and_what_made_it(tmp_path):
    volume = source("axial", tmp_path)
    write_dicom(tmp_path / "out.dcm", some_segments(), volume, WEIGHTS)
    seg = highdicom.seg.segread(tmp_path / "out.dcm")
    assert (seg.SegmentationType, seg.SegmentsOverlap, seg.Modality) == ("BINARY", "YES", "SEG")
    kidney, gallbladder, lesion = seg.SegmentSequence
    (kind,) = kidney.SegmentedPropertyTypeCodeSequence
    assert (kind.CodeValue, kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning) == (
        "64033007",
        "Left",
    )
    assert gallbladder.SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Tissue"
    assert lesion.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "49755003"
    for each in seg.SegmentSequence:
        assert (each.SegmentAlgorithmType, each.SegmentAlgorithmName) == ("SEMIAUTOMATIC", "MedSAM-2")
        (algorithm,) = each.SegmentationAlgorithmIdentificationSequence
        assert algorithm.AlgorithmParameters == f"weights=starter,sha256={'ab' * 32}"


def test_it_belongs_to_the_patient_the_study_and_every_image_of_the_series(tmp_path):
    names = {"PatientName": "Müller^Jürgen", "SpecificCharacterSet": "ISO_IR 100", "StudyID": "7"}
    volume = read_volume(write_series(tmp_path / "in", PatientID="P1", **names))
    write_dicom(tmp_path / "out.dcm", some_segments(), volume, WEIGHTS)
    ds = pydicom.dcmread(tmp_path / "out.dcm")
    assert (str(ds.PatientName), ds.PatientID, ds.StudyID) == ("Müller^Jürgen", "P1", "7")
    assert (ds.StudyInstanceUID, ds.FrameOfReferenceUID) == (f"{ROOT}.1", f"{ROOT}.4")
    (series,) = ds.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == f"{ROOT}.2" != ds.SeriesInstanceUID
    images = {each.ReferencedSOPInstanceUID for each in series.ReferencedInstanceSequence}
    assert images == {f"{ROOT}.3.{instance}" for instance in range(1, 7)}
    for frame in ds.PerFrameFunctionalGroupsSequence:
        (image,) = frame.DerivationImageSequence[0].SourceImageSequence
        number = int(image.ReferencedSOPInstanceUID.rpartition(".")[2]) - 1
        assert frame.PlanePositionSequence[0].ImagePositionPatient[2] == 30 + 2.5 * number


def test_objects_apart_take_no_more_than_a_labelmap_in_memory_and_an_empty_one_is_kept(tmp_path):
    volume = source("oblique", tmp_path)
    left, right, nothing = np.zeros((3, *SHAPE), bool)
    left[2, 2:5, 2:5], right[2, 2:5, 6:9] = True, True
    segments = [
        Segment(name, (1, 0, 0), mask) for name, mask in zip("abc", (left, right, nothing), strict=True)
    ]
    write_dicom(tmp_path / "out.dcm", segments, volume, None)
    seg = highdicom.seg.segread(tmp_path / "out.dcm")
    assert (seg.number_of_segments, seg.NumberOfFrames, seg.SegmentsOverlap) == (3, 2, "NO")
    assert_valid(tmp_path / "out.dcm")


def test_a_long_name_is_cut_to_what_dicom_holds(tmp_path):
    volume = source("axial", tmp_path)
    mask = some_segments()[0].mask
    write_dicom(tmp_path / "out.dcm", [Segment("é\\" * 90, (1, 0, 0), mask)], volume, WEIGHTS)
    assert pydicom.dcmread(tmp_path / "out.dcm").SegmentSequence[0].SegmentLabel == "é/" * 32


@pytest.mark.parametrize("heights", [[30.0], [30, 32.4, 35.1, 37.6, 39.9, 42.5]])
def test_a_single_slice_and_slices_a_little_off_their_grid_are_read_again(tmp_path, heights):
    volume = read_volume(
        write_series(
            tmp_path / "in", lambda k: lps(origin=(10, -20, heights[k] - 2.5 * k)), slices=range(len(heights))
        )
    )
    mask = np.zeros(volume.geometry.shape, bool)
    mask[:: len(heights) - 1 or 1, 2:5, 3:9] = True  # the first and the last
    write_dicom(tmp_path / "out.dcm", [Segment("liver", (1, 0, 0), mask)], volume)
    (read,) = read_segments(tmp_path / "out.dcm", volume.geometry)
    np.testing.assert_array_equal(read.mask, mask)


GAP = {"matrix": lambda number: lps(origin=(10, -20, 30 + (number == 5) * 2.5))}


@pytest.mark.parametrize(
    ("series", "options", "sentence"),
    [
        ({"matrix": lps(tilt=15)}, {}, r"gantry tilt.*end the name with \.seg\.nrrd.*\.rtstruct\.dcm"),
        (GAP, {"resample": True}, r"resampled.*end the name with \.seg\.nrrd"),
        ({"StudyInstanceUID": ""}, {}, "do not give StudyInstanceUID .removed with the names"),
        ({"SOPInstanceUID": f"{ROOT}.9"}, {}, r"bear the same SOPInstanceUID.*end the name with \.seg\.nrrd"),
        ({"PixelSpacing": None}, {}, "do not give the positions of the slices or the size"),
        ({"StudyDate": "yesterday"}, {}, r"cannot be made \(.*\): end the name"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_images_do_not_allow_is_refused_beforehand(tmp_path, series, options, sentence):
    volume = read_volume(write_series(tmp_path / "in", **series), ReadOptions(**options))
    with pytest.raises(InputError, match=sentence):
        check_source(tmp_path / "out.dcm", volume)


def test_what_the_header_lost_the_beginning_of_the_file_may_still_say(tmp_path):
    volume = read_volume(write_series(tmp_path / "in", SOPClassUID="", SOPInstanceUID=""))
    for name in ("out.dcm", "out.rtstruct.dcm"):
        write_dicom(tmp_path / name, some_segments(), volume, WEIGHTS)
        assert_valid(tmp_path / name)
    images = pydicom.dcmread(tmp_path / "out.dcm").ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert images[5].ReferencedSOPInstanceUID == f"{ROOT}.3.6"


def test_an_older_file_stays_when_writing_fails(tmp_path):
    volume = source("axial", tmp_path)
    (tmp_path / "out.dcm").write_text("older")
    with pytest.raises(AttributeError):
        write_dicom(tmp_path / "out.dcm", [None], volume, WEIGHTS)
    assert (tmp_path / "out.dcm").read_text() == "older"
    assert {path.name for path in tmp_path.iterdir()} == {"in", "out.dcm"}


@pytest.mark.parametrize("name", ["out.dcm", "out.rtstruct.dcm"])
def test_a_full_disk_is_told_and_leaves_the_older_file(tmp_path, name):
    volume = read_volume(write_series(tmp_path / "in", stored=np.zeros((2, 300, 400), np.int16)))
    mask = np.kron(np.random.default_rng(0).random((2, 60, 80)) > 0.5, np.ones((1, 5, 5), bool))
    (tmp_path / name).write_text("older")
    with full_disk(), pytest.raises(InputError, match=f"{name} was not written: the disk is full"):
        write_dicom(tmp_path / name, [Segment("liver", (1, 0, 0), mask)], volume)
    assert (tmp_path / name).read_text() == "older"
    assert {path.name for path in tmp_path.iterdir()} == {"in", name}


@pytest.mark.parametrize(("of_image", "fits"), [(f"{ROOT}.4", True), ("", True), ("1.2.9.9", False)])
def test_the_mask_of_another_frame_of_reference_is_refused(tmp_path, of_image, fits):
    write_dicom(tmp_path / "out.dcm", some_segments(), source("axial", tmp_path))
    other = read_volume(write_series(tmp_path / "other", PatientID="other", FrameOfReferenceUID=of_image))
    refused = pytest.raises(InputError, match=r"another DICOM frame.*save it as \.seg\.nrrd")
    with nullcontext() if fits else refused:
        assert len(read_segments(tmp_path / "out.dcm", other.geometry)) == 3


@pytest.mark.parametrize(
    ("name", "numbers"),
    [("enhanced", [3, 2, 4, 1, 6, 5]), ("enhanced, one time of two", [7, 8, 9, 10, 11, 12])],
)
def test_frames_of_an_enhanced_file_are_referred_to_by_their_numbers_in_it(tmp_path, name, numbers):
    volume = source(name, tmp_path)
    write_dicom(tmp_path / "out.dcm", some_segments(), volume, WEIGHTS)
    frames = pydicom.dcmread(tmp_path / "out.dcm").PerFrameFunctionalGroupsSequence
    assert len(frames) == 3 + 3 + 2
    for frame in frames:
        (image,) = frame.DerivationImageSequence[0].SourceImageSequence
        height = frame.PlanePositionSequence[0].ImagePositionPatient[2]
        assert image.ReferencedFrameNumber == numbers[round((height - 30) / 2.5)]
