"""What requests of one client do, with a network that is never wrong about bright objects."""

from dataclasses import replace

import numpy as np
import pytest

from medsam2.errors import InputError
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.propagation_options import PropagationOptions
from medsam2.protocol import (
    Done,
    Forget,
    Mask,
    OpenVolume,
    Progress,
    PromptRequest,
    Propagate,
    ProtocolError,
    SliceShown,
)
from unit.backend.examples import BALL, SHAPE, a_workspace, announced, opened
from unit.tracking.examples import ball
from unit.tracking.oracle_network import OracleNetwork

CLICK = {"slice_index": 6, "points": ((18.0, 22.0, True),)}
CLOSE = 20.0
"""A view that shows even a single voxel, in millimetres."""


def masks(answers) -> list[Mask]:
    return [answer for answer in answers if isinstance(answer, Mask)]


def prompted(
    workspace, id: int = 2, object_id: str = "a", axis: str = "k", field_of_view=None, **options
) -> Mask:
    """The answer to a prompt."""
    prompt = Prompt(**{**CLICK, **options})
    mask, done = workspace.steps(PromptRequest(id, object_id, axis, prompt, field_of_view))
    assert done == Done(id)
    return mask


def tracked(workspace, id: int = 3, axis: str = "k", **options) -> dict[int, np.ndarray]:
    """Masks by slice of a propagation with one object."""
    *answers, done = workspace.steps(Propagate(id, axis, options=PropagationOptions(**options)))
    assert done == Done(id)
    shape = np.delete(SHAPE, "kji".index(axis))
    return {mask.slice_index: mask.mask.full(tuple(shape)) for mask in masks(answers)}


def test_opening_tells_the_window():
    voxels = np.zeros(SHAPE, np.int16)
    announcement = announced(voxels, window=None, modality="CT")
    assert list(a_workspace().open(announcement, voxels)) == [Done(1, window=(-160.0, 240.0))]


def test_a_volume_that_looks_like_ct_is_windowed_as_ct():
    voxels = np.full(SHAPE, -1000, np.int16)
    voxels[BALL] = 300
    assert list(a_workspace().open(announced(voxels, window=None), voxels)) == [
        Done(1, window=(-160.0, 240.0))
    ]


def test_a_prompt_is_answered_with_its_mask():
    answer = prompted(opened(a_workspace()))
    np.testing.assert_array_equal(answer.mask.full(SHAPE[1:]), BALL[6])
    assert (answer.object_id, answer.axis, answer.slice_index) == ("a", "k", 6)
    assert answer.iou == pytest.approx(0.9)
    assert answer.field_of_view.rows > 0
    assert answer.field_of_view.columns > 0


@pytest.mark.parametrize("axis", ["k", "j", "i"])
def test_objects_are_tracked_along_every_axis(axis):
    workspace = opened(a_workspace())
    place = {"k": (6, 18, 22), "j": (18, 6, 22), "i": (22, 6, 18)}[axis]
    points = ((*map(float, place[1:]), True),)
    prompted(workspace, axis=axis, slice_index=place[0], points=points, field_of_view=CLOSE)
    found = tracked(workspace, axis=axis)
    truth = np.moveaxis(BALL, "kji".index(axis), 0)
    for index, mask in found.items():
        np.testing.assert_array_equal(mask, truth[index])
    assert set(np.flatnonzero(truth.any(axis=(1, 2)))) <= set(found)


def test_several_objects_are_tracked_in_one_job_and_progress_is_told():
    small = ball(SHAPE, (6, 30, 40), 3)
    workspace = opened(a_workspace(), BALL | small)
    prompted(workspace, object_id="a")
    prompted(workspace, object_id="b", points=((30.0, 40.0, True),))
    answers = list(workspace.steps(Propagate(5, "k", options=PropagationOptions(first=4, last=8))))
    assert {(mask.object_id, mask.slice_index) for mask in masks(answers)} == {
        (name, index) for name in "ab" for index in range(4, 9)
    }
    progress = [answer for answer in answers if isinstance(answer, Progress)]
    assert progress[-1] == Progress(5, 10, 10)
    assert all(answer.id == 5 for answer in answers)


def test_several_orientations_bring_fused_masks_last_and_progress_goes_over_all():
    workspace = opened(a_workspace())
    prompted(workspace, field_of_view=CLOSE)
    request = Propagate(5, "k", options=PropagationOptions(orientations=3))
    answers = list(workspace.steps(request))
    kinds = [mask.agreement is not None for mask in masks(answers)]
    assert kinds == sorted(kinds)
    assert any(kinds)
    progress = [answer for answer in answers if isinstance(answer, Progress)]
    assert {each.total for each in progress} == {3 * SHAPE[0]}
    assert [each.done for each in progress] == sorted(each.done for each in progress)
    assert progress[-1].done == progress[-1].total


