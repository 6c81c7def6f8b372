"""The tools with which the mouse draws in slice views, and the row of buttons that chooses one of them."""

from collections.abc import Callable
from pathlib import Path

import qt
from slicer.i18n import tr as _

from ..panel.Widgets import explain
from ..SlicerTypes import Button, Event
from .Theme import tinted

CLICK, BOX, STROKE, LASSO = "click", "box", "stroke", "lasso"
TOOLS = (CLICK, BOX, STROKE, LASSO)
ICONS = Path(__file__).resolve().parents[2] / "Resources" / "Icons" / "Tools"
ICON_PIXELS = 20


class ToolRow(qt.QWidget):
    """One button for each tool, of which one is down; pressing another one calls ``onChosen(tool)``."""

    def __init__(self, onChosen: Callable[[str], None]):
        qt.QWidget.__init__(self)
        layout = qt.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        self._buttons: dict[str, Button] = {}
        for tool, (text, toolTip) in _words().items():
            button = self._buttons[tool] = qt.QToolButton()
            button.text = text
            explain(button, toolTip)
            button.checkable = button.autoExclusive = True
            button.toolButtonStyle = qt.Qt.ToolButtonTextBesideIcon
            button.iconSize = qt.QSize(ICON_PIXELS, ICON_PIXELS)
            button.setSizePolicy(qt.QSizePolicy.Expanding, qt.QSizePolicy.Fixed)
            button.connect("clicked()", lambda tool=tool: onChosen(tool))
            button.connect("toggled(bool)", lambda isDown, button=button: _embolden(button, isDown))
            layout.addWidget(button, 1)
        self._drawIcons()

    def changeEvent(self, event: Event) -> None:
        """Slicer's theme may be another one now."""
        if event.type() == qt.QEvent.PaletteChange:
            self._drawIcons()

    def _drawIcons(self) -> None:
        color = self.palette.color(qt.QPalette.ButtonText)
        for tool, button in self._buttons.items():
            button.icon = tinted(str(ICONS / f"{tool}.png"), color)

    def showTool(self, tool: str) -> None:
        """Press the button of a tool."""
        if tool in self._buttons:
            self._buttons[tool].checked = True


def _embolden(button: Button, isDown: bool) -> None:
    """In Slicer's dark theme a button that is down looks like one that is not."""
    font = button.font
    font.setBold(isDown)
    button.font = font


def _words() -> dict[str, tuple[str, str]]:
    return {
        CLICK: (_("Click"), _("Click the object; drag a box round it, or drag a seed elsewhere. Key: C")),
        BOX: (_("Box"), _("Drag a box round the object, from seeds too. Key: X")),
        STROKE: (_("Stroke"), _("Draw a line along the object; with Ctrl along what is not it. Key: D")),
        LASSO: (_("Lasso"), _("Draw a line round the object; with Ctrl round what is not it. Key: L")),
    }
