"""The button that tests everything at once, and its report."""

import qt
from slicer.i18n import tr as _

from ..backend.BackendManager import BackendManager
from . import DependencyInstaller
from .SelfTest import Report, SelfTest
from .Widgets import button, row, section, sentence, textBox

REPORT_HEIGHT = 320


class SelfTestSection:
    """The part of the panel about the self-test."""

    def __init__(self, manager: BackendManager):
        self._manager = manager
        self._test: SelfTest | None = None
        self.widget, layout = section(_("Self-test"))
        self._run = button(_("Run self-test"), self.run)
        self._cancel = button(_("Cancel"), self._onCancel)
        self._copy = button(_("Copy report"), self._onCopy, _("For a report of a bug."))
        self._report = textBox(_("Report of the self-test"), REPORT_HEIGHT)
        layout.addWidget(
            sentence(
                _(
                    "Segments a synthetic ball with a backend of its own, from the first click to the last "
                    "slice; your data are not touched. It takes half a minute."
                )
            )
        )
        layout.addLayout(row(self._run, self._cancel, self._copy))
        layout.addWidget(self._report)
        self._update("")

    def cleanup(self) -> None:
        """End a running test."""
        if self._test is not None and self._test.running:
            self._test.cancel()

    @property
    def running(self) -> bool:
        """Whether a test runs."""
        return self._test is not None and self._test.running

    def _update(self, text: str) -> None:
        running = self.running
        self._run.enabled, self._cancel.enabled = not running, running
        self._copy.enabled = bool(text) and not running
        self._report.visible = bool(text)
        self._report.setPlainText(text)

    def run(self) -> None:
        """Begin; the report comes later."""
        if DependencyInstaller.missing(server=bool(self._manager.settings.serverUrl)):
            self._update(_("Something is missing: see Installation above."))
            return
        from medsam2.client import ClientError

        try:
            client = self._manager.newClient()
        except ClientError as error:
            self._update(str(error))
            return
        self._test = SelfTest(client, self._onFinished)
        self._test.start()
        self._update(_("Testing…"))

    def _onFinished(self, report: Report) -> None:
        self._update(report.text)

    def _onCancel(self) -> None:
        self.cleanup()
        self._update(_("Cancelled."))

    def _onCopy(self) -> None:
        qt.QApplication.clipboard().setText(self._report.toPlainText())
