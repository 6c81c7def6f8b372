"""From letting go of the mouse button to the outline, over real MRML and the real backend process.

    python Testing/benchmarks/click_times.py [SCAN]

SCAN is a file or folder that ``medsam2 segment`` reads; without it, the synthetic CT of the demo. What is Qt
here is the fakes' (Testing/fakes); drawing on a screen is not measured.
"""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "MedSAM2Slicer"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import psutil

from benchmarks.machine import in_fresh_process
from medsam2_lab.result_tables import Cell, ResultTable, measured, show

CLICKS = 24
REST_SECONDS, HELD_SECONDS = 0.4, 0.1
"""That a hand rests before it clicks, and holds the button."""
WAIT_SECONDS = 60.0
EFFECT = Path(__file__).resolve().parents[2] / "MedSAM2Slicer" / "MedSAM2SlicerLib" / "SegmentEditorEffect.py"


def tables(scan: str = "") -> dict[str, ResultTable]:
    """Clicks on new slices, by a hand and by a machine, and more clicks on the same slice."""
    import fakes

    if missing := fakes.missingPart():
        print(f"How soon an outline comes is not measured: {missing}.")
        return {}
    rows = in_fresh_process(_rows, scan)
    columns = {"": None, "p50, ms": 0, "p90, ms": 0, "processor, p50, ms": 0, "goal, ms": None}
    return {"clicks": ResultTable(measured("Testing/benchmarks/click_times.py"), columns, rows)}


def _rows(scan: str) -> list[list[Cell]]:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import fakes

    fakes.install()
    bench = _Bench(scan)
    slow = [bench.click(index, rest=0.0, held=0.0) for index in bench.slices(0)]
    hand = [bench.click(index, REST_SECONDS, HELD_SECONDS) for index in bench.slices(1)]
    again = [bench.click(bench.middle, rest=0.0, held=0.0) for _ in range(CLICKS)]
    bench.close()
    return [
        _row("first click on a slice, by a hand", hand, "200"),
        _row("first click on a slice, without any time to aim", slow, ""),
        _row("further clicks on a slice", again[1:], "200"),
    ]


class _Bench:
    """The effect on a scan; clicks go anywhere in the middle of a slice."""

    def __init__(self, scan: str):
        import MedSAM2SlicerLib  # noqa: F401 - first, so that the effect finds its neighbours
        import slicer
        from MedSAM2SlicerLib.backend.BackendManager import backendManager

        from fakes.make_nodes import makeSegmentation, makeVolume
        from fakes.session import Session
        from medsam2.cli.phantom import make_phantom
        from medsam2.volume import Volume

        self._editor = Session().editorModule.editor
        prototype = slicer.qSlicerSegmentEditorScriptedEffect(None)
        prototype.setPythonSource(str(EFFECT))
        prototype.self().register()
        volume = Volume.read(Path(scan)) if scan else make_phantom().volume
        self._geometry, self._shape = volume.geometry, volume.voxels.shape
        node = makeVolume(volume.voxels, volume.geometry.ijk_to_ras)
        self._editor.setSegmentationNode(makeSegmentation(node))
        self._editor.setSourceVolumeNode(node)
        self._editor.setActiveEffectByName("MedSAM2")
        self._view = slicer.app.layoutManager().sliceWidget("Red")
        self._logic = self._editor.activeEffect().self().active.logic
        self._manager = backendManager()
        self._random = np.random.default_rng(0)
        self.click(self.middle, rest=0.0, held=0.0)  # starts the backend, and sends the volume

    @property
    def middle(self) -> int:
        return self._shape[0] // 2

    def slices(self, turn: int) -> list[int]:
        """Of the scan's middle, in no order; as many slices as there are, then from the first again."""
        inner = np.arange(self._shape[0] // 10, self._shape[0] - self._shape[0] // 10)[turn::2]
        return [int(index) for index in np.resize(self._random.permutation(inner), CLICKS)]

    def click(self, index: int, rest: float, held: float) -> tuple[float, float]:
        """Milliseconds, and those of both processes' processors, from the button's release to the outline."""
        row, column = self._random.uniform(0.35, 0.65, 2) * self._shape[1:]
        if index != self.middle:
            self._logic.reset()
            self._wait(lambda: not self._manager.busy)
        self._view.moveTo(self._geometry.kji_to_ras(np.array([index, row, column])))
        self._pass(rest)
        self._view.pressButton()
        self._pass(held)
        before = self._logic.preview()
        started, computed = time.perf_counter(), self._computed()
        self._view.release()
        self._wait(lambda: self._logic.preview() not in (None, before))
        times = 1000 * (time.perf_counter() - started), 1000 * (self._computed() - computed)
        self._wait(lambda: not self._manager.busy)
        return times

    def close(self) -> None:
        self._editor.setActiveEffect(None)
        self._manager.quit()

    @staticmethod
    def _computed() -> float:
        """Processor seconds of this process and of the backend."""
        this = psutil.Process()
        return sum(sum(each.cpu_times()[:2]) for each in (this, *this.children(recursive=True)))

    @staticmethod
    def _pass(seconds: float) -> None:
        end = time.perf_counter() + seconds
        _Bench._turn(lambda: time.perf_counter() >= end)

    @staticmethod
    def _wait(condition) -> None:
        end = time.perf_counter() + WAIT_SECONDS
        _Bench._turn(lambda: condition() or time.perf_counter() > end)
        assert condition(), f"not within {WAIT_SECONDS:g} s"

    @staticmethod
    def _turn(is_over) -> None:
        """Turn the clock of the fakes with real time, a millisecond at a time."""
        from fakes.clock import CLOCK

        last = time.perf_counter()
        while not is_over():
            time.sleep(0.001)
            now = time.perf_counter()
            CLOCK.advance(int(1000 * (now - last)))
            last += int(1000 * (now - last)) / 1000


def _row(label: str, times: list[tuple[float, float]], goal: str) -> list[Cell]:
    wall, processor = np.array(times).T
    median, late = np.percentile(wall, (50, 90)).tolist()
    return [label, median, late, float(np.median(processor)), goal]


if __name__ == "__main__":
    show(tables(*sys.argv[1:]), record=False)