def test_a_click_added_to_another_corrects_the_slice():
    small = ball(SHAPE, (6, 30, 40), 3)
    workspace = opened(a_workspace(), BALL | small)
    prompted(workspace)
    both = prompted(workspace, id=3, points=((30.0, 40.0, True),))
    np.testing.assert_array_equal(both.mask.full(SHAPE[1:]), (BALL | small)[6])


def test_a_painted_mask_comes_back():
    workspace = opened(a_workspace())
    part = np.ones((4, 7), bool)
    answer = prompted(workspace, points=(), mask=PlacedMask.packed(part, 10, 12))
    expected = np.zeros(SHAPE[1:], bool)
    expected[10:14, 12:19] = True
    np.testing.assert_array_equal(answer.mask.full(SHAPE[1:]), expected)


def test_what_is_forgotten_cannot_be_tracked():
    workspace = opened(a_workspace())
    prompted(workspace)
    assert list(workspace.steps(Forget(4, "a"))) == [Done(4)]
    with pytest.raises(InputError, match="no object"):
        list(workspace.steps(Propagate(5, "k")))


def test_a_forgotten_slice_is_tracked_from_the_others():
    workspace = opened(a_workspace())
    prompted(workspace)
    prompted(workspace, slice_index=8)
    assert list(workspace.steps(Forget(4, "a", "k", 6))) == [Done(4)]
    assert next(iter(tracked(workspace))) == 8


def test_forgetting_what_is_not_known_is_no_error():
    assert list(opened(a_workspace()).steps(Forget(4, "nobody", "j", 99))) == [Done(4)]


@pytest.mark.parametrize(
    ("problem", "options"),
    [
        ("Slice 12", {"slice_index": 12}),
        ("Slice -1", {"slice_index": -1}),
        ("outside the slice", {"points": ((100.0, 2.0, True),)}),
        ("The prompt is empty", {"points": ()}),
        ("no area", {"points": (), "box": (3.0, 3.0, 3.0, 9.0)}),
        ("beyond the slice", {"points": (), "mask": PlacedMask.packed(np.ones((5, 5), bool), 38, 0)}),
        ("a prompt of its own", {"mask": PlacedMask.packed(np.ones((5, 5), bool), 0, 0)}),
        ("shows nothing", {"field_of_view": -3.0}),
    ],
)
def test_prompts_that_do_not_fit_are_refused_and_leave_no_object(problem, options):
    workspace = opened(a_workspace())
    with pytest.raises(InputError, match=problem):
        prompted(workspace, **options)
    with pytest.raises(InputError, match="no object"):
        list(workspace.steps(Propagate(5, "k")))


@pytest.mark.parametrize("index", [12, -1])
def test_a_painted_mask_on_a_slice_that_does_not_exist_is_refused(index):
    with pytest.raises(InputError, match=f"Slice {index}"):
        prompted(
            opened(a_workspace()),
            slice_index=index,
            points=(),
            mask=PlacedMask.packed(np.ones((5, 5), bool), 0, 0),
        )


@pytest.mark.parametrize(
    ("problem", "asked"),
    [
        ("has no prompt", {"objects": ("nobody",)}),
        ("is empty", {"options": PropagationOptions(first=8, last=4)}),
        ("is empty", {"options": PropagationOptions(first=-1)}),
        ("does not exist", {"options": PropagationOptions(start=99)}),
    ],
)
def test_propagations_that_make_no_sense_are_refused(problem, asked):
    workspace = opened(a_workspace())
    prompted(workspace)
    with pytest.raises(InputError, match=problem):
        list(workspace.steps(Propagate(5, "k", **asked)))


@pytest.mark.parametrize(
    "request_", [PromptRequest(2, "a", "k", Prompt(**CLICK)), Propagate(2, "k"), Forget(2, "a")]
)
def test_without_a_volume_requests_are_refused(request_):
    with pytest.raises(ProtocolError) as problem:
        list(a_workspace().steps(request_))
    assert problem.value.code == "no_volume"


def test_without_a_volume_what_is_shown_is_ignored():
    assert list(a_workspace().steps(SliceShown(2, "k", 3))) == []


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_volume_with_voxels_that_are_no_numbers_is_refused(value):
    voxels = np.zeros(SHAPE, np.float32)
    voxels[11, 3, 3] = value
    workspace = opened(a_workspace())
    with pytest.raises(InputError, match="NaN or infinite"):
        list(workspace.open(announced(voxels), voxels))
    with pytest.raises(ProtocolError, match="No volume"):
        prompted(workspace)


def test_a_window_without_width_and_a_spacing_of_nothing_are_refused():
    voxels = BALL.astype(np.int16)
    with pytest.raises(InputError, match="window"):
        list(a_workspace().open(announced(voxels, window=(5.0, 5.0)), voxels))
    flat = OpenVolume(1, "upload", SHAPE, "int16", (1.0, 1.0, 1e-300))
    with pytest.raises(InputError, match="spacing"):
        list(a_workspace().open(flat, voxels))


