"""What requests of one client do, with a network that is never wrong about bright objects."""

from dataclasses import replace

import numpy as np
import pytest

from medsam2.errors import InputError
from medsam2.protocol import (
    Done,
    Forget,
    Mask,
    MaskBox,
    OpenVolume,
    Progress,
    Prompt,
    Propagate,
    ProtocolError,
    Shown,
)
from unit.backend.examples import BALL, SHAPE, a_session, announced, opened
from unit.tracking.examples import ball
from unit.tracking.oracle_network import OracleNetwork

CLICK = {"slice_index": 6, "points": ((18.0, 22.0, True),)}
CLOSE = 20.0
"""A view that shows even a single voxel, in millimetres."""


def masks(answers) -> list[Mask]:
    return [answer for answer in answers if isinstance(answer, Mask)]


def prompted(session, id: int = 2, object_id: str = "a", axis: str = "k", **options) -> Mask:
    """The answer to a prompt."""
    options = {**CLICK, **options}
    mask, done = session.steps(Prompt(id, object_id, axis, **options))
    assert done == Done(id)
    return mask


def tracked(session, id: int = 3, axis: str = "k", **options) -> dict[int, np.ndarray]:
    """Masks by slice of a propagation with one object."""
    *answers, done = session.steps(Propagate(id, axis, **options))
    assert done == Done(id)
    shape = np.delete(SHAPE, "kji".index(axis))
    return {mask.slice_index: mask.full(tuple(shape)) for mask in masks(answers)}


def test_opening_tells_the_window():
    voxels = np.zeros(SHAPE, np.int16)
    announcement = announced(voxels, window=None, modality="CT")
    assert list(a_session().open(announcement, voxels)) == [Done(1, window=(-160.0, 240.0))]


def test_a_volume_that_looks_like_ct_is_windowed_as_ct():
    voxels = np.full(SHAPE, -1000, np.int16)
    voxels[BALL] = 300
    assert list(a_session().open(announced(voxels, window=None), voxels)) == [Done(1, window=(-160.0, 240.0))]


def test_a_prompt_is_answered_with_its_mask():
    answer = prompted(opened(a_session()))
    np.testing.assert_array_equal(answer.full(SHAPE[1:]), BALL[6])
    assert (answer.object_id, answer.axis, answer.slice_index) == ("a", "k", 6)
    assert answer.iou == pytest.approx(0.9)
    assert answer.view.rows > 0
    assert answer.view.columns > 0


@pytest.mark.parametrize("axis", ["k", "j", "i"])
def test_objects_are_tracked_along_every_axis(axis):
    session = opened(a_session())
    place = {"k": (6, 18, 22), "j": (18, 6, 22), "i": (22, 6, 18)}[axis]
    points = ((*map(float, place[1:]), True),)
    prompted(session, axis=axis, slice_index=place[0], points=points, view=CLOSE)
    found = tracked(session, axis=axis)
    truth = np.moveaxis(BALL, "kji".index(axis), 0)
    for index, mask in found.items():
        np.testing.assert_array_equal(mask, truth[index])
    assert set(np.flatnonzero(truth.any(axis=(1, 2)))) <= set(found)


def test_several_objects_are_tracked_in_one_job_and_progress_is_told():
    small = ball(SHAPE, (6, 30, 40), 3)
    session = opened(a_session(), BALL | small)
    prompted(session, object_id="a")
    prompted(session, object_id="b", points=((30.0, 40.0, True),))
    answers = list(session.steps(Propagate(5, "k", first=4, last=8)))
    assert {(mask.object_id, mask.slice_index) for mask in masks(answers)} == {
        (name, index) for name in "ab" for index in range(4, 9)
    }
    progress = [answer for answer in answers if isinstance(answer, Progress)]
    assert progress[-1] == Progress(5, 10, 10)
    assert all(answer.id == 5 for answer in answers)


def test_a_click_added_to_another_corrects_the_slice():
    small = ball(SHAPE, (6, 30, 40), 3)
    session = opened(a_session(), BALL | small)
    prompted(session)
    both = prompted(session, id=3, points=((30.0, 40.0, True),))
    np.testing.assert_array_equal(both.full(SHAPE[1:]), (BALL | small)[6])


