"""What several commands share: options, the examples at the end of their help, the cases of a dataset."""

from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

from medsam2.errors import InputError
from medsam2.orientations import Orientations
from medsam2.shortcuts import Speed

SeriesOption = Annotated[
    int | None,
    typer.Option("--series", min=1, help="Number of the DICOM series, as 'medsam2 info' lists it."),
]
VolumeOption = Annotated[
    int | None, typer.Option("--volume", min=1, help="Number of the volume, as 'medsam2 info' lists it.")
]
SkipDamagedOption = Annotated[
    bool, typer.Option("--skip-damaged", help="Leave damaged DICOM files out instead of stopping.")
]
ResampleOption = Annotated[
    bool, typer.Option("--resample", help="Resample DICOM slices that form no regular grid onto one.")
]
NanOption = Annotated[
    float | None, typer.Option("--nan", help="Intensity for voxels that are not a number or infinite.")
]
ModalityOption = Annotated[
    str | None,
    typer.Option("--modality", help="What made the image: CT, MR, PT, US, …; found out if not given."),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option("--threads", min=1, max=1024, help="Processor cores to compute on; all when not given."),
]

AxisOption = Annotated[
    str,
    typer.Option(
        "--axis", help="Track along axial, coronal or sagittal slices, or k, j or i; auto: the thickest."
    ),
]
IjkOption = Annotated[
    bool, typer.Option("--ijk", help="Coordinates are voxel indices i,j,k; i,j on a 2D image.")
]
ViewOption = Annotated[str, typer.Option("--view", help="Field of view: auto, slice, or its side in mm.")]
WindowOption = Annotated[
    str,
    typer.Option("--window", help="Intensities shown: auto, soft-tissue, lung, bone, brain, or LOWER:UPPER."),
]
WeightsOption = Annotated[
    str | None,
    typer.Option("--weights", help="Name from 'medsam2 weights list', or a file; starter if not given."),
]
DeviceOption = Annotated[
    str | None, typer.Option("--device", help="Where to compute: auto, cpu, cuda or mps.")
]
PrecisionOption = Annotated[
    str | None, typer.Option("--precision", help="Numbers to compute with: auto, fp32 or bf16.")
]
SpeedOption = Annotated[
    Speed,
    typer.Option(
        "--speed",
        help="fast: nearly the same masks, sooner; bf16 or int8 where quick, not at --precision fp32.",
    ),
]
ServerOption = Annotated[
    str | None,
    typer.Option("--server", help="Compute on a server, wss://HOST/session: the image is sent there."),
]
TokenFileOption = Annotated[
    Path | None,
    typer.Option("--token-file", help="File with the server's token; else MEDSAM2_TOKEN is used."),
]
CaFileOption = Annotated[
    Path | None, typer.Option("--ca-file", help="PEM file to check the server's certificate.")
]
OverlapOption = Annotated[
    Literal["last", "first"] | None,
    typer.Option(
        "--overlap", help="Object that keeps voxels of several in a labelmap; if not given, that is refused."
    ),
]
Memory = Literal["neighbours", "self-sorting"]
MemoryOption = Annotated[
    Memory,
    typer.Option("--memory", help="Slices remembered: neighbours, or the most telling ones (self-sorting)."),
]


OrientationsOption = Annotated[
    int,
    typer.Option(
        "--orientations",
        metavar="1|3|6",
        help="Track along 1 axis or fuse all 3; 6: each outward and inward. Takes many times longer.",
    ),
]


def checked_orientations(count: int) -> Orientations:
    """A number of orientations that there is."""
    for known in get_args(Orientations):
        if count == known:
            return known
    raise InputError(f"--orientations {count} is not 1, 3 or 6.")


def memory_bank(memory: Memory) -> Literal["temporal", "self-sorting"]:
    """The memory bank of that name in the network's own words."""
    return "temporal" if memory == "neighbours" else memory


def examples(*lines: str) -> str:
    """The end of a help text: one command a line, as it is typed, each at most 76 letters."""
    # The first line keeps the lines below it as they are.
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def checked_cases(dataset: Path, split: str = "train", limit: int | None = None) -> list:
    """The (first ``limit``) cases of one part, all readable; InputError names every file that is not."""
    from medsam2.cli.progress import stages
    from medsam2.datasets import check_cases, read_dataset  # SimpleITK would keep --help waiting

    cases = read_dataset(dataset, split)[:limit]
    problems = []
    with stages() as progress:
        progress.begin("Checking the files", len(cases), "cases")
        for case in cases:
            problems += check_cases([case])
            progress.advance()
    if problems:
        lines = "".join(f"\n  {problem.sentence}" for problem in problems)
        files = "1 unusable file" if len(problems) == 1 else f"{len(problems)} unusable files"
        raise InputError(f"{dataset} has {files}; correct or remove them:{lines}")
    return cases
