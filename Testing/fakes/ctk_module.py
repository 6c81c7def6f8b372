"""The module ``ctk``: the few of CTK's widgets that panels like to use, on PySide6's."""

import types

import qt
from PySide6 import QtCore, QtWidgets

UNBOUNDED = 16777215
"""The height that Qt gives to widgets without a highest one."""


class ctkCollapsibleButton(QtWidgets.QWidget):
    """A button with a body below it that it folds away."""

    contentsCollapsed = QtCore.Signal(bool)

    def __init__(self, text="", parent=None):
        super().__init__(parent)
        self._text, self._collapsed = text, False

    @property
    def text(self) -> str:
        return self._text

    @text.setter
    def text(self, text):
        self._text = text
        self.update()

    @property
    def collapsed(self) -> bool:
        return self._collapsed

    @collapsed.setter
    def collapsed(self, collapsed):
        self._collapsed = bool(collapsed)
        for child in self.findChildren(QtWidgets.QWidget, options=qt.Qt.FindDirectChildrenOnly):
            child.setVisible(not self._collapsed)
        self.contentsCollapsed.emit(self._collapsed)

    def setLayout(self, layout):
        layout.setContentsMargins(4, self.fontMetrics().height() + 12, 4, 4)
        super().setLayout(layout)

    def paintEvent(self, event):
        painter = QtWidgets.QStylePainter(self)
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect.setHeight(self.fontMetrics().height() + 8)
        option.text = ("▸ " if self._collapsed else "▾ ") + self._text
        painter.drawControl(QtWidgets.QStyle.ControlElement.CE_PushButton, option)
        painter.end()


class _FoldingStyle(QtWidgets.QProxyStyle):
    """Draws an arrow where a group box has its tick."""

    def drawPrimitive(self, element, option, painter, widget=None):
        if element == QtWidgets.QStyle.PrimitiveElement.PE_IndicatorCheckBox:
            on = bool(option.state & QtWidgets.QStyle.StateFlag.State_On)
            arrows = QtWidgets.QStyle.PrimitiveElement
            element = arrows.PE_IndicatorArrowDown if on else arrows.PE_IndicatorArrowRight
        super().drawPrimitive(element, option, painter, widget)


class ctkCollapsibleGroupBox(QtWidgets.QGroupBox):
    """A group box whose tick is an arrow that folds its contents away."""

    COLLAPSED_HEIGHT = 14

    def __init__(self, parent=None):
        super().__init__(parent)
        self._style = _FoldingStyle()
        self.setStyle(self._style)
        self.setCheckable(True)
        self.toggled.connect(self._expand)

    @property
    def collapsed(self) -> bool:
        return not self.checked

    @collapsed.setter
    def collapsed(self, collapsed):
        self.setChecked(not collapsed)

    def _expand(self, isExpanded):
        for child in self.findChildren(QtWidgets.QWidget, options=qt.Qt.FindDirectChildrenOnly):
            child.setVisible(isExpanded)
        title = self.fontMetrics().height()
        self.setMaximumHeight(UNBOUNDED if isExpanded else title + self.COLLAPSED_HEIGHT)


class ctkSliderWidget(QtWidgets.QWidget):
    """A slider with a spin box for the same number."""

    valueChanged = QtCore.Signal(float)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._slider = QtWidgets.QSlider(qt.Qt.Horizontal)
        self._box = QtWidgets.QDoubleSpinBox()
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider, 1)
        layout.addWidget(self._box)
        self._slider.valueChanged.connect(self._slid)
        self._box.valueChanged.connect(self._typed)
        self._fit()

    def _fit(self):
        steps = round((self._box.maximum - self._box.minimum) / max(self._box.singleStep, 1e-9))
        was = self._slider.blockSignals(True)
        self._slider.setRange(0, steps)
        self._slider.setValue(round((self._box.value - self._box.minimum) / self._box.singleStep))
        self._slider.blockSignals(was)

    def _slid(self, step):
        self._box.setValue(self._box.minimum + step * self._box.singleStep)

    def _typed(self, value):
        self._fit()
        self.valueChanged.emit(value)


def _ofTheBox(name: str) -> property:
    """A property that the spin box has already."""

    def get(widget):
        return getattr(widget._box, name)

    def put(widget, value):
        setattr(widget._box, name, value)
        widget._fit()

    return property(get, put)


for _name in ("value", "minimum", "maximum", "singleStep", "decimals", "suffix", "prefix"):
    setattr(ctkSliderWidget, _name, _ofTheBox(_name))


class ctkPathLineEdit(QtWidgets.QLineEdit):
    """A path to type in."""

    currentPathChanged = QtCore.Signal(str)

    def __init__(self, parent=None):
        super().__init__(parent)
        self.textChanged.connect(self.currentPathChanged)

    @property
    def currentPath(self) -> str:
        return self.text

    @currentPath.setter
    def currentPath(self, path):
        self.text = path


def makeModule() -> types.ModuleType:
    """The module."""
    module = types.ModuleType("ctk", __doc__)
    for each in (ctkCollapsibleButton, ctkCollapsibleGroupBox, ctkSliderWidget, ctkPathLineEdit):
        setattr(module, each.__name__, each)
    return module
