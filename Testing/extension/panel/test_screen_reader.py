"""The module's panel can be used with a screen reader."""

import ctk
import qt


def test_every_control_of_the_panel_has_a_name(aPanel):
    for each in aPanel.widget.findChildren(ctk.ctkCollapsibleButton):
        each.collapsed = False
    aPanel.server._away.checked = True
    parts = (qt.QAbstractSpinBox, qt.QComboBox, qt.QAbstractItemView)
    controls = [
        each
        for each in aPanel.widget.findChildren(qt.QWidget)
        if each.focusPolicy != qt.Qt.NoFocus
        and aPanel.widget.isAncestorOf(each)  # not the list that a choice opens
        and not isinstance(each, qt.QLabel)  # what they say is their name
        and not isinstance(each.parentWidget(), parts)
    ]
    assert len(controls) > 15
    nameless = [each.objectName or each.className() for each in controls if not nameOf(each)]
    assert nameless == []


def nameOf(control) -> str:
    """What a screen reader says."""
    return qt.QAccessible.queryAccessibleInterface(control).text(qt.QAccessible.Name).strip(" :")
