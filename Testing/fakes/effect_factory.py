"""The registry of effects, and the base class that effects in Python derive from."""

import types

import qt
import slicer
from PySide6 import QtCore

from .journal import JOURNAL


class qSlicerSegmentEditorEffectFactory(qt.QObject):
    """Keeps one prototype of each effect; editors clone them."""

    effectRegistered = QtCore.Signal(str)
    _instance = None

    def __init__(self):
        super().__init__()
        self._prototypes = []

    @classmethod
    def instance(cls):
        if cls._instance is None:
            cls._instance = cls()
        return cls._instance

    def registerEffect(self, effect) -> bool:
        """A second effect of the same name is refused without a word."""
        if not effect.name:
            JOURNAL.critical("Segment editor effect cannot be registered with empty name!")
            return False
        if any(each.name == effect.name for each in self._prototypes):
            return False
        self._prototypes.append(effect)
        self.effectRegistered.emit(effect.name)
        return True

    def registeredEffects(self) -> list:
        return list(self._prototypes)

    def copyEffects(self, effects: list) -> list:
        """Append a clone of each prototype that is not in the list yet; returns the clones."""
        names = {each.name for each in effects}
        clones = [each.clone() for each in self._prototypes if each.name not in names]
        clones = [each for each in clones if each is not None]
        effects.extend(clones)
        return clones

    def clear(self):
        """Forget every effect: for the next test."""
        self._prototypes.clear()


class AbstractScriptedSegmentEditorEffect:
    """Base class of the effects in Python; coordinates as lists."""

    def __init__(self, scriptedEffect):
        self.scriptedEffect = scriptedEffect

    def register(self):
        slicer.qSlicerSegmentEditorEffectFactory.instance().registerEffect(self.scriptedEffect)

    def cleanup(self):
        pass

    def rasToXy(self, ras, viewWidget) -> list[int]:
        point = self.scriptedEffect.rasToXy(qt.QVector3D(*ras), viewWidget)
        return [point.x(), point.y()]

    def xyzToRas(self, xyz, viewWidget) -> list[float]:
        return _list(self.scriptedEffect.xyzToRas(qt.QVector3D(*xyz), viewWidget))

    def xyToRas(self, xy, viewWidget) -> list[float]:
        return _list(self.scriptedEffect.xyToRas(qt.QPoint(*xy), viewWidget))

    def xyzToIjk(self, xyz, viewWidget, image, parentTransformNode=None) -> list[int]:
        vector = self.scriptedEffect.xyzToIjk(qt.QVector3D(*xyz), viewWidget, image, parentTransformNode)
        return [int(each) for each in _list(vector)]

    def xyToIjk(self, xy, viewWidget, image, parentTransformNode=None) -> list[int]:
        vector = self.scriptedEffect.xyToIjk(qt.QPoint(*xy), viewWidget, image, parentTransformNode)
        return [int(each) for each in _list(vector)]


def _list(vector) -> list[float]:
    return [vector.x(), vector.y(), vector.z()]


def makeModule() -> types.ModuleType:
    """The package ``SegmentEditorEffects``."""
    module = types.ModuleType("SegmentEditorEffects")
    module.AbstractScriptedSegmentEditorEffect = AbstractScriptedSegmentEditorEffect
    module.__all__ = ["AbstractScriptedSegmentEditorEffect"]
    return module
