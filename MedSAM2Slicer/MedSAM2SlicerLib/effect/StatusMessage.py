"""The sentence above the effect's buttons, where the user looks."""

import qt
import slicer
from slicer.i18n import tr as _

from ..panel.Widgets import textBox
from .Theme import themeOf

SIGN_PIXELS = 16
LOG_WIDTH, LOG_HEIGHT = 800, 400


class StatusMessage:
    """Shows one sentence. A problem stays until the user does something, whatever else there is to say.

    Otherwise the end of what was cancelled would hide why.

    Attributes:
        widget: to be put into a layout.
    """

    def __init__(self) -> None:
        self._isProblem = False
        self._log = ""
        self.widget = qt.QWidget()
        layout = qt.QVBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        self._sign = qt.QLabel()  # not by colour alone
        sign = self.widget.style().standardIcon(qt.QStyle.SP_MessageBoxWarning)
        self._sign.setPixmap(sign.pixmap(SIGN_PIXELS, SIGN_PIXELS))
        self._sign.accessibleName = self._sign.toolTip = _("A problem")
        self._sign.visible = False
        self.label = qt.QLabel()
        self.label.wordWrap = True
        self.label.setTextFormat(qt.Qt.PlainText)  # it may come from a server
        self.logButton = qt.QPushButton(_("Show log"))
        self.logButton.toolTip = _("The end of what the backend wrote.")
        self.logButton.visible = False
        self.logButton.connect("clicked()", lambda: _showLog(self._log))
        sentence = qt.QHBoxLayout()
        sentence.addWidget(self._sign)
        sentence.addWidget(self.label, 1)
        layout.addLayout(sentence)
        layout.addWidget(self.logButton)

    def show(self, text: str, isProblem: bool = False, log: str = "") -> None:
        """Say something; it is dropped while a problem is shown and this is none.

        Args:
            log: what the backend wrote, for those who want to know more.
        """
        if self._isProblem and not isProblem:
            return
        self._isProblem, self._log = isProblem, log
        self.label.text = text
        self.label.styleSheet = f"color: {themeOf(self.label).problem}" if isProblem else ""
        self._sign.visible = isProblem
        self.logButton.visible = bool(log)

    def clearProblem(self) -> bool:
        """The user goes on: the problem has been read. False if none was shown."""
        wasProblem, self._isProblem = self._isProblem, False
        if wasProblem:
            self.show("")
        return wasProblem


def _showLog(text: str) -> None:
    """A window with what the backend wrote, beside which Slicer goes on."""
    window = qt.QDialog(slicer.util.mainWindow())
    window.setAttribute(qt.Qt.WA_DeleteOnClose)
    window.setWindowTitle(_("MedSAM2: log of the backend"))
    layout = qt.QVBoxLayout(window)
    box = textBox(_("Log of the backend"), LOG_HEIGHT)
    box.setPlainText(text)
    layout.addWidget(box)
    window.resize(LOG_WIDTH, LOG_HEIGHT)
    window.show()
