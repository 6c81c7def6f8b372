"""``slicer.app``: one application for each test, over a real scene and real module logics."""

import slicer
from PySide6 import QtCore, QtWidgets

from .qt_dialogs import forbidProcessEvents
from .qt_settings import QSettings
from .slice_layout import SliceLayout
from .subject_hierarchy import SubjectHierarchy
from .translation import translate


class ModuleManager(QtCore.QObject):
    """What ScriptedLoadableModuleWidget connects to."""

    moduleAboutToBeUnloaded = QtCore.Signal(str)


class Application(QtCore.QObject):
    """The part of qSlicerApplication that modules use."""

    startupCompleted = QtCore.Signal()
    aboutToQuit = QtCore.Signal()
    lastWindowClosed = QtCore.Signal()

    applicationVersion = "5.10.0"
    majorVersion, minorVersion = 5, 10
    documentationBaseUrl = "https://slicer.readthedocs.io/en/latest/"
    arguments = ()

    def __init__(self):
        super().__init__()
        self.pausedRenders = 0
        self._scene = slicer.vtkMRMLScene()
        self._logic = slicer.vtkSlicerApplicationLogic()
        self._logic.SetMRMLScene(self._scene)
        self._logic.GetColorLogic().SetMRMLScene(self._scene)
        self._logic.GetColorLogic().AddDefaultColorNodes()
        self._moduleLogics = self._startModuleLogics()
        self._hierarchy = SubjectHierarchy(self._scene)
        self._moduleManager = ModuleManager()
        self._mainWindow = QtWidgets.QMainWindow()
        self._mainWindow.setObjectName("qSlicerMainWindow")
        self._layout = SliceLayout(self._scene, self._logic)

    def _startModuleLogics(self) -> dict:
        """By the module's name in ``slicer.modules``. The segmentations' registers the node classes."""
        logics = {
            "segmentations": slicer.vtkSlicerSegmentationsModuleLogic(),
            "volumes": slicer.vtkSlicerVolumesLogic(),
            "sequences": slicer.vtkSlicerSequencesLogic(),
        }
        for logic in logics.values():
            logic.SetMRMLScene(self._scene)
            logic.SetMRMLApplicationLogic(self._logic)
        return logics

    def moduleLogics(self) -> dict:
        """Not part of Slicer's interface: for ``slicer.modules``."""
        return self._moduleLogics

    def close(self):
        """Drop the views and the scene. Not part of Slicer's interface."""
        self._layout.close()
        self._hierarchy.close()
        if self._mainWindow is not None:
            self._mainWindow.deleteLater()
        self._scene.Clear(1)

    # What follows is Slicer's interface.

    def mrmlScene(self):
        return self._scene

    def applicationLogic(self):
        return self._logic

    def layoutManager(self):
        return self._layout

    def mainWindow(self):
        """None after ``hideMainWindow``, as with --no-main-window."""
        return self._mainWindow

    def hideMainWindow(self):
        self._mainWindow.deleteLater()
        self._mainWindow = None

    def moduleManager(self):
        return self._moduleManager

    def settings(self):
        return QSettings()

    userSettings = settings
    revisionUserSettings = settings

    def testingEnabled(self) -> bool:
        """Always False: the product behaves as it does for people."""
        return False

    def processEvents(self, *_):
        forbidProcessEvents()

    def pauseRender(self):
        self.pausedRenders += 1

    def resumeRender(self):
        self.pausedRenders -= 1

    def translate(self, context: str, text: str) -> str:
        return translate(context, text)

    def topLevelWidgets(self):
        return QtWidgets.QApplication.topLevelWidgets()

    def moduleDocumentationUrl(self, moduleName: str) -> str:
        return f"{self.documentationBaseUrl}user_guide/modules/{moduleName.lower()}.html"
