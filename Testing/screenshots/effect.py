"""Draw the effect at work into docs/images/effect*.png, without a screen: ``make screenshots``.

The effect is the real one over real MRML and the real backend process; Slicer's Qt side is that of the
tests, so the views have no controller bars.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
OPTIONS_WIDTH = 420
VIEWS = {"Red": (640, 480), "Yellow": (320, 150), "Green": (320, 150)}
"""Pixels of each slice view."""
MARGIN = 1.08
"""How much more than the volume the axial view shows, so that the frame of the field of view is seen."""
SECONDS = 120


def main() -> None:
    """Click the liver of the synthetic CT, propagate, and draw both states."""
    sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "MedSAM2Slicer")]
    import fakes

    fakes.install()
    import numpy as np
    import slicer

    from fakes.clock import CLOCK
    from fakes.make_nodes import makeSegmentation, makeVolume
    from fakes.session import Session
    from medsam2.cli.phantom import central_click, make_phantom

    session = Session()
    import MedSAM2SlicerLib  # noqa: F401 - first, so that the effect finds its neighbours

    prototype = slicer.qSlicerSegmentEditorScriptedEffect(None)
    prototype.setPythonSource(str(ROOT / "MedSAM2Slicer" / "MedSAM2SlicerLib" / "SegmentEditorEffect.py"))
    prototype.self().register()
    phantom = make_phantom()
    volume = makeVolume(phantom.volume.voxels, phantom.volume.geometry.ijk_to_ras)
    volume.GetDisplayNode().AutoWindowLevelOff()
    volume.GetDisplayNode().SetWindowLevel(400, 40)
    segmentation = makeSegmentation(volume, ("liver",))
    segmentation.GetSegmentation().GetNthSegment(0).SetColor(0.95, 0.55, 0.2)
    editor = session.editorModule.editor
    editor.edit(segmentation, volume)
    effect = editor.activate("MedSAM2")
    place = phantom.volume.geometry.kji_to_ras
    middle = place(np.array(central_click(phantom.labels["liver"]), float))
    for name, size in VIEWS.items():
        editor.view(name).resizeView(*size)
        editor.view(name).sliceLogic().FitSliceToAll()
        editor.view(name).scrollTo(middle)
    node = editor.view("Red").mrmlSliceNode()
    width, height, depth = node.GetFieldOfView()
    node.SetFieldOfView(width * MARGIN, height * MARGIN, depth)

    def click(organ: str, **modifiers) -> None:
        effect.active.logic.results.previews.clear()
        editor.view("Red").click(place(np.array(central_click(phantom.labels[organ]), float)), **modifiers)
        CLOCK.advanceUntil(lambda: effect.active.logic.preview() is not None, SECONDS)

    click("liver")
    draw(editor, IMAGES / "effect_preview.png")
    effect.active.actions.propagateOrCancel()
    CLOCK.advanceUntil(lambda: not effect.active.logic.running, SECONDS)
    click("kidney right", ctrl=True)
    effect.active.actions.propagateOrCancel()
    CLOCK.advanceUntil(lambda: not effect.active.logic.running, SECONDS)
    for name in VIEWS:
        editor.view(name).scrollTo(middle)
    draw(editor, IMAGES / "effect_propagated.png")
    session.quit()


def draw(editor, picture: Path) -> None:
    """Options with the help above them on the left; the axial view and below it the two others."""
    import qt

    frame = editor.activeEffect().optionsFrame().parentWidget()
    frame.setFixedWidth(OPTIONS_WIDTH)
    frame.adjustSize()
    options = frame.grab().toImage()
    red, yellow, green = (editor.view(name).picture() for name in VIEWS)
    canvas = qt.QImage(options.width() + red.width(), red.height() + yellow.height(), qt.QImage.Format_RGB32)
    canvas.fill(frame.palette.color(qt.QPalette.Window))
    painter = qt.QPainter(canvas)
    painter.drawImage(0, 0, options)
    painter.drawImage(options.width(), 0, red)
    painter.drawImage(options.width(), red.height(), yellow)
    painter.drawImage(options.width() + yellow.width(), red.height(), green)
    painter.end()
    picture.parent.mkdir(parents=True, exist_ok=True)
    canvas.save(str(picture))


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    main()
