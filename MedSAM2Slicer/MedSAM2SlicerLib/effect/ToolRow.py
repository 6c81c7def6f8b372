"""The tools with which the mouse draws in slice views, and the row of buttons that chooses one of them."""

from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from ..SlicerTypes import Button

CLICK, BOX, STROKE, LASSO = "click", "box", "stroke", "lasso"
TOOLS = (CLICK, BOX, STROKE, LASSO)


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
            button.text, button.toolTip = text, toolTip
            button.checkable = button.autoExclusive = True
            button.setSizePolicy(qt.QSizePolicy.Expanding, qt.QSizePolicy.Fixed)
            button.connect("clicked()", lambda tool=tool: onChosen(tool))
            layout.addWidget(button)

    def showTool(self, tool: str) -> None:
        """Press the button of a tool."""
        if tool in self._buttons:
            self._buttons[tool].checked = True


def _words() -> dict[str, tuple[str, str]]:
    return {
        CLICK: (_("Click"), _("Click the object; drag a box round it, or drag a seed elsewhere. Key: C")),
        BOX: (_("Box"), _("Drag a box round the object, from seeds too. Key: X")),
        STROKE: (_("Stroke"), _("Draw a line along the object; with Ctrl along what is not it. Key: D")),
        LASSO: (_("Lasso"), _("Draw a line round the object; with Ctrl round what is not it. Key: L")),
    }
