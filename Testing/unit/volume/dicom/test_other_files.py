"""DICOM files that hold no scan, and images of rarer kinds."""

import warnings

import numpy as np
import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from medsam2.errors import InputError, VolumeWarning
from medsam2.volume import ReadOptions, read_volume
from medsam2.volume.dicom import list_volumes
from unit.volume.dicom.examples import (
    ROOT,
    SHAPE,
    VOXELS,
    a_dataset,
    group,
    lps,
    numbers,
    ras,
    set_pixels,
    write_enhanced,
    write_series,
)
from unit.volume.dicom.special_files import write_mosaic, write_tomography


def save(ds: Dataset, path) -> None:
    ds.save_as(path, enforce_file_format=True)


@pytest.mark.parametrize(
    ("sop_class", "word"),
    [
        (uid.RTStructureSetStorage, "RT Structure Set"),
        (uid.EnhancedSRStorage, "Enhanced SR"),
        (uid.KeyObjectSelectionDocumentStorage, "Key Object Selection Document"),
        (uid.GrayscaleSoftcopyPresentationStateStorage, "Grayscale Softcopy Presentation State"),
        (uid.EncapsulatedPDFStorage, "Encapsulated PDF"),
        (uid.RawDataStorage, "Raw Data"),
        (uid.MediaStorageDirectoryStorage, "Media Storage Directory"),
    ],
)
def test_objects_without_pixels_are_left_out_with_what_they_are(tmp_path, sop_class, word):
    write_series(tmp_path)
    save(a_dataset(50, sop_class, SeriesInstanceUID=f"{ROOT}.9"), tmp_path / "other.dcm")
    with pytest.warns(VolumeWarning, match=rf"left out: other\.dcm \({word}"):
        volume = read_volume(tmp_path)
    np.testing.assert_array_equal(volume.voxels, VOXELS)


def test_the_index_of_a_disc_is_left_out(tmp_path):
    write_series(tmp_path)
    index = a_dataset(50, uid.MediaStorageDirectoryStorage, DirectoryRecordSequence=[])
    del index.SOPClassUID, index.SOPInstanceUID  # as the standard wants it
    save(index, tmp_path / "DICOMDIR")
    with pytest.warns(VolumeWarning, match=r"DICOMDIR \(Media Storage Directory"):
        np.testing.assert_array_equal(read_volume(tmp_path).voxels, VOXELS)
    with pytest.raises(InputError, match="give the folder of the scan"):
        read_volume(tmp_path / "DICOMDIR")


def test_a_table_of_intensities_is_noted(tmp_path):
    write_series(tmp_path, ModalityLUTSequence=[a_table()], RescaleSlope=None, RescaleIntercept=None)
    with pytest.warns(VolumeWarning, match="table"):
        np.testing.assert_array_equal(read_volume(tmp_path).voxels, VOXELS)


def a_table():
    table = Dataset()
    table.add_new("LUTDescriptor", "US", [256, 0, 16])
    table.add_new("ModalityLUTType", "LO", "HU")
    table.add_new("LUTData", "OW", bytes(512))
    return table


@pytest.mark.parametrize(
    ("sop_class", "word"), [(uid.SegmentationStorage, "segmentation"), (uid.RTDoseStorage, "dose")]
)
def test_pixels_that_are_no_scan_are_left_out_with_what_they_are(tmp_path, sop_class, word):
    write_series(tmp_path / "ct")
    ds = a_dataset(50, sop_class, SeriesInstanceUID=f"{ROOT}.9", NumberOfFrames=6)
    set_pixels(ds, VOXELS.astype(np.uint16))
    save(ds, tmp_path / "other.dcm")
    with pytest.warns(VolumeWarning, match=word):
        volume = read_volume(tmp_path)
    np.testing.assert_array_equal(volume.voxels, VOXELS)
    with pytest.raises(InputError, match=f"holds no scan but {word}"):
        read_volume(tmp_path / "other.dcm")


