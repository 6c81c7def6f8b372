"""One case from its row to its files."""

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from medsam2.cli.cohort.case import Case, CaseResult, FoundObject
from medsam2.cli.cohort.cells import files_read, objects_of_case, segment_options
from medsam2.cli.cohort.claims import ClaimLostError
from medsam2.cli.cohort.record import MOST_TRIES, Record, Stamp, made_from, read_record, stamp, write_record
from medsam2.cli.destinations import check_destinations
from medsam2.cli.results import write_strip
from medsam2.cli.segmentation import Result
from medsam2.cli.segmenting import (
    Scene,
    note_doubtful_prompts,
    open_image,
    read_scene,
    track_scene,
    weights_used,
    write_scene,
)
from medsam2.cli.wording import collected_notes
from medsam2.client import BlockingClient, ClientError
from medsam2.complete_file import complete_file, explained_write_errors
from medsam2.errors import InputError


def run_case(
    case: Case,
    client: BlockingClient,
    overwrite: bool = False,
    check_claim: Callable[[], None] = lambda: None,
) -> CaseResult:
    """Segment a case and write its files, last its record; a failure is a result, and recorded likewise.

    Files of an earlier run of the case are replaced, others are not. Nobody else may work on it meanwhile.

    Args:
        case: what to do.
        client: of a ready backend. After a failure it may be lost (``client.is_lost``).
        overwrite: replace files that this command did not write, too.
        check_claim: called before anything is written; raises ClaimLostError if another process has the case.

    Raises:
        InputError: the record cannot be read or written, so that nothing would be known of the case.
    """
    began = time.perf_counter()
    earlier = read_record(case) or Record()
    tries = earlier.tries if earlier.result is None else 0
    record = Record(made_from(case), earlier.outputs, tries)
    with collected_notes(show_them=False) as notes:
        try:
            if tries >= MOST_TRIES:
                raise InputError(
                    f"The process that worked on this case ended {tries} times in the middle of it, perhaps "
                    "as memory ran out: give it more memory, and start the command again."
                )
            own = _own_files(case, earlier.outputs, overwrite)
            record = replace(record, outputs={**earlier.outputs, **dict.fromkeys(own)}, tries=tries + 1)
            write_record(case, record)
            result = _segment(case, client, own, check_claim)
        except ClaimLostError:
            raise
        except Exception as error:
            result = CaseResult(case.name, "failed", _reason(error))
        except BaseException:
            write_record(case, replace(record, tries=tries))  # being stopped says nothing of the case
            raise
    check_claim()
    seconds = round(time.perf_counter() - began, 2)
    result = replace(result, notes=tuple(notes), seconds=seconds, finished=time.time())
    outputs = record.outputs
    if record.tries > tries:  # it was begun, so whatever has these names is this command's own
        stamps = {name: stamp(case.folder / name) for name in outputs}
        outputs = {name: found for name, found in stamps.items() if found is not None}
    write_record(case, Record(record.made_from, outputs, result=result))
    return result


def _segment(
    case: Case, client: BlockingClient, own: Sequence[str], check_claim: Callable[[], None]
) -> CaseResult:
    options, objects_of = segment_options(case), objects_of_case(case)
    sequence, time_point = open_image(options)
    scene = read_scene(options, sequence, time_point, case.outputs, objects_of)
    result = track_scene(client, scene)
    weights = None
    if case.outputs.is_dicom:
        weights = weights_used(client.ready.weights, case.weights, case.weights is None)
    check_claim()
    if _name(case, case.spare) in own:
        case.spare.unlink(missing_ok=True)
    outputs = case.outputs
    summary = write_scene(outputs, scene, result, weights)
    with complete_file(case.thumbnail) as path:
        write_strip(path, scene.slices, scene.objects, result)
    note_doubtful_prompts(scene)
    return CaseResult(
        case.name,
        "done",
        objects=tuple(map(partial(_found, result=result, scene=scene), summary["objects"])),
        axis=scene.slices.axis,
        files=tuple(_name(case, file) for file in [*outputs.files, case.thumbnail]),
    )


def _found(row: Mapping, result: Result, scene: Scene) -> FoundObject:
    """One object, from its row of the summary."""
    certain = [slice.certainty for slice in result.confidence[row["name"]].values() if slice.present]
    confidence = sum(certain) / len(certain) if row["found"] and certain else 0.0
    return FoundObject(
        row["name"], row["volume_ml"], row["slices"], round(confidence, 4), row["doubtful_slices"]
    )


def _own_files(case: Case, written: Mapping[str, Stamp], overwrite: bool) -> list[str]:
    """Names of the files that the case may write, in its folder; InputError for one that is somebody else's.

    Args:
        case: whose they are.
        written: stamps of what earlier runs wrote; None where that may be half-done.
        overwrite: take whatever has these names.
    """
    files = [*case.outputs.files, case.thumbnail]
    with explained_write_errors(case.thumbnail):
        case.thumbnail.parent.mkdir(exist_ok=True)
    check_destinations(files, list(files_read(case).values()))
    for file in files:
        if overwrite or _is_own(case, file, written):
            continue
        what = "is not one that this command wrote"
        if _name(case, file) in written:
            what = "was changed after this command wrote it"
        raise InputError(f"{file} {what}: move it away, or replace it with --overwrite.")
    if case.spare not in files and _is_own(case, case.spare, written):
        files.append(case.spare)
    return [_name(case, file) for file in files]


def _is_own(case: Case, file: Path, written: Mapping[str, Stamp]) -> bool:
    """Whether a file is missing, or as an earlier run wrote it."""
    now, name = stamp(file), _name(case, file)
    return now is None or (name in written and written[name] in (None, now))


def _name(case: Case, file: Path) -> str:
    """A file of a case, as it is called in its record."""
    return file.relative_to(case.folder).as_posix()


def _reason(error: Exception) -> str:
    """Why a case failed, in one sentence."""
    if isinstance(error, InputError | ClientError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory for this case: give the command more."
    traceback.print_exception(error)
    return f"The case broke off ({type(error).__name__}: {error}): please report what was printed for it."
