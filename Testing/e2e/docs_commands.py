"""The commands of the pages: which there are, what stands in for a reader's own files, which are not run."""

import json
import re
import shlex
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from medsam2.cli.phantom import make_phantom
from medsam2.resource_files import resource_path
from medsam2.volume import Geometry, write_labelmap, write_volume

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", ROOT / "lab" / "README.md", *sorted((ROOT / "docs").glob("*.md")))

NOT_RUN = {
    r"\bsudo\b": "changes the system",
    r"^journalctl|^curl": "asks a service that is installed with sudo",
    r"^pip install": "downloads packages",
    r"weights download": "downloads weights; test_download.py does that from a server of its own",
    r"medsam2-lab (?!synthesise)|gpu_session": "takes hours, or needs real cases",
    r"benchmarks/": "takes minutes; benchmarks are for idle machines",
    r"--ray ": "needs a cluster; test_ray.py does that",
    r"medsam2 serve": "runs until it is stopped; test_server.py does that",
    r"--server wss://": "asks a server; test_server.py does that",
    r"^make test": "runs these tests",
}
SHORTER = {
    "--count 20": "--count 1",
    "medsam2 train": "medsam2 train --steps 1 --clips 1 --frames 2 --image-size 64 --workers 0",
}
"""Options in place of those that take minutes."""
SLICES = slice(7, 22)


class Command(NamedTuple):
    """A command as written, and where."""

    page: str
    line: int
    text: str

    @property
    def reason(self) -> str | None:
        """Why it is not run, if so."""
        return next((why for pattern, why in NOT_RUN.items() if re.search(pattern, self.text)), None)

    @property
    def words(self) -> list[str]:
        """As the shell splits it, in the shorter form where there is one."""
        text = self.text
        for written, shorter in SHORTER.items():
            text = text.replace(written, shorter)
        return shlex.split(text, comments=True)


def commands_of(page: Path) -> list[Command]:
    """All commands in the bash blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for block in re.finditer(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        line = text[: block.start(1)].count("\n") + 1
        for joined in re.findall(r"(?:.*\\\n)*.*\n", block[1]):
            if shlex.split(joined, comments=True):
                found.append(Command(page.name, line, joined.replace("\\\n", " ").strip()))
            line += joined.count("\n")
    return found


def json_blocks(page: Path) -> list[str]:
    """The JSON that a page shows."""
    return blocks(page, "json")


def blocks(page: Path, kind: str) -> list[str]:
    """What a page shows of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def put_stand_ins(folder: Path) -> None:
    """What a reader has who comes to a page: the demo's scan, a data set, weights, the page's prompt file."""
    (folder / "demo").mkdir()
    put_scan(folder / "demo" / "phantom.nrrd")
    (folder / "prompts.json").write_text(json_blocks(ROOT / "README.md")[0], encoding="utf-8")
    for name, text in zip(("cases.csv", "scans.csv"), blocks(ROOT / "docs" / "batch.md", "csv"), strict=True):
        (folder / name).write_text(text, encoding="utf-8")
    starter = resource_path("weights/starter.safetensors").read_bytes()
    for name in ("my_finetuned.safetensors", "tuned.safetensors"):
        (folder / name).write_bytes(starter)
    put_data_set(folder / "path" / "to" / "dataset")
    put_photos(folder / "photos")


def put_scan(path: Path, slices: slice = SLICES) -> None:
    """The demo's scan, without the slices below and above all that the pages click on."""
    whole = make_phantom().volume
    matrix = whole.geometry.ijk_to_ras.copy()
    matrix[:3, 3] += slices.start * matrix[:3, 2]
    voxels = whole.voxels[slices]
    write_volume(path, voxels, Geometry(voxels.shape, matrix))


def put_photos(folder: Path) -> None:
    """Pictures of discs, told from their surroundings by their colour."""
    folder.mkdir()
    rows, columns = np.mgrid[:96, :128]
    for number in range(1, 4):
        is_disc = np.hypot(rows - 43 - 2 * number, columns - 52 - 3 * number) < 20
        colours = np.where(is_disc[..., None], (210, 120, 60), (110, 60, 130)).astype(np.uint8)
        Image.fromarray(colours).save(folder / f"{number}.png")


def put_data_set(folder: Path) -> None:
    """Labelled scans of 6 x 64 x 64 voxels, two to learn from and one to test on."""
    phantom = make_phantom()
    part = slice(17, 23), slice(40, 104), slice(16, 80)
    geometry = Geometry((6, 64, 64), phantom.volume.geometry.ijk_to_ras)
    for name, count in (("Tr", 2), ("Ts", 1)):
        for number in range(count):
            for kind in ("images", "labels"):
                (folder / f"{kind}{name}").mkdir(parents=True, exist_ok=True)
            write_volume(
                folder / f"images{name}" / f"p{number}_0000.nii.gz", phantom.volume.voxels[part], geometry
            )
            labels = phantom.labels["liver"][part].astype("uint8")
            write_labelmap(folder / f"labels{name}" / f"p{number}.nii.gz", labels, geometry)
    description = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "liver": 1}}
    (folder / "dataset.json").write_text(json.dumps(description), encoding="utf-8")
