"""The report: Markdown for people, CSV and JSON for machines, pictures."""

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from medsam2.evaluation.comparison import PairedDice, paired_dice
from medsam2.evaluation.drawing import draw_curve, draw_snapshot
from medsam2.evaluation.evaluating import ONE_PROMPT, Finding, Settings
from medsam2.evaluation.metrics import TOLERANCE_MM
from medsam2.evaluation.output_folder import complete_folder
from medsam2.evaluation.released_metric import LABEL
from medsam2.evaluation.scores import (
    COLUMNS,
    Score,
    Summary,
    by_structure,
    curves,
    last_scores,
    rounded,
    summarise,
)
from medsam2.evaluation.snapshot import Snapshot
from medsam2.spreadsheet_text import harmless_text

WORST = 6
CURVE = "dice_against_clicks.png"
_NO_CHARACTER = "backslashreplace"
"""How bytes of a path that are no UTF-8 are written."""
EMPTY_POLICY = (
    "Structures that are empty in truth and prediction have no score and are only counted. Where one of "
    "the two is empty, Dice and NSD are 0, there is no HD95, and the mean HD95 leaves it out."
)


class Report:
    """Gathers findings and writes them.

    Args:
        settings: of the evaluation.
        about: more that names this run, such as dataset and weights; shown and stored as it is.
    """

    def __init__(self, settings: Settings, about: dict[str, str]):
        self.settings = settings
        self.about = about
        self.scores: list[Score] = []
        self.baseline_scores: list[Score] = []
        self._worst: list[tuple[float, Score, Snapshot]] = []

    def add(self, finding: Finding) -> None:
        """Take a finding; of the snapshots only the worst are kept."""
        self.scores.append(finding.score)
        if finding.snapshot is not None and finding.score.dice is not None:
            self._worst.append((finding.score.dice, finding.score, finding.snapshot))
            self._worst = sorted(self._worst, key=lambda entry: entry[0])[:WORST]

    def add_baseline(self, finding: Finding) -> None:
        """Take a finding of the network that the other is compared with."""
        self.baseline_scores.append(finding.score)

    def comparison(self) -> dict[str, PairedDice]:
        """Dice of both networks, where there are two."""
        return paired_dice(self.scores, self.baseline_scores) if self.baseline_scores else {}

    def summary(self) -> Summary:
        """Means over all structures."""
        return summarise(last_scores(self.scores))

    def as_json(self) -> dict:
        """All that is known."""
        return {
            **self.about,
            "settings": asdict(self.settings),
            "lenient": LABEL,
            "summary": asdict(self.summary()),
            "structures": {n: asdict(s) for n, s in by_structure(last_scores(self.scores)).items()},
            "comparison": {
                name: asdict(pair) | {"difference": pair.difference}
                for name, pair in self.comparison().items()
            },
            "results": [asdict(score) for score in self.scores],
        }

    def write(self, folder: Path) -> None:
        """Write the report as a folder; nothing is left of it after an error.

        Raises:
            InputError: the folder cannot be written, or holds something else.
        """
        with complete_folder(folder) as fresh:
            (fresh / "results.json").write_text(json.dumps(self.as_json(), indent=1) + "\n", encoding="utf-8")
            self._write_csv(fresh / "results.csv")
            if self.settings.protocol == "corrections":
                lines = curves(self.scores)
                draw_curve(fresh / CURVE, lines, [sum(c) / len(c) for c in zip(*lines, strict=True)])
            pictures = self._draw_worst(fresh / "worst")
            (fresh / "report.md").write_text(self._markdown(pictures), "utf-8", _NO_CHARACTER)

    def _write_csv(self, path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8", errors=_NO_CHARACTER) as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            for score in self.scores:
                cells = asdict(score)
                texts = {name: harmless_text(cell) for name, cell in cells.items() if isinstance(cell, str)}
                writer.writerow(cells | texts)

    def _draw_worst(self, folder: Path) -> list[str]:
        folder.mkdir()
        names = []
        for number, (dice, score, snapshot) in enumerate(self._worst, start=1):
            name = f"{number:02}_{_file_name(score.case)}_{_file_name(score.structure)}.png"
            title = f"{score.case}: {score.structure}, Dice {dice:.3f}"
            draw_snapshot(folder / name, title.encode(errors=_NO_CHARACTER).decode(), snapshot)
            names.append(name)
        return names

    def _markdown(self, pictures: Sequence[str]) -> str:
        last = last_scores(self.scores)
        rows = [("mean over all", self.summary()), *by_structure(last).items()]
        parts = [
            "# Evaluation",
            "\n".join(f"- {name}: {value}" for name, value in self._facts().items()),
            table(rows, self.settings.lenient),
            f"Dice is volumetric. NSD allows {TOLERANCE_MM:g} mm. {EMPTY_POLICY}",
        ]
        if comparison := self.comparison():
            parts += ["## Compared with the baseline", comparison_table(comparison, self.about)]
        if self.settings.lenient:
            parts.append(
                f"The columns called {LABEL} average 2D scores over slices and thresholds of the logits; a "
                "slice where nothing is and nothing was found counts as 1. They only serve to compare with "
                "numbers made that way."
            )
        if self.settings.protocol == "corrections":
            parts.append(f"![Dice against clicks]({CURVE})")
        parts += ["## Worst", *(f"![{name}](worst/{name})" for name in pictures)]
        return "\n\n".join(parts) + "\n"

    def _facts(self) -> dict[str, str]:
        summary = self.summary()
        facts = {**self.about, "protocol": self.settings.protocol}
        if self.settings.orientations != 1:
            facts["orientations"] = str(self.settings.orientations)
        if self.settings.protocol == "corrections":
            facts["corrective clicks"] = f"at most {self.settings.clicks}"
        if self.settings.protocol == ONE_PROMPT:
            facts["pictures"] = "pixels count as 1 mm; the template of each structure is left out"
        facts["structures with a score"] = str(summary.count)
        facts["without HD95, since a mask is empty"] = str(summary.without_hd95)
        facts["without a score, since both are empty"] = str(summary.both_empty)
        facts["seconds per slice"] = f"{summary.seconds_per_slice:.3f}"
        return facts


def table(rows: Sequence[tuple[str, Summary]], lenient: bool) -> str:
    """Markdown with a line for each summary."""
    titles = ["structure", "n", "Dice", "NSD", "HD95, mm", "prompts"]
    titles += [f"Dice, {LABEL}", f"IoU, {LABEL}"] if lenient else []
    lines = [titles, ["---"] * len(titles)]
    for name, summary in rows:
        cells = [name.replace("|", r"\|"), str(summary.count), rounded(summary.dice), rounded(summary.nsd)]
        cells += [rounded(summary.hd95, 1), rounded(summary.prompts, 1)]
        cells += [rounded(summary.lenient_dice), rounded(summary.lenient_iou)] if lenient else []
        lines.append(cells)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def comparison_table(comparison: dict[str, PairedDice], about: dict[str, str]) -> str:
    """Markdown with the Dice of both, the mean difference and how often the first is better."""
    titles = ["Dice", "n", about["weights"], about["baseline"], "difference", "better"]
    lines = [titles, ["---"] * len(titles)]
    for name, pair in comparison.items():
        difference = "none" if pair.difference is None else f"{pair.difference:+.3f}"
        means = [rounded(pair.dice), rounded(pair.baseline), difference]
        lines.append([name.replace("|", r"\|"), str(pair.cases), *means, f"{pair.better} of {pair.cases}"])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text)[:60]
