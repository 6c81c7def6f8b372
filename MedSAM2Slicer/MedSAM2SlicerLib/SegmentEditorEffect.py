"""The Segment Editor effect "MedSAM2": click seeds on a slice, see its mask, propagate it through the volume.

Thin: gestures are in ``SeedGestures``, drawing in ``SliceViewPipeline``, widgets in ``EffectOptions``, and
what it all leads to in ``EffectSession``, which lives while the effect is active.
"""

import os

import qt
import slicer
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect
from slicer.i18n import tr as _

from .EffectOptions import EffectOptions
from .SliceViewPipeline import middle

SLICE_WIDGET = "qMRMLSliceWidget"
GESTURES = (
    "<b>Left click</b>: seed on the object; <b>Ctrl + click</b>: seed off the object",
    "<b>Drag</b>: box round the object",
    "<b>Drag a seed</b>: move it; <b>click a seed</b>: remove it",
)
SHORTCUTS = (
    ("P", "propagateOrCancel", "propagate, or cancel"),
    ("N", "nextDoubtful", "go to the next doubtful slice"),
    ("A", "acceptSlice", "accept the slice shown"),
    ("G", "largerView", "larger field of view"),
    ("S", "smallerView", "smaller field of view"),
    ("Del", "deleteSeed", "remove the seed under the mouse, or the last one"),
)


