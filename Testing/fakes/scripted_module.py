"""Scripted modules: the base classes, and a loader in place of Slicer's module factory."""

import importlib.util
import os
import sys
import types
import unittest
from pathlib import Path

import qt
import slicer


class ScriptedLoadableModule:
    """The module object: who it is. ``parent`` holds what Slicer shows."""

    def __init__(self, parent):
        self.parent = parent
        self.moduleName = type(self).__name__
        parent.title, parent.categories, parent.dependencies, parent.contributors = "", [], [], []

    def resourcePath(self, filename: str) -> str:
        return os.path.join(os.path.dirname(self.parent.path), "Resources", filename)

    def getDefaultModuleDocumentationLink(self, docPage=None) -> str:
        return f'<p><a href="{slicer.app.moduleDocumentationUrl(docPage or self.moduleName)}">Help</a></p>'


class ScriptedLoadableModuleWidget:
    """The panel."""

    def __init__(self, parent=None):
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.developerMode = False
        self.parent = parent or qMRMLWidget()
        if not parent:
            self.parent.setLayout(qt.QVBoxLayout())
        self.layout = self.parent.layout()
        if not parent:
            self.setup()

    def resourcePath(self, filename: str) -> str:
        return os.path.join(os.path.dirname(slicer.util.modulePath(self.moduleName)), "Resources", filename)

    def setup(self):
        pass

    def cleanup(self):
        pass


class ScriptedLoadableModuleLogic:
    """What the panel does, without the panel."""

    def __init__(self, parent=None):
        self.moduleName = type(self).__name__.removesuffix("Logic")
        self.isSingletonParameterNode = True

    def getParameterNode(self):
        """The module's one parameter node, made when absent."""
        found = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        return found or self.createParameterNode()

    def createParameterNode(self):
        node = slicer.vtkMRMLScriptedModuleNode()
        node.SetSingletonTag(self.moduleName)
        node.SetModuleName(self.moduleName)
        node.SetAttribute("ModuleName", self.moduleName)
        return slicer.mrmlScene.AddNode(node)


class ScriptedLoadableModuleTest(unittest.TestCase):
    """The module's self-test."""

    def __init__(self, *arguments):
        super().__init__(*arguments or ("runTest",))

    def delayDisplay(self, message, *_, **__):
        slicer.util.delayDisplay(message)

    def runTest(self):
        pass


class qMRMLWidget(qt.QWidget):
    """A widget that knows the scene."""

    def setMRMLScene(self, scene):
        self._scene = scene

    def mrmlScene(self):
        return getattr(self, "_scene", slicer.mrmlScene)


class LoadedModule:
    """``slicer.modules.<name>``: the C++ side of a scripted module, from its file."""

    def __init__(self, path):
        self.path = str(path)
        self.name = Path(path).stem
        self.hidden = False
        self.isEntered = False
        self.icon = None
        self.title = self.helpText = self.acknowledgementText = ""
        self._widget = None
        self._python = self._load()
        self._self = getattr(self._python, self.name)(self)
        setattr(slicer.modules, self.name.lower(), self)

    def _load(self):
        """Slicer puts the module's folder on the path, then runs the file."""
        folder = os.path.dirname(self.path)
        if folder not in sys.path:
            sys.path.append(folder)
        spec = importlib.util.spec_from_file_location(self.name, self.path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[self.name] = module
        spec.loader.exec_module(module)
        return module

    def self(self):
        """The Python object."""
        return self._self

    def widgetRepresentation(self):
        """The panel's widget, built at the first call; ``.self()`` is the Python object."""
        if self._widget is None:
            self._widget = qMRMLWidget()
            self._widget.setLayout(qt.QVBoxLayout())
            panel = getattr(self._python, self.name + "Widget")(self._widget)
            self._widget.self = lambda: panel
            panel.setup()
        return self._widget

    def createNewWidgetRepresentation(self):
        self._widget = None
        return self.widgetRepresentation()

    def unload(self):
        """What happens to the panel when Slicer quits."""
        if self._widget is not None:
            self._widget.self().cleanup()
            self._widget.deleteLater()
            self._widget = None


def makeModule() -> types.ModuleType:
    """The module ``slicer.ScriptedLoadableModule``, to be imported from with ``*``."""
    module = types.ModuleType("slicer.ScriptedLoadableModule")
    bases = (
        ScriptedLoadableModule,
        ScriptedLoadableModuleWidget,
        ScriptedLoadableModuleLogic,
        ScriptedLoadableModuleTest,
    )
    for each in bases:
        setattr(module, each.__name__, each)
    module.__all__ = [each.__name__ for each in bases]
    return module
