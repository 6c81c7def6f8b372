"""Names for objects of Qt, VTK and Slicer: Any to a type checker, to a reader what is meant."""

from typing import Any, TypeAlias

Widget: TypeAlias = Any
"""A ``qt.QWidget``, or one of the widgets of ctk and Slicer."""
Label: TypeAlias = Any
Button: TypeAlias = Any
TextBox: TypeAlias = Any
Layout: TypeAlias = Any
FormLayout: TypeAlias = Any
MRMLNode: TypeAlias = Any
"""A node of Slicer's scene; which, its name says."""
