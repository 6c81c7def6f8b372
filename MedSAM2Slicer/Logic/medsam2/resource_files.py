"""Where the files that ship with the package lie: the catalogue of weights, the starter weights."""

from pathlib import Path


def resource_path(name: str) -> Path:
    """Path of a shipped file such as ``models.json``.

    In the source tree and in the Slicer extension the files lie in ``MedSAM2Slicer/Resources``,
    two levels above the package; an installed wheel carries them as ``medsam2/resources``.
    """
    package = Path(__file__).resolve().parent
    beside = package / "resources"
    folder = beside if beside.is_dir() else package.parents[1] / "Resources"
    return folder / name
