"""Dialogs that would wait for the user: they are put on record and answered from ``JOURNAL.answers``."""

from PySide6 import QtCore, QtWidgets

from .journal import JOURNAL

QUESTIONS = ("question", "information", "warning", "critical")
FILES = ("getOpenFileName", "getOpenFileNames", "getSaveFileName", "getExistingDirectory")

# The fakes' own way to let Qt work; what the tests exercise must not use it.
workOffQtsEvents = QtCore.QCoreApplication.processEvents


def answerFromJournal():
    """Change the classes of dialogs, and forbid loops within the event loop."""
    QtWidgets.QDialog.exec = QtWidgets.QDialog.exec_ = _exec
    QtWidgets.QMessageBox.exec = QtWidgets.QMessageBox.exec_ = _exec
    QtWidgets.QMenu.exec = QtWidgets.QMenu.exec_ = lambda self, *_: JOURNAL.ask("menu", "", None)
    for name in QUESTIONS:
        setattr(QtWidgets.QMessageBox, name, staticmethod(_question(name)))
    for name in FILES:
        setattr(QtWidgets.QFileDialog, name, staticmethod(_file(name)))
    for owner in (QtCore.QCoreApplication, QtCore.QEventLoop):
        owner.processEvents = staticmethod(forbidProcessEvents)


def forbidProcessEvents(*_):
    """Whoever calls processEvents lets clicks and closing scenes in at a place that expects neither."""
    raise AssertionError("processEvents called: use a timer")


def _exec(dialog):
    text = dialog.text if isinstance(dialog, QtWidgets.QMessageBox) else dialog.windowTitle
    return JOURNAL.ask("dialog", text, int(QtWidgets.QDialog.DialogCode.Rejected))


def _question(kind: str):
    def ask(_parent, _title, text, *_):
        return JOURNAL.ask(kind, text, QtWidgets.QMessageBox.StandardButton.Ok)

    return ask


def _file(kind: str):
    def ask(_parent=None, title="", *_):
        return JOURNAL.ask("file", title, "")

    return ask
