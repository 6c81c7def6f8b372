"""Slices per second on a GPU beside the `sam2` package's ``vos_optimized`` predictor, and share of the floor.

Both compute in bf16. On a computer without a GPU a smoke run: the plain predictor, and one network.
"""

from contextlib import nullcontext

import torch

from benchmarks.comparison import Goal, goal_row, goal_table, in_turn, speed_row
from benchmarks.contenders import OurTrack, TheirTrack, both_networks
from benchmarks.ct_like import ct_like_volume
from benchmarks.machine import count_flops, matrix_product_peak
from medsam2.weights.loading import choose_autocast_dtype, choose_device
from medsam2_lab.result_tables import Cell, ResultTable

NETWORKS = {"tiny_512": 512, "small": 1024}
"""Presets with their image sizes, the one that compiles sooner first."""


def has_gpu() -> bool:
    """Else there is nothing to record."""
    return torch.cuda.is_available()


def tables(slices: int, rounds: int) -> dict[str, ResultTable]:
    """Two rows for each network."""
    rows: list[list[Cell]] = []
    for preset in NETWORKS if has_gpu() else ("tiny_512",):
        rows += _rows(preset, slices, rounds)
        print(rows[-2:], flush=True)  # the next network may not be done in time
    return goal_table(*rows)


def _rows(preset: str, slices: int, rounds: int) -> list[list[Cell]]:
    device = choose_device("auto")
    network, model = both_networks(preset, NETWORKS[preset], vos_optimized=has_gpu())
    network, model = network.to(device), model.to(device)
    network.autocast_dtype = choose_autocast_dtype("auto", device)
    volume = ct_like_volume(slices)

    def theirs():
        with torch.autocast("cuda", torch.bfloat16) if has_gpu() else nullcontext():
            yield TheirTrack(model, volume).first()

    def ours():
        yield OurTrack(network, volume).first()

    contenders = {"ours": ours, "sam2": theirs}
    in_turn(contenders, 1)  # compiles
    works = in_turn(contenders, rounds)
    (mine,), (their,) = works["ours"], works["sam2"]
    flops = count_flops(lambda: OurTrack(network, volume).first())
    peak = matrix_product_peak(8192, 15, device, torch.bfloat16) if has_gpu() else matrix_product_peak()
    shares = [100 * flops / seconds / peak for seconds in mine.seconds]
    where = torch.cuda.get_device_name() if has_gpu() else "smoke run without a GPU"
    label = f"{where}: {preset}, {slices} slices"
    other = "vos_optimized" if has_gpu() else "its plain predictor"
    return [
        speed_row(f"{label}, s; {other}", mine, their, Goal(2), exact=False),
        goal_row(f"{label}, share of the floor", shares, Goal(60, unit=" %")),
    ]
