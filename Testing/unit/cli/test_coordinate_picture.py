"""A place that a person reads off the picture of ``medsam2 info`` is the one that the picture shows there."""

import io

import numpy as np
import pytest
from matplotlib import image as pictures

from medsam2.cli.coordinates import parse_point
from medsam2.cli.pictures.coordinate_picture import coordinate_figure, even_slices
from medsam2.errors import InputError
from medsam2.volume import Geometry, Volume, VolumeSlices, axis_index
from unit.cli.grids import SHAPE, geometry, grids

CUBE = (5, 7, 4)
"""The bright voxel (k, j, i)."""


def volume(grid: Geometry, bright: tuple[int, int, int] = CUBE) -> Volume:
    voxels = np.zeros(grid.shape, np.uint8)
    voxels[bright] = 255
    return Volume(voxels, grid)


def drawn(slices: VolumeSlices, index: int):
    """The axes of one slice, and the middle of the bright spot in them, in pixels from the lower left."""
    figure = coordinate_figure(slices, [index], placed=True)
    file = io.BytesIO()
    figure.savefig(file, format="png", facecolor="black")
    file.seek(0)
    grey = pictures.imread(file)[::-1, :, :3].min(axis=-1)
    axes = figure.axes[0]
    inside = axes.get_window_extent()
    rows, columns = (slice(int(low) + 1, int(high)) for low, high in (inside.intervaly, inside.intervalx))
    # The orientation letters are white too, and lie near the edges; the cube does not.
    part = grey[rows, columns].copy()
    for along in (0, 1):
        margin = part.shape[along] // 8
        part[(slice(None),) * along + (np.r_[0:margin, -margin:0],)] = 0
    y, x = np.argwhere(part > 0.7).mean(axis=0)
    return figure, axes, (x + columns.start + 0.5, y + rows.start + 0.5)


def read_edge(axes, pixel: float, along: int) -> float:
    """What a person reads at an edge: between two numbers, by their distance."""
    axis = (axes.xaxis, axes.yaxis)[along]
    ticks, labels = axis.get_ticklocs(), [label.get_text() for label in axis.get_ticklabels()]
    pairs = [(tick, label) for tick, label in zip(ticks, labels, strict=True) if label]
    place = np.zeros((len(pairs), 2))
    place[:, along] = [tick for tick, _ in pairs]
    pixels = axes.transData.transform(place)[:, along]
    numbers = [signed(label) for _, label in pairs]
    slope, offset = np.polyfit(pixels, numbers, 1)
    return slope * pixel + offset


def signed(label: str) -> float:
    """A voxel index, or millimetres in R, A, S of a label such as L60."""
    if not label[0].isalpha():
        return float(label.replace("−", "-"))
    return float(label[1:]) * (1 if label[0] in "RAS" else -1)


@pytest.mark.parametrize("axis", ["k", "j", "i"])
@pytest.mark.parametrize("number", range(0, 48, 11))
def test_the_numbers_at_the_edges_name_the_bright_voxel(axis, number):
    grid = geometry(*list(grids())[number])
    slices = VolumeSlices(volume(grid), axis)
    figure, axes, (x, y) = drawn(slices, CUBE[axis_index(axis)])
    top, right = axes.child_axes
    ijk = dict(zip("kji", CUBE, strict=True))
    assert read_edge(axes, x, 0) == pytest.approx(ijk[axes.get_xlabel()], abs=0.1)
    assert read_edge(axes, y, 1) == pytest.approx(ijk[axes.get_ylabel()], abs=0.1)
    ras = grid.kji_to_ras(np.array(CUBE))
    for edge, pixel, along in ((top, x, 0), (right, y, 1)):
        letter = (edge.xaxis, edge.yaxis)[along].get_ticklabels()[0].get_text()[0]
        wanted = ras[next(n for n, pair in enumerate(("LR", "PA", "IS")) if letter in pair)]
        assert read_edge(edge, pixel, along) == pytest.approx(wanted, abs=0.25)
    assert figure.texts[0].get_text().startswith("voxel indices")


