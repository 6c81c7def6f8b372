"""Prompts from the command line end up on the voxels that were meant."""

import json
from pathlib import Path

import numpy as np
import pytest

from medsam2.cli.coordinates import Coordinates, parse_box, parse_line, parse_point
from medsam2.cli.prompt_options import PromptOptions, objects_from_options
from medsam2.errors import InputError
from medsam2.prompt import DrawnLine, Prompt
from medsam2.volume import PALETTE, Geometry, Volume, VolumeSlices, write_labelmap

SHAPE = (6, 20, 30)
OBLIQUE = Geometry(SHAPE, np.array([[-0.8, 0.6, 0, 10], [-0.6, -0.8, 0, -20], [0, 0, 3, 40], [0, 0, 0, 1.0]]))


def slices(axis: str = "k") -> VolumeSlices:
    return VolumeSlices(Volume(np.zeros(SHAPE, np.uint8), OBLIQUE), axis)


def objects(axis: str = "k", **given):
    by_hand = not given.keys() & {"mask", "prompts"}
    return objects_from_options(slices(axis), PromptOptions(**{"ijk": by_hand, **given}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,2,3", ([1, 2, 3], True)),
        ("-1.5, 2e1,3,+", ([-1.5, 20, 3], True)),
        ("1,2,-3,-", ([1, 2, -3], False)),
    ],
)
def test_points_are_read(text, expected):
    assert parse_point(text) == expected


@pytest.mark.parametrize("text", ["", "1", "1,2,3,4", "1,2,3,*", "a,b,c", "1,2,nan", "1,2,3,+,+"])
def test_points_that_are_none_are_shown_to_their_author(text):
    with pytest.raises(InputError, match="is not R,A,S"):
        parse_point(text)


def test_a_box_needs_six_numbers_or_four_on_a_2d_image():
    assert parse_box("1,2,3,4,5,6") == [1, 2, 3, 4, 5, 6]
    with pytest.raises(InputError, match=r"R,A,S,R,A,S of six numbers \(R,A,R,A of four for a 2D image\)\."):
        parse_box("1,2,3")
    with pytest.raises(InputError, match=r"i,j,k,i,j,k of six numbers \(i,j,i,j of four for a 2D image\)\."):
        parse_box("1,2,3,4,5", ijk=True)


def test_a_point_of_one_number_is_told_how_many_it_needs():
    with pytest.raises(InputError, match=r"--point 5 is not i,j,k .* with numbers \(i,j for a 2D image\)"):
        parse_point("5", ijk=True)


@pytest.mark.parametrize("file", ["mask", "prompts"])
def test_a_file_says_itself_where_its_prompts_are(file):
    with pytest.raises(InputError, match="--ijk goes with --point"):
        objects(ijk=True, **{file: Path("file")})


@pytest.mark.parametrize(
    ("axis", "place"), [("k", (4, 12.0, 25.0)), ("j", (12, 4.0, 25.0)), ("i", (25, 4.0, 12.0))]
)
def test_both_spaces_mean_the_same_voxel(axis, place):
    right, anterior, superior = OBLIQUE.kji_to_ras(np.array([4, 12, 25]))
    assert Coordinates(slices(axis), ijk=True).position([25, 12, 4]) == place
    assert Coordinates(slices(axis), ijk=False).position([right, anterior, superior]) == pytest.approx(place)


def test_points_go_to_their_nearest_slice_and_add_up_there():
    (only,) = objects(points=["3,4,1.4", "5,6,0.8,-", "7,8,5"])
    assert [prompt.slice_index for prompt in only.prompts] == [1, 5]
    assert only.prompts[0].points == ((4.0, 3.0, True), (6.0, 5.0, False))
    assert only.prompts[1].points == ((8.0, 7.0, True),)


def test_a_box_and_a_point_share_a_prompt():
    (only,) = objects(points=["3,4,2"], box="1,2,2,9,8,2")
    (prompt,) = only.prompts
    assert prompt.box == (2.0, 1.0, 8.0, 9.0)
    assert prompt.points == ((4.0, 3.0, True),)


def test_lines_go_to_their_slice_beside_points_and_keep_their_signs():
    (only,) = objects(
        points=["3,4,2"],
        strokes=["1,2,1.6 3 , 2,2.4 5,7,2", "9,9,5 8,8,5,-"],
        lassos=["1,1,2 9,1,2 9,9,2,+"],
    )
    second, fifth = only.prompts
    assert (second.slice_index, fifth.slice_index) == (2, 5)
    assert second.points == ((4.0, 3.0, True),)
    assert second.strokes == (DrawnLine(((2.0, 1.0), (2.0, 3.0), (7.0, 5.0)), True),)
    assert second.lassos == (DrawnLine(((1.0, 1.0), (1.0, 9.0), (9.0, 9.0)), True),)
    assert fifth == Prompt(5, strokes=(DrawnLine(((9.0, 9.0), (8.0, 8.0)), False),))


