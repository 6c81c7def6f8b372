"""What Slicer itself does with the mouse in a slice view: the tools of its toolbar.

They come after the active effect, which may keep an event from them: placing a markup, and dragging for
window and level. Which tool is chosen, the application's interaction node says.
"""

import slicer

STEP = 2.0
"""Intensities for each pixel that window and level are dragged."""


class MouseTools:
    """Listens to one view's interactor as Slicer's displayable managers do."""

    def __init__(self, logic, interactor):
        self._logic, self._interactor = logic, interactor
        self._from = None
        for event, react in (
            ("LeftButtonPressEvent", self._onPress),
            ("MouseMoveEvent", self._onMove),
            ("LeftButtonReleaseEvent", self._onRelease),
        ):
            interactor.AddObserver(event, react)

    @property
    def _tool(self):
        return slicer.app.applicationLogic().GetInteractionNode()

    def _onPress(self, *_):
        if self._tool.GetCurrentInteractionMode() == self._tool.AdjustWindowLevel:
            self._from = self._interactor.GetEventPosition()

    def _onMove(self, *_):
        display = self._display()
        if self._from is None or display is None:
            return
        x, y = self._interactor.GetEventPosition()
        display.AutoWindowLevelOff()
        window, level = display.GetWindow(), display.GetLevel()
        display.SetWindowLevel(window + STEP * (x - self._from[0]), level + STEP * (y - self._from[1]))
        self._from = x, y

    def _onRelease(self, *_):
        self._from = None
        tool = self._tool
        if tool.GetCurrentInteractionMode() == tool.Place:
            self._place()
            if not tool.GetPlaceModePersistence():
                tool.SetCurrentInteractionMode(tool.ViewTransform)

    def _place(self):
        scene = slicer.mrmlScene
        markups = scene.GetFirstNodeByClass("vtkMRMLMarkupsFiducialNode")
        markups = markups or scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
        toRas = self._logic.GetSliceNode().GetXYToRAS()
        markups.AddControlPoint(*toRas.MultiplyPoint((*self._interactor.GetEventPosition(), 0, 1))[:3])

    def _display(self):
        volume = self._logic.GetBackgroundLayer().GetVolumeNode()
        return None if volume is None else volume.GetDisplayNode()
