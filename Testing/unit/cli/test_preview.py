"""The preview hangs slices as radiologists do, whatever the grid, and shows the slices that matter."""

import re

import numpy as np
import pytest
import SimpleITK
from matplotlib.colors import to_rgba

from medsam2.cli.pictures.outline import smooth_outline
from medsam2.cli.pictures.preview import preview_figure, write_preview, write_strip
from medsam2.cli.pictures.preview_sheet import DOUBT, FEW, MOST_PANELS, PreviewSegment, Sheet, panel_slices
from medsam2.prompt import DrawnLine, Prompt
from medsam2.volume import Geometry, Volume, VolumeSlices, axis_index, hanging
from unit.cli.grids import SHAPE, geometry, grids
from unit.full_disk import full_disk

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
        plane = np.zeros(sheet.slices.grid(0).shape, bool)
        plane[3, 5] = True
        x, y = sheet.turned_point(3, 5)
        assert np.argwhere(sheet.turned(plane)).tolist() == [[y, x]]


@pytest.mark.parametrize("axis", ["k", "j", "i"])
def test_lines_are_drawn_where_they_were_given_and_lassos_are_closed(axis):
    places = ((2.0, 3.0), (5.0, 4.0), (4.0, 6.0))
    stroke, lasso = DrawnLine(places, True), DrawnLine(places, False)
    prompt = Prompt(4, strokes=(stroke,), lassos=(lasso,))
    sheet = sheet_of(geometry(*next(grids())), axis, prompt)
    figure = preview_figure(sheet.slices, sheet.segments)
    (axes,) = (
        axes for axes in figure.axes if any(text.get_text().startswith(f"{axis} 4") for text in axes.texts)
    )
    drawn = {line.get_linestyle(): line.get_xydata() for line in axes.lines if len(line.get_xydata()) > 2}
    expected = [sheet.turned_point(*place) for place in places]
    np.testing.assert_allclose(drawn["-"], expected)
    np.testing.assert_allclose(drawn[":"], [*expected, expected[0]])
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"line on the object", "line on the background"} <= set(labels)


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
    assert len(panels) == MOST_PANELS
    assert {5, 33, 95} <= set(panels)
    assert panels == sorted(panels)
    assert {10, 89} <= set(panels)
    steps = np.diff([index for index in panels if index not in (5, 33, 95)])
    assert steps.max() - steps.min() <= 2


def test_few_slices_are_all_shown():
    carrying = np.zeros(30, bool)
    carrying[4:23] = True
    assert panel_slices(carrying, [6, 29]) == [*range(4, 23), 29]
    assert panel_slices(np.zeros(30, bool), [6]) == [6]


def test_of_many_prompted_slices_the_outer_ones_and_some_between_are_shown():
    panels = panel_slices(np.ones(60, bool), range(10, 50))
    assert len(set(panels)) == MOST_PANELS
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


@pytest.mark.parametrize("count", [1, 4, FEW + 1])
@pytest.mark.parametrize("prompts", [[Prompt(0, points=((5, 5, True),))], []])
def test_nothing_found_still_makes_a_picture(tmp_path, count, prompts):
    """Also at a time point where an object was lost, and so has no prompt."""
    shape = (count, 60, 60)
    volume = Volume(np.full(shape, 100, np.uint8), Geometry(shape, np.eye(4)))
    nothing = PreviewSegment("a", (1, 0, 0), np.zeros(shape, bool), prompts)
    write_preview(tmp_path / "a.png", VolumeSlices(volume), [nothing])
    assert SimpleITK.ReadImage(str(tmp_path / "a.png")).GetWidth() > 200


NAMES = {
    r"$\bad$": r"$\bad$",
    "50 $": "50 $",
    "_a": "_a",
    "two\nlines\tand a tab": "two lines and a tab",
    "portal vein and splenic vein, right branch": "portal vein and splenic vein, right branch",
    "aorta " * 40: "aorta aorta aorta aor … aorta aorta aorta",
    "腎臓 🫘": "腎臓 🫘",
    "<b>bold</b>": "<b>bold</b>",
}
"""Names, and as they are drawn."""


