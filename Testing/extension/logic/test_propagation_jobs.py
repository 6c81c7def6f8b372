"""What Propagate asks for: from the last seed outward, one job for each axis, within the range."""

import pytest
from MedSAM2SlicerLib.logic.Propagation import PropagationChoice, propagationJobs

BOTH = {"direction": "both"}


@pytest.mark.parametrize(
    ("choice", "options"),
    [
        (("both", 3, 9, False, 2), BOTH | {"absent_stop": 2}),
        (("forward", 0, 0, False, None), {"direction": "forward", "absent_stop": None}),
        (("backward", 0, 0, False, 5), {"direction": "backward", "absent_stop": 5}),
        (("range", 9, 3, False, 2), BOTH | {"absent_stop": 2, "first": 3, "last": 9}),
    ],
)
def test_what_the_user_chose(choice, options):
    assert PropagationChoice(*choice).options() == options


@pytest.mark.parametrize(
    ("lastSlices", "jobs"),
    [
        ({"a": None}, []),
        ({"a": ("k", 5)}, [("k", ["a"], BOTH | {"start": 5})]),
        ({"a": ("k", 5), "b": ("k", 5)}, [("k", ["a", "b"], BOTH | {"start": 5})]),
        ({"a": ("k", 5), "b": ("k", 6), "c": None}, [("k", ["a", "b"], BOTH)]),
        (
            {"a": ("k", 5), "b": ("i", 6)},
            [("k", ["a"], BOTH | {"start": 5}), ("i", ["b"], BOTH | {"start": 6})],
        ),
    ],
)
def test_jobs(lastSlices, jobs):
    assert propagationJobs(lastSlices, BOTH) == jobs


@pytest.mark.parametrize(("last", "start"), [(9, {"start": 5}), (4, {})])
def test_a_seed_outside_the_range_is_no_start(last, start):
    options = BOTH | {"first": 2, "last": last}
    assert propagationJobs({"a": ("k", 5)}, options) == [("k", ["a"], options | start)]
