"""One process at work on a cohort, perhaps beside others that share its folder."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from medsam2.cli.backend_options import backend_client
from medsam2.cli.cohort.case import Case, CaseResult
from medsam2.cli.cohort.claims import ClaimLostError, Claims
from medsam2.cli.cohort.record import read_record, why_again
from medsam2.cli.cohort.running import run_case
from medsam2.cli.progress import CaseProgress, case_progress
from medsam2.cli.wording import millilitres
from medsam2.client import BlockingClient, LocalBackend, RemoteBackend
from medsam2.errors import InputError

POLL_SECONDS = 2.0
"""Between looks at cases that others work on."""
REPORT_SECONDS = 60.0
"""Between reports while cases are done."""
_RETRY = (1.0,)
"""Seconds before a backend is started once more for the same case."""
_RESTARTS = (1.0, 10.0)
"""Seconds before another try to start a backend, such as after memory ran out."""


class Shard:
    """Which cases a process begins with: every n-th. Then it helps with those that are left.

    Args:
        text: ``i/n``, i from 1; None for all cases in their order.

    Raises:
        InputError: it is none.
    """

    def __init__(self, text: str | None):
        found = re.fullmatch(r"(\d+)/(\d+)", text or "1/1", re.ASCII)
        self._number, self._of = map(int, found.groups()) if found else (0, 0)
        if not 1 <= self._number <= self._of:
            raise InputError(f"--shard {text} is not i/n, the i-th of n processes, with i from 1 to n.")

    def ordered(self, cases: Sequence[Case]) -> list[Case]:
        """Its own cases first, then those of the next process, and so on."""
        places = sorted(range(len(cases)), key=lambda place: (place + 1 - self._number) % self._of)
        return [cases[place] for place in places]


@dataclass(frozen=True)
class Run:
    """One call of the command.

    Attributes:
        overwrite: do all again, and replace files that this command did not write.
        before: when cases were finished that were so before it, by name. A case that was finished at another
            time is the work of this run, whoever did it; so clocks of different computers are not compared.
    """

    overwrite: bool
    before: Mapping[str, float] = field(default_factory=dict)

    def why(self, case: Case) -> str | None:
        """Why a case is to be done, as the end of a sentence; empty if it never was, None if it is finished.

        One whose record cannot be read is left alone: the report says so.
        """
        try:
            record = read_record(case)
        except InputError:
            return None
        if record is None:
            return ""
        if record.result is not None:
            if record.result.finished != self.before.get(case.name):
                return None
            if record.result.state == "failed":
                return "it failed before"
            if self.overwrite:
                return "--overwrite says so"
        return why_again(case, record) or None

    def waiting(self, cases: Iterable[Case]) -> dict[str, Case]:
        """Those that are not finished, by name."""
        return {case.name: case for case in cases if self.why(case) is not None}


def begun_run(cases: Iterable[Case], overwrite: bool) -> Run:
    """A run over cases that begins now."""
    before = {}
    for case in cases:
        with suppress(InputError):  # the report says so
            record = read_record(case)
            if record is not None and record.result is not None:
                before[case.name] = record.result.finished
    return Run(overwrite, before)


class Clients:
    """One client for all cases, and another only where its backend is lost.

    Args:
        backend: makes a backend.
    """

    def __init__(self, backend: Callable[[], LocalBackend | RemoteBackend]):
        self._backend = backend
        self._client: BlockingClient | None = None
        self._open = ExitStack()

    def ready(self) -> BlockingClient:
        """A client whose backend is ready.

        Raises:
            InputError: no backend can be started or reached.
        """
        if self._client is None:
            self._client = self._connected()
        elif self._client.is_lost:
            self.close()
            for wait in _RESTARTS:
                with suppress(InputError):
                    self._client = self._connected()
                    break
                time.sleep(wait)
            else:
                self._client = self._connected()
        return self._client

    def close(self) -> None:
        """End the session, and the backend's process."""
        self._open.close()

    def _connected(self) -> BlockingClient:
        backend = self._backend()
        if isinstance(backend, LocalBackend):
            backend.waits = _RETRY  # a case for which memory ran out twice has had its chance
        return self._open.enter_context(backend_client(backend, "batch"))


class Worker:
    """Works on the cases of a cohort until all are finished, by it or by others.

    Args:
        cases: of the cohort, all in one folder, in the order in which to begin.
        clients: for all of them.
        run: that they are done in.
        report: called now and then, and at the end.
    """

    def __init__(self, cases: Sequence[Case], clients: Clients, run: Run, report: Callable[[], object]):
        self._cases = cases
        self._clients = clients
        self._run = run
        self._report = report
        self._claims = Claims(cases[0].folder)

    def run(self) -> None:
        """Do what is left to do; a case that fails does not stop it.

        Raises:
            InputError: no backend can be started, or the folder cannot be written.
        """
        with left_to_do(self._cases, self._run, self._report) as (waiting, progress):
            self._work(waiting, progress)

    def _work(self, waiting: dict[str, Case], progress: CaseProgress) -> None:
        reported = time.monotonic()
        while waiting:
            before = len(waiting)
            for case in list(waiting.values()):
                result = self._result(case, progress)
                if result is not None or self._run.why(case) is None:
                    waiting.pop(case.name, None)
                if result is not None:
                    progress.finish(line_of(result), len(self._cases) - len(waiting))
                if time.monotonic() - reported > REPORT_SECONDS:
                    report_meanwhile(self._report, progress)
                    waiting, reported = self._run.waiting(waiting.values()), time.monotonic()
                progress.reach(len(self._cases) - len(waiting))
            if len(waiting) == before:
                time.sleep(POLL_SECONDS)

    def _result(self, case: Case, progress: CaseProgress) -> CaseResult | None:
        """Do a case; None if it is finished, or somebody else works on it."""
        if self._run.why(case) is None:
            return None
        with self._claims.taken(case.name) as claim:
            why = self._run.why(case)  # again, as another may have finished it until now
            if claim is None or why is None:
                return None
            if why:
                progress.say(f"{case.name} is done again, as {why}.")
            try:
                return run_case(case, self._clients.ready(), self._run.overwrite, claim.check)
            except ClaimLostError:
                return None


@contextmanager
def left_to_do(
    cases: Sequence[Case], run: Run, report: Callable[[], object]
) -> Iterator[tuple[dict[str, Case], CaseProgress]]:
    """The cases that are not finished, by name, with the cohort's progress; at the end it is reported."""
    claims = Claims(cases[0].folder)
    waiting = run.waiting(cases)
    finished = len(cases) - len(waiting)
    with claims.present(), case_progress(len(cases), finished) as progress:
        if finished:
            progress.say(f"{finished} of {len(cases)} cases are finished already.")
        try:
            yield waiting, progress
        finally:
            report()
    claims.tidy()


def report_meanwhile(report: Callable[[], object], progress: CaseProgress) -> None:
    """Write a report if that is possible: a table that a spreadsheet holds open is no reason to stop."""
    try:
        report()
    except InputError as error:
        progress.say(str(error))


def line_of(result: CaseResult) -> str:
    """What came of a case, for people."""
    if result.state == "failed":
        return f"{result.name} failed: {result.reason}"
    volumes = ", ".join(f"{entry.name} {millilitres(entry.volume_ml)}" for entry in result.objects)
    return f"{result.name}: {volumes}, {result.seconds:.1f} s"
