"""Says what is missing in Slicer's Python, and installs it when the user agrees."""

import slicer
from slicer.i18n import tr as _

from ..backend.BackendManager import BackendManager
from . import DependencyInstaller
from .Widgets import button, problem, row, section, sentence, showProblem


class InstallSection:
    """The part of the panel about packages.

    Args:
        manager: the shared ``BackendManager``; a server needs fewer packages than this computer.
    """

    def __init__(self, manager: BackendManager):
        self._manager = manager
        self._restartFor: list[str] = []
        self.widget, layout = section(_("Installation"))
        self._text, self._problem = sentence(), problem()
        self._install = button(_("Install…"), self._onInstall, _("Asks before it downloads anything."))
        self._restart = button(_("Restart Slicer"), slicer.util.restart)
        layout.addWidget(self._text)
        layout.addWidget(self._problem)
        layout.addLayout(row(self._install, self._restart))
        self.update()
        self.widget.collapsed = not self._missing()

    def _missing(self) -> list:
        return DependencyInstaller.missing(server=bool(self._manager.settings.serverUrl))

    def update(self) -> None:
        """Look again what is missing."""
        missing = self._missing()
        self._install.enabled = bool(missing)
        self._restart.visible = bool(self._restartFor)
        if self._restartFor:
            names = ", ".join(self._restartFor)
            self._text.setText(_("Restart Slicer: it still uses the old {names}.").format(names=names))
        elif missing:
            lines = "".join(f"<li>{line}</li>" for line in DependencyInstaller.listing(missing))
            self._text.setText(_("Missing in Slicer's Python:") + f"<ul>{lines}</ul>")
        else:
            self._text.setText(_("Everything that is needed is installed."))
        showProblem(self._problem, DependencyInstaller.obstacle(missing))

    def _onInstall(self) -> None:
        missing = self._missing()
        hindrance = DependencyInstaller.obstacle(missing)
        if hindrance:
            showProblem(self._problem, hindrance)
            return
        downloads = missing + DependencyInstaller.optional()
        if not slicer.util.confirmOkCancelDisplay(DependencyInstaller.question(downloads), "MedSAM2"):
            return
        try:
            self._restartFor = DependencyInstaller.install(downloads, self._showStep)
        except DependencyInstaller.InstallError as error:
            self.update()
            showProblem(self._problem, str(error))
            return
        self.update()

    def _showStep(self, text: str) -> None:
        """Slicer waits for pip, so the text is drawn at once instead of by the event loop."""
        slicer.util.showStatusMessage(text)
        self._text.setText(text)
        self._text.repaint()
