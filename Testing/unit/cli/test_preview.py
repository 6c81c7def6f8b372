"""The preview hangs slices as radiologists do, whatever the grid, and shows the slices that matter."""

import numpy as np
import pytest
import SimpleITK
from matplotlib.figure import Figure

from medsam2.cli.preview import PANELS, PreviewSegment, Sheet, hanging, panel_slices, write_preview
from medsam2.volume import Geometry, Prompt, Volume, VolumeSlices, axis_index
from unit.cli.grids import SHAPE, geometry, grids

TILT = 0.25
# A slice is named by the patient's axis across it; (right, down) are what shrinks towards those edges.
CONVENTION = {0: (1, 2), 1: (0, 2), 2: (0, 1)}
LETTERS = {0: "RL", 1: "AP", 2: "SI"}


def sheet_of(grid: Geometry, axis: str, *prompts: Prompt) -> Sheet:
    volume = Volume(np.zeros(SHAPE, np.uint8), grid)
    mask = np.ones(SHAPE, bool)
    return Sheet(VolumeSlices(volume, axis), [PreviewSegment("a", (1, 0, 0), mask, prompts)])


@pytest.mark.parametrize("axis", ["k", "j", "i"])
@pytest.mark.parametrize("tilt", [0.0, TILT])
def test_slices_hang_as_radiologists_expect(axis, tilt):
    """Judged by the millimetres of the displayed voxels alone."""
    for order, signs in grids():
        grid = geometry(order, signs, tilt)
        sheet = sheet_of(grid, axis)
        indices = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
        ras = np.take(grid.kji_to_ras(indices.reshape(-1, 3)).reshape(*SHAPE, 3), 0, axis_index(axis))
        shown = np.stack([sheet.turned(ras[..., number]) for number in range(3)], axis=-1)
        across, down = CONVENTION[order[2 - axis_index(axis)]]
        rightwards, downwards = shown[0, 1] - shown[0, 0], shown[1, 0] - shown[0, 0]
        assert np.abs(rightwards).argmax() == across
        assert np.abs(downwards).argmax() == down
        assert rightwards[across] < 0
        assert downwards[down] < 0
        expected = (*LETTERS[across], *LETTERS[down])
        assert hanging(grid, axis).letters == expected


@pytest.mark.parametrize("axis", ["k", "j", "i"])
def test_seeds_are_drawn_on_their_voxel(axis):
    for order, signs in grids():
        sheet = sheet_of(geometry(order, signs), axis)
        plane = np.zeros(sheet.slices.shape(0), bool)
        plane[3, 5] = True
        x, y = sheet.turned_point(3, 5)
        assert np.argwhere(sheet.turned(plane)).tolist() == [[y, x]]


def test_the_crop_keeps_masks_and_prompts():
    volume = Volume(np.zeros((3, 200, 300), np.uint8), Geometry((3, 200, 300), np.eye(4)))
    mask = np.zeros((3, 200, 300), bool)
    mask[1, 90:100, 200:210] = True
    prompts = [Prompt(1, points=((95.0, 150.0, False),))]
    sheet = Sheet(VolumeSlices(volume), [PreviewSegment("a", (1, 0, 0), mask, prompts)])
    rows, columns = sheet.crop
    assert rows.start <= 90 - 20 < 99 + 20 < rows.stop
    assert columns.start <= 150 - 20 < 209 + 20 < columns.stop
    assert columns.stop - columns.start < 150


def test_the_prompted_slices_are_always_among_the_panels():
    carrying = np.zeros(100, bool)
    carrying[10:90] = True
    panels = panel_slices(carrying, [33, 5, 95])
    assert len(panels) == PANELS
    assert {5, 33, 95} <= set(panels)
    assert panels == sorted(panels)
    assert {10, 89} <= set(panels)
    steps = np.diff([index for index in panels if index not in (5, 33, 95)])
    assert steps.max() - steps.min() <= 2


def test_few_slices_are_all_shown():
    carrying = np.zeros(20, bool)
    carrying[4:8] = True
    assert panel_slices(carrying, [6]) == [4, 5, 6, 7]
    assert panel_slices(np.zeros(20, bool), [6]) == [6]


def test_of_many_prompted_slices_the_outer_ones_and_some_between_are_shown():
    panels = panel_slices(np.ones(60, bool), range(10, 50))
    assert len(set(panels)) == PANELS
    assert (panels[0], panels[-1]) == (10, 49)
    assert np.diff(panels).max() <= 4


def coloured(picture: np.ndarray, color) -> int:
    """Pixels of about that colour."""
    return int((np.abs(picture[..., :3].astype(int) - np.array(color) * 255).max(axis=-1) < 60).sum())


def test_the_picture_shows_contours_in_their_colours_and_names_no_file(tmp_path):
    volume = Volume(np.full((4, 60, 60), 100, np.uint8), Geometry((4, 60, 60), np.diag([1, 1, 3, 1.0])))
    first, second = np.zeros((2, 4, 60, 60), bool)
    first[:, 10:25, 10:25] = second[:, 35:50, 35:50] = True
    click = [Prompt(1, points=((17.0, 17.0, True), (40.0, 40.0, False)))]
    framed = [Prompt(2, box=(34.0, 34.0, 50.0, 50.0))]
    segments = [PreviewSegment("a", (1, 0, 0), first, click), PreviewSegment("b", (0, 0, 1), second, framed)]
    write_preview(tmp_path / "secret.png", VolumeSlices(volume), segments)
    assert b"secret" not in (tmp_path / "secret.png").read_bytes()
    picture = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "secret.png")))
    assert picture.shape[0] > 200
    assert picture.shape[1] > 400
    assert coloured(picture, (1, 0, 0)) > 200
    assert coloured(picture, (0, 0, 1)) > 200


def test_nothing_found_still_makes_a_picture(tmp_path):
    volume = Volume(np.full((4, 60, 60), 100, np.uint8), Geometry((4, 60, 60), np.eye(4)))
    nothing = PreviewSegment("a", (1, 0, 0), np.zeros((4, 60, 60), bool), [Prompt(2, points=((5, 5, True),))])
    write_preview(tmp_path / "a.png", VolumeSlices(volume), [nothing])
    assert SimpleITK.ReadImage(str(tmp_path / "a.png")).GetWidth() > 200


@pytest.mark.parametrize("name", [r"$\bad$", "50 $", "_a", "portal vein and splenic vein, right branch"])
@pytest.mark.parametrize("count", [1, 31])
def test_the_legend_names_every_segment_beside_the_panels(monkeypatch, tmp_path, name, count):
    volume = Volume(np.full((4, 60, 60), 100, np.uint8), Geometry((4, 60, 60), np.eye(4)))
    mask = np.zeros((4, 60, 60), bool)
    mask[1, 20:30, 20:30] = True
    click = [Prompt(1, points=((25.0, 25.0, True),))]
    names = [f"{name}{number}" for number in range(count)]
    figures = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (figures.append(self), save(self, *a, **k)))
    segments = [PreviewSegment(each, (1, 0, 0), mask, click) for each in names]
    write_preview(tmp_path / "a.png", VolumeSlices(volume), segments)
    (figure,) = figures
    (legend,) = figure.legends
    texts = [text.get_text().replace(r"\$", "$") for text in legend.get_texts()]
    assert texts == [f"{each}  0.1 ml" for each in names]
    place = legend.get_window_extent()
    assert place.x0 >= 0
    assert place.x1 <= figure.bbox.x1
    assert place.y1 <= min(axes.get_window_extent().y0 for axes in figure.axes)
