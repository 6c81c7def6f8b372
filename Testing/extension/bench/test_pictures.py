"""Pictures of views and widgets are real: drawn by VTK and Qt, without a screen."""

import numpy as np
import pytest
import qt
import slicer
import vtk

import fakes
from fakes.make_nodes import makeLabelmap, rasOf
from fakes.stamp import SHAPE


def colorAt(image, x, y) -> tuple[int, int, int]:
    """Red, green, blue of a pixel counted from the top left corner."""
    color = image.pixelColor(x, y)
    return color.red(), color.green(), color.blue()


@pytest.fixture
def aDisc(theStamp, anEditor, aVolume):
    """Segment A, red, round the middle of a dim volume."""
    slicer.util.arrayFromVolume(aVolume)[:, 6:18, 6:24] = 60
    slicer.util.arrayFromVolumeModified(aVolume)
    _, j, i = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    mask = (j - 12) ** 2 * 2.25 + (i - 15) ** 2 * 4 < 10**2
    adaptor = theStamp.scriptedEffect
    image = makeLabelmap(mask, adaptor.defaultModifierLabelmap())
    adaptor.modifySelectedSegmentByLabelmap(image, adaptor.ModificationModeAdd)
    anEditor.segmentationNode().GetSegmentation().GetSegment("A").SetColor(1, 0, 0)
    view = anEditor.view("Red")
    view.scrollTo(rasOf(aVolume, (15, 12, 10)))
    return view


@pytest.mark.skipif(fakes.drawingProblem() is not None, reason=str(fakes.drawingProblem()))
def test_a_slice_view_shows_volume_segment_and_actors(aDisc, theStamp, aVolume):
    x, y = aDisc.xyOf(rasOf(aVolume, (15, 12, 10)))
    text = vtk.vtkActor2D()
    mapper = vtk.vtkPolyDataMapper2D()
    square = vtk.vtkPlaneSource()
    square.SetOrigin(10, 10, 0)
    square.SetPoint1(40, 10, 0)
    square.SetPoint2(10, 40, 0)
    mapper.SetInputConnection(square.GetOutputPort())
    text.SetMapper(mapper)
    text.GetProperty().SetColor(0, 1, 0)
    before = aDisc.sliceView().renders
    theStamp.scriptedEffect.addActor2D(aDisc, text)
    picture = aDisc.picture()
    width, height, _ = aDisc.mrmlSliceNode().GetDimensions()
    assert (picture.width(), picture.height()) == (width, height)
    # Half of it the segment's red, half the volume's grey.
    red, green, blue = colorAt(picture, x, height - 1 - y)
    assert red == pytest.approx(128 + green, abs=2)
    assert green == blue > 50
    assert colorAt(picture, 25, height - 25) == (0, 255, 0)
    theStamp.scriptedEffect.removeActor2D(aDisc, text)
    assert colorAt(aDisc.picture(), 25, height - 25) != (0, 255, 0)
    assert aDisc.sliceView().renders == before + 2


def test_the_options_can_be_drawn(theStamp, anEditor):
    anEditor.resize(300, 200)
    picture = anEditor.grab().toImage()
    assert (picture.width(), picture.height()) == (300, 200)
    assert len({picture.pixel(x, 100) for x in range(300)}) > 5


def test_a_widget_painted_in_python(aSession):
    class Strip(qt.QWidget):
        def paintEvent(self, event):
            painter = qt.QPainter(self)
            painter.fillRect(0, 0, 10, 10, qt.QColor("red"))
            painter.end()

    strip = Strip()
    strip.resize(20, 20)
    picture = strip.grab().toImage()
    assert colorAt(picture, 5, 5) == (255, 0, 0)
    assert colorAt(picture, 15, 15) != (255, 0, 0)


def test_a_view_of_another_size(anEditor, aVolume):
    view = anEditor.view("Green")
    view.resizeView(300, 200)
    assert view.mrmlSliceNode().GetDimensions() == (300, 200, 1)
    middle = view.rasOf((150, 100))
    assert view.xyOf(middle) == (150, 100)