def test_letters_name_the_places_of_a_line():
    assert parse_line("--stroke", "L60,A12,I341 i341,R50, a14,-") == (
        [[-60, 12, -341], [50, 14, -341]],
        False,
    )
    assert parse_line("--lasso", "L4,P5 L6,P5 L6,P9") == ([[-4, -5], [-6, -5], [-6, -9]], True)


@pytest.mark.parametrize("axis", ["j", "i"])
def test_a_line_that_leaves_its_slice_is_refused_with_the_axis(axis):
    with pytest.raises(InputError, match=rf"A stroke runs through slices 2 to 7 along axis {axis}.*--axis"):
        objects(axis, strokes=["2,2,1 7,7,1"])
    assert objects("k", strokes=["2,2,1 7,7,1"])[0].prompts[0].slice_index == 1


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"strokes": [""]}, "--stroke has no position"),
        ({"strokes": ["1,2,3 4,5"], "ijk": True}, "Two numbers name a point of a single 2D image"),
        ({"strokes": ["1,2,3,- 4,5,3"]}, r"--stroke has 1,2,3,-, which is not i,j,k with numbers"),
        ({"lassos": ["1,2,3 4,x,3 5,5,3"]}, r"--lasso has 4,x,3, which is not i,j,k"),
        ({"lassos": ["L1,A2,S3 4,5,3"]}, r"letters such as L60\.5 are millimetres and go without --ijk"),
        ({"lassos": ["1,2,3 4,5,3"]}, "A lasso encloses nothing: give at least three positions"),
        ({"strokes": ["1,2,3 40,5,3"]}, "The point 40, 5, 3 lies outside the image"),
        ({"strokes": ["1,2,3 4,5,3,-"], "lassos": ["1,1,2 9,1,2 9,9,2,-"]}, "All prompts are background"),
        ({"strokes": ["1,2,3 " * 1001]}, "1001 positions: give at most 1000"),
        ({"strokes": ["1,2,3"], "mask": "mask.nrrd"}, "Give only one of these"),
    ],
)
def test_lines_that_are_none_are_shown_to_their_author(given, hint):
    with pytest.raises(InputError, match=hint):
        objects(**given)


def test_a_point_outside_is_told_where_the_volume_lies():
    with pytest.raises(
        InputError, match=r"3, 4, 9 lies outside .* i reaches from 0 to 29, j .* 0 to 19, k .* 0 to 5"
    ):
        objects(points=["3,4,9"])


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({}, "Say what to segment"),
        ({"points": ["3,4,2"], "mask": "mask.nrrd"}, "Give only one of these"),
        ({"points": ["3,4,2,-"]}, "All prompts are background"),
    ],
)
def test_prompts_that_say_nothing_clear(given, hint):
    with pytest.raises(InputError, match=hint):
        objects(**given)


def test_every_label_of_a_mask_is_an_object_on_every_slice_that_has_it(tmp_path):
    labels = np.zeros(SHAPE, np.uint8)
    labels[1, 2:5, 3:6] = labels[4, 2:5, 3:6] = 2
    labels[4, 8:9, 8:9] = 7
    write_labelmap(tmp_path / "mask.nrrd", labels, OBLIQUE)
    first, second = objects(mask=tmp_path / "mask.nrrd")
    assert [prompt.slice_index for prompt in first.prompts] == [1, 4]
    np.testing.assert_array_equal(first.prompts[1].mask.full(SHAPE[1:]), labels[4] == 2)
    assert [prompt.slice_index for prompt in second.prompts] == [4]
    assert first.color != second.color


def test_an_image_in_place_of_a_mask_is_noticed(tmp_path):
    labels = np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE)
    write_labelmap(tmp_path / "ct.nrrd", labels, OBLIQUE)
    with pytest.raises(InputError, match="3599 different values"):
        objects(mask=tmp_path / "ct.nrrd")


def prompt_file(folder, *entries, space: str = "ijk"):
    path = folder / "prompts.json"
    path.write_text(json.dumps({"space": space, "objects": entries}))
    return path


def test_a_prompt_file_holds_several_objects(tmp_path):
    path = prompt_file(
        tmp_path,
        {"name": "a", "points": [[3, 4, 2], [5, 6, 2, "-"], [7, 8, 2, "+"]]},
        {"name": "b", "box": [1, 2, 2, 9, 8, 2], "color": [0, 0.5, 1]},
    )
    first, second = objects(prompts=path)
    assert [positive for _, _, positive in first.prompts[0].points] == [True, False, True]
    assert (first.name, first.color) == ("a", PALETTE[0])
    assert (second.name, second.color) == ("b", (0, 0.5, 1))


