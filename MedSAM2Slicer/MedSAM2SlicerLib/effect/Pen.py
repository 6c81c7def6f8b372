"""What is seen of a line while it is being drawn: it grows by one position with each move of the mouse."""

import math
from collections.abc import Sequence
from typing import TypeAlias

import vtk

from ..SlicerTypes import Actor

Xy: TypeAlias = tuple[float, float]
"""A position in a view, in its pixels."""
Rgb: TypeAlias = tuple[float, float, float]
"""From 0 to 1."""

DARK: Rgb = (0.05, 0.05, 0.05)
DASH_PIXELS = 8


def rectangle(corner: Xy, opposite: Xy) -> list[Xy]:
    """Four corners round a box that is drawn in a view, the first one first."""
    (x0, y0), (x1, y1) = corner, opposite
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


class Pen:
    """A dark line under a bright one; a negative one is dashed.

    A position costs the same however long the line is already.

    Attributes:
        actors: in the order of drawing.
    """

    def __init__(self) -> None:
        self._points = vtk.vtkPoints()
        self._pieces = vtk.vtkCellArray()
        self._data = vtk.vtkPolyData()
        self._data.SetPoints(self._points)
        self._data.SetLines(self._pieces)
        mapper = vtk.vtkPolyDataMapper2D()
        mapper.SetInputData(self._data)
        self._shadow, self._bright = vtk.vtkActor2D(), vtk.vtkActor2D()
        self.actors: Sequence[Actor] = (self._shadow, self._bright)
        for actor in self.actors:
            actor.SetMapper(mapper)
        self._shadow.GetProperty().SetColor(*DARK)
        self.lift()

    def draw(self, way: Sequence[Xy], isPositive: bool, color: Rgb, ratio: float) -> None:
        """Draw on from where the line ends to the end of ``way``, which it has followed until now.

        Args:
            ratio: pixels of the view for one of those in which people measure.
        """
        self._shadow.GetProperty().SetLineWidth(5.0 * ratio)
        self._bright.GetProperty().SetLineWidth(2.5 * ratio)
        self._bright.GetProperty().SetColor(*color)
        for number in range(self._points.GetNumberOfPoints(), len(way)):
            self._points.InsertNextPoint(*way[number], 0.0)
            if number:
                self._length += math.dist(way[number - 1], way[number])
                if isPositive or int(self._length / (DASH_PIXELS * ratio)) % 2 == 0:
                    self._pieces.InsertNextCell(2, (number - 1, number))
        for changed in (self._points, self._pieces, self._data):
            changed.Modified()
        for actor in self.actors:
            actor.VisibilityOn()

    def lift(self) -> None:
        """Nothing is being drawn any more."""
        self._length = 0.0
        self._points.Reset()
        self._pieces.Reset()
        for actor in self.actors:
            actor.VisibilityOff()
