"""What runs inside Slicer. Slicer looks for the class of the effect in this package."""

from .SegmentEditorEffect import SegmentEditorEffect

__all__ = ["SegmentEditorEffect"]
