"""A window with what the backend wrote, beside which Slicer goes on."""

import qt
import slicer
from slicer.i18n import tr as _

from ..panel.Widgets import textBox

WIDTH, HEIGHT = 800, 400


def showLog(text: str) -> None:
    """Open it."""
    window = qt.QDialog(slicer.util.mainWindow())
    window.setAttribute(qt.Qt.WA_DeleteOnClose)
    window.setWindowTitle(_("MedSAM2: log of the backend"))
    layout = qt.QVBoxLayout(window)
    box = textBox(HEIGHT)
    box.setPlainText(text)
    layout.addWidget(box)
    window.resize(WIDTH, HEIGHT)
    window.show()
