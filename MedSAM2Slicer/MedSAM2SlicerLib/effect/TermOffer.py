"""A line that offers Slicer's code and colour for a segment whose name says what it is."""

from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from ..SlicerTypes import Button

if TYPE_CHECKING:
    from ..logic.SegmentTerms import SegmentTerms


class TermOffer:
    """Hidden while there is nothing to offer.

    Args:
        accept, decline: the buttons for yes and no.

    Attributes:
        widget: to be put into a layout.
    """

    def __init__(self, accept: Button, decline: Button):
        self.widget = qt.QWidget()
        layout = qt.QHBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        self.label = qt.QLabel()
        self.label.wordWrap = True
        self.label.setTextFormat(qt.Qt.PlainText)  # it holds a name
        layout.addWidget(self.label, 1)
        layout.addWidget(accept)
        layout.addWidget(decline)
        self.widget.visible = False

    def show(self, terms: "SegmentTerms") -> None:
        """Offer what there is."""
        name = terms.offered()
        self.label.text = _("{segment}: use Slicer's colour and code?").format(segment=name)
        self.widget.visible = bool(name)
