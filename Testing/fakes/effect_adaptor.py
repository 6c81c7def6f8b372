"""``scriptedEffect``: the C++ object between the Segment Editor and an effect written in Python."""

import importlib.util
import os
import sys

import qt
import slicer

from . import effect_modes
from .effect_parameters import EffectParameters
from .effect_segments import EffectSegments
from .effect_views import EffectViews
from .journal import JOURNAL

# The Python methods that C++ looks up by name; a test holds them against the list in the notes on Slicer.
METHODS = (
    "icon",
    "helpText",
    "clone",
    "activate",
    "deactivate",
    "setupOptionsFrame",
    "createCursor",
    "processInteractionEvents",
    "processViewNodeEvents",
    "setMRMLDefaults",
    "referenceGeometryChanged",
    "sourceVolumeNodeChanged",
    "masterVolumeNodeChanged",
    "layoutChanged",
    "interactionNodeModified",
    "updateGUIFromMRML",
    "updateMRMLFromGUI",
    "cleanup",
)

# What a call gives when the method is missing or has raised.
FAILED = object()


class qSlicerSegmentEditorAbstractEffect(EffectParameters, EffectSegments, EffectViews):
    """What every effect can do; what Python effects call through ``self.scriptedEffect``."""

    ModificationModeSet = effect_modes.ModificationModeSet
    ModificationModeAdd = effect_modes.ModificationModeAdd
    ModificationModeRemove = effect_modes.ModificationModeRemove
    ModificationModeRemoveAll = effect_modes.ModificationModeRemoveAll
    NotConfirmed = effect_modes.NotConfirmed
    ConfirmedWithoutDialog = effect_modes.ConfirmedWithoutDialog
    ConfirmedWithDialog = effect_modes.ConfirmedWithDialog

    def __init__(self, parent=None):
        self.name = "UnnamedScriptedEffect"
        self.perSegment = self.requireSegments = True
        self.showEffectCursorInSliceView = True
        self.showEffectCursorInThreeDView = False
        self._title = ""
        self._active = False
        self._node = self._logic = self._editor = self._confirmedHidden = None
        self._frame = qt.QFrame()
        layout = qt.QFormLayout(self._frame)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(4)

    @property
    def title(self) -> str:
        """The name where none was set."""
        return self._title or self.name

    @title.setter
    def title(self, title: str):
        self._title = title

    def attach(self, editor, logic):
        """The editor's part: where requests go. Not part of Slicer's interface."""
        self._editor, self._logic = editor, logic

    def active(self) -> bool:
        return self._active

    def parameterSetNode(self):
        return self._node

    def setParameterSetNode(self, node):
        self._node = node

    def scene(self):
        return self._node.GetScene() if self._node else None

    def selectEffect(self, name: str):
        self._editor.setActiveEffectByName(name)

    def optionsFrame(self):
        return self._frame

    def optionsLayout(self):
        return self._frame.layout()

    def addOptionsWidget(self, widgetOrLayout):
        self._stretch(widgetOrLayout)
        self.optionsLayout().addRow(widgetOrLayout)

    def addLabeledOptionsWidget(self, text: str, widgetOrLayout):
        """Returns the label."""
        self._stretch(widgetOrLayout)
        label = qt.QLabel(text)
        self.optionsLayout().addRow(label, widgetOrLayout)
        return label

    @staticmethod
    def _stretch(widgetOrLayout):
        if isinstance(widgetOrLayout, qt.QWidget):
            widgetOrLayout.setSizePolicy(qt.QSizePolicy.Preferred, qt.QSizePolicy.MinimumExpanding)


