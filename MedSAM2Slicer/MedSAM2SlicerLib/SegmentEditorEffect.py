"""The Segment Editor effect "MedSAM2": click seeds on a slice, see its mask, propagate it through the volume.

Only what Slicer calls. What the user does is in ``EffectActions``, what comes of it in ``EffectLogic``,
widgets in ``EffectOptions``, drawing in ``EffectViews``. They live while the effect is active.
"""

import os

import qt
import slicer
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect
from slicer.i18n import tr as _

from .backend.BackendSettings import BackendSettings
from .effect.EffectShortcuts import EffectShortcuts, keysInWords

SLICE_WIDGET = "qMRMLSliceWidget"
STATUS_MILLISECONDS = 10_000


class SegmentEditorEffect(AbstractScriptedSegmentEditorEffect):
    """Life cycle of the effect. Nothing is started or loaded before it is activated.

    Attributes:
        options: ``EffectOptions``; None before the editor asks for them.
        logic: ``EffectLogic``; None while the effect is not active.
        actions: ``EffectActions``; likewise.
    """

    def __init__(self, scriptedEffect):
        scriptedEffect.name = "MedSAM2"  # stable; scripts select the effect by it
        scriptedEffect.title = _("MedSAM2")
        scriptedEffect.perSegment = True
        scriptedEffect.requireSegments = True
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
        self.options = self.logic = self.actions = None
        self._display = self._views = self._shortcuts = self._observer = None
        self._interruption = ("", "")

    # What the effect is

    def clone(self):
        """Another instance for another editor widget."""
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        clonedEffect = effects.qSlicerSegmentEditorScriptedEffect(None)
        clonedEffect.setPythonSource(__file__.replace("\\", "/"))
        return clonedEffect

    def icon(self):
        """The button's picture."""
        path = os.path.join(os.path.dirname(__file__), "SegmentEditorEffect.png")
        return qt.QIcon(path) if os.path.exists(path) else qt.QIcon()

    def helpText(self):
        """Shown above the options; Slicer folds away what comes after the first line break."""
        lines = [
            _("<b>Left click</b>: seed on the object; <b>Ctrl + click</b>: seed off the object"),
            _("<b>Drag</b>: box round the object"),
            _("<b>Drag a seed</b>: move it; <b>click a seed</b>: remove it"),
            *keysInWords(),
        ]
        return (
            "<html>"
            + _("Click an object on one slice; its mask grows through the volume.")
            + "<br><ul>"
            + "".join(f"<li>{line}</li>" for line in lines)
            + "</ul></html>"
        )

    def createCursor(self, widget):
        """A cross: the place counts, not a tool."""
        return qt.QCursor(qt.Qt.CrossCursor)

    # Options

    def setupOptionsFrame(self):
        """Build the widgets."""
        from .effect.EffectOptions import EffectOptions  # not when Slicer starts

        self.options = EffectOptions(self.scriptedEffect)

    def setMRMLDefaults(self):
        """Parameters of a new scene, or of another parameter node of the editor."""
        from .effect.EffectOptions import EffectOptions

        EffectOptions.setDefaults(self.scriptedEffect)
        if self._observer is not None:
            self._observer.follow(self.scriptedEffect.parameterSetNode())

    def updateGUIFromMRML(self):
        """Show the parameters."""
        if self.options is not None:
            self.options.updateFromParameters()

    def updateMRMLFromGUI(self):
        """Keep what the user chose."""
        if self.options is not None:
            self.options.updateToParameters()

    # Life

    def activate(self):
        """Begin to listen to views, keys and the scene."""
        from .panel.DependencyInstaller import missing  # not when Slicer starts

        message = self.options.message
        message.clearProblem()
        lacking = missing(server=bool(BackendSettings.load().serverUrl))
        if lacking:
            names = ", ".join(each.name for each in lacking)
            text = _("MedSAM2 lacks {names}: open the module MedSAM2, press Install.").format(names=names)
            message.show(text, isProblem=True)
            return
        self._open()
        self.options.setActions(self.actions)
        self.options.showRunning(False)
        self.logic.sayHint()
        text, segmentationId = self._interruption
        if text and self.logic.editor.node.GetID() == segmentationId:
            message.show(text, isProblem=True)
        self._interruption = ("", "")
        self._display.redraw()
        _later(self._prepare)

    def _prepare(self):
        if self.logic is not None:  # the effect may have been left since
            self.logic.prepare()

    def _open(self):
        from .effect.EffectActions import EffectActions
        from .effect.EffectDisplay import EffectDisplay
        from .effect.EffectViews import EffectViews
        from .logic.EffectLogic import EffectLogic
        from .logic.SegmentationObserver import SegmentationObserver

        self._display = EffectDisplay(self.options)
        self.logic = EffectLogic(self.scriptedEffect, self._display, self._write, _later)
        self._views = EffectViews(self.scriptedEffect, self.logic)
        self._display.open(self.logic, self._views)
        parts = (self.logic, self._views, self._display, self.options.message)
        self.actions = EffectActions(self.scriptedEffect, *parts)
        node = self.scriptedEffect.parameterSetNode()
        self._observer = SegmentationObserver(node, self.logic, self._display.redraw)
        window = slicer.util.mainWindow() or self.scriptedEffect.optionsFrame()
        self._shortcuts = EffectShortcuts(window, self.actions.do)
        self._views.open()

    def deactivate(self):
        """Leave no trace: cancels what runs, and says so; removes actors, keys and observers."""
        self.options.setActions(None)
        if self.logic is not None:
            self._interruption = self.logic.interruption()
            if self._interruption[0]:
                slicer.util.showStatusMessage(self._interruption[0], STATUS_MILLISECONDS)
        for part in (self._shortcuts, self._observer, self._display, self._views, self.logic):
            if part is not None:
                part.close()
        self._display = self._views = self._shortcuts = self._observer = None
        self.logic = self.actions = None

    # What happens meanwhile

    def processInteractionEvents(self, callerInteractor, eventId, viewWidget):
        """Mouse events in slice views; they are Slicer's own while another tool of the toolbar is chosen."""
        if self.actions is None or viewWidget.className() != SLICE_WIDGET or not _mouseIsFree():
            return False
        return self.actions.gestures.process(callerInteractor, eventId, self._views.use(viewWidget))

    def processViewNodeEvents(self, callerViewNode, eventId, viewWidget):
        """A view was scrolled, zoomed or turned; Slicer shows it afterwards."""
        if self.logic is None or viewWidget.className() != SLICE_WIDGET:
            return
        pipeline = self._views.pipeline(viewWidget)
        self._views.update(pipeline)
        self.logic.show(pipeline.middle, pipeline.normal)
        self._display.showStrip()

    def layoutChanged(self):
        """Other views are shown."""
        if self.logic is not None:
            self._views.close()
            self._views.open()
            self._display.redraw()

    def sourceVolumeNodeChanged(self):
        """Another volume was chosen."""
        if self.logic is not None:
            self.logic.volumeChanged()
            self._display.redraw()

    def interactionNodeModified(self, interactionNode):
        """Stay active while markups are placed, unlike the default; a gesture that was begun is over."""
        if self.actions is not None and not _mouseIsFree():
            self.actions.gestures.abort()

    def _write(self, segmentId, labelmap, remove):
        """Change a segment through the editor, with masking."""
        editor = slicer.qSlicerSegmentEditorAbstractEffect
        mode = editor.ModificationModeRemove if remove else editor.ModificationModeAdd
        with self._observer.own():
            node = self.scriptedEffect.parameterSetNode().GetSegmentationNode()
            self.scriptedEffect.modifySegmentByLabelmap(node, segmentId, labelmap, mode)


def _mouseIsFree() -> bool:
    """Whether no tool of Slicer's toolbar, such as for markups or window and level, has the mouse."""
    node = slicer.app.applicationLogic().GetInteractionNode()
    return node is None or node.GetCurrentInteractionMode() == node.ViewTransform


def _later(call):
    """Call when Slicer has seen to its user."""
    qt.QTimer.singleShot(0, call)
