"""The field of view: the square of a slice that the network sees, and the way there and back."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from medsam2.errors import InputError
from medsam2.placed_mask import PlacedMask
from medsam2.protocol import FieldOfViewBox
from medsam2.slice_grid import SliceGrid

from .resampling import Resampling, resampled, smoothed_rows

OUTSIDE_LOGIT = -10.0
"""What is assumed of pixels that no field of view has shown."""
FINEST = 32
"""Into so many parts of a voxel a position is rounded first. Voxel centres lie between two fields of view,
and which one is taken must not hang on the digits that a coordinate lost on its way."""
MOST_VOXELS = 2**17
"""Rows or columns of a field of view: twice those of the longest slices that the protocol knows."""


class FieldOfView(FieldOfViewBox):
    """A box of a slice that is square in millimetres and may reach beyond the slice."""

    @classmethod
    def around(cls, centre: tuple[float, float], side: float, grid: SliceGrid) -> "FieldOfView":
        """``side`` millimetres of a slice about a position (row, column); InputError for too many voxels."""
        spacing = grid.spacing
        if not max(side / step for step in spacing) <= MOST_VOXELS:
            raise InputError(
                f"A field of view of {side:g} mm has more than {MOST_VOXELS} voxels of {spacing[0]:g} x "
                f"{spacing[1]:g} mm on a side: crop or resample the image, or choose another axis."
            )
        rows, columns = (max(8, round(side / step)) for step in spacing)
        row, column = (
            round(round(FINEST * (middle + 0.5 - size / 2)) / FINEST)
            for middle, size in zip(centre, (rows, columns), strict=True)
        )
        return cls(row, column, rows, columns)

    @classmethod
    def whole(cls, grid: SliceGrid) -> "FieldOfView":
        """The smallest field of view that shows all of a slice."""
        rows, columns = grid.shape
        return cls.around(((rows - 1) / 2, (columns - 1) / 2), grid.side, grid)

    def inside(self, grid: SliceGrid) -> "FieldOfView":
        """The field of view moved so that it shows as little as possible beyond a slice."""
        row, column = (
            min(max(first, 0), length - size) if size <= length else (length - size) // 2
            for first, size, length in zip(
                (self.row, self.column), (self.rows, self.columns), grid.shape, strict=True
            )
        )
        return FieldOfView(row, column, self.rows, self.columns)

    def contains(self, row: float, column: float) -> bool:
        """Whether a position (in voxels) lies inside; the rim is half a voxel beyond voxel centres."""
        row, column = row - self.row + 0.5, column - self.column + 0.5
        return 0 <= row <= self.rows and 0 <= column <= self.columns

    def side(self, grid: SliceGrid) -> float:
        """Side in millimetres."""
        return self.rows * grid.spacing[0]

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the field of view in voxels, (row, column)."""
        return self.row + (self.rows - 1) / 2, self.column + (self.columns - 1) / 2

    def to_pixels(self, points: np.ndarray, image_size: int) -> np.ndarray:
        """Voxels (N, 2) as (row, column) to (x, y) of the network's image, pixel centres at whole numbers."""
        scale = np.array([image_size / self.rows, image_size / self.columns])
        pixels = (np.asarray(points, float) - (self.row, self.column) + 0.5) * scale - 0.5
        return pixels[:, ::-1]

    def cut(self, image: np.ndarray) -> np.ndarray:
        """The part of a slice (rows, columns) that is seen, without what is beyond the slice."""
        (_, rows), (_, columns) = self._overlap(image.shape)
        return image[rows, columns]

    def _overlap(self, shape: tuple[int, int]) -> list[tuple[slice, slice]]:
        """Where it meets the slice, for rows and columns: as indices into itself and into the slice."""
        pairs = []
        for first, size, length in zip(
            (self.row, self.column), (self.rows, self.columns), shape, strict=True
        ):
            start, stop = max(first, 0), max(min(first + size, length), max(first, 0))
            pairs.append((slice(start - first, stop - first), slice(start, stop)))
        return pairs

    def network_image(self, image: np.ndarray, image_size: int) -> Tensor:
        """What the network sees of a slice: (1, 1, image_size, image_size); zero beyond the slice.

        Of a slice in colour, (rows, columns, 3), it is (1, 3, image_size, image_size).
        """
        if image.ndim == 3:
            planes = [self.network_image(plane, image_size) for plane in np.moveaxis(image, 2, 0)]
            return torch.cat(planes, dim=1)
        (rows, _), (columns, _) = self._overlap(image.shape)
        seen = torch.from_numpy(np.ascontiguousarray(self.cut(image)))
        if not seen.numel():
            return seen.new_zeros(1, 1, image_size, image_size)
        # One axis after the other, the longer first: that of a long thin slice has very many voxels.
        if len(seen) > seen.shape[1]:
            seen = _with_black(seen.T, self.rows, rows, image_size).T
            return _with_black(seen, self.columns, columns, image_size)[None, None]
        seen = _with_black(seen, self.columns, columns, image_size)
        return _with_black(seen.T, self.rows, rows, image_size).T.contiguous()[None, None]

    def prepared_image(self, image: np.ndarray, size: int, resampling: Resampling) -> tuple[Tensor, Tensor]:
        """A slice as networks of one slice were trained: (1, 1, size, size), and what of it is the slice.

        Only the slice is resampled, to whole pixels; ``network_image`` fades it into what is beyond. A slice
        in colour is (1, 3, size, size).
        """
        if image.ndim == 3:
            planes = [self.prepared_image(plane, size, resampling) for plane in np.moveaxis(image, 2, 0)]
            return torch.cat([plane for plane, _ in planes], dim=1), planes[0][1]
        ends = (
            [round(end * size / count) for end in (here.start, here.stop)]
            for (here, _), count in zip(self._overlap(image.shape), (self.rows, self.columns), strict=True)
        )
        (top, bottom), (left, right) = ends
        prepared, is_slice = torch.zeros(size, size), torch.zeros(size, size, dtype=torch.bool)
        if top < bottom and left < right:
            seen = torch.from_numpy(np.ascontiguousarray(self.cut(image)))
            prepared[top:bottom, left:right] = resampled(seen, (bottom - top, right - left), resampling)
            is_slice[top:bottom, left:right] = True
        return prepared[None, None], is_slice[None, None]

    def share(self, region: np.ndarray, size: int) -> Tensor:
        """How much of each of (1, 1, size, size) pixels a region (rows, columns) bool of a slice covers."""
        return self.network_image(region.astype(np.float32), size)

    def mask_on_slice(self, logits: Tensor, shape: tuple[int, int], threshold: float = 0.0) -> PlacedMask:
        """Logits (s, s) above a threshold as a mask on a slice of ``shape``, cropped to what it covers."""
        (here_r, there_r), (here_c, there_c) = self._overlap(shape)
        on_slice = self._enlarged_part(logits, here_r, here_c)
        return PlacedMask.cropped((on_slice > threshold).cpu().numpy(), there_r.start, there_c.start)

    def logits_on_slice(self, logits: Tensor, rows: slice, columns: slice) -> Tensor:
        """Logits (s, s) at the voxels of a part of a slice; ``OUTSIDE_LOGIT`` where nothing was seen."""
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        moved = FieldOfView(self.row - rows.start, self.column - columns.start, self.rows, self.columns)
        (here_r, there_r), (here_c, there_c) = moved._overlap(shape)
        on_part = logits.new_full(shape, OUTSIDE_LOGIT)
        on_part[there_r, there_c] = self._enlarged_part(logits, here_r, here_c)
        return on_part

    def _enlarged_part(self, logits: Tensor, rows: slice, columns: slice) -> Tensor:
        """Logits (s, s) at some of this field of view's voxels."""
        return _enlarged(_enlarged(logits.T, self.columns, columns).T, self.rows, rows)

    def logits_from(self, logits: Tensor, other: "FieldOfView") -> Tensor:
        """Logits (..., s, s) of another field of view, resampled into this one."""
        if other == self:
            return logits
        size = logits.shape[-1]
        cells = (torch.arange(size, device=logits.device) + 0.5) / size

        def relative(first: float, length: float, other_first: float, other_length: float) -> Tensor:
            return 2 * (first + cells * length - other_first) / other_length - 1

        y = relative(self.row, self.rows, other.row, other.rows)
        x = relative(self.column, self.columns, other.column, other.columns)
        grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)[None]
        shifted = F.grid_sample(logits.reshape(1, 1, size, size) - OUTSIDE_LOGIT, grid, align_corners=False)
        return (shifted + OUTSIDE_LOGIT).reshape(logits.shape)


def _enlarged(values: Tensor, count: int, part: slice) -> Tensor:
    """Some of the ``count`` rows that (s, n) values have when they are interpolated along their rows."""
    size = len(values)
    position = torch.arange(part.start, part.stop, device=values.device)
    position = ((position + 0.5) * (size / count) - 0.5).clamp(0, size - 1)
    before = position.long()
    after = (before + 1).clamp(max=size - 1)
    below, above = (values.contiguous().index_select(0, index) for index in (before, after))
    return torch.lerp(below, above, (position - before)[:, None])


def _with_black(image: Tensor, count: int, part: slice, size: int) -> Tensor:
    """Rows of an image, which fill ``part`` of ``count`` pixels and are zero beyond, as ``size`` pixels."""
    return smoothed_rows(F.pad(image, (part.start, count - part.stop)).contiguous(), size)
