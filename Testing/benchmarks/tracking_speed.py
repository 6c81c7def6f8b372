"""A click and a track, a correction and a track again: ours beside the `sam2` package's video predictor.

Both have the same random weights and see the same whole slices in fp32. They take turns, round by round.
"""

from importlib.metadata import version

from benchmarks.comparison import COLUMNS, Goal, Timed, agreement, in_turn, speed_row
from benchmarks.contenders import OurTrack, TheirTrack, both_networks
from benchmarks.ct_like import SIZE, ct_like_volume
from medsam2_lab.result_tables import ResultTable, measured

TRACK, CORRECTION = Goal(1.2), Goal(5)


def tables(slices: int, rounds: int) -> dict[str, ResultTable]:
    """Both contenders, in turn."""
    network, model = both_networks("tiny_512", SIZE)
    volume = ct_like_volume(slices)
    last: dict[str, OurTrack | TheirTrack] = {}

    def ours(volume=volume):
        last["ours"] = track = OurTrack(network, volume)
        yield track.first()
        yield track.corrected()

    def theirs(volume=volume):
        last["sam2"] = track = TheirTrack(model, volume)
        yield track.first()
        yield track.corrected()

    in_turn({"ours": lambda: ours(ct_like_volume(2)), "sam2": lambda: theirs(ct_like_volume(2))}, 1)
    works = in_turn({"ours": ours, "sam2": theirs}, rounds)
    pairs = list(zip(works["ours"], works["sam2"], strict=True))
    about = measured("Testing/benchmarks/bench.py --only tracking_speed", rounds)
    difference = float((last["ours"].logits() - last["sam2"].logits()).abs().max())
    about["masks"] = f"sam2 {version('sam2')}; {_agreement(pairs)}; logits differ by {difference:.1g} at most"
    return {
        "tracking_speed": ResultTable(
            about,
            COLUMNS,
            [
                speed_row(f"tiny_512, {slices} slices from one click, s", *pairs[0], TRACK),
                speed_row(f"tiny_512, {slices} slices after a correction, s", *pairs[1], CORRECTION),
            ],
        )
    }


def _agreement(pairs: list[tuple[Timed, Timed]]) -> str:
    least = min(agreement(ours.masks, theirs.masks) for ours, theirs in pairs)
    return f"the masks agree on {least:.2%} of the voxels"