@pytest.mark.parametrize("pages", [1, 3])
def test_colour_pages_beside_a_scan_are_left_out(tmp_path, pages):
    write_series(tmp_path)
    for page in range(pages):
        words = {"SeriesInstanceUID": f"{ROOT}.9", "SeriesNumber": 99}
        ds = a_dataset(50 + page, uid.SecondaryCaptureImageStorage, **words)
        set_pixels(ds, np.zeros((20, 30, 3), np.uint8))
        save(ds, tmp_path / f"dose report {page}.dcm")
    with pytest.warns(VolumeWarning, match="Single images"):
        volume = read_volume(tmp_path)
    np.testing.assert_array_equal(volume.voxels, VOXELS)


def test_frames_without_a_place_are_slices_in_their_order_with_a_note(tmp_path):
    ds = a_dataset(1, uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage, Modality="OT")
    ds.NumberOfFrames, ds.PixelSpacing = 6, numbers((0.9, 0.7))
    set_pixels(ds, VOXELS)
    save(ds, tmp_path / "a.dcm")
    with pytest.warns(VolumeWarning, match="does not say where its frames lie"):
        volume = read_volume(tmp_path / "a.dcm")
    np.testing.assert_array_equal(volume.voxels, VOXELS)
    assert volume.geometry.spacing == (1, 0.9, 0.7)


def test_an_ultrasound_film_takes_its_pixel_size_from_its_region(tmp_path):
    ds = a_dataset(1, uid.UltrasoundMultiFrameImageStorage, Modality="US")
    ds.NumberOfFrames = 6
    ds.SequenceOfUltrasoundRegions = [
        group(PhysicalUnitsXDirection=3, PhysicalUnitsYDirection=3, PhysicalDeltaX=0.07, PhysicalDeltaY=0.09)
    ]
    set_pixels(ds, VOXELS)
    save(ds, tmp_path / "a.dcm")
    with pytest.warns(VolumeWarning):
        volume = read_volume(tmp_path / "a.dcm")
    assert volume.geometry.spacing == pytest.approx((1, 0.9, 0.7))


def test_a_volume_of_ultrasound_lies_in_the_space_of_its_probe(tmp_path):
    def of_probe(ds: Dataset) -> None:
        (shared,) = ds.SharedFunctionalGroupsSequence
        (plane,) = shared.PlaneOrientationSequence
        shared.PlaneOrientationVolumeSequence = [group(ImageOrientationVolume=plane.ImageOrientationPatient)]
        del shared.PlaneOrientationSequence
        for own in ds.PerFrameFunctionalGroupsSequence:
            (place,) = own.PlanePositionSequence
            own.PlanePositionVolumeSequence = [group(ImagePositionVolume=place.ImagePositionPatient)]
            del own.PlanePositionSequence

    frames = [(number, {}) for number in (1, 0, 2, 5, 4, 3)]
    write_enhanced(tmp_path / "a.dcm", frames, sop_class=uid.EnhancedUSVolumeStorage, finish=of_probe)
    volume = read_volume(tmp_path)
    np.testing.assert_array_equal(volume.voxels, VOXELS)
    np.testing.assert_allclose(volume.geometry.ijk_to_ras, ras(lps()), atol=1e-6)


@pytest.mark.parametrize("keyword", ["ImagerPixelSpacing", "NominalScannedPixelSpacing"])
def test_the_pixel_size_is_taken_from_where_it_is_given(tmp_path, keyword):
    write_series(tmp_path, PixelSpacing=None, **{keyword: numbers((0.9, 0.7))})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        volume = read_volume(tmp_path)
    np.testing.assert_allclose(volume.geometry.ijk_to_ras, ras(lps()), atol=1e-6)


def test_nuclear_medicine_may_go_against_the_normal(tmp_path):
    write_tomography(tmp_path / "a.dcm", step=-2.5)
    volume = read_volume(tmp_path)
    np.testing.assert_array_equal(volume.voxels, VOXELS[::-1])
    np.testing.assert_allclose(volume.geometry.kji_to_ras([5, 0, 0]), [-10, 20, 30])