class SegmentEditorEffect(AbstractScriptedSegmentEditorEffect):
    """Life cycle of the effect. Nothing is started or loaded before it is activated."""

    def __init__(self, scriptedEffect):
        scriptedEffect.name = "MedSAM2"  # stable; scripts select the effect by it
        scriptedEffect.title = _("MedSAM2")
        scriptedEffect.perSegment = True
        scriptedEffect.requireSegments = True
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
        self._options = None
        self._session = None
        self._gestures = None
        self._views = None
        self._shortcuts = []
        self._observer = None

    # Contract of the editor

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
        """Shown above the options."""
        keys = "".join(f"<li><b>{key}</b>: {_(text)}</li>" for key, _name, text in SHORTCUTS)
        return (
            "<html>"
            + _("Click an object on one slice; its mask grows through the volume.")
            + "<ul>"
            + "".join(f"<li>{_(gesture)}</li>" for gesture in GESTURES)
            + keys
            + "</ul></html>"
        )

    def setupOptionsFrame(self):
        """Build the widgets."""
        self._options = EffectOptions(self.scriptedEffect, self)

    def setMRMLDefaults(self):
        """Parameters of a new scene."""
        EffectOptions.setDefaults(self.scriptedEffect)

    def updateGUIFromMRML(self):
        """Show the parameters."""
        if self._options is not None:
            self._options.updateFromParameters()

    def updateMRMLFromGUI(self):
        """Keep what the user chose."""
        if self._options is not None:
            self._options.updateToParameters()

    def activate(self):
        """Begin to listen to views, keys and the scene."""
        self._options.enableActions(False)
        try:  # not with the module: what the client needs may have to be installed first
            from .EffectSession import EffectSession
        except ImportError:
            self.showMessage(_("MedSAM2 is not installed yet: open the module MedSAM2, press Install."), True)
            return
        from .EffectViews import EffectViews
        from .SeedGestures import SeedGestures
        from .SegmentationObserver import SegmentationObserver

        self._session = EffectSession(self.scriptedEffect, self, self._write)
        self._views = EffectViews(self.scriptedEffect, self._session)
        self._gestures = SeedGestures(self, self._confirmed)
        parameters = self.scriptedEffect.parameterSetNode()
        self._observer = SegmentationObserver(parameters, self._session, self.redraw)
        self._shortcuts = [self._shortcut(key, getattr(self, name)) for key, name, _text in SHORTCUTS]
        self._views.open()
        self._options.enableActions(True)
        self.showMessage(_("Click the object in a slice view."))
        self.showRunning(False)
        self.redraw()

    def deactivate(self):
        """Leave no trace: cancels what runs, removes actors, keys and observers."""
        for shortcut in self._shortcuts:
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._shortcuts = []
        for part in (self._observer, self._views, self._session):
            if part is not None:
                part.close()
        self._observer = self._views = self._session = self._gestures = None

    def createCursor(self, widget):
        """A cross: the place counts, not a tool."""
        return qt.QCursor(qt.Qt.CrossCursor)

    def processInteractionEvents(self, callerInteractor, eventId, viewWidget):
        """Mouse events in slice views."""
        if self._gestures is None or viewWidget.className() != SLICE_WIDGET:
            return False
        return self._gestures.process(callerInteractor, eventId, self._views.use(viewWidget))

    def processViewNodeEvents(self, callerViewNode, eventId, viewWidget):
        """A view was scrolled, zoomed or turned."""
        if self._session is None or viewWidget.className() != SLICE_WIDGET:
            return
        pipeline = self._views.pipeline(viewWidget)
        self._views.draw(pipeline)
        self._session.show(middle(pipeline), pipeline.normal)
        self._showStrip()

    def layoutChanged(self):
        """Other views are shown."""
        if self._views is not None:
            self._views.close()
            self._views.open()
            self.redraw()

    def referenceGeometryChanged(self):
        """The segmentation's grid has changed."""
        if self._session is not None:
            self._session.abandon()
            self.redraw()

    def sourceVolumeNodeChanged(self):
        """Another volume was chosen; the seeds stay where they are in the patient."""
        if self._session is None:
            return
        self._session.abandon()
        self._session.previews.clear()
        if self._session.seeds():
            self.showMessage(_("The volume has changed under the seeds: check them, then Propagate again."))
        self.redraw()

    def interactionNodeModified(self, interactionNode):
        """Stay active while markups are placed, unlike the default."""

    # Actions of gestures, buttons and keys

    def seedPlaces(self):
        """RAS of all seeds of the current segment."""
        return [seed.ras for seed in self._session.seeds()]

    def addSeed(self, pipeline, ras, positive):
        """Place a seed."""
        self._session.addSeed(ras, pipeline.normal, positive)

    def removeSeed(self, index):
        """Remove a seed."""
        self._session.removeSeed(index)

    def moveSeed(self, index, ras):
        """Move a seed."""
        self._session.moveSeed(index, ras)

    def addBox(self, pipeline, corners):
        """Draw a box."""
        self._session.addBox(corners[0], corners[2], pipeline.normal)

    def showBox(self, corners):
        """The box that is being dragged."""
        self._views.draggedBox = corners
        self.redraw()

    def deleteSeed(self):
        """Remove the seed under the mouse, or the last one."""
        self._gestures.deleteSeed()

    def clearSeeds(self):
        """Remove all seeds of the segment."""
        self._session.clearSeeds()

    def usePaintedSlice(self):
        """What is painted on the slice shown becomes the prompt."""
        pipeline = self._views.latest
        if pipeline is not None:
            self._session.addPainted(middle(pipeline), pipeline.normal)

    def propagateOrCancel(self):
        """Propagate, or cancel what runs."""
        if self._session.running:
            self._session.cancel()
            return
        parameter = self.scriptedEffect.integerParameter
        self._session.propagate(
            self.scriptedEffect.parameter("Direction"),
            parameter("FirstSlice"),
            parameter("LastSlice"),
            bool(parameter("AllSegments")),
            bool(parameter("StopWhenAbsent")),
        )

    def largerView(self):
        """Show the network more."""
        self._session.resizeView(larger=True)

    def smallerView(self):
        """Show the network less."""
        self._session.resizeView(larger=False)

    def optionsChanged(self):
        """Nothing to do before the next action: it takes the options as they are then."""

    def goToSlice(self, sliceIndex):
        """Show a slice in the view that the user works in."""
        self._views.goTo(sliceIndex)

    def nextDoubtful(self):
        """Go to the slice with the lowest confidence that was not accepted yet."""
        where = self._views.currentSlice()
        confidence = None if where is None else self._session.confidenceAlong(where[0])
        index = None if confidence is None else confidence.nextDoubtful()
        if index is None:
            self.showMessage(_("No slice is left to check: accepted are all, or nothing is propagated yet."))
            return
        self._views.goTo(index)
        self.showMessage(_("Slice {index} is doubtful: add seeds, or accept it (A).").format(index=index))

    def acceptSlice(self):
        """Tick the slice shown, and go on to the next doubtful one."""
        where = self._views.currentSlice()
        if where is not None:
            self._session.confidenceAlong(where[0]).accept(where[1])
            self._showStrip()

    # What the session tells

    def redraw(self):
        """Something to draw has changed."""
        if self._views is not None:
            self._views.redraw()
            self._showStrip()

    def showMessage(self, text, isError=False):
        """A sentence for the user."""
        self._options.showMessage(text, isError)

    def showRunning(self, running):
        """A propagation began or ended."""
        self._options.showRunning(running)

    def showProgress(self, done, total, slicesPerSecond):
        """A propagation got on."""
        self._options.showProgress(done, total, slicesPerSecond)
        self._showStrip()

    def _showStrip(self):
        where, grid = self._views.currentSlice(), self._session.grid()
        if where is not None:
            axis, index = where
            count = grid.shape["kji".index(axis)]
            self._options.strip.show(self._session.confidenceAlong(axis), count, index)

    def _write(self, segmentId, labelmap, remove):
        """Change a segment through the editor, with masking."""
        editor = slicer.qSlicerSegmentEditorAbstractEffect
        mode = editor.ModificationModeRemove if remove else editor.ModificationModeAdd
        with self._observer.own():
            node = self.scriptedEffect.parameterSetNode().GetSegmentationNode()
            self.scriptedEffect.modifySegmentByLabelmap(node, segmentId, labelmap, mode)

    def _confirmed(self):
        """Whether the segment can be edited; a click that was answered by a dialog does nothing else."""
        answer = self.scriptedEffect.confirmCurrentSegmentVisible()
        editor = slicer.qSlicerSegmentEditorAbstractEffect
        return answer not in (editor.NotConfirmed, editor.ConfirmedWithDialog)

    def _shortcut(self, key, action):
        shortcut = qt.QShortcut(slicer.util.mainWindow())
        shortcut.setKey(qt.QKeySequence(key))
        shortcut.connect("activated()", action)
        return shortcut
