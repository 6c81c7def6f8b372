"""Fast beside exact computing with the instructions of laptops' processors, on one that has more."""

import os
import statistics
from unittest.mock import patch

from benchmarks.contenders import OurTrack, fast, our_network
from benchmarks.ct_like import ct_like_volume
from benchmarks.machine import in_fresh_process, seconds_of
from medsam2_lab.result_tables import ResultTable, measured

PROCESSORS = {
    "VNNI and AVX2 (Intel's Core since Alder Lake, 2021)": {
        "ONEDNN_MAX_CPU_ISA": "AVX2_VNNI",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
    "VNNI and AVX-512 (Ice Lake, Tiger Lake, Rocket Lake)": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI"},
}
"""What has torch and its libraries leave other instructions alone."""
PRESETS = {"starter": 20, "efficienttam_ti_512": 20, "tiny_512": 20, "small": 8}
"""Networks, and how many slices they track."""
COLUMNS = {"instructions": None, "network": None, "exact, s per slice": 3, "fast": 3, "times as quick": 2}


def seconds_per_slice(preset: str, slices: int, rounds: int) -> list[tuple[float, float]]:
    """Of exact and of fast computing, in turn; for a fresh process."""
    network, volume = our_network(preset), ct_like_volume(slices)
    contenders = [network, fast(network)]
    assert contenders[1].shortcuts.int8, "this processor takes no int8"
    for each in contenders:
        OurTrack(each, ct_like_volume(2)).first()
    return [
        tuple(seconds_of(OurTrack(each, volume).first)[0] / slices for each in contenders)
        for _ in range(rounds)
    ]


def tables(rounds: int) -> dict[str, ResultTable]:
    """A row for each kind of processor and each network."""
    rows = []
    for processor, settings in PROCESSORS.items():
        for preset, slices in PRESETS.items():
            with patch.dict(os.environ, settings):
                turns = in_fresh_process(seconds_per_slice, preset, slices, rounds)
            exact, quick = (statistics.median(each) for each in zip(*turns, strict=True))
            ratio = statistics.median(slow / quick for slow, quick in turns)
            rows.append([processor, preset, exact, quick, ratio])
    about = measured("Testing/benchmarks/bench.py --only laptop_speed", rounds)
    return {"laptop_speed": ResultTable(about, COLUMNS, rows)}
