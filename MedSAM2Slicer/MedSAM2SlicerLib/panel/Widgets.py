"""Small widgets that the sections of the module's panel are made of."""

from collections.abc import Callable

import ctk
import qt

from ..SlicerTypes import Button, Label, Layout, TextBox, Widget

ROOM = 330
"""Pixels beside each other that the narrowest panel has for widgets."""


def section(title: str, collapsed: bool = True) -> tuple[Widget, Layout]:
    """A part of the panel that can be folded: its frame, and the layout to fill."""
    frame, body = ctk.ctkCollapsibleButton(), qt.QWidget()
    frame.text = title
    outer = qt.QVBoxLayout()
    frame.setLayout(outer)
    outer.addWidget(body)
    layout = qt.QVBoxLayout(body)
    layout.setContentsMargins(0, 0, 0, 0)
    frame.collapsed = collapsed
    return frame, layout


def button(text: str, onClicked: Callable[[], object], toolTip: str = "") -> Button:
    """A push button."""
    made = qt.QPushButton(text)
    explain(made, toolTip)
    made.connect("clicked()", onClicked)
    return made


def explain(widget: Widget, text: str) -> None:
    """Say more in a tool tip that wraps, as HTML does, and to screen readers, to which tags are noise."""
    widget.toolTip = f"<qt>{text}</qt>" if text else ""
    widget.accessibleDescription = text


def row(*widgets: Widget) -> Layout:
    """Widgets side by side, at the left."""
    layout = qt.QHBoxLayout()
    for each in widgets:
        layout.addWidget(each)
    layout.addStretch(1)
    return layout


def besides(*widgets: Widget) -> Widget:
    """Widgets side by side, or below each other where the language's words need the room."""
    row = qt.QWidget()
    fits = sum(each.sizeHint.width() for each in widgets) <= ROOM
    layout = flat(qt.QHBoxLayout(row) if fits else qt.QVBoxLayout(row))
    for each in widgets:
        layout.addWidget(each, 1)
    return row


def flat(layout: Layout) -> Layout:
    """Without margins, close together."""
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    return layout


def wideRow(wide: Widget, *others: Widget) -> Layout:
    """Widgets side by side, of which the first takes the room that is left."""
    layout = qt.QHBoxLayout()
    layout.addWidget(wide, 1)
    for each in others:
        layout.addWidget(each)
    return layout


def sentence(text: str = "") -> Label:
    """A paragraph that wraps, can be copied, and whose links open in the browser."""
    label = qt.QLabel(text)
    label.wordWrap = True
    label.openExternalLinks = True
    label.setTextInteractionFlags(qt.Qt.TextBrowserInteraction)
    return label


def fact() -> Label:
    """A paragraph for what came from elsewhere, which is never taken for HTML."""
    label = sentence()
    label.setTextFormat(qt.Qt.PlainText)
    return label


def problem() -> Label:
    """A paragraph for what went wrong, hidden while nothing has; ``showProblem`` fills it."""
    label = fact()
    label.visible = False
    return label


def showProblem(label: Label, text: str) -> None:
    """Show one sentence, or nothing."""
    label.setText(f"⚠ {text}" if text else "")
    label.visible = bool(text)


def textBox(title: str, height: int) -> TextBox:
    """Lines of text to read and copy, about so many pixels high; the title is for screen readers."""
    box = qt.QPlainTextEdit()
    box.accessibleName = title
    box.readOnly = True
    box.setLineWrapMode(qt.QPlainTextEdit.NoWrap)
    box.setFixedHeight(height)
    return box
