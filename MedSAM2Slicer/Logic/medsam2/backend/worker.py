"""What computes: it takes turns between the jobs of all clients, slice by slice, one at a time."""

import _thread
import gc
import threading
import time
from collections.abc import Callable, Iterable

import torch

from medsam2.protocol import Done, Message

from .failures import failure, is_out_of_memory
from .interruption import Interrupted, Interruption
from .jobs import Client, Job
from .metrics import Metrics
from .workspace import Steps

BIRTH_SECONDS = 2.0
"""After which a thread that has not come to life is given up."""


class Worker:
    """Runs jobs on the device: urgent ones first, then tracking in equal shares, then encoding in advance.

    Args:
        metrics: counts every answer.
        clock: seconds, by which shares are measured; asked by the thread that computes.

    Attributes:
        stopped: whether the last job has been answered after ``stop``.
    """

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.perf_counter):
        self._metrics = metrics
        self._clock = clock
        self._clients: list[Client] = []
        self._changed = threading.Condition()
        self._interruption = Interruption()
        self._served = 0.0
        self._stopping = False
        self._thread_spoilt = False
        self.stopped = False
        threading.Thread(target=self._run, name="compute", daemon=True).start()

    def add(self, client: Client) -> None:
        """Serve a client."""
        with self._changed:
            self._clients.append(client)

    def remove(self, client: Client) -> None:
        """Serve a client no longer: its jobs end after the slice being computed, its memory is freed."""
        with self._changed:
            client.urgent.clear()
            client.tracking.clear()
            client.gone = True
            self.free(client)

    def free(self, client: Client) -> None:
        """Free the memory of a client's workspace, behind its earlier urgent jobs."""

        def steps() -> Steps:
            client.workspace.free()
            yield from ()

        self.submit(client, Job(0, "free", steps, urgent=True, answered=False))

    def submit(self, client: Client, job: Job) -> None:
        """Queue a job behind the client's earlier ones of the same urgency."""
        with self._changed:
            (client.urgent if job.urgent else client.tracking).append(job)
            if self.stopped:
                self._drop_all(client)
            self._wake()

    def cancel(self, client: Client, id: int | None = None) -> None:
        """Cancel one job, or all of a client's; each still answers that it is done."""
        with self._changed:
            self._interrupt(job for job in client.jobs if job.answered and id in (None, job.id))

    def cancel_tracking(self, client: Client) -> None:
        """Cancel all tracking of a client."""
        with self._changed:
            self._interrupt(client.tracking)

    def wake(self) -> None:
        """Look again for work: a connection has room again, or a workspace something to look ahead to."""
        with self._changed:
            self._changed.notify()

    def waiting_jobs(self) -> int:
        """Jobs that are queued or being computed."""
        with self._changed:
            return sum(len(client.jobs) for client in self._clients)

    def waiting_bytes(self, client: Client) -> int:
        """Bytes of a client's requests that are queued or being computed."""
        with self._changed:
            return sum(job.size for job in client.jobs)

    def stop(self) -> None:
        """Finish the slice being computed, then drop every job, unanswered; returns at once."""
        with self._changed:
            self._stopping = True
            self._wake()

    def _wake(self) -> None:
        self._interruption.request()
        self._changed.notify()

    def _interrupt(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            job.interruption.request()
        self._wake()

    def _drop_all(self, client: Client) -> None:
        # Without an answer: the client sends what has none to the server that comes after this one.
        client.urgent.clear()
        client.tracking.clear()

    def _run(self) -> None:
        while True:
            with self._changed:
                turn = None
                while not self._stopping and (turn := self._next_turn()) is None:
                    self._changed.wait()
                if self._stopping or turn is None:
                    break
                self._interruption.clear()
            if self._thread_spoilt:
                self._thread_spoilt = False
                if hand_over(self._run):
                    return
                # Without memory for a thread there is none for the job either.
                self._thread_spoilt = True
            client, job = turn
            if job is None:
                self._look_ahead(client)
            else:
                self._step(client, job)
        with self._changed:
            for client in self._clients:
                self._drop_all(client)
            self.stopped = True

    def _next_turn(self) -> tuple[Client, Job | None] | None:
        for client in self._clients:
            cancelled = next((job for job in client.jobs if job.cancelled), None)
            if cancelled is not None:
                return client, cancelled
        # The client that was served last stands last: nobody's clicks keep another's waiting.
        for client in self._clients:
            if client.urgent:
                self._clients.remove(client)
                self._clients.append(client)
                return client, client.urgent[0]
        tracking = [client for client in self._clients if client.tracking and client.has_room()]
        if tracking:
            client = min(tracking, key=lambda one: one.spent)
            self._served = max(client.spent, self._served)
            return client, client.tracking[0]
        ahead = [client for client in self._clients if client.workspace.lookahead.waiting]
        if ahead:
            client = ahead[0]
            self._clients.remove(client)
            self._clients.append(client)
            return client, None
        return None

    def _step(self, client: Client, job: Job) -> None:
        if job.cancelled:
            self._end(client, job, Done(job.id, "cancelled"))
            return
        started, charged = time.perf_counter(), self._clock()
        try:
            job.steps = job.steps or job.start()
            with client.workspace.interruptible(job.interruption):
                answer = next(job.steps, None)
            if answer is not None and not isinstance(answer, Done):
                client.send(answer)
        except Interrupted:
            self._end(client, job, Done(job.id, "cancelled"))
            return
        except Exception as error:
            self._fail(client, job, error)
            return
        finally:
            # Whoever was idle, or slow to read, does not catch up on all the time that it did not use.
            client.spent = max(client.spent, self._served) + self._clock() - charged
        self._metrics.computed(job.kind, answer, time.perf_counter() - started)
        if answer is None or isinstance(answer, Done):
            self._end(client, job, answer)

    def _fail(self, client: Client, job: Job, error: Exception) -> None:
        ran_out = is_out_of_memory(error)
        if ran_out:
            for other in list(self._clients):
                other.workspace.free_features()
        answer = failure(error, job.id)
        self._metrics.failed(answer.code, error)
        # The traceback would keep what the job had allocated.
        error.__traceback__ = None
        job.steps = None
        if ran_out:
            # oneDNN, which convolves on the CPU, may have noted for this thread that it could not make its
            # machine code, and then refuses all convolutions in it for ever.
            self._thread_spoilt = True
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        self._end(client, job, answer)

    def _end(self, client: Client, job: Job, answer: Message | None) -> None:
        """The job leaves the queue; a client that is gone is forgotten with its last one."""
        if job.steps is not None:
            job.steps.close()
        with self._changed:
            for queue in (client.urgent, client.tracking):
                if job in queue:
                    queue.remove(job)
            if client.gone and not client.waiting:
                self._clients.remove(client)
        if answer is not None and job.answered:
            self._metrics.ended(job.kind, answer.outcome if isinstance(answer, Done) else "failed")
            client.send(answer)

    def _look_ahead(self, client: Client) -> None:
        try:
            client.workspace.lookahead.step(self._interruption)
        except Interrupted:
            pass
        except Exception as error:
            client.workspace.lookahead.stop()
            self._thread_spoilt |= is_out_of_memory(error)
            self._metrics.failed(failure(error, 0).code, error)


def hand_over(run: Callable[[], None]) -> bool:
    """Let a new thread take over; False where there is none to be had, and nothing will run.

    ``threading.Thread.start`` will not do: for a thread that dies of want of memory before its first line it
    waits for ever.
    """
    born, claim = threading.Event(), threading.Lock()

    def live() -> None:
        if claim.acquire(blocking=False):
            born.set()
            run()

    try:
        _thread.start_new_thread(live, ())
    except (RuntimeError, MemoryError):
        return False
    # One that comes to life later finds that it has been given up.
    return born.wait(BIRTH_SECONDS) or not claim.acquire(blocking=False)
