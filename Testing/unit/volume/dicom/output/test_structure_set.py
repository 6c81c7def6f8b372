"""RTSTRUCT: dciodvfy finds nothing, and the voxels inside the lines are those of the masks."""

import numpy as np
import pydicom
import pytest
from matplotlib.path import Path as Line

from medsam2.errors import InputError
from medsam2.volume import Geometry, WeightsUsed, read_segments, read_volume
from medsam2.volume.dicom.output import check_source, write_dicom
from unit.volume.dicom.examples import ROOT, lps, write_series
from unit.volume.dicom.output.examples import SOURCES, assert_valid, some_segments, source

WEIGHTS = WeightsUsed("starter", "ab" * 32)


def inside(contours: pydicom.Sequence, grid: Geometry) -> np.ndarray:
    """Voxels (k, j, i) whose centre lies inside the contours, each of which lies on one slice."""
    mask = np.zeros(grid.shape, bool)
    _, rows, columns = grid.shape
    centres = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
    for contour in contours:
        assert contour.ContourGeometricType == "CLOSED_PLANAR"
        points = np.array(contour.ContourData, float).reshape(-1, 3)
        assert len(points) == contour.NumberOfContourPoints
        kji = grid.ras_to_kji(points * (-1, -1, 1))
        k = round(kji[0, 0])
        np.testing.assert_allclose(kji[:, 0], k, atol=1e-3)
        closed = np.vstack([kji, kji[:1]])[:, :0:-1]
        mask[k] |= Line(closed).contains_points(centres).reshape(rows, columns)
    return mask


@pytest.mark.parametrize("name", SOURCES)
def test_the_lines_hold_the_voxels_of_the_masks(tmp_path, name):
    volume, segments, path = source(name, tmp_path), some_segments(), tmp_path / "out.rtstruct.dcm"
    check_source(path, volume)
    write_dicom(path, segments, volume, WEIGHTS)
    ds = pydicom.dcmread(path)
    for region, segment in zip(ds.ROIContourSequence, segments, strict=True):
        np.testing.assert_array_equal(inside(region.ContourSequence, volume.geometry), segment.mask)
    assert_valid(path)


def test_regions_say_what_they_are_and_refer_to_their_slices(tmp_path):
    volume = source("oblique", tmp_path)
    write_dicom(tmp_path / "a.rtstruct.dcm", some_segments(), volume, WEIGHTS)
    ds = pydicom.dcmread(tmp_path / "a.rtstruct.dcm")
    assert [each.ROIName for each in ds.StructureSetROISequence] == ["left kidney", "Gallé blåre", "lesion"]
    assert {each.ROIGenerationAlgorithm for each in ds.StructureSetROISequence} == {"SEMIAUTOMATIC"}
    (algorithm,) = ds.StructureSetROISequence[0].ROIDerivationAlgorithmIdentificationSequence
    assert algorithm.AlgorithmParameters == f"weights=starter,sha256={'ab' * 32}"
    assert list(ds.ROIContourSequence[0].ROIDisplayColor) == [242, 140, 51]
    assert ds.RTROIObservationsSequence[0].RTROIIdentificationCodeSequence[0].CodeMeaning == "Kidney"
    images = [
        each.ContourImageSequence[0].ReferencedSOPInstanceUID
        for each in ds.ROIContourSequence[0].ContourSequence
    ]
    assert images == [f"{ROOT}.3.{instance}" for instance in (2, 3, 4)]
    (frame_of_reference,) = ds.ReferencedFrameOfReferenceSequence
    (study,) = frame_of_reference.RTReferencedStudySequence
    (series,) = study.RTReferencedSeriesSequence
    assert (
        frame_of_reference.FrameOfReferenceUID,
        study.ReferencedSOPInstanceUID,
        series.SeriesInstanceUID,
    ) == (
        f"{ROOT}.4",
        f"{ROOT}.1",
        f"{ROOT}.2",
    )
    assert len(series.ContourImageSequence) == 6


def test_frames_of_an_enhanced_file_are_referred_to_by_number(tmp_path):
    volume = source("enhanced", tmp_path)
    write_dicom(tmp_path / "a.rtstruct.dcm", some_segments(), volume, WEIGHTS)
    contours = pydicom.dcmread(tmp_path / "a.rtstruct.dcm").ROIContourSequence[0].ContourSequence
    assert [each.ContourImageSequence[0].ReferencedFrameNumber for each in contours] == [2, 4, 1]


def test_a_tilted_gantry_is_no_hindrance(tmp_path):
    volume = read_volume(write_series(tmp_path / "in", lps(tilt=15)))
    check_source(tmp_path / "a.rtstruct.dcm", volume)
    write_dicom(tmp_path / "a.rtstruct.dcm", some_segments(), volume, WEIGHTS)
    region = pydicom.dcmread(tmp_path / "a.rtstruct.dcm").ROIContourSequence[0]
    np.testing.assert_array_equal(inside(region.ContourSequence, volume.geometry), some_segments()[0].mask)
    assert_valid(tmp_path / "a.rtstruct.dcm")


def test_its_lines_are_no_mask(tmp_path):
    volume = source("oblique", tmp_path)
    write_dicom(tmp_path / "a.rtstruct.dcm", some_segments(), volume, WEIGHTS)
    with pytest.raises(InputError, match="is an RTSTRUCT, which cannot be a mask: give a DICOM SEG or"):
        read_segments(tmp_path / "a.rtstruct.dcm", volume.geometry)
