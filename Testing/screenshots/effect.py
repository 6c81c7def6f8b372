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

    def click(organ: str, **modifiers) -> None:
        effect._session.previews.clear()
        editor.view("Red").click(place(np.array(central_click(phantom.labels[organ]), float)), **modifiers)
        CLOCK.advanceUntil(lambda: effect._session.preview() is not None, SECONDS)

    click("liver")
    draw(editor, effect, IMAGES / "effect_preview.png")
    effect.propagateOrCancel()
    CLOCK.advanceUntil(lambda: not effect._session.running, SECONDS)
    click("kidney right", ctrl=True)
    effect.propagateOrCancel()
    CLOCK.advanceUntil(lambda: not effect._session.running, SECONDS)
    for name in ("Red", "Yellow", "Green"):
        editor.view(name).scrollTo(place(np.array(central_click(phantom.labels["liver"]), float)))
    effect.redraw()
    draw(editor, effect, IMAGES / "effect_propagated.png")
    session.quit()


def draw(editor, effect, picture: Path) -> None:
    """Options on the left, the axial view and the two others on the right."""
    import qt

    frame = editor.activeEffect().optionsFrame()
    frame.setFixedWidth(OPTIONS_WIDTH)
    options = frame.grab().toImage()
    red, yellow, green = (editor.view(name).picture() for name in ("Red", "Yellow", "Green"))
    side, half = red.height(), red.height() // 2
    canvas = qt.QImage(options.width() + side + half, side, qt.QImage.Format_RGB32)
    canvas.fill(qt.QColor(240, 240, 240))
    painter = qt.QPainter(canvas)
    painter.drawImage(0, 8, options)
    painter.drawImage(options.width(), 0, red)
    for row, image in enumerate((yellow, green)):
        painter.drawImage(qt.QRect(options.width() + side, row * half, half, half), image)
    painter.end()
    picture.parent.mkdir(parents=True, exist_ok=True)
    canvas.save(str(picture))


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    main()