def test_a_prompt_file_holds_lines(tmp_path):
    line = {"positions": [[1, 1, 2], [9, 1, 2], [9, 9, 2]]}
    path = prompt_file(tmp_path, {"name": "a", "strokes": [line], "lassos": [{**line, "positive": False}]})
    (only,) = objects(prompts=path)
    drawn = ((1.0, 1.0), (1.0, 9.0), (9.0, 9.0))
    assert only.prompts == [Prompt(2, strokes=(DrawnLine(drawn, True),), lassos=(DrawnLine(drawn, False),))]


def test_millimetres_in_a_prompt_file(tmp_path):
    place = OBLIQUE.kji_to_ras(np.array([4, 12, 25])).tolist()
    (only,) = objects(prompts=prompt_file(tmp_path, {"name": "a", "points": [place]}, space="ras"))
    assert only.prompts[0].slice_index == 4
    assert only.prompts[0].points[0][:2] == pytest.approx((12, 25))


@pytest.mark.parametrize(
    ("entry", "hint"),
    [
        ({"name": "b"}, r"objects\[1\]: it needs points, a box, strokes or lassos"),
        ({"name": "b", "points": [[1, 2]]}, r"objects\[1\]. Two numbers"),
        ({"name": "b", "points": [[1]]}, r"objects\[1\]\.points\[0\]"),
        ({"name": "b", "points": [[1, "+", "-"]]}, r"objects\[1\]\.points\[0\]\[1\]"),
        ({"name": "b", "points": [[1, 2, "+", "-"]]}, r"objects\[1\]. A point has three numbers"),
        ({"name": "b", "points": [[1, 2, 9]]}, r"objects\[1\]. The point 1, 2, 9 lies outside"),
        ({"name": "b", "box": [1, 2, 3, 4, 5]}, r"objects\[1\]. A box has six numbers"),
        ({"name": "b", "box": [1, 2, 8, 9]}, r"objects\[1\]. Two numbers"),
        ({"name": " ", "points": [[1, 2, 3]]}, "empty name"),
        ({"name": "\ud800", "points": [[1, 2, 3]]}, r"'\\ud800' holds characters that no file can keep"),
        ({"name": "a\nb", "points": [[1, 2, 3]]}, "holds characters that no file can keep"),
        ({"name": "a" * 201, "points": [[1, 2, 3]]}, "has 201 characters"),
        ({"name": "b", "points": [[1, 2, 3, "?"]]}, r"objects\[1\]\.points\[0\]\[3\]"),
        ({"name": "b", "box": [1, 2, 3]}, r"objects\[1\]\.box"),
        ({"name": "b", "color": [255, 0, 0], "box": [1, 2, 2, 9, 8, 2]}, r"objects\[1\]\.color"),
        ({"name": "b", "strokes": [{"positions": [[1, 2, 3], [4, 5, 3, "-"]]}]}, r"positions\[1\]"),
        ({"name": "b", "strokes": [[[1, 2, 3], [4, 5, 3]]]}, r"objects\[1\]\.strokes\[0\]"),
        ({"name": "b", "lassos": []}, r"objects\[1\]\.lassos"),
        ({"name": "b", "lassos": [{"positions": [[1, 2, 3], [4, 5, 3]]}]}, r"objects\[1\]. A lasso encloses"),
        ({"name": "b", "strokes": [{"positions": [[1, 2, 3], [4, 5, 4]]}]}, r"runs through slices 3 to 4"),
        ({"name": "a", "points": [[1, 2, 3]]}, "same name"),
        ({"name": "b", "points": [[1, 2, 3, "-"]]}, "All prompts are background"),
    ],
)
def test_a_wrong_entry_of_a_prompt_file_is_named(tmp_path, entry, hint):
    path = prompt_file(tmp_path, {"name": "a", "points": [[1, 2, 3]]}, entry)
    with pytest.raises(InputError, match=hint):
        objects(prompts=path)


def test_the_image_given_as_its_own_mask_is_refused(tmp_path):
    scan = np.random.default_rng(0).integers(0, 200, SHAPE).astype(np.uint8)
    write_labelmap(tmp_path / "copy.nrrd", scan, OBLIQUE)
    with pytest.raises(InputError, match="same numbers as the image"):
        objects_from_options(
            VolumeSlices(Volume(scan, OBLIQUE), "k"), PromptOptions(mask=tmp_path / "copy.nrrd")
        )
