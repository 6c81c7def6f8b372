"""What effects ask about slice views: coordinates by the real logic, renderers, cursors."""

import qt
import slicer
import vtk

from .journal import JOURNAL

Logic = slicer.vtkSlicerSegmentEditorLogic


class EffectViews:
    """Mixin of the effect. QVector3D holds 32-bit floats, in the C++ class too."""

    @staticmethod
    def xyzToRas(xyz, sliceWidget):
        ras = [0.0, 0.0, 0.0]
        Logic.XyzToRas(_numbers(xyz), ras, _node(sliceWidget))
        return qt.QVector3D(*ras)

    @staticmethod
    def xyToRas(xy, sliceWidget):
        return EffectViews.xyzToRas(qt.QVector3D(xy.x(), xy.y(), 0), sliceWidget)

    @staticmethod
    def rasToXy(ras, sliceWidget):
        """Cuts off towards zero; the logic's own function has no Python wrapper."""
        fromRas = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(_node(sliceWidget).GetXYToRAS(), fromRas)
        x, y, _, _ = fromRas.MultiplyPoint((*_numbers(ras), 1.0))
        return qt.QPoint(int(x), int(y))

    @staticmethod
    def xyzToIjk(xyz, sliceWidget, image, parentTransformNode=None):
        ijk = [0, 0, 0]
        Logic.XyzToIjk(_numbers(xyz), ijk, _node(sliceWidget), image, parentTransformNode)
        return qt.QVector3D(*ijk)

    @staticmethod
    def xyToIjk(xy, sliceWidget, image, parentTransformNode=None):
        xyz = qt.QVector3D(xy.x(), xy.y(), 0)
        return EffectViews.xyzToIjk(xyz, sliceWidget, image, parentTransformNode)

    @staticmethod
    def sliceSpacing(sliceWidget) -> float:
        return Logic.GetSliceSpacing(_node(sliceWidget), sliceWidget.sliceLogic())

    @staticmethod
    def renderWindow(viewWidget):
        return viewWidget.sliceView().renderWindow() if viewWidget else None

    @staticmethod
    def renderer(viewWidget):
        return viewWidget.sliceView().renderer() if viewWidget else None

    @staticmethod
    def viewNode(viewWidget):
        return _node(viewWidget)

    @staticmethod
    def scheduleRender(viewWidget):
        viewWidget.sliceView().scheduleRender()

    @staticmethod
    def forceRender(viewWidget):
        viewWidget.sliceView().forceRender()

    def addActor2D(self, viewWidget, actor):
        self._changeActors(viewWidget, "AddViewProp", actor)

    def removeActor2D(self, viewWidget, actor):
        self._changeActors(viewWidget, "RemoveViewProp", actor)

    def _changeActors(self, viewWidget, change, actor):
        renderer = self.renderer(viewWidget)
        if renderer is None:
            JOURNAL.critical("Failed to get renderer for view widget")
            return
        getattr(renderer, change)(actor)
        self.scheduleRender(viewWidget)

    def cursorOff(self, viewWidget):
        self._savedCursor = viewWidget.sliceView().viewCursor
        viewWidget.sliceView().setDefaultViewCursor(qt.QCursor(qt.Qt.BlankCursor))

    def cursorOn(self, viewWidget):
        viewWidget.sliceView().setDefaultViewCursor(self._savedCursor)

    def segmentationDisplayableInView(self, viewNode) -> bool:
        return bool(self._logic and self._logic.IsSegmentationDisplayableInView(viewNode))


def _node(sliceWidget):
    return sliceWidget.sliceLogic().GetSliceNode() if sliceWidget else None


def _numbers(vector) -> list[float]:
    return [vector.x(), vector.y(), vector.z()]
