"""Speed and memory of tracking, of the backend process and of the effect, as Markdown tables.

Run with ``make bench`` on an otherwise idle Linux machine; needs the `sam2` package beside ours.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "MedSAM2Slicer"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from medsam2.threads import settle_threads

settle_threads()  # as the command does, before torch is imported

import torch  # noqa: E402

from benchmarks import backend_speed, busy_cores, click_times, memory_use, qt_holds, tracking_speed  # noqa: E402
from benchmarks.machine import matrix_product_peak  # noqa: E402
from medsam2_lab.result_tables import show, write_pages  # noqa: E402


def main() -> int:
    """Print each table when it is done: the whole takes long. 1 where tracking takes too much memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="keep the numbers, and show them in docs/")
    parser.add_argument("--slices", type=int, default=20, help="slices of the timed tracks")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    peak, rounds = matrix_product_peak(), arguments.rounds

    show(backend_speed.tables(rounds), arguments.record)
    show(busy_cores.tables(rounds), arguments.record)
    show(tracking_speed.tables(arguments.slices, rounds, peak), arguments.record)
    show(tracking_speed.starter_tables(arguments.slices, rounds, peak), arguments.record)
    memory, is_within = memory_use.tables()
    show(memory, arguments.record)
    show(click_times.tables(), arguments.record)
    show(qt_holds.tables(), arguments.record)  # last: it puts imitations of Slicer's modules in place
    if arguments.record:
        write_pages()
    return 0 if is_within else 1


if __name__ == "__main__":
    sys.exit(main())