@pytest.mark.parametrize("names", [list(NAMES), ["portal vein and splenic vein, right branch"]])
def test_the_legend_names_every_segment_beside_the_panels(tmp_path, names, recwarn):
    mask = np.zeros((4, 60, 60), bool)
    mask[1, 20:30, 20:30] = True
    click = [Prompt(1, points=((25.0, 25.0, True),))]
    segments = [PreviewSegment(name, (1, 0, 0), mask, click) for name in names]
    figure = preview_figure(plain(spacing=(1, 1, 1)), segments)
    write_preview(tmp_path / "a.png", plain(), segments)
    assert not [warning for warning in recwarn if "Glyph" in str(warning.message)]
    (legend,) = figure.legends
    *texts, mark = legend.get_texts()
    assert [text.get_text() for text in texts] == [f"{NAMES[name]}  0.1 ml" for name in names]
    assert not any(text.get_parse_math() for text in texts)
    assert mark.get_text() == "point on the object"
    figure.canvas.draw()
    place = legend.get_window_extent()
    assert place.x0 >= 0
    assert place.x1 <= figure.bbox.x1
    assert place.y1 <= min(axes.get_window_extent().y0 for axes in figure.axes)


def plain(shape=(4, 60, 60), spacing=(1, 1, 3)) -> VolumeSlices:
    """A grey volume that lies somewhere in a patient."""
    matrix = np.diag([*spacing, 1.0])
    matrix[:3, 3] = -12, 34, -100
    return VolumeSlices(Volume(np.full(shape, 100, np.uint8), Geometry(shape, matrix)))


def test_small_volumes_are_shown_whole():
    carrying = np.zeros(FEW, bool)
    carrying[3] = True
    assert panel_slices(carrying, [3]) == list(range(FEW))


def test_doubtful_slices_are_among_the_panels_and_do_not_crowd_out_the_others():
    carrying = np.ones(300, bool)
    panels = panel_slices(carrying, [150], range(200, 240))
    doubtful = set(panels) & set(range(200, 240))
    assert len(panels) == MOST_PANELS
    assert 150 in panels
    assert {200, 239} <= doubtful
    assert 4 <= len(doubtful) <= 7
    assert {0, 299} <= set(panels)


def test_a_doubtful_slice_is_framed_and_says_so_in_the_colours_of_its_objects():
    slices, mask = plain(), np.zeros((4, 60, 60), bool)
    mask[1:3, 20:30, 20:30] = True
    click = [Prompt(1, points=((25.0, 25.0, True),))]
    one = PreviewSegment("a", (1, 0, 0), mask, click, doubtful=[2])
    other = PreviewSegment("b", (0, 0, 1), mask, click, doubtful=[2, 3])
    figure = preview_figure(slices, [one, other])
    framed = [
        number
        for number, axes in enumerate(figure.axes)
        if any(patch.get_edgecolor() == to_rgba(DOUBT) for patch in axes.patches)
    ]
    assert framed == [2, 3]
    colours = [text.get_color() for text in figure.axes[2].texts if text.get_text() == "doubtful"]
    assert colours == [(1, 0, 0), (0, 0, 1)]
    assert figure.legends[0].get_texts()[-1].get_text() == "doubtful: look at this slice"


def test_slices_say_where_they_lie_in_words_of_the_patient():
    slices, mask = plain(), np.ones((4, 60, 60), bool)
    figure = preview_figure(slices, [PreviewSegment("a", (1, 0, 0), mask, [])])
    titles = [axes.texts[-1 - (number == 0)].get_text() for number, axes in enumerate(figure.axes)]
    assert titles == ["k 0  I100 mm", "k 1  I97 mm", "k 2  I94 mm", "k 3  I91 mm"]


@pytest.mark.parametrize(("tilt", "title"), [(0.04, "k 1  S13 mm"), (0.3, "k 1  tilted")])
def test_a_slice_that_runs_through_several_heights_names_none(tilt, title):
    matrix = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [tilt, 0, 3, 10 - 29.5 * tilt], [0, 0, 0, 1.0]])
    slices = VolumeSlices(Volume(np.full((4, 60, 60), 100, np.uint8), Geometry((4, 60, 60), matrix)))
    assert Sheet(slices, []).title(1) == title


