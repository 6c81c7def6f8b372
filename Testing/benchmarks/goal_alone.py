"""Goals that ours has by itself: late slices, the share of the machine's peak, and starting."""

import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.backend_speed import start_seconds
from benchmarks.comparison import Goal, goal_row, goal_table
from benchmarks.contenders import CLICKS, OurTrack, our_network
from benchmarks.ct_like import SIZE, ct_like_volume
from benchmarks.machine import count_flops, matrix_product_peak, seconds_of
from medsam2.volume import write_volume
from medsam2_lab.result_tables import ResultTable

EARLY, LATE = range(10, 22), range(300, 312)
"""A multiple of ``AT_ONCE`` each: of the slices that are encoded together only the first takes long."""
ENCODED, CT_SLICES, FEWER_ROUNDS = 10, 300, 3
MEDSAM2 = Path(sys.executable).with_name("medsam2")
IMPORT = "import time; t = time.perf_counter(); import medsam2.client; print(time.perf_counter() - t)"


def late_slices(rounds: int) -> dict[str, ResultTable]:
    """Seconds of a slice late in a volume over those of an early one.

    With the starter network, as what grows with the number of slices weighs most where a slice takes least.
    """
    network, volume = our_network("starter"), ct_like_volume(LATE.stop)
    early, late = [], []
    for _ in range(min(rounds, FEWER_ROUNDS)):
        track = OurTrack(network, volume)
        track.click(0, "first", CLICKS["first"])
        steps = track.masks()
        seconds = [seconds_of(lambda steps=steps: next(steps))[0] for _ in range(LATE.stop)]
        early.append(statistics.fmean(seconds[index] for index in EARLY))
        late.append(statistics.fmean(seconds[index] for index in LATE))
    ratios = [last / first for first, last in zip(early, late, strict=True)]
    label = f"starter, s for slice {LATE.start} / {EARLY.start}"
    return goal_table(goal_row(label, ratios, Goal(1.1, at_most=True), round(statistics.median(late), 3)))


def encoding_share(rounds: int) -> dict[str, ResultTable]:
    """How much of the speed of a large product of matrices encoding reaches, measured in turn."""
    network, volume = our_network("tiny_512"), ct_like_volume(ENCODED)
    flops = count_flops(OurTrack(network, volume).encode)
    shares, seconds = [], []
    for _ in range(rounds):
        peak = matrix_product_peak(repeats=5)
        seconds.append(seconds_of(OurTrack(network, volume).encode)[0])
        shares.append(100 * flops / seconds[-1] / peak)
    label = f"tiny/512, share of the matrix peak while {ENCODED} slices are encoded, s"
    return goal_table(goal_row(label, shares, Goal(80, unit=" %"), round(statistics.median(seconds), 2)))


def start_up(rounds: int) -> dict[str, ResultTable]:
    """How long people wait at the beginning."""
    with TemporaryDirectory() as folder:
        first = _first_masks(Path(folder), min(rounds, FEWER_ROUNDS))
    work = {
        "medsam2 --help": ([_seconds_of(MEDSAM2, "--help") for _ in range(rounds)], 0.4),
        "import of medsam2.client": ([_import_seconds() for _ in range(rounds)], 0.15),
        "start of the backend to its first answer": (start_seconds(rounds), 2),
        f"medsam2 segment, one slice of 512 x 512 x {CT_SLICES}": (first, 6),
    }
    return goal_table(
        *(
            goal_row(label, each, Goal(limit, at_most=True, unit=" s"))
            for label, (each, limit) in work.items()
        )
    )


def _first_masks(folder: Path, rounds: int) -> list[float]:
    """Seconds of the command from a compressed file to one that holds the first mask."""
    image, middle, volume = folder / "ct.nii.gz", CT_SLICES // 2, ct_like_volume(CT_SLICES)
    write_volume(image, volume.voxels, volume.geometry)
    click = f"{SIZE // 2},{SIZE // 2},{middle}"
    options = ("--ijk", "--point", click, "--axis", "k", "--range", f"{middle}:{middle}", "--overwrite")
    output = ("--output", folder / "mask.seg.nrrd")
    return [_seconds_of(MEDSAM2, "segment", image, *options, *output) for _ in range(rounds)]


def _seconds_of(*command: str | Path) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def _import_seconds() -> float:
    """Python's own start left out."""
    return float(subprocess.check_output([sys.executable, "-c", IMPORT]))
