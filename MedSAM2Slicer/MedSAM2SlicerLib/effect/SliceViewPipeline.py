"""What the effect draws in one slice view: seeds, the preview's outline, the field of view, a dragged box.

Kinds of seeds are told apart by shape; colour is the segment's. A line begins with the shape of a click, and
a negative one is dashed. Everything is given in world RAS and shown only on the slice that it lies on.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import slicer
import vtk
from vtk.util import numpy_support

from medsam2.polyline import distances

from ..logic.Seeds import NEGATIVE, PAINTED, Ras
from ..SlicerTypes import MRMLNode, ScriptedEffect, SliceWidget
from .Pen import DARK, DASH_PIXELS, Pen, Rgb, Xy, rectangle

Edge: TypeAlias = tuple[Xy, Xy]

FAINT = 0.35
"""Opacity of an outline that another one is about to replace."""
SEED_PIXELS = 7
NEAR_PIXELS = 9
WHITE: Rgb = (1.0, 1.0, 1.0)


class SliceViewPipeline:
    """Actors of one slice view.

    Attributes:
        color: of the segment, as it was drawn last.
    """

    def __init__(self, viewWidget: SliceWidget, scriptedEffect: ScriptedEffect):
        self.viewWidget = viewWidget
        self._effect = scriptedEffect
        # In the order of drawing; a dark line under a bright one is seen on any image.
        self._layers = {
            "frame": _Lines(1.0, 0.45),
            "previewShadow": _Lines(4.0, 0.6),
            "preview": _Lines(2.0, 1.0),
            "box": _Lines(2.0, 1.0),
            "lineShadow": _Lines(5.0, 1.0),
            "lines": _Lines(2.5, 1.0),
            "seedShadow": _Lines(5.0, 1.0),
            "seeds": _Lines(2.5, 1.0),
        }
        self._pen = Pen()
        self.color = WHITE
        self._actors = [*(layer.actor for layer in self._layers.values()), *self._pen.actors]
        for actor in self._actors:
            scriptedEffect.addActor2D(viewWidget, actor)

    @property
    def pixelRatio(self) -> float:
        """Pixels of the view, in which all positions are given, for one of those in which people measure."""
        return max(self.sliceNode.GetDimensions()[0] / max(self.viewWidget.sliceView().width, 1), 1.0)

    @property
    def sliceNode(self) -> MRMLNode:
        """The ``vtkMRMLSliceNode`` of the view."""
        return self.viewWidget.sliceLogic().GetSliceNode()

    def remove(self) -> None:
        """Take the actors out of the view."""
        for actor in self._actors:
            self._effect.removeActor2D(self.viewWidget, actor)
        self.render()

    def show(
        self,
        color: Rgb,
        seeds: Sequence[tuple[Ras, str]],
        boxes: Sequence[Sequence[Ras]],
        lines: Sequence[tuple[Sequence[Ras], bool]],
        preview: np.ndarray | None,
        frame: Sequence[Ras] | None,
        isOutdated: bool,
    ) -> None:
        """Make the drawing anew; it is seen with the view's next picture, or after ``render``.

        Args:
            color: of the segment, (r, g, b) from 0 to 1.
            seeds: pairs (RAS, kind); a line has a pair for its beginning.
            boxes: lists of four RAS corners.
            lines: pairs (RAS of the positions, whether it is positive).
            preview: (n, 2, 3) RAS ends of the outline's segments; None for no preview.
            frame: four RAS corners of the field of view; None for none.
            isOutdated: whether another preview is on its way; this one is drawn faintly meanwhile.
        """
        self.color = color
        ratio = self.pixelRatio
        for layer in self._layers.values():
            layer.scale(ratio)
        glyphs = [
            glyph
            for ras, kind in seeds
            if (xy := self.visibleXy(ras)) is not None
            for glyph in _glyph(xy, kind, SEED_PIXELS * ratio)
        ]
        outline = self._segmentsXy(preview)
        drawn = [self._pieces(positions, isPositive) for positions, isPositive in lines]
        pieces = np.concatenate([np.empty((0, 2, 2)), *drawn])
        self._layers["seedShadow"].set(glyphs, DARK)
        self._layers["seeds"].set(glyphs, color)
        self._layers["previewShadow"].set(outline, DARK)
        self._layers["preview"].set(outline, color)
        for name in ("previewShadow", "preview"):
            self._layers[name].fade(isOutdated)
        self._layers["box"].set([edge for corners in boxes for edge in self._polygon(corners)], color)
        self._layers["lineShadow"].set(pieces, DARK)
        self._layers["lines"].set(pieces, color)
        self._layers["frame"].set(self._polygon(frame) if frame is not None else [], WHITE)

    def render(self) -> None:
        """Show what was drawn."""
        self.viewWidget.sliceView().scheduleRender()

    def drawLine(self, way: Sequence[Xy], isPositive: bool) -> None:
        """Show a line that is being drawn, as far as the mouse has come."""
        self._pen.draw(way, isPositive, self.color, self.pixelRatio)
        self.render()

    def drawBox(self, corner: Xy, opposite: Xy) -> None:
        """Show a box that is being dragged."""
        self._pen.lift()
        self.drawLine([*rectangle(corner, opposite), corner], isPositive=True)

    def liftPen(self) -> None:
        """Nothing is being drawn any more."""
        self._pen.lift()
        self.render()

    def visibleXy(self, ras: Ras) -> Xy | None:
        """Where a point in RAS lies in the view, in pixels; None if it is not on the slice shown."""
        shown = self._visibleXys([ras])
        return None if shown is None else (float(shown[0, 0]), float(shown[0, 1]))

    def near(self, xy: Xy, lines: Sequence[Sequence[Ras]]) -> int | None:
        """Index of the line (RAS) that is drawn within a few pixels of a position; None for none.

        A line of one position is a seed's place, and comes before those of more.
        """
        found = []
        for index, line in enumerate(lines):
            shown = self._visibleXys(line)
            if shown is None:
                continue
            starts, ends = (shown[:-1], shown[1:]) if len(shown) > 1 else (shown, shown)
            distance = float(distances(np.asarray(xy, float), starts, ends).min())
            if distance <= NEAR_PIXELS * self.pixelRatio:
                found.append((len(shown) > 1, distance, index))
        return min(found)[2] if found else None

    def ras(self, xy: Xy) -> Ras:
        """World RAS of a position in the view."""
        right, anterior, superior, _one = (self._toRas() @ [float(xy[0]), float(xy[1]), 0.0, 1.0]).tolist()
        return right, anterior, superior

    def allRas(self, way: Sequence[Xy]) -> np.ndarray:
        """World RAS (n, 3) of positions in the view."""
        flat = np.column_stack([np.asarray(way, float), np.zeros(len(way)), np.ones(len(way))])
        return (flat @ self._toRas().T)[:, :3]

    @property
    def geometry(self) -> bytes:
        """Another one where the view was scrolled, zoomed, turned or resized."""
        return self._toRas().tobytes()

    @property
    def normal(self) -> Ras:
        """Direction of the view in world RAS."""
        matrix = self.sliceNode.GetSliceToRAS()
        return matrix.GetElement(0, 2), matrix.GetElement(1, 2), matrix.GetElement(2, 2)

    @property
    def middle(self) -> Ras:
        """World RAS of the middle of the view."""
        width, height = self.sliceNode.GetDimensions()[:2]
        return self.ras((width / 2, height / 2))

    def _toRas(self) -> np.ndarray:
        return slicer.util.arrayFromVTKMatrix(self.sliceNode.GetXYToRAS())

    def _toXy(self) -> np.ndarray:
        return np.linalg.inv(self._toRas())

    def _visibleXys(self, positions: Sequence[Ras]) -> np.ndarray | None:
        """Positions (n, 2) in pixels; None if one of them is not on the slice shown."""
        xyz = self._xyz(np.asarray(positions, float))
        return xyz[:, :2] if (np.abs(xyz[:, 2]) <= 0.5).all() else None

    def _xyz(self, ras: np.ndarray) -> np.ndarray:
        """Positions (n, 3) in pixels, and how many slices above the view."""
        toXy = self._toXy()
        return ras @ toXy[:3, :3].T + toXy[:3, 3]

    def _segmentsXy(self, segments: np.ndarray | None) -> np.ndarray:
        """Ends (n, 2, 2) in pixels of those segments (n, 2, 3) in RAS that lie on the slice shown."""
        if segments is None or not len(segments):
            return np.empty((0, 2, 2))
        xyz = self._xyz(segments.reshape(-1, 3)).reshape(-1, 2, 3)
        return xyz[(np.abs(xyz[:, :, 2]) <= 0.5).all(axis=1)][:, :, :2]

    def _polygon(self, corners: Sequence[Ras]) -> np.ndarray:
        """Edges (n, 2, 2) of a closed polygon, which is shown as a whole or not at all."""
        return self._pieces([*corners, *corners[:1]], isWhole=True)

    def _pieces(self, line: Sequence[Ras], isWhole: bool) -> np.ndarray:
        """Segments (n, 2, 2) of a line, or its dashes; none if it is not on the slice shown."""
        shown = self._visibleXys(line) if line else None
        if shown is None:
            return np.empty((0, 2, 2))
        if not isWhole:
            return _dashes(shown, DASH_PIXELS * self.pixelRatio)
        return np.stack([shown[:-1], shown[1:]], axis=1)


class _Lines:
    """An actor of line segments in pixels of the view."""

    def __init__(self, width: float, opacity: float):
        self._width, self._opacity = width, opacity
        self._data = vtk.vtkPolyData()
        mapper = vtk.vtkPolyDataMapper2D()
        mapper.SetInputData(self._data)
        self.actor = vtk.vtkActor2D()
        self.actor.SetMapper(mapper)
        self.actor.GetProperty().SetOpacity(opacity)
        self.actor.VisibilityOff()

    def scale(self, ratio: float) -> None:
        """Draw so many times as thick, for screens with small pixels."""
        self.actor.GetProperty().SetLineWidth(self._width * ratio)

    def fade(self, isFaint: bool) -> None:
        """Draw faintly, or as ever."""
        self.actor.GetProperty().SetOpacity(self._opacity * (FAINT if isFaint else 1.0))

    def set(self, segments: Sequence[Edge] | np.ndarray, color: Rgb) -> None:
        """Replace the segments, (n, 2, 2)."""
        ends = np.asarray(segments, float).reshape(-1, 2)
        self.actor.SetVisibility(len(ends) > 0)
        points = vtk.vtkPoints()
        points.SetData(numpy_support.numpy_to_vtk(np.column_stack([ends, np.zeros(len(ends))]), deep=True))
        lines = vtk.vtkCellArray()
        lines.SetData(2, numpy_support.numpy_to_vtkIdTypeArray(np.arange(len(ends)), deep=True))
        self._data.SetPoints(points)
        self._data.SetLines(lines)
        self.actor.GetProperty().SetColor(*color)


def _dashes(line: np.ndarray, length: float) -> np.ndarray:
    """Every other piece of a line (n, 2), each so long, as segments (m, 2, 2)."""
    ways = np.concatenate([[0.0], np.hypot(*np.diff(line, axis=0).T).cumsum()])
    stops = np.union1d(ways, np.arange(0, ways[-1], length))
    positions = np.column_stack([np.interp(stops, ways, line[:, 0]), np.interp(stops, ways, line[:, 1])])
    isDrawn = (stops[:-1] + stops[1:]) / 2 // length % 2 == 0
    return np.stack([positions[:-1], positions[1:]], axis=1)[isDrawn]


def _glyph(xy: Xy, kind: str, s: float) -> list[Edge]:
    """A seed about a position in pixels, 2 ``s`` wide, as line segments.

    A minus in a square, a plus in a diamond, or, for what was painted, a diamond in a circle.
    """
    x, y = xy
    rim = s * 10 / 7
    square = _ring(x, y, s * 2**0.5, 4, 45)
    minus, upright = [((x - s / 2, y), (x + s / 2, y))], [((x, y - s / 2), (x, y + s / 2))]
    if kind in NEGATIVE:
        return minus + square
    if kind == PAINTED:
        return _ring(x, y, s / 2, 4) + _ring(x, y, rim, 16)
    return minus + upright + _ring(x, y, rim, 4)


def _ring(x: float, y: float, radius: float, corners: int, degrees: float = 0) -> list[Edge]:
    """A regular polygon, as line segments."""
    angles = np.radians(degrees) + np.linspace(0, 2 * np.pi, corners, endpoint=False)
    positions = [(x + radius * float(np.cos(angle)), y + radius * float(np.sin(angle))) for angle in angles]
    return [(positions[n], positions[(n + 1) % corners]) for n in range(corners)]