def test_a_photograph_shows_no_patient_and_no_millimetres():
    flat = Volume(np.full((1, 60, 60), 100, np.uint8), Geometry((1, 60, 60), np.diag([-1.0, -1, 1, 1])))
    figure = preview_figure(
        VolumeSlices(flat), [PreviewSegment("a", (1, 0, 0), np.ones((1, 60, 60), bool), [])]
    )
    assert not figure.axes[0].texts


@pytest.mark.parametrize("spacing", [0.01, 0.7, 5.0])
@pytest.mark.parametrize("size", [6, 60])
def test_the_scale_bar_is_round_and_fits(spacing, size):
    slices = plain((4, size, size), (spacing, spacing, 3))
    figure = preview_figure(slices, [PreviewSegment("a", (1, 0, 0), np.ones((4, size, size), bool), [])])
    first = figure.axes[0]
    (bar,) = [line for line in first.lines if line.get_transform() == first.transAxes]
    (text,) = [text for text in first.texts if re.fullmatch(r"[\d.]+ [cm]m", text.get_text())]
    part = np.ptp(bar.get_xdata())
    number, unit = text.get_text().split()
    assert 0.15 < part <= 0.4
    assert float(number) * (10 if unit == "cm" else 1) == pytest.approx(part * size * spacing)
    assert number.strip("0.") in ("1", "2", "5")


@pytest.mark.parametrize(("axis", "ratio"), [("k", 1.0), ("j", 0.2), ("i", 0.2)])
def test_slices_have_the_proportions_of_the_patient(axis, ratio):
    """20 slices of 4 mm, seen from the side, are 80 mm high and 400 wide."""
    voxels = np.full((20, 200, 200), 100, np.uint8)
    slices = VolumeSlices(Volume(voxels, Geometry(voxels.shape, np.diag([2, 2, 4, 1.0]))), axis)
    whole = PreviewSegment("a", (1, 0, 0), np.ones(voxels.shape, bool), [])
    figure = preview_figure(slices, [whole])
    figure.canvas.draw()
    for axes in figure.axes:
        box = axes.get_window_extent()
        assert box.height / box.width == pytest.approx(ratio, rel=0.02)
    assert figure.bbox.width < 1500
    assert figure.bbox.height < 2000


def test_outlines_are_smooth_and_lose_no_voxel():
    j, i = np.mgrid[:60, :60]
    for mask in (np.hypot(j - 30, i - 30) < 20.3, (i == 7) & (j == 9), (i > 20) & (j == 59)):
        rows, columns, distance = smooth_outline(mask, (1.0, 1.0))
        at = np.ix_(*(np.isclose(places, np.rint(places)) for places in (rows, columns)))
        inside = np.argwhere(distance[at] > 0) + np.rint([rows[0], columns[0]]).astype(int)
        assert sorted(map(tuple, inside)) == sorted(map(tuple, np.argwhere(mask)))
    rows, columns, distance = smooth_outline(np.hypot(j - 30, i - 30) < 20.3, (1.0, 1.0))
    radius = np.hypot(rows[:, None] - 30, columns - 30)
    assert np.ptp(radius[np.abs(distance) < 0.05]) < 0.8


def test_a_strip_shows_where_an_object_is_widest_prompted_and_doubtful(tmp_path):
    slices = plain((30, 60, 60))
    mask = np.zeros((30, 60, 60), bool)
    mask[10:20, 20:30, 20:30] = True
    mask[14, 15:40, 15:40] = True
    segment = PreviewSegment("a", (0, 1, 0), mask, [Prompt(11, points=((25, 25, True),))], [18])
    assert Sheet(slices, [segment]).telling(3) == [11, 14, 18]
    nothing = PreviewSegment("a", (0, 1, 0), mask & False, segment.prompts)
    assert Sheet(slices, [nothing]).telling(3) == [11]
    for number, each in enumerate((segment, nothing)):
        write_strip(tmp_path / f"{number}.jpg", slices, [each])
        picture = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / f"{number}.jpg")))
        height, width = picture.shape[:2]
        assert 2 < width / height < 10
        green = (picture[..., 1] > 150) & (picture[..., 0] < 110)
        assert green.any()
        with full_disk(1000), pytest.raises(OSError, match="large"):
            write_strip(tmp_path / "cut.jpg", slices, [each])
