"""The weights that can be used: a table of rows such as ``medsam2 weights list --json`` prints."""

import json
from collections.abc import Callable
from pathlib import Path

import qt
from slicer.i18n import tr as _
from slicer.i18n import translate

ROW_HEIGHT = 22
"""Pixels."""
SCAN_SLICES = 200
CATALOGUE = Path(__file__).resolve().parents[2] / "Resources" / "models.json"


class WeightsTable:
    """Shows what there is; knows nothing of downloading.

    Args:
        onSelected: called when another row is selected.
    """

    def __init__(self, onSelected: Callable[[], None]):
        self._rows: list[dict] = []
        self.widget = qt.QTableWidget()
        self.widget.accessibleName = _("Weights")
        titles = (_("Name"), _("Installed"), _("A slice here"), _("Size"), _("Licence"), _("For"))
        self.widget.setColumnCount(len(titles))
        self.widget.setHorizontalHeaderLabels(titles)
        self.widget.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
        self.widget.setSelectionMode(qt.QAbstractItemView.SingleSelection)
        self.widget.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        self.widget.verticalHeader().visible = False
        self.widget.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = self.widget.horizontalHeader()
        header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        header.setStretchLastSection(True)
        header.setDefaultAlignment(qt.Qt.AlignLeft | qt.Qt.AlignVCenter)
        self.widget.showGrid = False
        self.widget.wordWrap = False
        self.widget.connect("itemSelectionChanged()", onSelected)

    def show(self, rows: list[dict], inUse: str) -> None:
        """Fill the table; the selection stays with its name, else goes to the weights in use."""
        selected = (self.selected or {"name": inUse})["name"]
        self._rows = rows
        self.widget.setRowCount(len(rows))
        for number, row in enumerate(rows):
            for column, text in enumerate(_texts(row, inUse)):
                self.widget.setItem(number, column, qt.QTableWidgetItem(text))
        names = [row["name"] for row in rows]
        if selected in names:
            self.widget.selectRow(names.index(selected))

    @property
    def names(self) -> list[str]:
        """All names in the table."""
        return [row["name"] for row in self._rows]

    @property
    def selected(self) -> dict | None:
        """The row that is selected."""
        number = self.widget.currentRow()
        return self._rows[number] if 0 <= number < len(self._rows) else None

    def select(self, name: str) -> None:
        """Select a row by name."""
        self.widget.selectRow(self.names.index(name))


def catalogueRows() -> list[dict]:
    """Rows of the shipped catalogue, without asking what is installed: that takes seconds."""
    models = json.loads(CATALOGUE.read_text(encoding="utf-8"))["models"]
    unknown = {"installed": None, "seconds_per_slice": None, "pace": None, "quicker": None}
    return [{"why_not": None} | model | unknown for model in models]


def _texts(row: dict, inUse: str) -> tuple[str, ...]:
    states = {None: "…", False: _("no"), True: _("yes")}
    state = _("included") if row["shipped"] else states[row["installed"]]
    if row["why_not"]:
        state = _("not usable")
    if row["name"] == inUse:
        state = _("in use")
    size, licence = megabytes(row["size_bytes"]), inWords(row["licence"])
    return row["name"], state, _paceInWords(row), size, licence, _list(row["modality"])


def _paceInWords(row: dict) -> str:
    kinds = {
        "quick": _("{seconds} s: quick"),
        "slow": _("{seconds} s: slow"),
        "too slow": _("needs a graphics card"),
        None: "…" if row["installed"] is None else "",
    }
    return kinds[row["pace"]].format(seconds=_seconds(row))


def _seconds(row: dict) -> str:
    seconds = row["seconds_per_slice"]
    return "" if seconds is None else f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.2g}"


def slowWarning(row: dict, rows: list[dict]) -> str:
    """How long weights keep a person waiting on this computer, and what is quicker; empty for quick ones."""
    if row["pace"] in (None, "quick"):
        return ""
    slow = _(
        "With {name} a slice takes about {seconds} s on this computer, and a scan of {slices} slices about "
        "{minutes} minutes."
    ).format(
        name=row["name"],
        seconds=_seconds(row),
        slices=SCAN_SLICES,
        minutes=round(row["seconds_per_slice"] * SCAN_SLICES / 60),
    )
    for each in rows:
        if each["name"] == row["quicker"]:
            quicker = _("{name} takes {seconds} s.").format(name=each["name"], seconds=_seconds(each))
            return f"{slow} {quicker}"
    return slow


def description(row: dict, warning: str) -> str:
    """What to know of weights before using them, in HTML."""
    slow = f"<b>{warning}</b>" if warning else ""
    good = _("Good prompts: {prompts}.").format(prompts=_list(row["prompts"])) if row["prompts"] else ""
    said = [slow, f"<b>{inWords(row['title'])}</b>.", good, _licence(row), _withoutDownload(row)]
    return " ".join(each for each in said if each)


def isFetchedByHand(row: dict) -> bool:
    """Whether people get the file from its page themselves, and have not yet."""
    return bool(row["page"]) and not (row["url"] or row["installed"] or row["why_not"])


def _withoutDownload(row: dict) -> str:
    """What to do where the file cannot be downloaded from here."""
    if row["why_not"]:
        return inWords(row["why_not"])
    if not isFetchedByHand(row):
        return ""
    return _(
        "Download {file} from its page with your browser, then choose it with <i>Import file…</i>"
    ).format(file=row["filename"])


def licenceQuestion(row: dict, warning: str) -> str:
    """What the user agrees to before a download."""
    host = row["url"].split("/")[2]
    unchecked = _(
        "No checksum of this file is known: this first download is trusted, and checked at every use from "
        "then on."
    )
    return _(
        "{title}, {size} from {host}.\n\n{slow}{licence}{unchecked}\n\nAgree to this licence, and download?"
    ).format(
        title=inWords(row["title"]),
        size=megabytes(row["size_bytes"]),
        host=host,
        slow=f"{warning}\n\n" if warning else "",
        licence=_licence(row),
        unchecked="" if row["sha256"] else f"\n\n{unchecked}",
    )


def _licence(row: dict) -> str:
    licence, note = inWords(row["licence"]), inWords(row["licence_note"])
    return _("Licence: {licence}. {note}").format(licence=licence, note=note)


def _list(words: list[str]) -> str:
    return ", ".join(inWords(word) for word in words)


def inWords(text: str) -> str:
    """A text of a row: known by the catalogue, whose titles and notes translators get, or by the command."""
    words = {
        "point": _("point"),
        "box": _("box"),
        "mask": _("mask"),
        "CT": _("CT"),
        "MR": _("MR"),
        "PET": _("PET"),
        "US": _("US"),
        "endoscopy": _("endoscopy"),
        "photo": _("photo"),
        "video": _("video"),
        "not stated": _("not stated"),
        "not known here": _("not known here"),
        "Imported by you": _("Imported by you"),
        "It is that of the file, and of the weights that it was made from.": _(
            "It is that of the file, and of the weights that it was made from."
        ),
    }
    return words.get(text) or translate(CATALOGUE.stem, text)


def megabytes(size: int) -> str:
    """A size in bytes for people."""
    return _("{size} MB").format(size=f"{size / 1e6:.0f}")
