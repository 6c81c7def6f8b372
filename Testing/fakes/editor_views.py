"""How the Segment Editor listens to the views and hands their events to the active effect."""

import slicer
import vtk

EVENTS = (
    "LeftButtonPressEvent",
    "LeftButtonReleaseEvent",
    "LeftButtonDoubleClickEvent",
    "RightButtonPressEvent",
    "RightButtonReleaseEvent",
    "RightButtonDoubleClickEvent",
    "MiddleButtonPressEvent",
    "MiddleButtonReleaseEvent",
    "MiddleButtonDoubleClickEvent",
    "MouseMoveEvent",
    "MouseWheelForwardEvent",
    "MouseWheelBackwardEvent",
    "MouseWheelLeftEvent",
    "MouseWheelRightEvent",
    "KeyPressEvent",
    "KeyReleaseEvent",
    "EnterEvent",
    "LeaveEvent",
)
BEFORE_OTHERS = 1.0


class EditorViews:
    """Mixin of the editor: observers of interactors and slice nodes."""

    def setupViewObservations(self):
        self.removeViewObservations()
        for widget in self._displayingViews():
            interactor = widget.sliceView().interactorStyle().GetInteractor()
            for event in EVENTS:
                self._observeInteractor(interactor, event, widget)
            self._observeNode(widget)
        self._viewsObserved = True

    def removeViewObservations(self):
        for observed, tag in self._viewObservations:
            observed.RemoveObserver(tag)
        self._viewObservations.clear()
        self._viewsObserved = False

    def _displayingViews(self):
        layout = slicer.app.layoutManager()
        widgets = (layout.sliceWidget(name) for name in layout.sliceViewNames())
        return [each for each in widgets if self._logic.IsSegmentationDisplayableInView(each.mrmlSliceNode())]

    def _observeInteractor(self, interactor, event, widget):
        number = getattr(vtk.vtkCommand, event)

        def pass_(caller, _):
            if self._hears() and self._activeEffect.processInteractionEvents(caller, number, widget):
                caller.GetCommand(tag).SetAbortFlag(1)

        tag = interactor.AddObserver(event, pass_, BEFORE_OTHERS)
        self._viewObservations.append((interactor, tag))

    def _observeNode(self, widget):
        node = widget.mrmlSliceNode()

        def pass_(caller, _):
            if self._hears():
                self._activeEffect.processViewNodeEvents(caller, vtk.vtkCommand.ModifiedEvent, widget)

        tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, pass_, BEFORE_OTHERS)
        self._viewObservations.append((node, tag))

    def _hears(self) -> bool:
        closing = self._scene is None or self._scene.IsClosing()
        return not closing and self._node is not None and self._activeEffect is not None

    def onLayoutChanged(self, _index: int = -1):
        """Other views: observe those, show the volume there, tell all effects."""
        if not self._viewsObserved:
            return
        self.setupViewObservations()
        self._showSourceVolume()
        for effect in self._effects:
            effect.layoutChanged()

    def _showSourceVolume(self):
        volume = self._logic.GetSourceVolumeNode()
        if volume is not None:
            slicer.app.layoutManager().show(volume)

    def _setCursor(self, effect):
        """Asks for the cursor twice in each view, as Slicer does."""
        for widget in self._displayingViews():
            view = widget.sliceView()
            for put in (view.setViewCursor, view.setDefaultViewCursor):
                shows = effect is not None and effect.showEffectCursorInSliceView
                put(effect.createCursor(widget) if shows else _arrow())


def _arrow():
    import qt

    return qt.QCursor()
