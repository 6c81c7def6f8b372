"""Measured numbers as files, ``docs/results/NAME.json``, and the tables that the pages show of them.

Experiments and benchmarks that are given ``--record`` write the numbers, ``medsam2-lab tables`` the tables,
between ``<!-- table: NAME -->`` and ``<!-- end -->``.
"""

import json
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
FOLDER = DOCS / "results"
PAGES = (DOCS / "results.md", DOCS / "model_card.md")
MARK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
QUOTE = re.compile(r"\{([^|{}]*)\|([^|{}]*)\|([^|{}]*)\}")

Cell = str | float | None
"""A text may quote cells of other tables: ``{file|row|column}``."""


@dataclass(frozen=True)
class ResultTable:
    """Rows of numbers, and where they come from.

    Attributes:
        about: how it was measured, such as command, machine and date; shown below the table.
        columns: title and digits after the point; None: as many as the number has.
        rows: the first cell names the row.
    """

    about: Mapping[str, str]
    columns: Mapping[str, int | None]
    rows: list[list[Cell]]

    @classmethod
    def read(cls, name: str) -> "ResultTable":
        """The table that a benchmark wrote."""
        return cls(**json.loads((FOLDER / f"{name}.json").read_text("utf-8")))

    def joined_with(self, earlier: "ResultTable") -> "ResultTable":
        """These rows, in place of those of the same names in an earlier table, and its other rows."""
        new = {row[0]: row for row in self.rows}
        kept = [new.pop(row[0], row) for row in earlier.rows]
        return ResultTable({**earlier.about, **self.about}, self.columns, [*kept, *new.values()])

    def write(self, name: str) -> None:
        """Write the file, a line for each row."""
        rows = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in self.rows)
        head = json.dumps({"about": self.about, "columns": self.columns}, indent=1, ensure_ascii=False)
        text = f'{head.removesuffix("}").rstrip()},\n "rows": [\n  {rows}\n ]\n}}\n'
        (FOLDER / f"{name}.json").write_text(text, "utf-8")

    def markdown(self) -> str:
        """The table, and below it how it was measured."""
        titles = [title.replace("|", r"\|") for title in self.columns]
        lines = [titles, ["---"] * len(titles), *(self._texts(row) for row in self.rows)]
        table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
        return f"{table}\n\n{'; '.join(self.about.values())}.\n" if self.about else f"{table}\n"

    def cell(self, row: str, column: str) -> str:
        """One cell as it is shown."""
        (found,) = (cells for cells in self.rows if cells[0] == row)
        return self._texts(found)[list(self.columns).index(column)]

    @staticmethod
    def spread(label: str, values: list[float], goal: str, digits: int = 2) -> list[Cell]:
        """A row of median, least and most."""
        numbers = statistics.median(values), min(values), max(values)
        return [label, *(round(number, digits) for number in numbers), goal]

    def _texts(self, row: list[Cell]) -> list[str]:
        return [_text(cell, digits) for cell, digits in zip(row, self.columns.values(), strict=True)]


def _text(cell: Cell, digits: int | None) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return QUOTE.sub(lambda found: ResultTable.read(found[1]).cell(found[2], found[3]), cell)
    return str(cell) if digits is None else f"{cell:.{digits}f}"


def rendered(page: str) -> str:
    """A page with its tables written anew."""
    return MARK.sub(lambda found: f"{found[1]}{ResultTable.read(found[2]).markdown()}{found[3]}", page)


def write_pages() -> None:
    """Write the tables of all pages."""
    for page in PAGES:
        page.write_text(rendered(page.read_text("utf-8")), "utf-8")


def show(tables: Mapping[str, ResultTable], record: bool) -> None:
    """Print tables, and keep their numbers if wanted."""
    for name, table in tables.items():
        print(f"## {name}\n\n{table.markdown()}", flush=True)
        if record:
            table.write(name)


def measured(command: str, rounds: int = 1) -> dict[str, str]:
    """What a table says about itself when it is measured now."""
    times = "once" if rounds == 1 else f"{rounds} rounds"
    return {
        "command": f"`{command}`",
        "machine": _machine(),
        "measured": f"{times} on {date.today():%d %B %Y}, at {commit() or 'an unknown commit'}",
    }


@cache
def commit() -> str:
    """The state of the code when it was first asked for, if git knows."""
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, cwd=DOCS, capture_output=True, text=True).stdout.strip()


def _machine() -> str:
    """Processor, threads in use and torch's version."""
    import torch  # late: whoever only writes the pages does without

    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.machine()
    return (
        f"{processor}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"load average {os.getloadavg()[0]:.1f}"
    )
