"""``medsam2 thumbnails``: small pictures of an image set for Slicer's panel, which cannot wait for them."""

import json
from pathlib import Path
from typing import Annotated

import typer


def thumbnails(
    folder: Annotated[Path, typer.Argument(help="Folder of an image set.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each picture.")] = False,
) -> None:
    """Make the pictures of a set that are missing."""
    from medsam2.image_sets.set_folder import SetFolder
    from medsam2.image_sets.thumbnails import make_thumbnails

    for name in make_thumbnails(SetFolder(folder)):
        if as_json:
            print(json.dumps({"name": name}), flush=True)
