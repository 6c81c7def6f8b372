"""What Propagate asks for: from the last seed outward, one job for each axis, within the range."""

from dataclasses import replace

import pytest
from MedSAM2SlicerLib.effect.EffectActions import chosenPropagation
from MedSAM2SlicerLib.logic.Propagation import propagationJobs

from medsam2.propagation_options import PropagationOptions

ALL = PropagationOptions()


def from_(start: int) -> PropagationOptions:
    return PropagationOptions(start=start)


class Parameters(dict):
    """Of the effect, as its adaptor gives them."""

    def parameter(self, name: str) -> str:
        return str(self[name])

    def integerParameter(self, name: str) -> int:
        return int(self[name])


@pytest.mark.parametrize(
    ("direction", "first", "last", "absentStop", "ways", "options"),
    [
        ("both", 3, 9, 2, "1", ALL),
        ("forward", 0, 0, None, "3", PropagationOptions(None, "forward", 0, None, None, orientations=3)),
        ("backward", 0, 0, 5, "4", PropagationOptions(direction="backward", absent_stop=5)),
        ("range", 9, 3, 2, "6", PropagationOptions(first=3, last=9, orientations=6)),
    ],
)
def test_what_the_user_chose(direction, first, last, absentStop, ways, options):
    parameters = Parameters(Direction=direction, FirstSlice=first, LastSlice=last, Orientations=ways)
    parameters |= {"StopWhenAbsent": int(absentStop is not None), "AbsentStop": absentStop or 2}
    assert chosenPropagation(parameters) == options


@pytest.mark.parametrize(
    ("lastSlices", "jobs"),
    [
        ({"a": None}, []),
        ({"a": ("k", 5)}, [("k", ["a"], from_(5))]),
        ({"a": ("k", 5), "b": ("k", 5)}, [("k", ["a", "b"], from_(5))]),
        ({"a": ("k", 5), "b": ("k", 6), "c": None}, [("k", ["a", "b"], ALL)]),
        ({"a": ("k", 5), "b": ("i", 6)}, [("k", ["a"], from_(5)), ("i", ["b"], from_(6))]),
    ],
)
def test_jobs(lastSlices, jobs):
    assert propagationJobs(lastSlices, ALL) == jobs


@pytest.mark.parametrize(("last", "start"), [(9, 5), (4, None)])
def test_a_seed_outside_the_range_is_no_start(last, start):
    options = PropagationOptions(first=2, last=last)
    assert propagationJobs({"a": ("k", 5)}, options) == [("k", ["a"], replace(options, start=start))]
