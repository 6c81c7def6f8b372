"""Manages the network's weights: what is there, download, import, deletion, and which are used.

What takes time or torch is done by ``medsam2 weights`` in a process of its own.
"""

import re
from collections.abc import Callable
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from ..backend.BackendManager import BackendManager
from ..backend.BackgroundCommand import BackgroundCommand
from . import DependencyInstaller
from .WeightsTable import (
    WeightsTable,
    catalogueRows,
    description,
    isFetchedByHand,
    licenceQuestion,
    megabytes,
    slowWarning,
)
from .Widgets import button, problem, row, section, sentence, showProblem, wideRow

TABLE_HEIGHT = 170


class WeightsSection:
    """The part of the panel about weights.

    Args:
        onUsed: called after other weights were chosen.
    """

    def __init__(self, manager: BackendManager, onUsed: Callable[[], None]):
        self._manager = manager
        self._onUsed = onUsed
        self._command: BackgroundCommand | None = None
        self._rows = catalogueRows()
        self._listed = False
        self._folder: Path | None = None
        self._unclear = ("", "")
        self.widget, self._layout = section(_("Weights"))
        self.table = WeightsTable(self._onSelected)
        self._about, self._disk, self._problem = sentence(), sentence(), problem()
        self._server = sentence(_("A server is in use; it has weights of its own, whatever is chosen here."))
        self._bar = qt.QProgressBar()
        self._makeButtons()
        self._layOut()
        self.widget.connect("contentsCollapsed(bool)", self._onFolded)
        self.update()

    def _makeButtons(self) -> None:
        self._use = button(_("Use"), self._onUse, _("Restarts the backend with these weights."))
        self._download = button(_("Download…"), self._onDownload, _("The licence is shown first."))
        self._page = button(_("Open page"), self._onPage, _("Where the file is; download it there yourself."))
        self._import = button(_("Import file…"), self._onImport, _("A .pt, .pth or .safetensors checkpoint."))
        self._which = qt.QComboBox()
        self._which.accessibleName = _("Network of the file")
        self._importAs = button(_("Import as this"), self._onImportAs)
        self._delete = button(_("Delete…"), self._onDelete, _("Frees the disk; asks first."))
        self._cancel = button(_("Cancel"), self._onCancel, _("A download goes on from here another time."))
        self._showFolder = button(_("Show folder"), self._onShowFolder)

    def _layOut(self) -> None:
        self.table.widget.setFixedHeight(TABLE_HEIGHT)
        for widget in (self._server, self.table.widget, self._about, self._problem):
            self._layout.addWidget(widget)
        self._layout.addLayout(wideRow(self._which, self._importAs))
        self._layout.addLayout(row(self._use, self._download, self._page, self._import, self._delete))
        self._layout.addLayout(wideRow(self._bar, self._cancel))
        self._layout.addLayout(wideRow(self._disk, self._showFolder))

    def cleanup(self) -> None:
        """End what runs."""
        self._onCancel()

    @property
    def busy(self) -> bool:
        """Whether a command runs."""
        return self._command is not None and self._command.running

    def update(self) -> None:
        """Show what is known now."""
        self.table.show(self._rows, self._manager.settings.weights)
        self._onSelected()

    def refresh(self) -> None:
        """Ask what is installed; the answer comes later."""
        self._run(("list", "--device", self._manager.settings.device), self._onListed)

    def _onFolded(self, folded: bool) -> None:
        if not folded and not self._listed and not DependencyInstaller.missing(server=False):
            self.refresh()

    def _onListed(self, answer: dict) -> None:
        self._listed = True
        self._rows, self._folder = answer["weights"], Path(answer["folder"])
        self._disk.setText(_("{size} used on the disk.").format(size=megabytes(answer["disk_bytes"])))

    def _onSelected(self) -> None:
        chosen, busy = self.table.selected, self.busy
        installed = bool(chosen and (chosen["installed"] or chosen["shipped"]))
        ours = bool(chosen and chosen["shipped"])
        settings = self._manager.settings
        self._about.setText(description(chosen, slowWarning(chosen, self._rows)) if chosen else "")
        self._server.visible = bool(settings.serverUrl)
        self._use.enabled = bool(chosen and installed and chosen["name"] != settings.weights)
        byHand = bool(chosen and isFetchedByHand(chosen))
        self._page.visible, self._download.visible = byHand, not byHand
        self._download.enabled = bool(chosen and chosen["url"]) and not installed and not busy
        self._delete.enabled = installed and not ours and not busy
        self._import.enabled = not busy
        self._which.visible = self._importAs.visible = self._which.count > 0 and not busy
        self._bar.visible = self._cancel.visible = busy
        self._showFolder.visible = self._folder is not None and self._folder.is_dir()

    # Actions

    def _onUse(self) -> None:
        chosen = self.table.selected
        if chosen is None:
            return
        warning = slowWarning(chosen, self._rows)
        question = _("{warning}\n\nUse {name} all the same?").format(warning=warning, name=chosen["name"])
        if warning and not slicer.util.confirmOkCancelDisplay(question, _("Slow weights")):
            return
        self._manager.settings.weights = chosen["name"]
        self._manager.restart()
        self.update()
        self._onUsed()

    def _onDownload(self) -> None:
        chosen = self.table.selected
        if chosen and slicer.util.confirmOkCancelDisplay(
            licenceQuestion(chosen, slowWarning(chosen, self._rows)), _("Licence of the weights")
        ):
            self._run(("download", chosen["name"], "--accept-licence"), self._onProgress)

    def _onProgress(self, answer: dict) -> None:
        if answer.get("total"):
            # In kilobytes, as Qt counts to 2^31 only.
            self._bar.setRange(0, answer["total"] // 1000)
            self._bar.setValue(answer["done"] // 1000)

    def _onPage(self) -> None:
        chosen = self.table.selected
        if chosen is not None:
            qt.QDesktopServices.openUrl(qt.QUrl(chosen["page"]))

    def _onImport(self) -> None:
        kinds = _("Checkpoints") + " (*.pt *.pth *.safetensors)"
        path = qt.QFileDialog.getOpenFileName(self.widget, _("Import weights"), "", kinds)
        if path:
            self._importFile(path, nameFor(path, self._rows))

    def _importFile(self, path: str, name: str, *family: str) -> None:
        self._unclear = (path, name)
        self._run(("import", path, "--name", name, *family), self._onImported)

    def _onImported(self, answer: dict) -> None:
        self._which.addItems(answer.get("families", []))

    def _onImportAs(self) -> None:
        self._importFile(*self._unclear, "--family", self._which.currentText)

    def _onDelete(self) -> None:
        chosen = self.table.selected
        if chosen is None:
            return
        text = _("Delete the weights {name} ({size}) from the disk?").format(
            name=chosen["name"], size=megabytes(chosen["size_bytes"])
        )
        if not slicer.util.confirmOkCancelDisplay(text, "MedSAM2"):
            return
        if chosen["name"] == self._manager.settings.weights:
            # The running backend holds the file open; on Windows it could not be deleted.
            self._manager.settings.weights = "starter"
            self._manager.restart()
            self._onUsed()
        self._run(("remove", chosen["name"]), lambda answer: None)

    def _onCancel(self) -> None:
        if self._command is not None and self._command.running:
            self._command.cancel()

    def _onShowFolder(self) -> None:
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._folder)))

    # The command

    def _run(self, arguments: tuple[str, ...], onAnswer: Callable[[dict], None]) -> None:
        if self.busy:
            return
        if DependencyInstaller.missing(server=False):
            showProblem(self._problem, _("Something is missing: see Installation above."))
            return
        showProblem(self._problem, "")
        self._which.clear()
        self._bar.setRange(0, 0)
        self._command = BackgroundCommand(
            ("weights", *arguments, "--json"),
            onAnswer,
            lambda reason: self._onFinished(arguments[0], reason),
        )
        self._onSelected()

    def _onFinished(self, what: str, reason: str) -> None:
        self.update()
        if reason and self._which.count > 0:
            text = _("{file} fits several networks, which prepare images differently. Choose which it is.")
            showProblem(self._problem, text.format(file=Path(self._unclear[0]).name))
        elif reason:
            showProblem(self._problem, reason)
        elif what != "list":
            self.refresh()


def nameFor(path: str, rows: list[dict]) -> str:
    """The name in the catalogue of the weights whose publisher calls the file so, else a free name.

    Browsers number a file that they download again; ``.unproven`` is one that was kept aside.
    """
    name = re.sub(r"( ?\(\d+\)|\.unproven)(?=\.\w+$)", "", Path(path).name)
    missing = [row for row in rows if not (row["installed"] or row["shipped"] or row["why_not"])]
    known = [row["name"] for row in missing if row["filename"] == name]
    return known[0] if known else freeName(path, [row["name"] for row in rows])


def freeName(path: str, taken: list[str]) -> str:
    """A name for imported weights: the file's, of the characters that names have, and not taken."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(path).stem).strip("-._") or "imported"
    names = [stem, *(f"{stem}-{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)
