"""Write the table of ``docs/weights.md`` from the catalogue; run it after a change of ``models.json``."""

from pathlib import Path

from medsam2.weights.catalogue import CatalogueEntry, catalogue

PAGE = Path(__file__).parents[3] / "docs" / "weights.md"
BEGIN, END = "<!-- catalogue: begin -->\n", "<!-- catalogue: end -->"
HEAD = "| name | what it is | size | licence | trained on | good prompts | file |\n" + "| --- " * 7 + "|\n"


def table() -> str:
    """A row for each entry of the catalogue."""
    return HEAD + "".join(_row(entry) for entry in catalogue())


def _row(entry: CatalogueEntry) -> str:
    size = f"{'' if entry.size_is_exact else 'about '}{entry.size_bytes / 1e6:,.0f} MB"
    where = "comes with the package" if entry.shipped else f"[download]({entry.page})"
    if entry.why_not:
        where = f"[not usable]({entry.page})"
    elif not (entry.shipped or entry.url):
        where = f"[by hand]({entry.page}): `{entry.filename}`"
    cells = (
        f"`{entry.name}`",
        f"{entry.publisher}: {entry.title}",
        size,
        entry.licence,
        ", ".join(entry.modality),
        ", ".join(entry.prompts),
        where,
    )
    return f"| {' | '.join(cells)} |\n"


def with_table(page: str) -> str:
    """The page with the table of today."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text("utf-8")), "utf-8")
