"""The option ``--threads``, the same for every command that computes."""

from typing import Annotated

import typer

ThreadsOption = Annotated[
    int | None,
    typer.Option("--threads", min=1, max=1024, help="Processor cores to compute on; all when not given."),
]