def test_a_painted_mask_comes_back():
    session = opened(a_session())
    part = np.ones((4, 7), bool)
    answer = prompted(session, points=(), mask=MaskBox(10, 12, part))
    expected = np.zeros(SHAPE[1:], bool)
    expected[10:14, 12:19] = True
    np.testing.assert_array_equal(answer.full(SHAPE[1:]), expected)


def test_what_is_forgotten_cannot_be_tracked():
    session = opened(a_session())
    prompted(session)
    assert list(session.steps(Forget(4, "a"))) == [Done(4)]
    with pytest.raises(InputError, match="no object"):
        list(session.steps(Propagate(5, "k")))


def test_a_forgotten_slice_is_tracked_from_the_others():
    session = opened(a_session())
    prompted(session)
    prompted(session, slice_index=8)
    assert list(session.steps(Forget(4, "a", "k", 6))) == [Done(4)]
    assert next(iter(tracked(session))) == 8


def test_forgetting_what_is_not_known_is_no_error():
    assert list(opened(a_session()).steps(Forget(4, "nobody", "j", 99))) == [Done(4)]


@pytest.mark.parametrize(
    ("problem", "options"),
    [
        ("Slice 12", {"slice_index": 12}),
        ("Slice -1", {"slice_index": -1}),
        ("outside the slice", {"points": ((100.0, 2.0, True),)}),
        ("The prompt is empty", {"points": ()}),
        ("no area", {"points": (), "box": (3.0, 3.0, 3.0, 9.0)}),
        ("beyond the slice", {"points": (), "mask": MaskBox(38, 0, np.ones((5, 5), bool))}),
        ("a prompt of its own", {"mask": MaskBox(0, 0, np.ones((5, 5), bool))}),
        ("shows nothing", {"view": -3.0}),
    ],
)
def test_prompts_that_do_not_fit_are_refused_and_leave_no_object(problem, options):
    session = opened(a_session())
    with pytest.raises(InputError, match=problem):
        prompted(session, **options)
    with pytest.raises(InputError, match="no object"):
        list(session.steps(Propagate(5, "k")))


@pytest.mark.parametrize("index", [12, -1])
def test_a_painted_mask_on_a_slice_that_does_not_exist_is_refused(index):
    with pytest.raises(InputError, match=f"Slice {index}"):
        prompted(opened(a_session()), slice_index=index, points=(), mask=MaskBox(0, 0, np.ones((5, 5), bool)))


@pytest.mark.parametrize(
    ("problem", "options"),
    [
        ("has no prompt", {"objects": ("nobody",)}),
        ("is empty", {"first": 8, "last": 4}),
        ("is empty", {"first": -1}),
        ("does not exist", {"start": 99}),
    ],
)
def test_propagations_that_make_no_sense_are_refused(problem, options):
    session = opened(a_session())
    prompted(session)
    with pytest.raises(InputError, match=problem):
        list(session.steps(Propagate(5, "k", **options)))


@pytest.mark.parametrize("request_", [Prompt(2, "a", "k", **CLICK), Propagate(2, "k"), Forget(2, "a")])
def test_without_a_volume_requests_are_refused(request_):
    with pytest.raises(ProtocolError) as problem:
        list(a_session().steps(request_))
    assert problem.value.code == "no_volume"


def test_without_a_volume_what_is_shown_is_ignored():
    assert list(a_session().steps(Shown(2, "k", 3))) == []


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_volume_with_voxels_that_are_no_numbers_is_refused(value):
    voxels = np.zeros(SHAPE, np.float32)
    voxels[11, 3, 3] = value
    session = opened(a_session())
    with pytest.raises(InputError, match="NaN or infinite"):
        list(session.open(announced(voxels), voxels))
    with pytest.raises(ProtocolError, match="No volume"):
        prompted(session)


def test_a_window_without_width_and_a_spacing_of_nothing_are_refused():
    voxels = BALL.astype(np.int16)
    with pytest.raises(InputError, match="window"):
        list(a_session().open(announced(voxels, window=(5.0, 5.0)), voxels))
    flat = OpenVolume(1, "upload", SHAPE, "int16", (1.0, 1.0, 1e-300))
    with pytest.raises(InputError, match="spacing"):
        list(a_session().open(flat, voxels))


def test_a_single_slice_is_segmented_along_its_own_axis_only():
    session = opened(a_session(), BALL[6:7])
    prompted(session, slice_index=0)
    with pytest.raises(InputError, match="single slice"):
        prompted(session, axis="j", slice_index=18, points=((0.0, 22.0, True),))


