"""Draw the panel's section for image sets into docs/images/review.png: ``make screenshots``.

The images are drawn here; their masks are those of the real command, from one of them that is segmented.
"""

from pathlib import Path

import numpy as np
from panel import draw as drawWidget  # the script beside this one
from panel import runOfSlicer
from PIL import Image
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "images" / "review.png"
COUNT, WIDTH = 16, 540
SEGMENTED = (0, 3, 10)
"""Numbers of the images that the person has segmented."""
SECONDS = 300


def main() -> None:
    """Make a set, let the command look for the discs, decide on some images, and draw."""
    with runOfSlicer() as (_session, clock, home):
        from MedSAM2SlicerLib.backend.BackendManager import backendManager
        from MedSAM2SlicerLib.panel.ImageSetSection import ImageSetSection

        section = ImageSetSection(backendManager())
        review(section, home / "optic discs", clock)
        draw(section, clock)
        section.cleanup()


def review(section, folder: Path, clock) -> None:
    """What a person does, up to the middle of the review."""
    images = folder.with_name("photographs")
    images.mkdir()
    discs = [writeFundus(images / f"eye_{number:02}.png", number) for number in range(COUNT)]
    section.openSet(folder)
    section.review.add(sorted(images.iterdir()))
    for number in SEGMENTED:
        section.review.prompt(f"eye_{number:02}", discs[number])
    section._updateFiles(folder)
    section.run()
    clock.advanceUntil(lambda: not section.review.running and not section.filesAreMade, SECONDS)
    section.frame.showDoubtful()
    for _image in range(4):
        section.frame.act("accept" if section.review.records[section.frame.grid.chosen].pixels else "reject")
    section._place.text = "Results: optic discs"  # not a folder of this computer


def draw(section, clock) -> None:
    """Write what the section looks like."""
    section.widget.collapsed = False
    section.widget.setFixedWidth(WIDTH)
    section.widget.show()
    section.frame.grid.widget.setFocus()
    clock.advance(2000)
    drawWidget(section.widget, PICTURE)
    clock.advance(2000)
    drawWidget(section.widget, PICTURE)


def writeFundus(path: Path, number: int) -> np.ndarray:
    """A photograph of the back of an eye, as far as a disc and vessels go; gives the disc."""
    rng = np.random.default_rng(number)
    rows, columns = (int(each) for each in rng.integers(260, 340, 2))
    row, column = np.mgrid[:rows, :columns]
    side = rng.choice((-1, 1))
    centre = rows * rng.uniform(0.4, 0.6), columns * (0.5 + side * rng.uniform(0.12, 0.26))
    tall, wide = rows * rng.uniform(0.09, 0.13), rows * rng.uniform(0.07, 0.11)
    away = np.hypot((row - centre[0]) / tall, (column - centre[1]) / wide)
    pixels = np.array([170, 75, 35]) * rng.uniform(0.75, 1.1) + np.zeros((rows, columns, 1))
    pixels += np.array([60, 95, 60]) / (1 + np.exp(8 * (away[..., None] - 1)))
    for _vessel in range(9):
        angle, bend = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.6)
        along = np.linspace(0, max(rows, columns), 500)
        turn = angle + bend * along / max(rows, columns)
        at = (
            np.stack([centre[0] + along * np.sin(turn), centre[1] + along * np.cos(turn)], 1)
            .round()
            .astype(int)
        )
        at = at[(at >= 1).all(1) & (at[:, 0] < rows - 1) & (at[:, 1] < columns - 1)]
        for step in range(-1, 1 + rng.integers(0, 2)):
            pixels[at[:, 0] + step, at[:, 1]] *= 0.72
    seen = np.hypot(row - rows / 2, column - columns / 2) < 0.49 * min(rows, columns)
    pixels = np.where(seen[..., None], pixels + rng.normal(0, 4, pixels.shape), 8)
    pixels = ndimage.gaussian_filter(np.clip(pixels, 0, 255), (0.7, 0.7, 0)).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    return (away < 1) & seen


if __name__ == "__main__":
    main()
