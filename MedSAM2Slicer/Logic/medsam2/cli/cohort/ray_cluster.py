"""A cohort on a Ray cluster: processes on its computers work on it, and this one watches.

They share the cohort's folder, and claims say who does what, as with ``--shard``. So a process that is lost
takes nothing along: another does its case again, and Ray starts a new one.
"""

import io
import re
import signal
import socket
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from urllib.parse import urlsplit

from medsam2.cli.backend_options import WhereToCompute
from medsam2.cli.cohort.case import Case
from medsam2.cli.cohort.results_table import results_of
from medsam2.cli.cohort.working import (
    REPORT_SECONDS,
    Clients,
    Run,
    Shard,
    Worker,
    left_to_do,
    line_of,
    report_meanwhile,
)
from medsam2.cli.progress import CaseProgress
from medsam2.cli.stopping import heed_signals
from medsam2.errors import InputError

LOOK_SECONDS = 1.0
"""Between looks at what has been finished."""
LATE_SECONDS = 10.0
"""By which a shared folder may show late what was written elsewhere, and a process may end late."""
MESSAGE_LETTERS = 200
"""Of a message of Ray."""
ANSWER_SECONDS = 10.0
"""For the cluster to be connected to."""


def work_on_cluster(
    address: str,
    cpus: int,
    compute: WhereToCompute,
    cases: Sequence[Case],
    run: Run,
    report: Callable[[], object],
) -> None:
    """Do what is left to do of a cohort; a case that fails does not stop it.

    Args:
        address: of the cluster: ``auto``, ``HOST:PORT``, or ``ray://HOST:PORT``.
        cpus: processors of each process where there is no GPU.
        compute: with which weights, and how.
        cases: of the cohort, all in one folder, which all computers of the cluster share.
        run: that they are done in.
        report: called now and then, and at the end.

    Raises:
        InputError: Ray is not installed, the cluster cannot be reached, or its processes have given up.
    """
    with left_to_do(cases, run, report) as (waiting, progress):
        if not waiting:
            return
        with redirect_stdout(_RayMessages(progress.say)), _connected(address):
            processes = _Processes(cpus, compute, cases, len(waiting), run)
            progress.say(processes.plan)
            try:
                _watch(processes, waiting, len(cases), run, report, progress)
            finally:
                processes.end()


@contextmanager
def _connected(address: str) -> Iterator[None]:
    try:
        import ray
    except ModuleNotFoundError as error:
        raise InputError(
            'Ray is not installed: run pip install "medsam2[ray]", here and on the computers of the cluster.'
        ) from error
    try:
        _check_answers(address)
        ray.init(address, log_to_driver=False, logging_level="error")
    except Exception as error:  # of many kinds
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise InputError(
            f"No Ray cluster can be used at {address} ({reason}): start one with ray start --head, or "
            "correct the address."
        ) from error
    heed_signals()  # Ray has put its own answer in place
    try:
        yield
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Ray itself would try for minutes."""
    parts = urlsplit(address if "//" in address else f"//{address}")
    if address != "auto":
        socket.create_connection((parts.hostname or "", parts.port or 0), ANSWER_SECONDS).close()


class _RayMessages(io.TextIOBase):
    """What Ray would print among the results: of each message, which may be pages, a line for people."""

    def __init__(self, say: Callable[[str], None]):
        self._say = say

    def write(self, text: str) -> int:
        """A message, or the end of its line."""
        first = re.sub(r"\x1b\[\d+m", "", text).strip().partition("\n")[0]
        if first:
            self._say(textwrap.shorten(first, MESSAGE_LETTERS, placeholder=" …"))
        return len(text)


class _Processes:
    """Those of the cluster that work on a cohort: one on each GPU, else one for so many processors.

    Attributes:
        failure: why the last one that gave up did.
        plan: how many there are to be, for people.
    """

    def __init__(self, cpus: int, compute: WhereToCompute, cases: Sequence[Case], wanted: int, run: Run):
        import ray

        gpus = sum(int(each.get("GPU", 0)) for each in _resources())
        if gpus and compute.device != "cpu":
            count, takes = gpus, {"num_gpus": 1, "num_cpus": 0}
            each_needs = "a GPU"
        else:
            count = sum(int(each.get("CPU", 0)) // cpus for each in _resources())
            takes = {"num_gpus": 0, "num_cpus": cpus}
            compute = replace(compute, threads=compute.threads or cpus)
            each_needs = f"{cpus} processor{'s' * (cpus != 1)}"
        if not count:
            raise InputError(
                f"No computer of the cluster has {each_needs}: give fewer with --cpus-per-worker."
            )
        count = min(count, wanted)
        # A task is started anew wherever there is room when its process or computer is lost.
        task = ray.remote(_work).options(**takes, max_retries=-1, scheduling_strategy="SPREAD")
        listed = ray.put(list(cases))
        self._tasks = [task.remote(listed, f"{turn}/{count}", compute, run) for turn in range(1, count + 1)]
        self.failure = ""
        self.plan = (
            f"The cluster is asked for {count} process{'es' * (count != 1)}, each with {each_needs}; cases "
            "wait until there is room."
        )

    def wait(self, seconds: float) -> bool:
        """Wait so long at most for one to end; returns whether there are still some."""
        import ray

        if not self._tasks:
            time.sleep(seconds)
            return False
        ended, self._tasks = ray.wait(self._tasks, timeout=seconds)
        for task in ended:
            try:
                ray.get(task)
            except Exception as error:  # of many kinds
                cause = getattr(error, "cause", error)
                is_ours = isinstance(cause, InputError)
                self.failure = (
                    str(cause) if is_ours else f"A process broke off ({type(cause).__name__}: {cause})."
                )
        return True

    def end(self) -> None:
        """Stop those that are left as Ctrl+C would."""
        import ray

        for task in self._tasks:
            ray.cancel(task)
        if self._tasks:
            ray.wait(self._tasks, num_returns=len(self._tasks), timeout=LATE_SECONDS)


def _resources() -> list[Mapping[str, float]]:
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _work(cases: list[Case], turn: str, compute: WhereToCompute, run: Run) -> None:
    """What each process does."""
    # So Ray stops a task; whoever started Ray in the background may have had it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    clients = Clients(compute.backend)
    try:
        Worker(Shard(turn).ordered(cases), clients, run, lambda: None).run()
    finally:
        clients.close()


def _watch(
    processes: _Processes,
    waiting: dict[str, Case],
    total: int,
    run: Run,
    report: Callable[[], object],
    progress: CaseProgress,
) -> None:
    """Say what has been finished until all is."""
    reported = time.monotonic()
    while waiting:
        work_goes_on = processes.wait(LOOK_SECONDS)
        if not work_goes_on:
            time.sleep(LATE_SECONDS)
        still = run.waiting(waiting.values())
        for result in results_of([case for name, case in waiting.items() if name not in still]):
            del waiting[result.name]
            progress.finish(line_of(result), total - len(waiting))
        if waiting and not work_goes_on:
            raise InputError(
                processes.failure
                or f"The cluster's processes have ended, but {len(waiting)} cases are not in "
                f"{next(iter(waiting.values())).folder}: give a folder that all of its computers share."
            )
        if time.monotonic() - reported > REPORT_SECONDS:
            report_meanwhile(report, progress)
            reported = time.monotonic()
