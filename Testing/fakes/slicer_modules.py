"""Put the fakes where Slicer has the real ones: into ``sys.modules`` and the module ``slicer``."""

import sys
import types

import slicer
import slicer.util

from . import (
    effect_adaptor,
    effect_factory,
    sample_data,
    scripted_module,
    segment_editor,
    slice_view,
    slicer_packaging,
    slicer_util,
    translation,
)

CLASSES = (
    effect_adaptor.qSlicerSegmentEditorAbstractEffect,
    effect_adaptor.qSlicerSegmentEditorScriptedEffect,
    effect_factory.qSlicerSegmentEditorEffectFactory,
    segment_editor.qMRMLSegmentEditorWidget,
    slice_view.qMRMLSliceWidget,
    scripted_module.qMRMLWidget,
)
# Modules of Slicer whose classes slicer-core keeps in ``slicer`` itself.
ALIASES = ("vtkSegmentationCorePython", "vtkSlicerSegmentationsModuleLogicPython", "vtkITK", "mrml")


def install():
    """Once in a process."""
    for each in CLASSES:
        setattr(slicer, each.__name__, each)
    for name in ALIASES:
        sys.modules[name] = slicer
    sys.modules["SegmentEditorEffects"] = effect_factory.makeModule()
    for name in ("qSlicerSegmentationsEditorEffectsPythonQt", "qSlicerSegmentationsModuleWidgetsPythonQt"):
        sys.modules[name] = slicer
    sys.modules["SampleData"] = sample_data.makeModule()
    _addSubmodule("i18n", translation.makeModule())
    _addSubmodule("packaging", slicer_packaging.makeModule())
    _addSubmodule("ScriptedLoadableModule", scripted_module.makeModule())
    slicer_util.replaceWhatShows()


def _addSubmodule(name: str, module: types.ModuleType):
    sys.modules[f"slicer.{name}"] = module
    setattr(slicer, name, module)
