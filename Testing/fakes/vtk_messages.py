"""VTK's error messages, kept for the tests."""

import vtk

from .journal import JOURNAL


def listenToVtk():
    """Have every vtkErrorMacro put on record, and still printed."""
    window = vtk.vtkOutputWindow.GetInstance()
    window.SetDisplayModeToAlwaysStdErr()
    window.AddObserver("ErrorEvent", keep)


@vtk.calldata_type(vtk.VTK_STRING)
def keep(_caller, _event, text):
    """The message without VTK's frame."""
    JOURNAL.vtkErrors.append(" ".join(text.split()))
