"""Draw the module's panel into docs/images/panel*.png, without a screen: ``make screenshots``.

The panel is the real one over the real backend process; Slicer's Qt side is that of the tests.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
WIDTH, SCALE = 540, "1.5"
SECONDS = 300
"""Patience with the processes."""


def main() -> None:
    """Start everything that the panel shows, and draw it."""
    with runOfSlicer() as (session, clock, _home):
        module = session.load(ROOT / "MedSAM2Slicer" / "MedSAM2Slicer.py")
        widget = module.widgetRepresentation()
        show(widget.self().panel, clock)
        draw(widget, IMAGES / "panel.png")
        chooseServer(widget.self().panel)
        draw(widget, IMAGES / "panel_server.png")


@contextmanager
def runOfSlicer() -> Iterator[tuple]:
    """Slicer without a window: its session, its clock, and a folder that is gone afterwards."""
    sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "MedSAM2Slicer")]
    os.environ["QT_SCALE_FACTOR"] = SCALE
    with tempfile.TemporaryDirectory() as home:
        os.environ["MEDSAM2_HOME"] = home
        import fakes
        from kept_speed import keep_speed

        keep_speed({})  # the same picture from every computer
        fakes.install()
        from fakes.clock import CLOCK
        from fakes.session import Session

        session = Session()
        yield session, CLOCK, Path(home)
        session.quit()


def show(panel, clock) -> None:
    """Unfold everything, and let the backend, the list of weights and the self-test come to their ends."""
    from MedSAM2SlicerLib.backend.BackendManager import backendManager

    manager = backendManager()
    for each in (panel.installation, panel.server, panel.weights, panel.selfTest):
        each.widget.collapsed = False
    clock.advanceUntil(lambda: not panel.weights.busy, SECONDS)
    panel.selfTest.run()
    clock.advanceUntil(lambda: not panel.selfTest.running, SECONDS)
    manager.client()
    clock.advanceUntil(lambda: manager.ready or manager.failure, SECONDS)
    panel.update()


def chooseServer(panel) -> None:
    """Fold everything but the choice of a server."""
    for each in (panel.state, panel.installation, panel.weights, panel.selfTest):
        each.widget.collapsed = True
    panel.server._away.checked = True
    panel.server._address.text = "wss://segmentation.hospital.org:8443"
    panel.server._token.text = "not a real token"


def draw(widget, picture: Path) -> None:
    """Write what a widget of the usual width looks like, in so few colours that the file stays small."""
    import qt

    widget.setFixedWidth(WIDTH)
    widget.show()
    for _ in range(3):  # heights follow widths, one level of layouts at a time
        qt.QApplication.sendPostedEvents()
        widget.setFixedHeight(widget.layout().totalHeightForWidth(WIDTH))
    picture.parent.mkdir(parents=True, exist_ok=True)
    widget.grab().save(str(picture))
    with Image.open(picture) as image:
        few = image.convert("RGB").quantize(dither=Image.Dither.NONE)
    few.save(picture, optimize=True)


if __name__ == "__main__":
    main()
