"""The Segment Editor effect "MedSAM2": click seeds on a slice, see its mask, propagate it through the volume.

Only what Slicer calls. What the user does is in ``EffectActions``, what comes of it in ``EffectLogic``,
widgets in ``EffectOptions``, drawing in ``EffectViews``. They live while the effect is active.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import qt
import slicer
import vtk
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect
from slicer.i18n import tr as _

from .backend.BackendSettings import BackendSettings
from .effect.EffectShortcuts import EffectShortcuts, keysInWords
from .SlicerTypes import Cursor, Icon, Interactor, Labelmap, MRMLNode, ScriptedEffect, SliceWidget

if TYPE_CHECKING:
    from .effect.EffectActions import EffectActions
    from .effect.EffectDisplay import EffectDisplay
    from .effect.EffectOptions import EffectOptions
    from .effect.EffectViews import EffectViews
    from .effect.Pointing import Pointing
    from .logic.EffectLogic import EffectLogic
    from .logic.KeptReviews import KeptReviews
    from .logic.SegmentationObserver import SegmentationObserver

SLICE_WIDGET = "qMRMLSliceWidget"
STATUS_MILLISECONDS = 10_000
PASSING = (vtk.vtkCommand.MouseMoveEvent, vtk.vtkCommand.EnterEvent, vtk.vtkCommand.LeaveEvent)
"""Events of a view that the mouse crosses, perhaps on its way from another one to the panel."""


@dataclass(frozen=True)
class Activation:
    """What there is while the effect is active."""

    options: "EffectOptions"
    logic: "EffectLogic"
    views: "EffectViews"
    display: "EffectDisplay"
    actions: "EffectActions"
    observer: "SegmentationObserver"
    shortcuts: EffectShortcuts
    pointing: "Pointing"

    def close(self) -> None:
        """Leave no trace."""
        self.options.setActions(None)
        for part in (self.pointing, self.shortcuts, self.observer, self.display, self.views, self.logic):
            part.close()


class SegmentEditorEffect(AbstractScriptedSegmentEditorEffect):
    """Life cycle of the effect. Nothing is started or loaded before it is activated.

    Attributes:
        options: the widgets; None before the editor asks for them.
        active: None while the effect is not active.
    """

    def __init__(self, scriptedEffect: ScriptedEffect):
        scriptedEffect.name = "MedSAM2"  # stable; scripts select the effect by it
        scriptedEffect.title = _("MedSAM2")
        scriptedEffect.perSegment = True
        scriptedEffect.requireSegments = True
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
        self.options: EffectOptions | None = None
        self.active: Activation | None = None
        self._interruption = ("", "")
        self._reviews: KeptReviews | None = None

    # What the effect is

    def clone(self) -> ScriptedEffect:
        """Another instance for another editor widget."""
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        clonedEffect = effects.qSlicerSegmentEditorScriptedEffect(None)
        clonedEffect.setPythonSource(__file__.replace("\\", "/"))
        return clonedEffect

    def icon(self) -> Icon:
        """The button's picture."""
        path = os.path.join(os.path.dirname(__file__), "SegmentEditorEffect.png")
        return qt.QIcon(path) if os.path.exists(path) else qt.QIcon()

    def helpText(self) -> str:
        """Shown above the options; Slicer folds away what comes after the first line break."""
        lines = [
            _("<b>Left click</b>: seed on the object; <b>Ctrl + click</b>: seed off the object"),
            _("<b>Drag</b>: box, or what the chosen tool draws; <b>Ctrl + drag</b>: line off the object"),
            _("<b>Drag a seed</b> or line: move it; <b>click</b> it: remove it"),
            *keysInWords(),
        ]
        return (
            "<html>"
            + _("Click an object, then propagate its mask.")
            + "<br><ul>"
            + "".join(f"<li>{line}</li>" for line in lines)
            + "</ul></html>"
        )

    def createCursor(self, widget: SliceWidget) -> Cursor:
        """A cross: the place counts, not a tool."""
        return qt.QCursor(qt.Qt.CrossCursor)

    # Options

    def setupOptionsFrame(self) -> None:
        """Build the widgets."""
        from .effect.EffectOptions import EffectOptions  # not when Slicer starts

        self.options = EffectOptions(self.scriptedEffect)

    def setMRMLDefaults(self) -> None:
        """Parameters of a new scene, or of another parameter node of the editor."""
        from .effect.EffectOptions import EffectOptions

        EffectOptions.setDefaults(self.scriptedEffect)
        if self.active is not None:
            self.active.observer.follow(self.scriptedEffect.parameterSetNode())

    def updateGUIFromMRML(self) -> None:
        """Show the parameters."""
        if self.options is not None:
            self.options.updateFromParameters()

    def updateMRMLFromGUI(self) -> None:
        """Keep what the user chose."""
        if self.options is not None:
            self.options.updateToParameters()

    # Life

    def activate(self) -> None:
        """Begin to listen to views, keys and the scene."""
        from .panel.DependencyInstaller import missing  # not when Slicer starts

        options = self.options
        if options is None:  # an editor without widgets
            return
        message = options.message
        message.clearProblem()
        lacking = missing(server=bool(BackendSettings.load().serverUrl))
        if lacking:
            names = ", ".join(each.name for each in lacking)
            text = _("MedSAM2 lacks {names}: open the module MedSAM2, press Install.").format(names=names)
            message.show(text, isProblem=True)
            return
        self.active = active = self._activation(options)
        active.views.open()
        options.setActions(active.actions)
        options.showRunning(False)
        active.logic.sayHint()
        text, segmentationId = self._interruption
        node = active.logic.editor.node
        if text and node is not None and node.GetID() == segmentationId:
            message.show(text, isProblem=True)
        self._interruption = ("", "")
        active.display.redraw()
        _later(self._prepare)

    def _prepare(self) -> None:
        if self.active is not None:  # the effect may have been left since
            self.active.logic.ahead.begin()

    def _activation(self, options: "EffectOptions") -> Activation:
        from .effect.EffectActions import EffectActions
        from .effect.EffectDisplay import EffectDisplay
        from .effect.EffectViews import EffectViews
        from .effect.Pointing import Pointing
        from .logic.EffectLogic import EffectLogic
        from .logic.KeptReviews import KeptReviews
        from .logic.SegmentationObserver import SegmentationObserver

        display = EffectDisplay(options)
        self._reviews = self._reviews or KeptReviews()
        logic = EffectLogic(self.scriptedEffect, display, self._write, _later, self._reviews)
        views = EffectViews(self.scriptedEffect, logic)
        display.open(logic, views)
        actions = EffectActions(self.scriptedEffect, logic, views, display, options.message)
        observer = SegmentationObserver(self.scriptedEffect.parameterSetNode(), logic, actions.sceneChanged)
        window = slicer.util.mainWindow() or self.scriptedEffect.optionsFrame()
        shortcuts = EffectShortcuts(window, actions.do)
        pointing = Pointing(logic.ahead.pointAt, actions.mayClickNext)
        return Activation(options, logic, views, display, actions, observer, shortcuts, pointing)

    def deactivate(self) -> None:
        """Leave no trace: cancels what runs, and says so; removes actors, keys and observers."""
        active = self.active
        if active is None:
            return
        self._interruption = active.logic.interruption()
        if self._interruption[0]:
            slicer.util.showStatusMessage(self._interruption[0], STATUS_MILLISECONDS)
        active.close()
        self.active = None

    # What happens meanwhile

    def processInteractionEvents(
        self, callerInteractor: Interactor, eventId: int, viewWidget: SliceWidget
    ) -> bool:
        """Mouse events in slice views; they are Slicer's own while another tool of the toolbar is chosen."""
        active = self.active
        if active is None or viewWidget.className() != SLICE_WIDGET or not _mouseIsFree():
            return False
        pipeline = active.views.pipeline(viewWidget)
        if eventId not in PASSING and active.views.use(pipeline):
            active.display.showStrip()
        active.pointing.process(callerInteractor, eventId, pipeline)
        return active.actions.gestures.process(callerInteractor, eventId, pipeline)

    def processViewNodeEvents(self, callerViewNode: MRMLNode, eventId: int, viewWidget: SliceWidget) -> None:
        """A view was scrolled, zoomed or turned; Slicer shows it afterwards."""
        active = self.active
        if active is None or viewWidget.className() != SLICE_WIDGET:
            return
        active.actions.gestures.abortIfOutdated()
        pipeline = active.views.pipeline(viewWidget)
        active.views.update(pipeline)
        active.logic.ahead.show(pipeline.middle, pipeline.normal)
        active.display.showStrip()

    def layoutChanged(self) -> None:
        """Other views are shown."""
        if self.active is not None:
            self.active.actions.gestures.abort()
            self.active.views.close()
            self.active.views.open()
            self.active.display.redraw()

    def sourceVolumeNodeChanged(self) -> None:
        """Another volume was chosen."""
        if self.active is not None:
            self.active.logic.volumeChanged()
            self.active.actions.sceneChanged()

    def interactionNodeModified(self, interactionNode: MRMLNode) -> None:
        """Stay active while markups are placed, unlike the default; a gesture that was begun is over."""
        if self.active is not None and not _mouseIsFree():
            self.active.actions.gestures.abort()

    def _write(self, segmentId: str, gained: Labelmap | None, lost: Labelmap | None) -> None:
        """Change a segment through the editor, with masking; views are drawn once."""
        if self.active is None:
            return
        editor = slicer.qSlicerSegmentEditorAbstractEffect
        with self.active.observer.own(), slicer.util.RenderBlocker():
            if gained is not None:
                self._modify(segmentId, gained, editor.ModificationModeAdd)
            if lost is not None:
                self._modify(segmentId, lost, editor.ModificationModeRemove)

    def _modify(self, segmentId: str, labelmap: Labelmap, mode: int) -> None:
        node = self.scriptedEffect.parameterSetNode()
        if segmentId == node.GetSelectedSegmentID():
            # Without an extent Slicer looks through the whole segment to remove a few voxels.
            self.scriptedEffect.modifySelectedSegmentByLabelmap(labelmap, mode, list(labelmap.GetExtent()))
        else:  # for which Python cannot give an extent
            self.scriptedEffect.modifySegmentByLabelmap(node.GetSegmentationNode(), segmentId, labelmap, mode)


def _mouseIsFree() -> bool:
    """Whether no tool of Slicer's toolbar, such as for markups or window and level, has the mouse."""
    node = slicer.app.applicationLogic().GetInteractionNode()
    return node is None or node.GetCurrentInteractionMode() == node.ViewTransform


def _later(call: Callable[[], None]) -> None:
    """Call when Slicer has seen to its user."""
    qt.QTimer.singleShot(0, call)
