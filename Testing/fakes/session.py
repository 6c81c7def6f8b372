"""One run of Slicer: application, scene, modules. Every test has its own."""

import types

import slicer

from .clock import CLOCK
from .journal import JOURNAL
from .qt_module import deleteWhatIsDue
from .qt_settings import STORE
from .qt_shortcut import forgetShortcuts
from .scripted_module import LoadedModule
from .segment_editor_module import SegmentEditorModule
from .slicer_application import Application


class Session:
    """Starts with ``Session()``, ends with ``quit()``."""

    def __init__(self):
        JOURNAL.clear()
        CLOCK.reset()
        slicer.app = Application()
        slicer.mrmlScene = slicer.app.mrmlScene()
        slicer.modules = types.SimpleNamespace()
        for name, logic in slicer.app.moduleLogics().items():
            setattr(slicer.modules, name, types.SimpleNamespace(logic=lambda logic=logic: logic))
        slicer.selfTests = {}
        self._loaded = []
        self._editorModule = None

    @property
    def editorModule(self) -> SegmentEditorModule:
        """The module Segment Editor, made and opened at first use."""
        if self._editorModule is None:
            self._editorModule = SegmentEditorModule()
            slicer.modules.segmenteditor = slicer.modules.SegmentEditorWidget = self._editorModule
            self._editorModule.enter()
        return self._editorModule

    def load(self, path) -> LoadedModule:
        """Load a scripted module from its file, before or after start-up is over."""
        module = LoadedModule(path)
        self._loaded.append(module)
        return module

    def completeStartup(self):
        """Slicer is up: modules register their effects now."""
        slicer.app.startupCompleted.emit()

    def quit(self):
        """End as Slicer does, and leave nothing for the next test."""
        if self._editorModule is not None:
            self._editorModule.exit()
        slicer.app.aboutToQuit.emit()
        if self._editorModule is not None:
            self._editorModule.close()
        for module in self._loaded:
            module.unload()
        slicer.app.close()
        slicer.qSlicerSegmentEditorEffectFactory.instance().clear()
        forgetShortcuts()
        deleteWhatIsDue()
        CLOCK.reset()
        STORE.clear()  # fixtures of the whole run may read it before the next session begins
