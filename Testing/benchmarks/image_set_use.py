"""Speed and memory of ``medsam2 one-prompt``: ``python Testing/benchmarks/image_set_use.py 10000``.

A program by itself, as 10,000 images take twenty minutes on two cores.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from medsam2.threads import settle_threads

settle_threads()  # as the command does, before torch is imported

import numpy as np  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402

from benchmarks.machine import STATUS  # noqa: E402
from medsam2.cli.pictures.contact_sheet import write_contact_sheets  # noqa: E402
from medsam2.image_sets.exports import prepare, write_masks, write_results  # noqa: E402
from medsam2.image_sets.run_review import RunReview  # noqa: E402
from medsam2.image_sets.running import SetRun  # noqa: E402
from medsam2.image_sets.set_folder import SetFolder  # noqa: E402
from medsam2.placed_mask import PlacedMask  # noqa: E402
from medsam2.prompt import Prompt  # noqa: E402
from medsam2.weights.loading import load_model  # noqa: E402

SHAPE, DIFFERENT = (192, 256), 40
WARM = 0.1
"""Share of the run after which all that is kept has been taken."""


def disc(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture of a disc in colour, and its mask."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    mask = np.hypot(*((rows, columns) - (rng.uniform(0.35, 0.65, 2) * SHAPE)[:, None, None])) < 30
    image = np.where(mask[..., None], (210, 120, 60), (110, 60, 130)) + rng.normal(0, 12, (*SHAPE, 3))
    return image.clip(0, 255).astype(np.uint8), mask


def make_pictures(folder: Path, count: int) -> list[Path]:
    """So many files, of which only some differ."""
    contents = []
    for seed in range(DIFFERENT):
        Image.fromarray(disc(seed)[0]).save(folder / "one.png")
        contents.append((folder / "one.png").read_bytes())
    paths = [folder / f"{number:05d}.png" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(contents[number % DIFFERENT])
    return paths


def resident() -> int:
    """Bytes of memory that this process holds now."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmRSS"))
    return 1024 * int(line.split()[1])


def main() -> int:
    """Print seconds and memory; 1 where memory grew by more than 3 %."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    samples: list[int] = []

    def tell(done: int, of: int, name: str) -> None:
        samples.append(resident())
        if len(samples) % 200 == 0:
            print(f"{done} of {of}: {samples[-1] / 1e6:.0f} MB", flush=True)

    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "photos").mkdir()
        folder = SetFolder(Path(scratch) / "set")
        with RunReview(folder.path) as review:
            names = review.add(make_pictures(Path(scratch) / "photos", arguments.count))
            review.set_prompt(names[0], Prompt(0, mask=PlacedMask.cropped(disc(0)[1])))
            prepare(folder)
            run = SetRun(folder, review, load_model("starter", "cpu"), "benchmark", tell)
            started = time.perf_counter()
            run.compute()
            computed = time.perf_counter() - started
            write_masks(folder, review)
            write_results(folder, review)
            written = time.perf_counter() - started - computed
            write_contact_sheets(folder, review)
            drawn = time.perf_counter() - started - computed - written
    tenth = int(WARM * len(samples))
    early, late = samples[tenth : 2 * tenth], samples[-tenth:]
    growth = statistics.median(late) / statistics.median(early) - 1
    print(f"{run.answered} answers in {computed:.0f} s: {run.answered / computed:.2f} images per second")
    print(f"masks and table {written:.1f} s, contact sheets {drawn:.1f} s")
    print(f"memory from 10-20 % of the run to its end: {growth:+.2%}")
    return int(abs(growth) > 0.03)


if __name__ == "__main__":
    raise SystemExit(main())
