"""``medsam2 set-files``: files of an image set that Slicer's panel needs or leaves, and cannot make."""

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from medsam2.image_sets.run_review import RunReview
    from medsam2.image_sets.set_folder import SetFolder


def set_files(
    folder: Annotated[Path, typer.Argument(help="Folder of an image set.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each thumbnail.")] = False,
) -> None:
    """Make missing thumbnails of a set, and bring masks and tables up to date with what a person has decided.

    Nothing is computed. While a run works on the set, masks and tables are left to it.
    """
    from medsam2.cli.destinations import HeldElsewhere, held_destinations
    from medsam2.image_sets.exports import prepare
    from medsam2.image_sets.run_review import RunReview
    from medsam2.image_sets.set_folder import SetFolder
    from medsam2.image_sets.thumbnails import make_thumbnails

    place = SetFolder(folder)
    for name in make_thumbnails(place):
        if as_json:
            print(json.dumps({"name": name}), flush=True)
    with (
        suppress(HeldElsewhere),
        held_destinations([place.results], [], overwrite=True),
        RunReview(folder) as review,
    ):
        is_answered = any(record.pixels is not None for record in review.records())
        table, changed = place.results, place.review_file.stat().st_mtime
        if is_answered and not (table.exists() and table.stat().st_mtime >= changed):
            prepare(place)
            _sheets, kept = write_set_files(place, review)
            if as_json:
                print(json.dumps({"kept_masks": kept}), flush=True)


def write_set_files(folder: "SetFolder", review: "RunReview") -> tuple[list[Path], list[str]]:
    """Bring masks, the table and the contact sheets up to date. For who holds the set.

    Returns:
        The sheets' paths, and the images whose masks another program changed, so that these were kept.
    """
    from medsam2.cli.pictures.contact_sheet import write_contact_sheets
    from medsam2.image_sets.exports import write_masks, write_results

    kept = write_masks(folder, review)
    write_results(folder, review)
    return write_contact_sheets(folder, review), kept
