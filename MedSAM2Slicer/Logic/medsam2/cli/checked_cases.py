"""The cases of a dataset, for the commands that work on one."""

from pathlib import Path

from medsam2.errors import InputError


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
