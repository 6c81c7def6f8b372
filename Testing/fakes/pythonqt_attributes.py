"""PythonQt's attributes on PySide6's objects: a Qt property is read and written as an attribute.

``button.text`` is a string and ``button.text = "Go"`` sets it, where plain PySide6 would give a method
and hide it. PySide6's own classes are changed in place, so that objects made by Qt itself (the action
of a menu, the button of a dialog) speak the dialect too.

The order of looking is PythonQt's: what a Python class defines, then properties, then methods and
signals, then dynamic properties, then children by name. Writing: properties first; methods and signals
cannot be overwritten; objects of Qt's own classes take no new attributes, those of derived ones do.
"""

from functools import cache
from types import MethodType

from PySide6 import QtCore
from shiboken6 import Shiboken

readAttribute = QtCore.QObject.__getattribute__
writeAttribute = Shiboken.Object.__setattr__

CONVERTERS = {"int": int, "uint": int, "bool": bool, "double": float, "float": float, "QString": str}

# Methods that PythonQt adds to every object. PySide6 looks up its own ``connect`` before the class's.
METHODS = {}

# Properties being read: Qt asks for a method of the same name on the way, to see if Python overrides it.
_beingRead = set()


def speakPythonQt(qtClass: type):
    """Change one of PySide6's classes derived from QObject."""
    qtClass.__getattribute__ = _get
    qtClass.__setattr__ = _set


def isQtsOwn(someClass: type) -> bool:
    """Whether a class comes with PySide6 rather than being derived from it in Python."""
    return someClass.__module__.startswith(("PySide6.", "Shiboken"))


@cache
def propertiesOf(someClass: type) -> dict:
    """Qt's properties of a class by name."""
    about = someClass.staticMetaObject
    numbered = (about.property(number) for number in range(about.propertyCount()))
    return {each.name(): each for each in numbered}


@cache
def definedInPython(someClass: type) -> frozenset:
    """Names that the classes derived in Python define."""
    derived = (each for each in someClass.__mro__ if not isQtsOwn(each) and each is not object)
    return frozenset(name for each in derived for name in vars(each))


@cache
def qtClassOf(someClass: type) -> type:
    """The nearest of Qt's own classes."""
    return next(each for each in someClass.__mro__ if isQtsOwn(each))


def _get(self, name):
    if name.startswith("__"):
        return readAttribute(self, name)
    if name in METHODS:
        return MethodType(METHODS[name], self)
    kind = type(self)
    reading = (id(self), name)
    if name in propertiesOf(kind) and name not in definedInPython(kind) and reading not in _beingRead:
        if name in readAttribute(self, "__dict__"):
            return readAttribute(self, name)
        _beingRead.add(reading)
        try:
            return readProperty(self, name)
        finally:
            _beingRead.discard(reading)
    try:
        return readAttribute(self, name)
    except AttributeError as error:
        return _dynamicPropertyOrChild(self, name, error)


def readProperty(target, name):
    """Read through the getter where there is one: it gives Python's types, QVariant sometimes not."""
    about = qtClassOf(type(target))
    capitalized = name[0].upper() + name[1:]
    for getter in (name, "is" + capitalized):
        if callable(getattr(about, getter, None)):
            return readAttribute(target, getter)()
    return QtCore.QObject.property(target, name)


def _dynamicPropertyOrChild(self, name, error):
    if name.encode() in self.dynamicPropertyNames():
        return QtCore.QObject.property(self, name)
    for child in self.children():
        if child.objectName == name:
            return child
    raise error


def _set(self, name, value):
    kind = type(self)
    if name in definedInPython(kind):
        writeAttribute(self, name, value)
    elif name in propertiesOf(kind):
        _writeProperty(self, name, value)
    elif hasattr(qtClassOf(kind), name):
        raise AttributeError(f"Slot or signal '{name}' can not be overwritten on {kind.__name__} object")
    elif name.encode() in self.dynamicPropertyNames():
        self.setProperty(name, value)
    elif isQtsOwn(kind):
        message = f"'{name}' does not exist on {kind.__name__} and creating new attributes on C++ objects"
        raise AttributeError(message + " is not allowed")
    else:
        writeAttribute(self, name, value)


def _writeProperty(self, name, value):
    about = propertiesOf(type(self))[name]
    if not about.isWritable():
        raise AttributeError(f"Property '{name}' of {type(self).__name__} object is not writable")
    setter = "set" + name[0].upper() + name[1:]
    try:
        value = CONVERTERS.get(about.typeName(), lambda same: same)(value)
        if hasattr(qtClassOf(type(self)), setter):
            readAttribute(self, setter)(value)
        elif not self.setProperty(name, value):
            raise TypeError
    except (TypeError, ValueError):
        message = f"Property '{name}' of type '{about.typeName()}' does not accept {value!r}"
        raise AttributeError(message) from None
