"""Every variant is read with the same voxels at the same places as dcm2niix gives them."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import uid
from scipy import ndimage

from medsam2.volume import ReadOptions, read_volume
from medsam2.volume.dicom import list_volumes
from unit.volume.dicom.examples import (
    AXIAL,
    CORONAL,
    ROOT,
    SAGITTAL,
    VOXELS,
    group,
    lps,
    turned,
    write_enhanced,
    write_series,
)
from unit.volume.dicom.judge import agrees, judged_volumes
from unit.volume.dicom.special_files import LARGE, encoded, write_mosaic, write_tomography

Write = Callable[[Path], object]
UNSIGNED = (VOXELS + 1024).astype(np.uint16)
BYTES = (VOXELS % 256).astype(np.uint8)
DIRECTIONS = {
    "axial": AXIAL,
    "sagittal": SAGITTAL,
    "coronal": CORONAL,
    "head first prone": np.diag([-1.0, -1, 1]),
    "feet first": np.diag([1.0, -1, -1]),
    "stacked downwards": np.diag([1.0, 1, -1]),
    "oblique": turned(10, 20, 30),
    "oblique coronal": turned(70, -15, 5),
    "doubly oblique sagittal": turned(8, 80, -12),
}


def time_points(count: int, **apart) -> Write:
    """Volumes at one place, which differ in each element as the functions of the time say."""

    def write(folder: Path) -> None:
        for time in range(1, count + 1):
            elements = {keyword: value(time) for keyword, value in apart.items()}
            write_series(
                folder, stored=VOXELS + time, first=10 * time, name=f"t{time}", Modality="MR", **elements
            )

    return write


def frames(order, *others: int, **content):
    """Frames with their place in the stack and further indices."""
    return [
        (
            number,
            {
                "StackID": "1",
                "InStackPositionNumber": number + 1,
                "DimensionIndexValues": [1, number + 1, *others],
                **content,
            },
        )
        for number in order
    ]


def enhanced(order=range(6), matrix=None, **options) -> Write:
    dimensions = options.pop("dimensions", ("StackID", "InStackPositionNumber"))
    return lambda folder: write_enhanced(
        folder / "a.dcm", frames(order), matrix, dimensions=dimensions, **options
    )


def two_in_one_file(keyword: str, macro: Callable[[int], dict], content=None, interleaved=False) -> Write:
    """Two volumes in a file, told apart by a dimension."""
    pairs = [(time, number) for time in (1, 2) for number in range(6)]
    if interleaved:
        pairs = [(time, number) for number in range(6) for time in (1, 2)]
    listed = [
        each
        for time, number in pairs
        for each in frames([number], time, **({content: time} if content else {}))
    ]
    return lambda folder: write_enhanced(
        folder / "a.dcm",
        listed,
        dimensions=("StackID", "InStackPositionNumber", keyword),
        stored=np.stack([VOXELS[number] + time for time, number in pairs]),
        macros=lambda index: macro(pairs[index][0]),
    )


def rescaling(slope, intercept):
    return {
        "PixelValueTransformationSequence": group(
            RescaleSlope=f"{slope:g}", RescaleIntercept=f"{intercept:g}", RescaleType="US"
        )
    }


CLASSIC: dict[str, Write] = {
    **{
        f"{name}": lambda folder, axes=axes: write_series(folder, lps(axes))
        for name, axes in DIRECTIONS.items()
    },
    "numbered from the top": lambda f: write_series(f, each=lambda n: {"InstanceNumber": 20 - n}),
    "numbered at random": lambda f: write_series(f, each=lambda n: {"InstanceNumber": (5 * n) % 6 + 1}),
    "thick slices": lambda f: write_series(f, lps(spacing=(0.3, 2.0, 7.5))),
    "thin slices": lambda f: write_series(f, lps(spacing=(0.8, 0.8, 0.2))),
    "a single slice": lambda f: write_series(f, slices=[0]),
    "two slices": lambda f: write_series(f, slices=[0, 1]),
    "Hounsfield units": lambda f: write_series(f, stored=UNSIGNED, rescale=lambda n: (1, -1024)),
    "whole slope": lambda f: write_series(f, stored=UNSIGNED, rescale=lambda n: (2, -1000)),
    "broken slope": lambda f: write_series(f, rescale=lambda n: (0.37, -3.5)),
    "negative slope": lambda f: write_series(f, rescale=lambda n: (-1, 10)),
    "rescaling per slice": lambda f: write_series(f, rescale=lambda n: (1 + n, -3 * n)),
    "intercept per slice": lambda f: write_series(f, stored=UNSIGNED, rescale=lambda n: (1, -1024 * (n > 0))),
    "PET": lambda f: write_series(f, rescale=lambda n: (0.375 + 0.125 * n, 0), Modality="PT"),
    "12 bits": lambda f: write_series(f, stored=UNSIGNED, BitsStored=12, HighBit=11),
    "12 bits with a sign": lambda f: write_series(f, BitsStored=12, HighBit=11),
    "8 bits": lambda f: write_series(f, stored=BYTES),
    "16 bits without a sign": lambda f: write_series(f, stored=VOXELS.view(np.uint16)),
    "32 bits": lambda f: write_series(f, stored=VOXELS.astype(np.int32) * 1000),
    "shades turned round": lambda f: write_series(f, PhotometricInterpretation="MONOCHROME1"),
    "implicit": lambda f: write_series(f, finish=encoded(uid.ImplicitVRLittleEndian)),
    "big endian": lambda f: write_series(f, finish=encoded(uid.ExplicitVRBigEndian)),
    "RLE": lambda f: write_series(f, finish=encoded(uid.RLELossless)),
    "JPEG 2000": lambda f: write_series(f, stored=LARGE, finish=encoded(uid.JPEG2000Lossless)),
    "JPEG-LS": lambda f: write_series(f, finish=encoded(uid.JPEGLSLossless)),
    "JPEG-LS rescaled": lambda f: write_series(
        f, stored=UNSIGNED, rescale=lambda n: (2, -n), finish=encoded(uid.JPEGLSLossless)
    ),
    "echoes": time_points(2, EchoNumbers=int, EchoTime=lambda time: str(5 * time)),
    "times": time_points(3, TemporalPositionIdentifier=int),
    "acquisitions": time_points(3, AcquisitionNumber=int),
    "repeated without a word": time_points(2),
    "series": time_points(3, SeriesInstanceUID=lambda time: f"{ROOT}.2.{time}", SeriesNumber=int),
    "a scout": lambda f: [
        write_series(f),
        write_series(f, lps(SAGITTAL), slices=[0], first=100, name="scout"),
    ],
    "a mosaic": lambda f: write_mosaic(f / "a.dcm", lps()),
    "a coronal mosaic": lambda f: write_mosaic(f / "a.dcm", lps(CORONAL)),
    "an oblique mosaic": lambda f: write_mosaic(f / "a.dcm", lps(turned(10, 20, 30))),
    "a mosaic stacked downwards": lambda f: write_mosaic(f / "a.dcm", lps(np.diag([1.0, 1, -1]))),
    "a mosaic with gaps": lambda f: write_mosaic(f / "a.dcm", lps(), VOXELS[:5]),
    "mosaics": lambda f: [write_mosaic(f / f"{t}.dcm", lps(), VOXELS + t, t) for t in (1, 2, 3)],
    "nuclear medicine": lambda f: write_tomography(f / "a.dcm"),
}
ENHANCED: dict[str, Write] = {
    **{f"{name}": enhanced(matrix=lps(axes)) for name, axes in DIRECTIONS.items()},
    "frames in disorder": enhanced([5, 2, 0, 3, 1, 4]),
    "one frame": enhanced([0]),
    "CT": enhanced(
        sop_class=uid.EnhancedCTImageStorage, Modality="CT", stored=UNSIGNED, shared=rescaling(1, -1024)
    ),
    "PET": enhanced(
        sop_class=uid.EnhancedPETImageStorage,
        Modality="PT",
        stored=UNSIGNED,
        macros=lambda index: rescaling(0.5 + 0.25 * index, 0),
    ),
    "rescaling per frame": enhanced(macros=lambda index: rescaling(1 + index, -10 * index)),
    "converted CT": enhanced(
        sop_class=uid.LegacyConvertedEnhancedCTImageStorage, Modality="CT", dimensions=()
    ),
    "converted MR": enhanced(sop_class=uid.LegacyConvertedEnhancedMRImageStorage, dimensions=()),
    "big endian": enhanced(finish=encoded(uid.ExplicitVRBigEndian)),
    "implicit": enhanced(finish=encoded(uid.ImplicitVRLittleEndian)),
    "RLE": enhanced(finish=encoded(uid.RLELossless)),
    "JPEG 2000": enhanced(stored=LARGE, finish=encoded(uid.JPEG2000Lossless)),
    "JPEG-LS": enhanced(finish=encoded(uid.JPEGLSLossless)),
    "times": two_in_one_file("TemporalPositionIndex", lambda time: {}, "TemporalPositionIndex"),
    "times in turn": two_in_one_file("TemporalPositionIndex", lambda time: {}, "TemporalPositionIndex", True),
    "echoes": two_in_one_file(
        "EffectiveEchoTime", lambda time: {"MREchoSequence": group(EffectiveEchoTime=5.0 * time)}
    ),
    "b-values": two_in_one_file(
        "DiffusionBValue",
        lambda time: {
            "MRDiffusionSequence": group(DiffusionBValue=500.0 * time, DiffusionDirectionality="ISOTROPIC")
        },
    ),
}
VARIANTS = {
    **{f"series: {name}": write for name, write in CLASSIC.items()},
    **{f"enhanced: {name}": write for name, write in ENHANCED.items()},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_voxels_and_places_are_those_of_dcm2niix(tmp_path, name):
    folder = tmp_path / "in"
    folder.mkdir()
    VARIANTS[name](folder)
    ours = read_all(folder)
    theirs = judged_volumes(folder, tmp_path / "out")
    assert len(ours) == len(theirs)
    for volume in ours:
        assert sum(agrees(volume, judged) for judged in theirs) == 1


def read_all(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return [read_volume(folder, ReadOptions(volume=entry.number)) for entry in list_volumes(folder)]


def test_there_are_at_least_fifty_variants():
    assert len(VARIANTS) >= 50


@pytest.mark.parametrize("tilt", [-20, -8, -3])
@pytest.mark.parametrize("direction", ["axial", "feet first"])
def test_a_tilted_volume_lies_where_dcm2niix_puts_it_after_straightening(tmp_path, tilt, direction):
    """It resamples tilted CT, so intensities that grow evenly in space are compared where both have some.

    For tilts the other way it rounds the first row's place to whole rows, so that there is no judge.
    """
    matrix = lps(DIRECTIONS[direction], tilt=tilt)
    k, j, i = np.indices((6, 24, 14))
    places = np.stack([i, j, k], axis=-1) @ matrix[:3, :3].T + matrix[:3, 3]
    stored = np.rint(places @ [7.0, 11.0, 13.0]).astype(np.int16)
    write_series(tmp_path / "in", matrix, stored)
    (volume,) = read_all(tmp_path / "in")
    straight = [
        judged for judged in judged_volumes(tmp_path / "in", tmp_path / "out") if "Tilt" in judged.name
    ]
    assert len(straight) == 1
    ijk = np.indices(straight[0].voxels.shape).reshape(3, -1).T
    kji = volume.geometry.ras_to_kji(ijk @ straight[0].affine[:3, :3].T + straight[0].affine[:3, 3])
    inside = ((kji >= 0) & (kji <= np.array(volume.voxels.shape) - 1)).all(axis=1)
    assert inside.sum() > 0.5 * volume.voxels.size
    ours = ndimage.map_coordinates(volume.voxels.astype(float), kji[inside].T, order=1)
    assert np.abs(ours - straight[0].voxels.reshape(-1)[inside]).max() < 3
