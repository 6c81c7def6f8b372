"""Our starter preset on whole slices, encoding and tracking apart."""

import statistics

from benchmarks.contenders import OurTrack, our_network
from benchmarks.ct_like import ct_like_volume
from benchmarks.machine import count_flops, matrix_product_peak, seconds_of
from medsam2_lab.result_tables import ResultTable, measured

COLUMNS = {
    "starter network, whole slices": None,
    "s per slice": 3,
    "GFLOP per slice": 1,
    "share of the peak, %": 0,
}


def tables(slices: int, rounds: int) -> dict[str, ResultTable]:
    """A row for each part, and one for both."""
    network, volume, peak = our_network("starter"), ct_like_volume(slices), matrix_product_peak()
    OurTrack(network, ct_like_volume(2)).first()
    encoding, tracking = [], []
    for _ in range(rounds):
        track = OurTrack(network, volume)
        encoding.append(seconds_of(track.encode)[0] / slices)
        tracking.append(seconds_of(track.first)[0] / slices)
    track = OurTrack(network, volume)
    parts = {
        "encoding": (statistics.median(encoding), count_flops(track.encode) / slices),
        "tracking": (statistics.median(tracking), count_flops(track.first) / slices),
    }
    parts["together"] = tuple(sum(part) for part in zip(*parts.values(), strict=True))
    rows = [
        [name, seconds, flops / 1e9, 100 * flops / seconds / peak] for name, (seconds, flops) in parts.items()
    ]
    about = measured("Testing/benchmarks/bench.py --only starter_speed", rounds)
    return {"starter_speed": ResultTable(about, COLUMNS, rows)}
