"""Names for objects of Qt, VTK and Slicer: Any to a type checker, to a reader what is meant."""

from typing import Any, TypeAlias

# Qt
Button: TypeAlias = Any
Color: TypeAlias = Any
Cursor: TypeAlias = Any
Event: TypeAlias = Any
FormLayout: TypeAlias = Any
Icon: TypeAlias = Any
Image: TypeAlias = Any
Label: TypeAlias = Any
Layout: TypeAlias = Any
MouseEvent: TypeAlias = Any
Painter: TypeAlias = Any
Pixmap: TypeAlias = Any
Shortcut: TypeAlias = Any
TextBox: TypeAlias = Any
Widget: TypeAlias = Any
"""A ``qt.QWidget``, or one of the widgets of ctk and Slicer."""

# VTK and MRML
Actor: TypeAlias = Any
Interactor: TypeAlias = Any
Labelmap: TypeAlias = Any
"""A ``vtkOrientedImageData``."""
MRMLNode: TypeAlias = Any
"""A node of Slicer's scene; which, its name says."""
Segment: TypeAlias = Any
Segmentation: TypeAlias = Any

# Segment Editor
ScriptedEffect: TypeAlias = Any
"""The adaptor through which a scripted effect reaches the editor."""
SliceWidget: TypeAlias = Any
"""A ``qMRMLSliceWidget``."""
