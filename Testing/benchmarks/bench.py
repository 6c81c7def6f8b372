"""Speed and memory of tracking, of the backend process and of the effect, as Markdown tables.

Run with ``make bench`` on an otherwise idle Linux machine; needs the `sam2` package beside ours.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "MedSAM2Slicer"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from medsam2.threads import settle_threads

settle_threads()  # as the command does, before torch is imported

import torch  # noqa: E402

from benchmarks import (  # noqa: E402
    backend_speed,
    busy_cores,
    click_times,
    goal_alone,
    goal_gpu,
    goal_tracks,
    laptop_speed,
    memory_use,
    network_speed,
    qt_holds,
    starter_speed,
)
from benchmarks.comparison import GOALS, is_refused  # noqa: E402
from medsam2.model.freed_memory import keep_freed_memory  # noqa: E402
from medsam2_lab.result_tables import FOLDER, ResultTable, commit, show, write_pages  # noqa: E402

SEPARATE = ("network_speed", "laptop_speed", "goal_gpu")
"""Only where they are named: the first take seven and five minutes by themselves, the last needs a GPU."""


def benches(slices: int, rounds: int) -> dict[str, Callable[[], dict[str, ResultTable]]]:
    """What makes the tables of each benchmark."""
    return {
        "backend_speed": lambda: backend_speed.tables(rounds),
        "busy_cores": lambda: busy_cores.tables(rounds),
        "goal_tracks": lambda: goal_tracks.tracks(slices, rounds),
        "goal_small": lambda: goal_tracks.small(rounds),
        "goal_correction": lambda: goal_tracks.correction(slices, rounds),
        "goal_objects": lambda: goal_tracks.objects(rounds),
        "goal_gpu": lambda: goal_gpu.tables(slices, rounds),
        "goal_late_slices": lambda: goal_alone.late_slices(rounds),
        "goal_memory": memory_use.beside_sam2,
        "goal_encoding": lambda: goal_alone.encoding_share(rounds),
        "goal_start": lambda: goal_alone.start_up(rounds),
        "starter_speed": lambda: starter_speed.tables(slices, rounds),
        "memory_use": memory_use.tables,
        "network_speed": network_speed.tables,
        "laptop_speed": lambda: laptop_speed.tables(rounds),
        "click_times": click_times.tables,
        "qt_holds": qt_holds.tables,  # last: it puts imitations of Slicer's modules in place
    }


def keep(tables: Mapping[str, ResultTable]) -> None:
    """Write the numbers; the table of goals, which many benchmarks fill, keeps its other rows."""
    for name, table in tables.items():
        if name == GOALS and (FOLDER / f"{GOALS}.json").exists():
            table = table.joined_with(ResultTable.read(GOALS))
        table.write(name)


def main() -> int:
    """Print each table when it is done: the whole takes long.

    Returns:
        1 where tracking takes too much memory, or where a comparison was refused.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="keep the numbers, and show them in docs/")
    parser.add_argument("--only", nargs="+", choices=benches(0, 0), help="these benchmarks alone")
    parser.add_argument("--slices", type=int, default=20, help="slices of the timed tracks")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    if arguments.record and "goal_gpu" in (arguments.only or ()) and not goal_gpu.has_gpu():
        parser.error("There is no GPU here: without --record goal_gpu makes a smoke run.")
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()  # as whoever loads weights

    commit()  # before a file of results goes
    if arguments.record and not arguments.only:
        (FOLDER / f"{GOALS}.json").unlink(missing_ok=True)  # rows of goals that there are no more
    is_fine = True
    for name, tables_of in benches(arguments.slices, arguments.rounds).items():
        if name in arguments.only if arguments.only else name not in SEPARATE:
            tables = tables_of()
            show(tables, record=False)
            if arguments.record:
                keep(tables)
            is_fine &= memory_use.is_within(tables) and not is_refused(tables)
    if arguments.record:
        write_pages()
    return 0 if is_fine else 1


if __name__ == "__main__":
    sys.exit(main())
