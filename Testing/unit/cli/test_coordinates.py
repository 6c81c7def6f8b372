"""Places as people type them: letters, two numbers on a 2D image, boxes through slices, axes by plane."""

import numpy as np
import pytest

from medsam2.cli.coordinates import parse_box, parse_point
from medsam2.cli.prompt_options import PromptOptions, objects_from_options
from medsam2.errors import InputError
from medsam2.volume import Geometry, Volume, VolumeSlices

LPS = np.diag([-1.0, -1.0, 2.0, 1.0])


def objects(shape, matrix=LPS, axis="k", **options):
    volume = Volume(np.zeros(shape, np.uint8), Geometry(shape, matrix))
    (only,) = objects_from_options(VolumeSlices(volume, axis), PromptOptions(**options))
    return only


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L60.5,A12,I341", ([-60.5, 12, -341], True)),
        ("R60.5,P12,S341", ([60.5, -12, 341], True)),
        ("i341, l60.5, a12", ([-60.5, 12, -341], True)),
        ("A 12, F341, R 60.5,-", ([60.5, 12, -341], False)),
        ("H1e2,L0,P.5,+", ([0, -0.5, 100], True)),
        ("L4,P5", ([-4, -5], True)),
    ],
)
def test_letters_say_the_side_of_the_body(text, expected):
    assert parse_point(text) == expected


@pytest.mark.parametrize(
    "text",
    ["L60,R12,S3", "L60,A12,341", "60,A12,I341", "L-60,A12,I341", "L,A,I", "X1,A2,S3", "L1,S2", "inf,1,2"],
)
def test_letters_that_name_no_place_are_refused(text):
    with pytest.raises(InputError, match="is not R,A,S"):
        parse_point(text)


def test_a_letter_with_a_sign_is_told_what_to_write():
    with pytest.raises(InputError, match="write R5 for L-5"):
        parse_point("L-60,A12,I341")
    with pytest.raises(InputError, match="write R5 for L-5"):
        parse_box("L20,P10,S0,R- 5,A20,S1")


def test_letters_do_not_go_with_voxel_indices():
    with pytest.raises(InputError, match=r"is not i,j,k .*L60\.5 are millimetres and go without --ijk"):
        parse_point("L60.5,A12,I341", ijk=True)


def test_a_box_takes_letters_at_each_corner():
    assert parse_box("L1,A2,S3,S6,R4,P5") == [-1, 2, 3, 4, -5, 6]


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,4,5", "1,2,3,4,5,x", "L1,A2,S3,L4,A5"])
@pytest.mark.parametrize("ijk", [True, False])
def test_a_box_that_is_none_is_told_in_the_words_of_its_space(text, ijk):
    with pytest.raises(InputError, match="corners i,j,k,i,j,k" if ijk else "corners R,A,S,R,A,S"):
        parse_box(text, ijk)


def test_letters_and_signs_mean_the_same_voxel():
    by_letter, by_sign = (objects((4, 30, 30), points=[text]).prompts[0] for text in ("S4,L9,P7", "-9,-7,4"))
    assert (by_letter.slice_index, by_letter.points) == (by_sign.slice_index, by_sign.points)
    assert by_letter.slice_index == 2


def test_two_numbers_name_a_point_of_a_2d_image():
    assert objects((1, 20, 30), ijk=True, points=["10,12"]).prompts[0].points == ((12, 10, True),)
    assert objects((1, 20, 30), ijk=True, points=["10,12,+", "3,4,-"]).prompts[0].points[1] == (4, 3, False)
    assert objects((1, 20, 30), points=["-10,-12"]).prompts[0].points == ((12, 10, True),)
    assert objects((1, 20, 30), points=["L10,P12"]).prompts[0].points == ((12, 10, True),)
    assert objects((1, 20, 30), ijk=True, box="3,4,10,12").prompts[0].box == (4, 3, 12, 10)


@pytest.mark.parametrize(("options", "words"), [({"ijk": True}, "i,j,k"), ({}, "R,A,S")])
def test_two_numbers_are_too_few_for_a_volume(options, words):
    with pytest.raises(InputError, match=f"give three here, {words}"):
        objects((2, 20, 30), points=["10,12"], **options)


def test_two_millimetres_are_too_few_for_an_upright_slice():
    coronal = np.array([[-1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
    with pytest.raises(InputError, match="give three here, R,A,S"):
        objects((1, 20, 30), coronal, points=["-10,-12"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"ijk": True, "points": ["3,4,9"]},
            "i reaches from 0 to 29, j reaches from 0 to 19, k reaches from 0 to 4",
        ),
        ({"points": ["3,4,9"]}, "R reaches from -29 to 0, A reaches from -19 to 0, S reaches from 0 to 8"),
    ],
)
def test_a_point_outside_is_told_the_range_in_its_space(options, words):
    with pytest.raises(InputError, match=words):
        objects((5, 20, 30), **options)


def test_a_box_through_slices_is_a_box_on_the_middle_one_and_limits_tracking():
    only = objects((9, 20, 30), ijk=True, box="3,4,2,10,12,7")
    assert [(prompt.slice_index, prompt.box) for prompt in only.prompts] == [(4, (4, 3, 12, 10))]
    assert only.span == (2, 7)
    upside_down = objects((9, 20, 30), ijk=True, box="3,4,7,10,12,2")
    assert (upside_down.prompts[0].slice_index, upside_down.span) == (4, (2, 7))


def test_a_box_on_one_slice_limits_nothing():
    only = objects((9, 20, 30), ijk=True, box="3,4,2,10,12,2")
    assert (only.prompts[0].slice_index, only.span) == (2, None)


def test_a_point_beside_a_box_through_slices_widens_it():
    only = objects((9, 20, 30), ijk=True, box="3,4,2,10,12,6", points=["5,6,8"])
    assert [prompt.slice_index for prompt in only.prompts] == [4, 8]
    assert only.span == (2, 8)


def test_a_name_goes_to_the_object():
    assert objects((9, 20, 30), ijk=True, points=["3,4,5"], name=" liver ").name == "liver"
    assert objects((9, 20, 30), ijk=True, points=["3,4,5"]).name == "Segment_1"
    with pytest.raises(InputError, match="--name goes with --point, --box, --stroke and --lasso"):
        objects((9, 20, 30), mask="mask.nrrd", name="liver")
