"""PythonQt's ``connect("clicked()", function)`` on PySide6's objects.

As in PythonQt a function gets no more arguments than it takes, what it raises is printed and forgotten,
and an unknown signal is only complained about.
"""

import inspect
from functools import partial

from PySide6 import QtCore
from shiboken6 import Shiboken

from . import pythonqt_attributes
from .journal import JOURNAL

CONNECTIONS = "_connectionsOfPythonQt"
connectInQt = QtCore.QObject.connect
disconnectInQt = QtCore.QObject.disconnect


def className(self) -> str:
    """The name of the object's class in C++ (in the tests: or of its class in Python)."""
    return self.metaObject().className()


def connect(self, signal: str, receiver, slot: str | None = None) -> bool:
    """Connect a signal given as ``"valueChanged(int)"`` to a function, or to another object's slot."""
    if not _exists(self, signal):
        return False
    if slot is not None:
        return bool(connectInQt(self, QtCore.SIGNAL(signal), receiver, QtCore.SLOT(slot)))
    handle = connectInQt(self, QtCore.SIGNAL(signal), _deliverer(signal, receiver))
    _connections(self).append((_normalized(signal), receiver, handle))
    return bool(handle)


def disconnect(self, signal: str, receiver=None) -> bool:
    """Undo one connection to the function, or all of the signal."""
    if not _exists(self, signal):
        return False
    known = _connections(self)
    for entry in list(known):
        name, function, handle = entry
        if name == _normalized(signal) and (receiver is None or function == receiver):
            disconnectInQt(handle)
            known.remove(entry)
            if receiver is not None:
                return True
    return receiver is None


def _exists(sender, signal: str) -> bool:
    if sender.metaObject().indexOfSignal(_normalized(signal)) >= 0:
        return True
    JOURNAL.critical(f"PythonQt: signal '{signal}' does not exist on {sender.className()}")
    return False


def _normalized(signal: str) -> str:
    normalized = QtCore.QMetaObject.normalizedSignature(signal)
    return bytes(normalized).decode() if not isinstance(normalized, str) else normalized


def _connections(sender) -> list:
    try:
        return object.__getattribute__(sender, CONNECTIONS)
    except AttributeError:
        Shiboken.Object.__setattr__(sender, CONNECTIONS, [])
        return object.__getattribute__(sender, CONNECTIONS)


def _deliverer(signal: str, function):
    """Make what Qt calls; it counts its arguments by the signature, so there is one for each number."""
    inside = signal[signal.index("(") + 1 : signal.rindex(")")].strip()
    number = len(inside.split(",")) if inside else 0
    deliver = partial(_deliver, function, _taken(function))
    return [
        lambda: deliver(),
        lambda a: deliver(a),
        lambda a, b: deliver(a, b),
        lambda a, b, c: deliver(a, b, c),
    ][number]


def _taken(function) -> int | None:
    """Tell how many arguments a Python function takes at most; None: any number."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is None or code.co_flags & inspect.CO_VARARGS:
        return None
    return code.co_argcount - inspect.ismethod(function)


def _deliver(function, taken, *arguments):
    try:
        function(*arguments[:taken])
    except Exception as exception:
        JOURNAL.swallow(exception)


pythonqt_attributes.METHODS.update(connect=connect, disconnect=disconnect, className=className)
