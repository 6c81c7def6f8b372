"""Image files for tests: some voxels in any format, and headers of text."""

import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

SHARED = Path(__file__).resolve().parents[5] / "shared"
CASES, DATA = SHARED / "cases" / "inputs", SHARED / "data"
needs_cases = pytest.mark.skipif(
    not CASES.is_dir(), reason="the inputs that go wrong are not beside the repository"
)
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the real cases are not beside the repository")
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="pipes and such names are of POSIX")
PLACES = np.indices((20, 30, 40))
VOXELS = ((PLACES.T @ [7, 3, 1]).T % 200).astype(np.int16) + np.random.default_rng(0).integers(
    0, 5, PLACES.shape[1:], np.int16
)
SMALL = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
META = """ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = False
CompressedData = False
TransformMatrix = 1 0 0 0 1 0 0 0 1
Offset = 0 0 0
ElementSpacing = 1 1 1
DimSize = 4 3 2
ElementType = MET_SHORT
ElementDataFile = """
NRRD = """NRRD0004
type: short
dimension: 3
sizes: 4 3 2
endian: little
encoding: raw
"""


def save(path: Path, voxels: np.ndarray = VOXELS, compressed: bool = False, colour: bool = False) -> Path:
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels, isVector=colour), str(path), compressed)
    return path


def with_header(path: Path, header: str, content: bytes = b"") -> Path:
    path.write_bytes(header.encode("latin-1") + content)
    return path
