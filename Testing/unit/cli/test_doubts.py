"""What a result is said to be unsure of."""

import warnings

import numpy as np
import pytest

from medsam2.cli.doubts import doubt_lines, doubts, note_coarse, note_out_of_range, note_unseen
from medsam2.cli.prompt_options import PromptedObject
from medsam2.cli.segmentation import Result
from medsam2.confidence import SliceConfidence
from medsam2.errors import VolumeWarning
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.volume import Geometry, Volume, VolumeSlices, Window

CLICK = Prompt(4, points=((10.0, 12.0, True),))


def an_object(*prompts: Prompt) -> PromptedObject:
    return PromptedObject("liver", (1.0, 0.0, 0.0), list(prompts))


def result(ious: dict[int, float]) -> Result:
    """An object on slices with these predicted IoU; 0 where it is absent."""
    mask = np.zeros((12, 4, 4), bool)
    for index, iou in ious.items():
        mask[index] = iou > 0
    confidence = {index: SliceConfidence(iou, 5.0, iou > 0) for index, iou in ious.items()}
    return Result({"liver": mask}, 1.0, len(ious), {"liver": 50.0}, {"liver": confidence})


def test_slices_below_the_limit_of_doubt_are_named():
    row = doubts(an_object(CLICK), result({3: 0.2, 4: 0.9, 5: 0.69, 6: 0.5, 7: 0.7, 8: 0.0, 9: 0.1}))
    assert row == {"found": True, "doubtful_slices": [3, 5, 6, 9], "emptied_slices": []}
    assert doubt_lines(row) == ["  doubtful, so look at slices 3, 5 to 6, 9"]


def test_orientations_that_disagree_make_a_slice_doubtful():
    sure = SliceConfidence(0.8, 5.0, True, agreement=0.7)
    unsure = SliceConfidence(0.8, 5.0, True, agreement=0.5)
    assert not sure.is_doubtful
    assert unsure.is_doubtful
    assert unsure.certainty == pytest.approx((0.8 * 0.5) ** 0.5)


def test_axes_too_coarse_for_several_orientations_are_named():
    thick = Volume(np.zeros((9, 20, 30), np.int16), Geometry((9, 20, 30), np.diag([1.0, 1.0, 5.0, 1.0])))
    slices = VolumeSlices(thick, "k", Window(0, 1))
    with pytest.warns(
        VolumeWarning, match=r"along [ji] .*9 x [23]0 voxels of 5 x 1 mm.* 3 goes without"
    ) as noted:
        note_coarse(slices, 3)
    assert len(noted) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        note_coarse(slices, 1)


def test_prompted_slices_that_the_range_leaves_out_are_named():
    both = an_object(CLICK, Prompt(9, points=((10.0, 12.0, True),)))
    with pytest.warns(VolumeWarning, match="liver gets no mask on slice 9, .* goes from 0 to 8"):
        note_out_of_range(both, 0, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        note_out_of_range(both, 4, 9)


def test_slices_that_background_points_left_empty_are_named():
    background = [Prompt(index, points=((1.0, 1.0, False),)) for index in (2, 6, 11)]
    row = doubts(an_object(CLICK, *background), result({2: 0.0, 4: 0.9, 5: 0.9, 6: 0.8}))
    assert row["emptied_slices"] == [2]
    assert doubt_lines(row) == ["  empty where there are background points only, and beyond: slice 2"]


def test_what_was_not_found_is_said():
    row = doubts(an_object(CLICK), result({4: 0.0, 5: 0.0}))
    assert not row["found"]
    assert "nothing was found" in doubt_lines(row)[0]


def test_a_sure_result_has_no_doubts():
    assert doubt_lines(doubts(an_object(CLICK), result({4: 0.9, 5: 0.9}))) == []


def slices_of(voxels: np.ndarray) -> VolumeSlices:
    return VolumeSlices(Volume(voxels, Geometry(voxels.shape, np.eye(4))), window=Window(0, 10))


EMPTY = np.zeros((6, 24, 24), np.int16)
HALF = EMPTY.copy()
HALF[:, 12:] = np.arange(24) % 10
OUTSIDE = [
    Prompt(4, points=((5.0, 12.0, True),)),
    Prompt(4, points=((-0.5, 23.4, True), (15.0, 12.0, False))),
    Prompt(4, box=(10.0, 20.0, 2.0, 3.0)),
]


@pytest.mark.parametrize("prompt", OUTSIDE)
@pytest.mark.parametrize("voxels", [EMPTY, HALF])
def test_prompts_where_nothing_can_be_seen_are_noted(prompt, voxels):
    with pytest.warns(VolumeWarning, match="liver on slice 4 the image has one brightness"):
        note_unseen(slices_of(voxels), an_object(prompt))


@pytest.mark.parametrize(
    "prompt",
    [
        Prompt(4, points=((15.0, 12.0, True),)),
        Prompt(4, points=((11.0, 12.0, True),)),
        Prompt(4, points=((5.0, 12.0, True), (20.0, 12.0, True))),
        Prompt(4, points=((5.0, 12.0, False),)),
        Prompt(4, box=(5.0, 5.0, 20.0, 20.0)),
        Prompt(4, mask=PlacedMask.packed(np.ones((24, 24), bool))),
    ],
)
def test_prompts_where_something_can_be_seen_are_not(prompt):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        note_unseen(slices_of(HALF), an_object(prompt))
