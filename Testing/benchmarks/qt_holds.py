"""How long the effect holds Slicer's main thread, over real MRML and the real backend process.

What is Qt here is the fakes' (Testing/fakes); drawing on a screen is not measured.
"""

import os
import time
from pathlib import Path

import numpy as np

from benchmarks.tracking_speed import SIZE, ct_like_volume

SLICES = 300
EFFECT = Path(__file__).resolve().parents[2] / "MedSAM2Slicer" / "MedSAM2SlicerLib" / "SegmentEditorEffect.py"


class HeldTime:
    """Milliseconds of every call of a function."""

    def __init__(self, function):
        self._function = function
        self.milliseconds: list[float] = []

    def __call__(self, *arguments):
        started = time.perf_counter()
        result = self._function(*arguments)
        self.milliseconds.append(1000 * (time.perf_counter() - started))
        return result


def report() -> str:
    """A Markdown table."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import fakes

    if missing := fakes.missingPart():
        return f"## Holding Slicer's main thread\n\nNot measured: {missing}."
    fakes.install()
    import MedSAM2SlicerLib  # noqa: F401 - first, so that the effect finds its neighbours
    import slicer
    from MedSAM2SlicerLib.BackendManager import backendManager

    from fakes.clock import CLOCK
    from fakes.make_nodes import makeSegmentation, makeVolume
    from fakes.session import Session

    session = Session()
    editor = session.editorModule.editor
    prototype = slicer.qSlicerSegmentEditorScriptedEffect(None)
    prototype.setPythonSource(str(EFFECT))
    prototype.self().register()
    scan = ct_like_volume(SLICES)
    volume = makeVolume(scan.voxels, scan.geometry.ijk_to_ras)
    editor.setSegmentationNode(makeSegmentation(volume))
    editor.setSourceVolumeNode(volume)
    editor.setActiveEffectByName("MedSAM2")
    effect = editor.activeEffect().self()
    manager = backendManager()
    held = manager._onTimer = HeldTime(manager._onTimer)
    manager._timer.disconnect("timeout()")
    manager._timer.connect("timeout()", held)

    def wait(condition) -> None:
        while not condition():
            CLOCK.advance(10)
            time.sleep(0.001)

    centre = scan.geometry.kji_to_ras(np.array([SLICES // 2, SIZE // 2, SIZE // 2], float))
    view = slicer.app.layoutManager().sliceWidget("Red")
    click = HeldTime(view.click)
    click(centre)
    wait(lambda: effect._session.preview() is not None)
    opening, held.milliseconds = held.milliseconds, []
    effect.propagateOrCancel()
    wait(lambda: not effect._session.running)
    running, held.milliseconds = held.milliseconds, []
    again = HeldTime(view.click)
    again(centre + np.array([10.0, 0, 0]))
    masks = effect._session._propagation._masks
    editor.setActiveEffect(None)
    manager.stop()
    return "\n".join(
        [
            f"## Holding Slicer's main thread, {SIZE} x {SIZE} x {SLICES}",
            "",
            "| | longest, ms | median, ms | goal, ms |",
            "| --- | --- | --- | --- |",
            _row("first click, which copies the volume", click.milliseconds, ""),
            _row("timer while the volume is sent", opening, "30"),
            _row(f"timer during a propagation of {masks} slices", running, "30"),
            _row("another click", again.milliseconds, "30"),
        ]
    )


def _row(label: str, milliseconds: list[float], goal: str) -> str:
    return f"| {label} | {max(milliseconds):.1f} | {float(np.median(milliseconds)):.1f} | {goal} |"