class qSlicerSegmentEditorScriptedEffect(qSlicerSegmentEditorAbstractEffect):
    """Finds the Python class, calls its methods by name, and does the default where that fails."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._python = None
        self._methods = {}
        self._source = ""

    def pythonSource(self) -> str:
        return self._source

    def setPythonSource(self, path: str) -> bool:
        """Take ``<module>/<Class>.py``: the folder's name is the module's, the file's is the class's."""
        if not path.endswith((".py", ".pyc")):
            return False
        module = os.path.basename(os.path.dirname(path))
        className = os.path.splitext(os.path.basename(path))[0]
        className += "" if className.endswith("Effect") else "Effect"
        try:
            self._python = _findClass(module, className, path)(self)
        except Exception as exception:
            JOURNAL.swallow(exception)
            JOURNAL.critical(f"Failed to instantiate scripted effect {className}")
            return False
        # Bound now and never looked up again: what is replaced on the object later is not called.
        self._methods = {name: getattr(self._python, name) for name in METHODS if hasattr(self._python, name)}
        self._source = path
        setattr(slicer, module, self._python)
        return True

    def self(self):
        """The Python object."""
        return self._python

    def _call(self, name: str, *arguments):
        if name not in self._methods:
            return FAILED
        try:
            return self._methods[name](*arguments)
        except Exception as exception:
            JOURNAL.swallow(exception)
            return FAILED

    # What the editor calls, each with what C++ does before, or instead when Python fails.

    def clone(self):
        cloned = self._call("clone")
        if not isinstance(cloned, qSlicerSegmentEditorAbstractEffect):
            JOURNAL.critical(f"{self._source}: clone: Invalid cloned effect object returned from python!")
            return None
        return cloned

    def icon(self):
        icon = self._call("icon")
        return icon if isinstance(icon, qt.QIcon) else qt.QIcon()

    def helpText(self) -> str:
        text = self._call("helpText")
        if text is not FAILED and not isinstance(text, str):
            JOURNAL.critical(f"{self._source}: Function 'helpText' is expected to return a string!")
        return text if isinstance(text, str) else ""

    def activate(self):
        self._frame.setVisible(True)
        self._active = True
        self.updateGUIFromMRML()
        self._call("activate")

    def deactivate(self):
        self._frame.setVisible(False)
        self._active = False
        self._call("deactivate")

    def updateGUIFromMRML(self):
        if self._active:
            self._call("updateGUIFromMRML")

    def createCursor(self, viewWidget):
        cursor = self._call("createCursor", viewWidget)
        return cursor if isinstance(cursor, qt.QCursor) else qt.QCursor()

    def processInteractionEvents(self, interactor, eventId: int, viewWidget) -> bool:
        result = self._call("processInteractionEvents", interactor, eventId, viewWidget)
        if result is not FAILED and not isinstance(result, bool):
            JOURNAL.critical("function 'processInteractionEvents' is expected to return a boolean")
        return result is True

    def processViewNodeEvents(self, viewNode, eventId: int, viewWidget):
        self._call("processViewNodeEvents", viewNode, eventId, viewWidget)

    def interactionNodeModified(self, interactionNode):
        """By default the effect ends when the user starts to place something."""
        if self._call("interactionNodeModified", interactionNode) is not FAILED:
            return
        if interactionNode.GetCurrentInteractionMode() != interactionNode.ViewTransform:
            self.selectEffect("")


def _passOn(name: str):
    """A method that does nothing in C++."""

    def passOn(self):
        self._call(name)

    passOn.__name__ = name
    return passOn


for _name in (
    "setupOptionsFrame",
    "setMRMLDefaults",
    "referenceGeometryChanged",
    "sourceVolumeNodeChanged",
    "masterVolumeNodeChanged",
    "layoutChanged",
    "updateMRMLFromGUI",
    "cleanup",
):
    setattr(qSlicerSegmentEditorScriptedEffect, _name, _passOn(_name))


def _findClass(module: str, className: str, path: str) -> type:
    """Look in the loaded module of that name first; else load the file under it, as no package."""
    if not hasattr(sys.modules.get(module), className):
        spec = importlib.util.spec_from_file_location(module, path)
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[module] = loaded
        spec.loader.exec_module(loaded)
    return getattr(sys.modules[module], className)
