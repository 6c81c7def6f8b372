"""What a user does in a slice view, in RAS millimetres, as events of a real VTK interactor."""

import itertools

import numpy as np
import vtk
from PySide6 import QtGui

from .qt_shortcut import pressShortcut

BUTTONS = ("Left", "Middle", "Right")
# VTK's names of keys where they differ from Qt's.
KEYS = {"Esc": "Escape", "Del": "Delete", "+": "plus", "-": "minus", " ": "space"}
ON_THE_SLICE = 1e-6


class SliceGestures:
    """Gestures on ``self.mrmlSliceNode()`` through ``self.sliceView().interactor()``.

    Each returns whether the active effect kept the event for itself, so that Slicer's own reaction
    (window/level, scrolling) would not happen.
    """

    def click(self, ras, button: str = "Left", **modifiers) -> bool:
        """Move there, press and release. Modifiers: ctrl, shift, alt."""
        self.moveTo(ras, **modifiers)
        kept = self._buttonEvent(f"{button}ButtonPressEvent", ras, modifiers)
        self._buttonEvent(f"{button}ButtonReleaseEvent", ras, modifiers)
        return kept

    def doubleClick(self, ras, **modifiers) -> bool:
        """As VTK reports it: press, release, double click, release."""
        self.click(ras, **modifiers)
        kept = self._buttonEvent("LeftButtonDoubleClickEvent", ras, modifiers)
        self._buttonEvent("LeftButtonReleaseEvent", ras, modifiers)
        return kept

    def drag(self, rasFrom, rasTo, steps: int = 4, button: str = "Left", **modifiers) -> bool:
        """Press, move in steps, release."""
        return self.draw([rasFrom, rasTo], steps, button, **modifiers)

    def draw(self, line, steps: int = 4, button: str = "Left", **modifiers) -> bool:
        """Press at the first point, move in steps to each of the others, release at the last."""
        kept = self.beginToDraw(line, steps, button, **modifiers)
        self._buttonEvent(f"{button}ButtonReleaseEvent", line[-1], modifiers)
        return kept

    def beginToDraw(self, line, steps: int = 4, button: str = "Left", **modifiers) -> bool:
        """Like ``draw``, with the button still down in the end."""
        points = [np.asarray(each, float) for each in line]
        self.moveTo(points[0], **modifiers)
        kept = self._buttonEvent(f"{button}ButtonPressEvent", points[0], modifiers)
        for begin, end in itertools.pairwise(points):
            for step in range(1, steps + 1):
                self._event("MouseMoveEvent", self.xyOf(begin + (end - begin) * step / steps), modifiers)
        return kept

    def release(self, button: str = "Left", **modifiers) -> bool:
        """Let go of a button where the mouse is."""
        return self._event(f"{button}ButtonReleaseEvent", None, modifiers)

    def pressButton(self, button: str = "Left", **modifiers) -> bool:
        """Press a button where the mouse is."""
        return self._event(f"{button}ButtonPressEvent", None, modifiers)

    def moveTo(self, ras, **modifiers) -> bool:
        """Scroll to the slice and move the mouse over it."""
        self.scrollTo(ras)
        return self._event("MouseMoveEvent", self.xyOf(ras), modifiers)

    def wheel(self, steps: int, **modifiers) -> bool:
        """Turn the wheel by one notch a step, forward if positive; unclaimed, it scrolls by a slice."""
        direction = "Forward" if steps > 0 else "Backward"
        kept = False
        for _ in range(abs(steps)):
            kept = self._event(f"MouseWheel{direction}Event", None, modifiers)
            if not kept:
                self._scrollBySlice(1 if steps > 0 else -1)
        return kept

    def press(self, key: str, ctrl: bool = False, shift: bool = False, alt: bool = False) -> bool:
        """Press a key over this view. Shortcuts come first and keep it from the view."""
        held = [name for name, down in (("Ctrl", ctrl), ("Shift", shift), ("Alt", alt)) if down]
        if pressShortcut("+".join([*held, key])):
            return True
        modifiers = {"ctrl": ctrl, "shift": shift, "alt": alt}
        kept = self._event("KeyPressEvent", None, modifiers, KEYS.get(key, key))
        self._event("KeyReleaseEvent", None, modifiers, KEYS.get(key, key))
        return kept

    def enter(self) -> bool:
        return self._event("EnterEvent", None, {})

    def leave(self) -> bool:
        return self._event("LeaveEvent", None, {})

    def scrollTo(self, ras):
        """Show the slice through a point; nothing happens where it is shown already."""
        if abs(self.depthOf(ras)) > ON_THE_SLICE:
            self.mrmlSliceNode().JumpSliceByOffsetting(*(float(each) for each in ras))

    def turn(self, degrees: float, axis: str):
        """Turn the slice about R, A or S through its centre: an oblique view."""
        node = self.mrmlSliceNode()
        turned = vtk.vtkTransform()
        turned.Concatenate(node.GetSliceToRAS())
        centre = turned.GetPosition()
        turned.PostMultiply()
        turned.Translate(*(-each for each in centre))
        turned.RotateWXYZ(degrees, *np.eye(3)["RAS".index(axis)])
        turned.Translate(*centre)
        node.GetSliceToRAS().DeepCopy(turned.GetMatrix())
        node.UpdateMatrices()

    def xyOf(self, ras) -> tuple[int, int]:
        """The nearest pixel of the view."""
        x, y, _ = self._fromRas(self.mrmlSliceNode().GetXYToRAS(), ras)
        return round(x), round(y)

    def rasOf(self, xy) -> np.ndarray:
        """The centre of a pixel, mm."""
        return np.array(self.mrmlSliceNode().GetXYToRAS().MultiplyPoint((*xy, 0, 1))[:3])

    def depthOf(self, ras) -> float:
        """How far above the slice a point lies, mm."""
        return self._fromRas(self.mrmlSliceNode().GetSliceToRAS(), ras)[2]

    def picture(self) -> QtGui.QImage:
        """Draw the view."""
        return self.sliceView().picture()

    @staticmethod
    def _fromRas(toRas, ras):
        inverse = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(toRas, inverse)
        return inverse.MultiplyPoint((*(float(each) for each in ras), 1.0))[:3]

    def _scrollBySlice(self, slices: int):
        spacing = self.sliceLogic().GetLowestVolumeSliceSpacing()[2]
        logic = self.sliceLogic()
        logic.SetSliceOffset(logic.GetSliceOffset() + slices * spacing)

    def _buttonEvent(self, name, ras, modifiers):
        return self._event(name, self.xyOf(ras), modifiers)

    def _event(self, name, xy, modifiers, keySym: str = "") -> bool:
        interactor = self.sliceView().interactor()
        xy = interactor.GetEventPosition() if xy is None else xy
        ctrl, shift = modifiers.get("ctrl", False), modifiers.get("shift", False)
        character = keySym if len(keySym) == 1 else "\0"
        interactor.SetEventInformation(*xy, int(ctrl), int(shift), character, 0, keySym)
        interactor.SetAltKey(int(modifiers.get("alt", False)))
        return bool(interactor.InvokeEvent(name))