def test_each_mosaic_is_a_volume(tmp_path):
    for time in (1, 2):
        write_mosaic(tmp_path / f"{time}.dcm", lps(), VOXELS[:5] + time, time)
    assert [entry.shape for entry in list_volumes(tmp_path)] == [(5, 12, 14)] * 2
    volume = read_volume(tmp_path, ReadOptions(volume=2))
    np.testing.assert_array_equal(volume.voxels, VOXELS[:5] + 2)
    np.testing.assert_allclose(volume.geometry.ijk_to_ras, ras(lps()), atol=1e-4)


def test_a_volume_in_two_enhanced_files_is_one(tmp_path):
    for part in (0, 1):
        write_enhanced(
            tmp_path / f"{part}.dcm",
            [(number, {}) for number in range(3 * part, 3 * part + 3)],
            SOPInstanceUID=f"{ROOT}.7.{part}",
            ConcatenationUID=f"{ROOT}.8",
            InConcatenationNumber=part + 1,
        )
    np.testing.assert_array_equal(read_volume(tmp_path).voxels, VOXELS)


@pytest.mark.parametrize("tilt", [10, -20])
def test_a_tilted_enhanced_file_has_slanting_axes(tmp_path, tilt):
    write_enhanced(tmp_path / "a.dcm", [(number, {}) for number in (3, 1, 0, 2, 5, 4)], lps(tilt=tilt))
    volume = read_volume(tmp_path)
    np.testing.assert_array_equal(volume.voxels, VOXELS)
    np.testing.assert_allclose(volume.geometry.ijk_to_ras, ras(lps(tilt=tilt)), atol=1e-6)


def test_stacks_and_times_of_one_file_are_listed_apart(tmp_path):
    frames = [
        (number, {"StackID": stack, "TemporalPositionIndex": time, "InStackPositionNumber": number % 3 + 1})
        for stack, numbers_ in (("1", (0, 1)), ("2", (4, 5)))
        for time in (1, 2)
        for number in numbers_
    ]
    write_enhanced(tmp_path / "a.dcm", frames)
    entries = list_volumes(tmp_path)
    assert [entry.shape for entry in entries] == [(2, 12, 14)] * 4
    assert len({entry.description for entry in entries}) == 4


def test_frames_of_two_kinds_are_volumes_of_their_own(tmp_path):
    def macros(index):
        kind = ["ORIGINAL", "PRIMARY", "M" if index < 6 else "P", "NONE"]
        return {"MRImageFrameTypeSequence": group(FrameType=kind)}

    frames = [(number, {}) for _ in range(2) for number in range(6)]
    write_enhanced(tmp_path / "a.dcm", frames, stored=np.concatenate([VOXELS, VOXELS + 1]), macros=macros)
    np.testing.assert_array_equal(read_volume(tmp_path, ReadOptions(volume=1)).voxels, VOXELS)
    np.testing.assert_array_equal(read_volume(tmp_path, ReadOptions(volume=2)).voxels, VOXELS + 1)


def test_a_file_without_the_preamble_of_dicom_is_read(tmp_path):
    write_series(tmp_path)
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        file.write_bytes(content[content.index(b"\x08\x00\x08\x00CS") :])
    np.testing.assert_array_equal(read_volume(tmp_path).voxels, VOXELS)


def test_one_file_of_a_series_is_one_slice(tmp_path):
    write_series(tmp_path)
    volume = read_volume(tmp_path / "s03.dcm")
    np.testing.assert_array_equal(volume.voxels, VOXELS[3:4])
    np.testing.assert_allclose(volume.geometry.kji_to_ras([0, 0, 0]), [-10, 20, 37.5])
    assert SHAPE[1:] == volume.voxels.shape[1:]


def test_words_of_a_header_cannot_move_the_cursor(tmp_path):
    write_series(tmp_path, SeriesDescription="a\x1b[2Jb\r\nc")
    assert list_volumes(tmp_path)[0].description == "a[2Jbc"
