"""How long the effect holds Slicer's main thread, over real MRML and the real backend process.

What is Qt here is the fakes' (Testing/fakes); drawing on a screen is not measured.
"""

import gc
import os
import time
from pathlib import Path

import numpy as np

from benchmarks.ct_like import SIZE, ct_like_volume
from medsam2_lab.result_tables import Cell, ResultTable, measured

SLICES, IDLE_SECONDS = 300, 60
CONDITION_SECONDS = 600.0
"""Seconds after which the benchmark gives up waiting."""
EFFECT = Path(__file__).resolve().parents[2] / "MedSAM2Slicer" / "MedSAM2SlicerLib" / "SegmentEditorEffect.py"


class HeldTime:
    """Milliseconds of every call of a function, and of processor time in them.

    The former hold Slicer; the latter depend less on what else the machine does.
    """

    def __init__(self, function):
        self._function = function
        self.milliseconds: list[tuple[float, float]] = []

    def __call__(self, *arguments):
        started = time.perf_counter(), time.process_time()
        result = self._function(*arguments)
        ended = time.perf_counter(), time.process_time()
        wall, processor = (1000 * (last - first) for first, last in zip(started, ended, strict=True))
        self.milliseconds.append((wall, processor))
        return result


def tables() -> dict[str, ResultTable]:
    """What the effect does at work, and what it costs when it has propagated and is left alone.

    None where a part that stands in for Slicer is missing.
    """
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import fakes

    if missing := fakes.missingPart():
        print(f"How long Slicer is held is not measured: {missing}.")
        return {}
    fakes.install()
    bench = _EffectBench()
    holds, idle = bench.holds(), bench.idle()
    bench.close()
    title = f"{SIZE} x {SIZE} x {SLICES}"
    columns = {title: None, "longest, ms": 1, "longest, processor, ms": 1, "median, ms": 1, "goal, ms": None}
    about = measured("Testing/benchmarks/qt_holds.py")
    return {
        "qt_holds": ResultTable(about, columns, holds),
        "qt_idle": ResultTable(about, {"idle after a propagation": None, "measured": None}, idle),
    }


class _EffectBench:
    """The effect on a large volume."""

    def __init__(self):
        import MedSAM2SlicerLib  # noqa: F401 - first, so that the effect finds its neighbours
        import slicer
        from MedSAM2SlicerLib.backend.BackendManager import backendManager

        from fakes.clock import CLOCK
        from fakes.make_nodes import makeSegmentation, makeVolume
        from fakes.session import Session

        self._editor = Session().editorModule.editor
        prototype = slicer.qSlicerSegmentEditorScriptedEffect(None)
        prototype.setPythonSource(str(EFFECT))
        prototype.self().register()
        self._scan = ct_like_volume(SLICES)
        volume = makeVolume(self._scan.voxels, self._scan.geometry.ijk_to_ras)
        self._editor.setSegmentationNode(makeSegmentation(volume))
        self._editor.setSourceVolumeNode(volume)
        self._view = slicer.app.layoutManager().sliceWidget("Red")
        self._manager = backendManager()
        # This program has loaded far more than Slicer would: keep Python from searching that for garbage.
        gc.collect()
        gc.freeze()
        self._timer = CLOCK._run = HeldTime(CLOCK._run)
        self._activate = HeldTime(self._editor.setActiveEffectByName)
        self._activate("MedSAM2")
        self._logic = self._editor.activeEffect().self().active.logic

    def holds(self) -> list[list[Cell]]:
        """Rows: everything that a first segmentation does on the main thread."""
        centre = self._scan.geometry.kji_to_ras(np.array([SLICES // 2, SIZE // 2, SIZE // 2], float))
        first, again, scroll = HeldTime(self._view.click), HeldTime(self._view.click), HeldTime(self._scroll)
        self._wait(lambda: self._manager.ready is not None)
        preparing = self._taken()
        self._view.scrollTo(centre)
        first(centre)
        self._wait(lambda: self._logic.preview() is not None)
        opening, runs = self._taken(), []
        for offset in (10.0, 20.0):
            self._press("Propagate")
            self._wait(lambda: not self._logic.running)
            runs.append(self._taken())
            again(centre + np.array([offset, 0, 0]))
            self._wait(lambda: not self._manager.busy)
            self._taken()
        for _ in range(20):
            scroll()
        return [
            _row("choosing the effect", self._activate.milliseconds, "100"),
            _row("timers after that: backend started, volume copied", preparing, "100"),
            _row("first click", first.milliseconds, "30"),
            _row("timers while the volume is sent", opening, "30"),
            _row(f"timers during a propagation of {SLICES} slices", runs[0], "30"),
            _row("timers during another, over what is there", runs[1], "30"),
            _row("further clicks", again.milliseconds, "30"),
            _row("scrolling by a slice", scroll.milliseconds, "30"),
        ]

    def idle(self) -> list[list[Cell]]:
        """Rows: timers, processor time and answered events while nothing happens."""
        from fakes.clock import CLOCK

        for _ in range(100):
            CLOCK.advance(10)
        self._taken()
        started = time.process_time()
        CLOCK.advance(1000 * IDLE_SECONDS)
        busy = 1000 * (time.process_time() - started) / IDLE_SECONDS
        ticks, timers = len(self._taken()) / IDLE_SECONDS, CLOCK.waiting
        move = HeldTime(lambda: self._view._event("MouseMoveEvent", (100, 100), {}))
        for _ in range(100):
            move()
        return [
            ["timers that run", timers],
            ["time-outs per second", ticks],
            ["processor time, ms per second", round(busy, 2)],
            ["a mouse move over a view, ms", round(float(np.median(move.milliseconds, axis=0)[0]), 3)],
        ]

    def close(self) -> None:
        self._editor.setActiveEffect(None)
        self._manager.quit()

    def _press(self, text: str) -> None:
        import qt

        buttons = self._editor.activeEffect().optionsFrame().findChildren(qt.QPushButton)
        next(button for button in buttons if button.text == text).click()

    def _scroll(self) -> None:
        self._view.wheel(1)

    def _taken(self) -> list[tuple[float, float]]:
        """What timers held since this was called last."""
        taken, self._timer.milliseconds = self._timer.milliseconds, []
        return taken

    @staticmethod
    def _wait(condition) -> None:
        from fakes.clock import CLOCK

        CLOCK.advanceUntil(condition, CONDITION_SECONDS)


def _row(label: str, milliseconds: list[tuple[float, float]], goal: str) -> list[Cell]:
    wall, processor = zip(*milliseconds, strict=True)
    return [label, max(wall), max(processor), float(np.median(wall)), goal]
