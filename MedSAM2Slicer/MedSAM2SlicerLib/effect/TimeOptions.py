"""The row that carries a segment through time, shown where the volume belongs to a sequence."""

from slicer.i18n import tr as _

from ..panel.Widgets import besides
from ..SlicerTypes import Button, ScriptedEffect
from .ParameterWidgets import ParameterWidgets


class TimeOptions:
    """A button, and which way it goes.

    Args:
        button: that begins it.

    Attributes:
        widget: to be put into a layout.
        parameters: what the widgets show and change.
    """

    def __init__(self, scriptedEffect: ScriptedEffect, button: Button):
        self.parameters = ParameterWidgets(scriptedEffect, lambda: None)
        direction = self.parameters.choice("TimeDirection", _directions())
        direction.accessibleName = _("Time points")
        self.widget = besides(button, direction)
        self.widget.visible = False


def _directions() -> dict[str, str]:
    return {
        "both": _("all time points"),
        "forward": _("later time points"),
        "backward": _("earlier time points"),
    }
