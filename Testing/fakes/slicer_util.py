"""The parts of ``slicer.util`` that show something: put on record. The rest is slicer-core's own."""

import contextlib
import logging

import slicer
import slicer.util

from .journal import JOURNAL

MESSAGES = {
    "errorDisplay": ("error", logging.ERROR, None),
    "warningDisplay": ("warning", logging.WARNING, None),
    "infoDisplay": ("info", logging.INFO, None),
    "messageBox": ("info", logging.INFO, None),
    "confirmOkCancelDisplay": ("confirm", logging.INFO, True),
    "confirmYesNoDisplay": ("confirm", logging.INFO, True),
    "confirmRetryCloseDisplay": ("confirm", logging.ERROR, True),
}


def replaceWhatShows():
    """Change ``slicer.util`` in place, so that its other functions use the recorders too."""
    for name, (kind, level, default) in MESSAGES.items():
        setattr(slicer.util, name, _recorder(kind, level, default))
    for replacement in (mainWindow, showStatusMessage, delayDisplay, pip_install, pip_uninstall):
        setattr(slicer.util, replacement.__name__, replacement)
    slicer.util.selectModule = lambda module: JOURNAL.ask("selectModule", str(module), None)
    slicer.util.RenderBlocker = contextlib.nullcontext


def _recorder(kind: str, level: int, default):
    def show(text, windowTitle=None, parent=None, **_):
        logging.log(level, text)
        return JOURNAL.ask(kind, text, default, windowTitle or "")

    return show


def mainWindow():
    """None without one."""
    return slicer.app.mainWindow()


def showStatusMessage(message, duration=0):
    JOURNAL.statusMessages.append(message)


def delayDisplay(message, *_, **__):
    JOURNAL.statusMessages.append(message)


def pip_install(requirements, **_):
    JOURNAL.pipRequests.append(("pip_install", str(requirements)))


def pip_uninstall(requirements, **_):
    JOURNAL.pipRequests.append(("pip_uninstall", str(requirements)))
