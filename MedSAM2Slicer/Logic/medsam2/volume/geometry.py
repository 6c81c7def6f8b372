"""Where a voxel lies in the patient: array indices to and from RAS millimetres."""

from dataclasses import dataclass

import numpy as np
import SimpleITK
from numpy.typing import ArrayLike

from medsam2.errors import InputError
from medsam2.slice_grid import AXES, nearest_voxels

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""World axes of ITK and DICOM run to the left and to the back; RAS runs to the right and to the front."""
TOLERANCE = 0.1
"""Voxels by which positions on two grids may differ: rounding of headers, never a shift that shows."""
_RIGHT_ANGLE = 1e-4  # a cosine


def axis_index(axis: str) -> int:
    """Array dimension of an axis: 0 for "k", 1 for "j", 2 for "i"; InputError for anything else."""
    if axis not in AXES:
        raise InputError(f"There is no axis {axis!r}: choose k, j or i (slices, rows, columns of the file).")
    return AXES.index(axis)


@dataclass(frozen=True, eq=False)
class Geometry:
    """Grid of a volume: its shape (k, j, i) and the 4x4 matrix from indices (i, j, k) to RAS millimetres.

    Flipped and oblique grids are ordinary: nothing but the matrix says where a voxel lies.
    ``frame_of_reference`` is DICOM's identifier of what the millimetres are counted from; empty if unknown.
    Raises InputError for an empty grid or a matrix that maps it onto less than three dimensions.
    """

    shape: tuple[int, int, int]
    ijk_to_ras: np.ndarray
    frame_of_reference: str = ""

    def __post_init__(self) -> None:
        shape = tuple(int(count) for count in self.shape)
        matrix = np.array(self.ijk_to_ras, dtype=np.float64)
        if len(shape) != 3 or min(shape) < 1:
            raise InputError(f"A volume needs at least one voxel along each of its three axes, not {shape}.")
        usable = matrix.shape == (4, 4) and np.isfinite(matrix).all() and (matrix[3] == [0, 0, 0, 1]).all()
        # Without the origin, however far away that is; the 1 that is left tells absurd spacings.
        if not usable or np.linalg.matrix_rank(matrix * [1, 1, 1, 0] + np.diag([0, 0, 0, 1])) < 4:
            raise InputError(
                "The image's spacing and directions do not span space: correct its header first."
            )
        matrix.setflags(write=False)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "ijk_to_ras", matrix)

    @classmethod
    def from_image(cls, image: SimpleITK.Image | SimpleITK.ImageFileReader) -> "Geometry":
        """Geometry of an image, or of the one whose header was read; a 2-D image is one slice, 1 mm thick.

        Of four dimensions the last is time, which has no part in it.
        """
        dimension = image.GetDimension()
        space = min(dimension, 3)
        ijk_to_lps = np.eye(4)
        directions = np.reshape(image.GetDirection(), (dimension, dimension))[:space, :space]
        ijk_to_lps[:space, :space] = directions * image.GetSpacing()[:space]
        ijk_to_lps[:space, 3] = image.GetOrigin()[:space]
        shape = (1,) * (3 - space) + image.GetSize()[:space][::-1]
        return cls(shape, LPS_TO_RAS @ ijk_to_lps)

    def to_image(self, voxels: np.ndarray) -> SimpleITK.Image:
        """3-D ITK image of voxels (k, j, i), or of (k, j, i, component) as a vector image, on this grid."""
        if voxels.shape[:3] != self.shape:
            raise ValueError(f"voxels of shape {voxels.shape} on a grid of {self.shape}")
        image = SimpleITK.GetImageFromArray(voxels, isVector=voxels.ndim == 4)
        ijk_to_lps = LPS_TO_RAS @ self.ijk_to_ras
        spacing = np.linalg.norm(ijk_to_lps[:3, :3], axis=0)
        image.SetSpacing(spacing.tolist())
        image.SetDirection((ijk_to_lps[:3, :3] / spacing).ravel().tolist())
        image.SetOrigin(ijk_to_lps[:3, 3].tolist())
        return image

    def may_share_space_with(self, other: "Geometry") -> bool:
        """Whether positions may be compared: the frames of reference are one, or one of them is unknown."""
        one, two = self.frame_of_reference, other.frame_of_reference
        return one == two or not (one and two)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres between voxel centres along (k, j, i)."""
        return tuple(np.linalg.norm(self.ijk_to_ras[:3, :3], axis=0)[::-1].tolist())

    @property
    def is_right_angled(self) -> bool:
        """Whether the three axes are at right angles, as far as a header's rounding lets one say."""
        directions = self.ijk_to_ras[:3, :3] / self.spacing[::-1]
        return bool(np.abs(directions.T @ directions - np.eye(3)).max() < _RIGHT_ANGLE)

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel in millilitres, also where the axes are not at right angles."""
        return float(abs(np.linalg.det(self.ijk_to_ras[:3, :3]))) / 1000

    def kji_to_ras(self, points: ArrayLike) -> np.ndarray:
        """RAS millimetres (N, 3) of voxel indices (N, 3) in the order (k, j, i); a single (3,) works too."""
        ijk = np.asarray(points, dtype=np.float64)[..., ::-1]
        return ijk @ self.ijk_to_ras[:3, :3].T + self.ijk_to_ras[:3, 3]

    def ras_to_kji(self, points: np.ndarray) -> np.ndarray:
        """Voxel indices (k, j, i), floats (N, 3), of RAS millimetres (N, 3); a single (3,) works too."""
        offset = np.asarray(points, dtype=np.float64) - self.ijk_to_ras[:3, 3]
        return (offset @ np.linalg.inv(self.ijk_to_ras[:3, :3]).T)[..., ::-1]

    def contains(self, kji: np.ndarray) -> np.ndarray | np.bool_:
        """Whether indices (N, 3) or (3,) lie in the cell of a voxel."""
        voxels = nearest_voxels(kji)
        return ((voxels >= 0) & (voxels < self.shape)).all(axis=-1)

    @staticmethod
    def plane_axes(axis: str) -> tuple[int, int]:
        """Array dimensions of the rows and columns of a slice along ``axis``: the other two, in order."""
        rows, columns = (dimension for dimension in range(3) if dimension != axis_index(axis))
        return rows, columns