def test_a_single_slice_is_segmented_along_its_own_axis_only():
    workspace = opened(a_workspace(), BALL[6:7])
    prompted(workspace, slice_index=0)
    with pytest.raises(InputError, match="single slice"):
        prompted(workspace, axis="j", slice_index=18, points=((0.0, 22.0, True),))


def test_opening_another_volume_forgets_the_one_before():
    workspace = opened(a_workspace())
    prompted(workspace)
    opened(workspace)
    with pytest.raises(InputError, match="no object"):
        list(workspace.steps(Propagate(5, "k")))


def test_features_of_one_axis_make_room_for_another():
    workspace = opened(a_workspace())
    prompted(workspace)
    along_k = workspace._opened.trackers["k"].features
    assert along_k.used_bytes > 0
    prompted(workspace, axis="j", slice_index=18, points=((6.0, 22.0, True),))
    assert along_k.used_bytes == 0
    # The object itself is still known.
    assert tracked(workspace)


def test_freed_features_are_made_again():
    workspace = opened(a_workspace())
    prompted(workspace)
    before = tracked(workspace)
    workspace.free_features()
    assert workspace._opened.trackers["k"].features.used_bytes == 0
    after = tracked(workspace, id=4)
    assert before.keys() == after.keys()
    for index, mask in before.items():
        np.testing.assert_array_equal(mask, after[index])


def test_tracking_goes_on_when_features_are_freed_in_the_middle():
    workspace = opened(a_workspace())
    prompted(workspace, field_of_view=CLOSE)
    steps = workspace.steps(Propagate(3, "k"))
    found = {}
    for answer in steps:
        workspace.free_features()
        if isinstance(answer, Mask):
            found[answer.slice_index] = answer.mask.full(SHAPE[1:])
    for index, mask in found.items():
        np.testing.assert_array_equal(mask, BALL[index])
    assert set(range(1, 12)) <= set(found)


def test_a_prompt_that_runs_out_of_memory_leaves_no_object():
    network = OracleNetwork()
    workspace = opened(a_workspace(network))
    encode = network.encode_image

    def fails(images):
        raise MemoryError

    network.encode_image = fails
    with pytest.raises(MemoryError):
        prompted(workspace)
    network.encode_image = encode
    np.testing.assert_array_equal(prompted(workspace).mask.full(SHAPE[1:]), BALL[6])


@pytest.mark.parametrize("view", [40000.0, 1e18, 1e300])
def test_a_view_far_larger_than_the_slice_is_refused(view):
    workspace = opened(a_workspace())
    with pytest.raises(InputError, match="far larger than the slice"):
        prompted(workspace, field_of_view=view)
    with pytest.raises(InputError, match="far larger than the slice"):
        prompted(workspace, points=((0.0, 0.0, False),), field_of_view=view)


@pytest.mark.parametrize("spacing", [(1.0, 1e-5, 1.0), (1.0, 1.0, 1e-5), (1.0, 1e7, 1.0)])
def test_slices_of_voxels_too_unequal_are_refused_and_all_else_answers(spacing):
    voxels = BALL.astype(np.int16)
    workspace = a_workspace()
    list(workspace.open(replace(announced(voxels), spacing=spacing), voxels))
    assert list(workspace.steps(SliceShown(0, "k", 6))) == []
    with pytest.raises(InputError, match="crop or resample"):
        prompted(workspace)
    with pytest.raises(InputError, match="no object to track"):
        tracked(workspace)


@pytest.mark.parametrize("shape", [(4, 2, 20000), (3, 20000, 2)])
def test_long_thin_slices_are_answered(shape):
    voxels = np.zeros(shape, np.int16)
    voxels[:, : shape[1] // 2 + 1, : shape[2] // 2 + 1] = 1
    workspace = a_workspace()
    list(workspace.open(announced(voxels), voxels))
    list(workspace.steps(PromptRequest(2, "a", "k", Prompt(1, ((0.0, 0.0, True),)))))
    assert len(masks(workspace.steps(Propagate(3, "k")))) >= 3


def test_points_of_several_prompts_on_a_slice_are_limited_together():
    workspace = opened(a_workspace())
    beside = tuple((1.0, float(place % 40), False) for place in range(999))
    prompted(workspace, points=beside)
    prompted(workspace)
    with pytest.raises(InputError, match="1001 points on slice 6: give at most 1000"):
        prompted(workspace, points=((18.0, 23.0, True),))
    prompted(workspace, slice_index=7)


def test_a_range_elsewhere_gets_its_masks_only_and_the_way_to_it_can_be_interrupted():
    workspace = opened(a_workspace())
    prompted(workspace)
    *answers, _ = workspace.steps(Propagate(3, "k", options=PropagationOptions(first=9, last=10)))
    assert [mask.slice_index for mask in masks(answers)] == [9, 10]
    assert [(one.done, one.total) for one in answers if isinstance(one, Progress)] == [
        (0, 2),
        (0, 2),
        (1, 2),
        (2, 2),
    ]