@pytest.mark.parametrize("shear", [0.0, 0.3])
def test_on_a_tilted_slice_each_line_joins_places_of_equal_millimetres(shear):
    grid = geometry((0, 1, 2), (-1, -1, 1), tilt=0.3)
    matrix = grid.ijk_to_ras.copy()
    matrix[1, 2] += shear
    grid = Geometry(SHAPE, matrix)
    figure = coordinate_figure(VolumeSlices(volume(grid), "k"), [CUBE[0]], placed=True)
    figure.canvas.draw()
    (axes,) = figure.axes
    assert "tilted" in axes.get_title()
    lines = [line for line in axes.lines if line.get_label().startswith("_child")]
    assert len(lines) > 8
    for line in lines:
        (x0, y0), (x1, y1) = line.get_xy1(), line.get_xy2()
        start, end = grid.kji_to_ras(np.array([[CUBE[0], y0, x0], [CUBE[0], y1, x1]]))[:, :2]
        level = start[np.abs(start - end).argmin()]
        assert np.abs(start - end).min() < 1e-6
        assert level == pytest.approx(round(level), abs=1e-6)


def test_the_example_in_the_legend_is_the_same_place_in_both_ways():
    grid = geometry((2, 0, 1), (1, -1, -1), tilt=0.2)
    figure = coordinate_figure(VolumeSlices(volume(grid), "j"), [3], placed=True)
    indices, millimetres = (text.get_text().split("--point ")[1].split()[0] for text in figure.texts)
    ijk, _ = parse_point(indices, ijk=True)
    ras, _ = parse_point(millimetres)
    assert ijk[1] == 3
    assert grid.kji_to_ras(np.array(ijk[::-1])) == pytest.approx(ras, abs=0.06)


def test_numbers_of_tiny_voxels_tell_places_apart():
    grid = Geometry((4, 40, 40), np.diag([0.001, 0.001, 0.005, 1]))
    figure = coordinate_figure(VolumeSlices(volume(grid, (1, 9, 9))), [], placed=True)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert [title.split(", ")[1] for title in titles] == ["S0", "S0.005", "S0.01", "S0.015"]
    (top, right) = figure.axes[0].child_axes
    for labels in (top.get_xticklabels(), right.get_yticklabels()):
        texts = [label.get_text() for label in labels]
        assert len(set(texts)) == len(texts) > 4


def test_a_file_without_place_has_voxel_indices_alone():
    figure = coordinate_figure(
        VolumeSlices(volume(Geometry((1, 9, 9), np.eye(4)), (0, 4, 4))), [], placed=False
    )
    (axes,) = figure.axes
    assert not axes.child_axes
    assert not axes.texts
    (text,) = figure.texts
    assert text.get_text().endswith("--ijk --point 4,4")


@pytest.mark.parametrize(
    ("count", "slices"), [(1, [0]), (3, [0, 1, 2]), (6, [0, 1, 2, 3, 4, 5]), (60, [5, 15, 25, 35, 45, 55])]
)
def test_slices_are_spread_evenly(count, slices):
    assert even_slices(count) == slices


def test_a_slice_outside_is_refused():
    slices = VolumeSlices(volume(geometry((0, 1, 2), (1, 1, 1))))
    with pytest.raises(InputError, match="--slice 9 does not exist: give a slice from 0 to 8"):
        coordinate_figure(slices, [9], placed=True)


@pytest.mark.parametrize("shape", [(1, 40, 48), (3, 20, 24), (1, 90, 40), (2, 10, 60)])
@pytest.mark.parametrize("placed", [True, False])
def test_titles_and_numbers_lie_inside_the_picture(shape, placed):
    grid = Geometry(shape, np.diag([-0.7, -0.9, 2.5, 1.0]))
    figure = coordinate_figure(VolumeSlices(volume(grid, (0, 0, 0)), "k"), (), placed)
    figure.savefig(io.BytesIO(), format="png")
    for axes in figure.axes:
        inside = axes.get_tightbbox()
        assert inside.y1 <= figure.bbox.y1
        assert inside.x0 >= 0
        assert inside.x1 <= figure.bbox.x1