def test_opening_another_volume_forgets_the_one_before():
    session = opened(a_session())
    prompted(session)
    opened(session)
    with pytest.raises(InputError, match="no object"):
        list(session.steps(Propagate(5, "k")))


def test_features_of_one_axis_make_room_for_another():
    session = opened(a_session())
    prompted(session)
    along_k = session._trackers["k"].features
    assert along_k.used_bytes > 0
    prompted(session, axis="j", slice_index=18, points=((6.0, 22.0, True),))
    assert along_k.used_bytes == 0
    # The object itself is still known.
    assert tracked(session)


def test_freed_features_are_made_again():
    session = opened(a_session())
    prompted(session)
    before = tracked(session)
    session.free_features()
    assert session._trackers["k"].features.used_bytes == 0
    after = tracked(session, id=4)
    assert before.keys() == after.keys()
    for index, mask in before.items():
        np.testing.assert_array_equal(mask, after[index])


def test_tracking_goes_on_when_features_are_freed_in_the_middle():
    session = opened(a_session())
    prompted(session, view=CLOSE)
    steps = session.steps(Propagate(3, "k"))
    found = {}
    for answer in steps:
        session.free_features()
        if isinstance(answer, Mask):
            found[answer.slice_index] = answer.full(SHAPE[1:])
    for index, mask in found.items():
        np.testing.assert_array_equal(mask, BALL[index])
    assert set(range(1, 12)) <= set(found)


def test_a_prompt_that_runs_out_of_memory_leaves_no_object():
    network = OracleNetwork()
    session = opened(a_session(network))
    encode = network.encode_image

    def fails(images):
        raise MemoryError

    network.encode_image = fails
    with pytest.raises(MemoryError):
        prompted(session)
    network.encode_image = encode
    np.testing.assert_array_equal(prompted(session).full(SHAPE[1:]), BALL[6])


@pytest.mark.parametrize("view", [40000.0, 1e18, 1e300])
def test_a_view_far_larger_than_the_slice_is_refused(view):
    session = opened(a_session())
    with pytest.raises(InputError, match="far larger than the slice"):
        prompted(session, view=view)
    with pytest.raises(InputError, match="far larger than the slice"):
        prompted(session, points=((0.0, 0.0, False),), view=view)


@pytest.mark.parametrize("spacing", [(1.0, 1e-5, 1.0), (1.0, 1.0, 1e-5), (1.0, 1e7, 1.0)])
def test_slices_of_voxels_too_unequal_are_refused_and_all_else_answers(spacing):
    voxels = BALL.astype(np.int16)
    session = a_session()
    list(session.open(replace(announced(voxels), spacing=spacing), voxels))
    assert list(session.steps(Shown(0, "k", 6))) == []
    with pytest.raises(InputError, match="crop or resample"):
        prompted(session)
    with pytest.raises(InputError, match="no object to track"):
        tracked(session)


@pytest.mark.parametrize("shape", [(4, 2, 20000), (3, 20000, 2)])
def test_long_thin_slices_are_answered(shape):
    voxels = np.zeros(shape, np.int16)
    voxels[:, : shape[1] // 2 + 1, : shape[2] // 2 + 1] = 1
    session = a_session()
    list(session.open(announced(voxels), voxels))
    list(session.steps(Prompt(2, "a", "k", 1, ((0.0, 0.0, True),))))
    assert len(masks(session.steps(Propagate(3, "k")))) >= 3


def test_points_of_several_prompts_on_a_slice_are_limited_together():
    session = opened(a_session())
    beside = tuple((1.0, float(place % 40), False) for place in range(999))
    prompted(session, points=beside)
    prompted(session)
    with pytest.raises(InputError, match="1001 points on slice 6: give at most 1000"):
        prompted(session, points=((18.0, 23.0, True),))
    prompted(session, slice_index=7)


def test_a_range_elsewhere_gets_its_masks_only_and_the_way_to_it_can_be_interrupted():
    session = opened(a_session())
    prompted(session)
    *answers, _ = session.steps(Propagate(3, "k", first=9, last=10))
    assert [mask.slice_index for mask in masks(answers)] == [9, 10]
    assert [(one.done, one.total) for one in answers if isinstance(one, Progress)] == [
        (0, 2),
        (0, 2),
        (1, 2),
        (2, 2),
    ]
