"""``report.html``: a page without scripts that shows all cases, the most doubtful first."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from medsam2.cli.cohort.case import Case, CaseResult, FoundObject
from medsam2.cli.cohort.report_style import STYLE
from medsam2.cli.cohort.results_table import COLUMNS, results_of, write_table
from medsam2.cli.doubts import listed
from medsam2.cli.wording import millilitres
from medsam2.complete_file import complete_file
from medsam2.confidence import DOUBTFUL
from medsam2.errors import InputError

PAGE, TABLE = "report.html", "results.csv"
_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src 'self'; \
style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
"""


def write_report(cases: Sequence[Case]) -> list[CaseResult]:
    """Write page and table of a cohort as far as it is; returns the results that are there.

    Raises:
        InputError: the folder cannot be written.
    """
    shown, table = report_files(cases[0].folder)
    results = results_of(cases)
    write_table(table, results)
    with complete_file(shown) as path:
        path.write_text(page(results, len(cases)), encoding="utf-8", errors="replace")
    return results


def report_files(folder: Path) -> tuple[Path, Path]:
    """Page and table of a cohort."""
    return folder / PAGE, folder / TABLE


def is_own(path: Path) -> bool:
    """Whether one of ``report_files`` is missing, or begins as this command writes it.

    Raises:
        InputError: it cannot be read.
    """
    # With the end of the line: a person may have added a column.
    begins = ",".join(COLUMNS) + "\n" if path.name == TABLE else _HEAD.partition("{title}")[0]
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return file.read(len(begins)) == begins
    except FileNotFoundError:
        return True
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): choose another folder.") from error


def page(results: Sequence[CaseResult], total: int) -> str:
    """The page.

    Args:
        results: in the order in which they are shown.
        total: cases, finished or not.
    """
    failed = [result for result in results if result.state == "failed"]
    done = [result for result in results if result.state == "done"]
    title = f"{total:,} case{'s' * (total != 1)}"
    parts = [_HEAD.format(title=title, style=STYLE), f"<h1>{title}</h1>\n", _facts(done, failed, total)]
    if failed:
        rows = "".join(map(_failure, failed))
        head = "<thead><tr><th>Case<th>Why<th class=number>Time</thead>"
        parts.append(f"<h2>Failed</h2>\n<table>{head}\n{rows}</table>\n")
    if done:
        rows = "".join(map(_case, done))
        head = (
            "<thead><tr><th>Picture<th>Case<th>Object<th>Confidence<th class=number>Volume<th>To look at"
            "<th class=number>Time</thead>"
        )
        parts.append(
            "<h2>Done, the most doubtful first</h2>\n"
            "<p>Confidence: how well the network expects its masks to overlap the object, on average over "
            "the slices; a case counts as its least certain object. Below "
            f"{DOUBTFUL:g} a person should look.</p>\n"
            f"<table>{head}\n{rows}</table>\n"
        )
    return "".join([*parts, "</body>\n</html>\n"])


def _facts(done: Sequence[CaseResult], failed: Sequence[CaseResult], total: int) -> str:
    to_come = total - len(done) - len(failed)
    facts = [
        (len(done), "done", "done"),
        (sum(result.is_doubtful for result in done), "to look at", "doubt"),
        (len(failed), "failed", "failed"),
        *([(to_come, "to come", "open")] if to_come else []),
    ]
    items = "".join(
        f'<li class="{kind if count else ""}"><b>{count:,}</b>{name}' for count, name, kind in facts
    )
    return f"<ul class=facts>{items}</ul>\n"


def _failure(result: CaseResult) -> str:
    return (
        f"<tbody><tr><th>{_name(result.name)}{_notes(result)}<td class=reason>{escape(result.reason)}"
        f"<td class=number>{_seconds(result.seconds)}\n"
    )


def _case(result: CaseResult) -> str:
    """The rows of a case, one for each object."""
    picture, small = (
        quote(next(name for name in result.files if name.endswith(end))) for end in (".png", ".jpg")
    )
    shared = f'rowspan="{len(result.objects)}"'
    first = (
        f'<td class=picture {shared}><a href="{picture}"><img src="{small}" loading=lazy decoding=async '
        f'alt="Slices of {escape(result.name)} with contours"></a>'
        f"<th {shared}>{_name(result.name)}{_notes(result)}"
    )
    last = f"<td class=number {shared}>{_seconds(result.seconds)}"
    rows = [_object(entry) for entry in result.objects]
    return f"<tbody><tr>{first}{rows[0]}{last}\n{''.join(f'<tr>{row}' for row in rows[1:])}"


def _object(entry: FoundObject) -> str:
    doubt = "doubtful" if entry.is_doubtful else ""
    if not entry.slices:
        look = "nothing was found"
    else:
        look = listed(entry.doubtful_slices) if entry.doubtful_slices else ""
    meter = f'<meter min=0 max=1 low="{DOUBTFUL}" high="{DOUBTFUL}" optimum=1 value="{entry.confidence:.2f}">'
    return (
        f"<td class=object>{_name(entry.name)}"
        f'<td class="{doubt}">{meter}</meter>{entry.confidence:.2f}'
        f"<td class=number>{millilitres(entry.volume_ml)}"
        f'<td class="{doubt}">{look}\n'
    )


def _name(name: str) -> str:
    """A long one goes on below after an underscore, not in the middle of a word."""
    return escape(name).replace("_", "_<wbr>")


def _notes(result: CaseResult) -> str:
    return "".join(f"<span class=note>{escape(note)}</span>" for note in result.notes)


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
