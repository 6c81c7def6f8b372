"""The module ``qt``: all of PySide6's core, GUI and widgets in one namespace, speaking PythonQt."""

import ctypes
import types

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

from . import (
    pythonqt_attributes,
    pythonqt_signals,  # noqa: F401  (adds connect and disconnect)
    qt_dialogs,
)
from .clock import CLOCK
from .qt_settings import QSettings
from .qt_shortcut import QShortcut
from .qt_timer import QTimer

REPLACED = (QSettings, QShortcut, QTimer)
# PySide6's own way to define signals in Python, which PythonQt has not.
UNKNOWN_TO_PYTHONQT = ("Signal", "Slot", "Property", "ClassInfo", "SIGNAL", "SLOT")
PLENTY_OF_EMITS = 200_000
application = None


def makeModule() -> types.ModuleType:
    """Change PySide6's classes and collect them; starts the one QApplication."""
    module = types.ModuleType("qt", __doc__)
    for part in (QtCore, QtGui, QtWidgets, QtUiTools):
        for name in dir(part):
            if not name.startswith("_") and name not in UNKNOWN_TO_PYTHONQT:
                setattr(module, name, getattr(part, name))
    for each in list(vars(module).values()):
        if isinstance(each, type) and issubclass(each, QtCore.QObject):
            pythonqt_attributes.speakPythonQt(each)
    qt_dialogs.answerFromJournal()
    for each in REPLACED:
        setattr(module, each.__name__, each)
    keepSingletonsAlive()
    startApplication()
    return module


def keepSingletonsAlive():
    """PySide6 gives away references to True and None that it does not own (6.12; Python below 3.12).

    After some hundred calls Python would end on it.
    """
    for _ in range(PLENTY_OF_EMITS):
        for each in (True, False, None):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(each))


def startApplication():
    """Qt draws nothing without its application."""
    global application
    application = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["Slicer"])
    CLOCK.afterTurning.append(deleteWhatIsDue)


def deleteWhatIsDue():
    """Carry out ``deleteLater``, which waits for the event loop."""
    deferred = QtCore.QEvent.Type.DeferredDelete
    QtCore.QCoreApplication.sendPostedEvents(None, deferred.value)
