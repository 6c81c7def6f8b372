"""Speed and memory of tracking, of the backend process and of the effect, as one Markdown report.

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

from benchmarks import backend_speed, busy_cores, memory_use, qt_holds, tracking_speed  # noqa: E402
from benchmarks.machine import description, matrix_product_peak  # noqa: E402


def main() -> int:
    """Print the report; 1 where tracking takes more memory than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, help="also write the report to this file")
    parser.add_argument("--slices", type=int, default=20, help="slices of the timed tracks")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    peak = matrix_product_peak()
    sections = []

    def section(text: str) -> None:
        """Show each part when it is done: the whole takes long."""
        sections.append(text)
        print(text, end="\n\n", flush=True)

    section(f"# Speed and memory\n\n{description()}.")
    section(backend_speed.report(arguments.rounds))
    section(busy_cores.report(arguments.rounds))
    section(tracking_speed.report(arguments.slices, arguments.rounds, peak))
    section(tracking_speed.starter_report(arguments.slices, arguments.rounds, peak))
    memory, is_within = memory_use.report()
    section(memory)
    section(qt_holds.report())  # last: it puts imitations of Slicer's modules in place
    if arguments.output:
        arguments.output.write_text("\n\n".join(sections) + "\n")
    return 0 if is_within else 1


if __name__ == "__main__":
    sys.exit(main())
