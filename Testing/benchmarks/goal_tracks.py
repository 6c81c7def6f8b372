"""Tracks from clicks, and again after a correction: ours beside the `sam2` package, with the goals.

Random weights, the same in both where the network is the same; whole slices, fp32 but for what is fast.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version

import numpy as np

from benchmarks.comparison import Goal, Timed, agreement, goal_table, in_turn, speed_row
from benchmarks.contenders import ClickedTrack, OurTrack, TheirTrack, both_networks, fast, our_network
from benchmarks.ct_like import SIZE, ct_like_volume
from medsam2.model.network import MedSAM2
from medsam2.volume import Volume
from medsam2_lab.result_tables import Cell, ResultTable

FEWER_ROUNDS = 3
"""Where the package is slow."""
OBJECTS, OBJECT_SLICES, SMALL_SLICES = 5, 10, 8
"""Enough slices to fill the memory of seven."""
FAST_REMARK = "fast: the same slices, all tracked; `medsam2-lab shortcuts` says what their masks are worth"

Start = Callable[[Volume], ClickedTrack]


def tracks(slices: int, rounds: int) -> dict[str, ResultTable]:
    """One object from a click, with networks for 512 pixels, all in turn with the package's tiny one."""
    network, model = both_networks("tiny_512", SIZE)
    efficient = our_network("efficienttam_ti_512")
    last: dict[str, ClickedTrack] = {}

    def kept(name: str, track: ClickedTrack) -> ClickedTrack:
        last[name] = track
        return track

    starts: dict[str, Start] = {
        "sam2": lambda volume: kept("sam2", TheirTrack(model, volume)),
        "exact": lambda volume: kept("exact", OurTrack(network, volume)),
        "fast": _ours(fast(network)),
        "efficient": _ours(efficient),
        "efficient, fast": _ours(fast(efficient)),
    }
    works = _first_tracks(starts, slices, rounds)
    theirs = works["sam2"]
    share = agreement(works["exact"].masks, theirs.masks)
    difference = float((last["exact"].logits() - last["sam2"].logits()).abs().max())

    def row(network: str, name: str, goal: float) -> list[Cell]:
        label = f"{network}, {slices} slices, s"
        return speed_row(label, works[name], theirs, Goal(goal), exact=name == "exact")

    return goal_table(
        row("tiny/512 exact", "exact", 1.2),
        row("tiny/512 fast", "fast", 2.5),
        row("EfficientTAM ti/512 exact beside tiny/512", "efficient", 4),
        row("EfficientTAM ti/512 fast beside tiny/512", "efficient, fast", 6),
        sam2=f"sam2 {version('sam2')}",
        exact=f"exact: masks agree on {share:.2%} of voxels, logits differ by {difference:.0e} at most",
        fast=FAST_REMARK,
    )


def small(rounds: int) -> dict[str, ResultTable]:
    """One object from a click, with a network for 1024 pixels."""
    network, model = both_networks("small", 1024)
    starts: dict[str, Start] = {
        "sam2": lambda volume: TheirTrack(model, volume),
        "fast": _ours(fast(network)),
    }
    works = _first_tracks(starts, SMALL_SLICES, min(rounds, FEWER_ROUNDS))
    label = f"small/1024 fast, {SMALL_SLICES} slices, s"
    return goal_table(speed_row(label, works["fast"], works["sam2"], Goal(4), exact=False))


def correction(slices: int, rounds: int) -> dict[str, ResultTable]:
    """A click on the middle slice of a track that is done, and all slices anew."""
    network, model = both_networks("tiny_512", SIZE)

    def twice(start: Start, volume: Volume) -> Iterator[np.ndarray]:
        track = start(volume)
        yield track.first()
        yield track.corrected()

    starts: dict[str, Start] = {
        "sam2": lambda volume: TheirTrack(model, volume),
        "exact": _ours(network),
        "fast": _ours(fast(network)),
    }
    works = _in_turn(starts, twice, slices, min(rounds, FEWER_ROUNDS))
    label = f"{slices} slices after a correction, s"
    return goal_table(*_both_rows(label, {name: work[1] for name, work in works.items()}, Goal(5)))


def objects(rounds: int) -> dict[str, ResultTable]:
    """Several objects from a click each, at once."""
    network, model = both_networks("tiny_512", SIZE)
    starts: dict[str, Start] = {
        "sam2": lambda volume: TheirTrack(model, volume),
        "exact": _ours(network),
        "fast": _ours(fast(network)),
    }
    works = _first_tracks(starts, OBJECT_SLICES, min(rounds, FEWER_ROUNDS), OBJECTS)
    return goal_table(*_both_rows(f"{OBJECTS} objects on {OBJECT_SLICES} slices, s", works, Goal(3)))


def _both_rows(label: str, works: Mapping[str, Timed], goal: Goal) -> Iterator[list[Cell]]:
    for name in ("exact", "fast"):
        yield speed_row(f"tiny/512 {name}, {label}", works[name], works["sam2"], goal, exact=name == "exact")


def _ours(network: MedSAM2) -> Start:
    return lambda volume: OurTrack(network, volume)


def _first_tracks(starts: Mapping[str, Start], slices: int, rounds: int, count: int = 1) -> dict[str, Timed]:
    def once(start: Start, volume: Volume) -> Iterator[np.ndarray]:
        yield start(volume).first(count)

    return {name: work[0] for name, work in _in_turn(starts, once, slices, rounds).items()}


def _in_turn(
    starts: Mapping[str, Start],
    work: Callable[[Start, Volume], Iterator[np.ndarray]],
    slices: int,
    rounds: int,
) -> dict[str, list[Timed]]:
    """All in turn, after two slices to warm up."""
    for start in starts.values():
        start(ct_like_volume(2)).first()
    volume = ct_like_volume(slices)
    return in_turn({name: lambda start=start: work(start, volume) for name, start in starts.items()}, rounds)
