"""Where work is done: in processes on this machine or on a Dask cluster, by one function call a task.

with workers(Engine(jobs=2)) as pool:
    for number, result in results(pool, function, enumerate(tasks)):
        ...

The processes are joblib's (loky). They are used as an executor, for `joblib.Parallel` gives up the whole run when one
worker dies: here the tasks that were under way are done again, and one that was under way at two deaths alone.
"""

import argparse
import concurrent.futures
import faulthandler
import logging
import os
import re
import signal
import threading
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Any, Generic, TypeVar

from data.errors import InputError, say

ENGINES = ("local", "dask")
POLL = 1.0  # seconds between two looks whether workers and scheduler are there
GRACE = 5.0  # seconds that code gets to end after its time is over, before its process is ended
PATIENCE = 15.0  # seconds that a scheduler may be out of reach
AHEAD = 4  # times the tasks under way: how many results may wait for one that comes before them
MAX_DEATHS = 5  # in a row, without a result between them
# An address that Dask understands; with a wrong one it raises what it likes, or waits.
ADDRESS = re.compile(r"(?:tcp|tls|ws|wss|ucx|ucxx)://(?:\[[0-9a-fA-F:.]+\]|[\w.-]+):\d{1,5}")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")

Task = TypeVar("Task")
Result = TypeVar("Result")
Numbered = tuple[int, Task]


@dataclass(frozen=True)
class Engine:
    """Where: `local` with so many processes (-1: one a core), or `dask` at a scheduler, else on this machine."""

    name: str = "local"
    jobs: int = -1
    scheduler: str | None = None

    @property
    def processes(self) -> int:
        """How many processes are started here.

        >>> Engine(jobs=3).processes
        3
        """
        return self.jobs if self.jobs > 0 else max(1, _cores() + 1 + self.jobs)


def _cores() -> int:
    """The processors that this process may use, as far as the system tells."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


class TooLong(BaseException):
    """Time is over; no `except Exception` of a library swallows it."""


class DeathError(Exception):
    """A process ended while it did a task."""


def add_engine_arguments(parser: argparse.ArgumentParser) -> Any:
    """The options that say where work is done; returns their group."""
    group = parser.add_argument_group("where the work is done")
    group.add_argument("--jobs", type=int, default=-1, metavar="N", help="processes (default: all cores)")
    group.add_argument("--engine", choices=ENGINES, default="local", help="here, or on a Dask cluster (default: local)")
    group.add_argument("--scheduler", metavar="URL", help="of the cluster, such as tcp://host:8786 (default: one here)")
    return group


def engine_of(arguments: argparse.Namespace) -> Engine:
    """The engine that the command line names; InputError where its options do not fit."""
    if arguments.scheduler is not None:
        if arguments.engine != "dask":
            raise InputError("--scheduler is for a Dask cluster: give --engine dask too")
        if not ADDRESS.fullmatch(arguments.scheduler):
            raise InputError(f"--scheduler {arguments.scheduler!r} should be an address such as tcp://host:8786")
    if arguments.jobs == 0:
        raise InputError("--jobs 0 leaves nobody to work: give 1 or more, or -1 for all cores")
    return Engine(arguments.engine, arguments.jobs, arguments.scheduler)


@contextmanager
def workers(engine: Engine) -> Iterator["Pool"]:
    """Workers to have things done by, ended with the block; InputError where the engine has none."""
    pool: Pool = _Dask(engine) if engine.name == "dask" else _Local(engine.processes)
    kill = True
    try:
        yield pool
        kill = False
    finally:
        pool.stop(kill=kill)


def results(
    pool: "Pool",
    function: Callable[[Task], Result],
    tasks: Iterable[Numbered[Task]],
    *,
    alone: Callable[[Task], Result] | None = None,
    ordered: bool = False,
) -> Generator[tuple[int, Result], None, None]:
    """Call a function with every task; yields the number of each task and its result as they come, or in order.

    No more tasks are taken from `tasks` than are under way, so that memory stays flat however many there are.

    Parameters
    ----------
    function : importable, with a result that can be pickled
    tasks : numbered from 0 up where `ordered`
    alone : does a task at which workers died twice; without it such a task ends the run

    Raises
    ------
    InputError
        When a task kills its workers and nobody does it alone, when workers die as soon as they begin, and when the
        cluster is gone. What `function` raises is raised here.
    """
    found = _Run(pool, function, iter(tasks), alone, AHEAD if ordered else None).results()
    return _in_order(found) if ordered else found


def _in_order(found: Iterator[tuple[int, Result]]) -> Generator[tuple[int, Result], None, None]:
    kept: dict[int, Result] = {}
    following = 0
    for number, result in found:
        kept[number] = result
        while following in kept:
            yield following, kept.pop(following)
            following += 1


class _Run(Generic[Task, Result]):
    """Tasks on their way through a pool."""

    def __init__(
        self,
        pool: "Pool",
        function: Callable[[Task], Result],
        tasks: Iterator[Numbered[Task]],
        alone: Callable[[Task], Result] | None,
        ahead: int | None,
    ):
        self.pool, self.function, self.tasks, self.alone, self.ahead = pool, function, tasks, alone, ahead
        self.under_way: dict[concurrent.futures.Future[Result], Numbered[Task]] = {}
        self.suspects: deque[Numbered[Task]] = deque()  # that were under way when a worker died
        self.waiting: Numbered[Task] | None = None
        self.deaths: Counter[int] = Counter()
        self.in_a_row = 0

    def results(self) -> Generator[tuple[int, Result], None, None]:
        """The numbers and results of all tasks as they come."""
        while True:
            self._submit()
            if not self.under_way:
                return
            done, _ = concurrent.futures.wait(self.under_way, POLL, concurrent.futures.FIRST_COMPLETED)
            self.pool.check()
            lost: list[Numbered[Task]] = []
            for future in done:
                number, task = self.under_way.pop(future)
                try:
                    result = self.pool.result(future)
                except DeathError:
                    lost.append((number, task))
                    continue
                self.in_a_row = 0
                yield number, result
            if lost:
                yield from self._mend(lost)

    def _submit(self) -> None:
        if self.suspects:
            # One after the other, so that the next death tells which of them it was.
            if not self.under_way:
                self._begin(self.suspects.popleft())
            return
        while len(self.under_way) < self.pool.room:
            following = self.waiting or next(self.tasks, None)
            self.waiting = None
            if following is None:
                return
            oldest = min((number for number, _ in self.under_way.values()), default=following[0])
            if self.ahead is not None and following[0] - oldest > self.ahead * self.pool.room:
                self.waiting = following
                return
            self._begin(following)

    def _begin(self, numbered: Numbered[Task]) -> None:
        self.under_way[self.pool.submit(self.function, numbered[1])] = numbered

    def _mend(self, lost: list[Numbered[Task]]) -> Iterator[tuple[int, Result]]:
        """After a death: do again what was lost, alone where it was lost before."""
        self.in_a_row += 1
        if self.in_a_row > MAX_DEATHS:
            raise InputError("the workers die as soon as they begin: is there too little memory? Try fewer --jobs")
        lost += self.pool.renew(self.under_way)
        for number, task in sorted(lost, key=lambda each: each[0]):
            self.deaths[number] += self.pool.deaths_told
            if self.deaths[number] < 2:
                self.suspects.append((number, task))
            elif self.alone is None:
                raise InputError("a worker died twice at one task: is there too little memory? Try fewer --jobs")
            else:
                self.in_a_row = 0
                yield number, self.alone(task)


class _Local:
    """Processes of joblib."""

    deaths_told = 1  # at once

    def __init__(self, processes: int):
        self.processes = processes
        self.room = 2 * processes
        self._start()

    def _start(self) -> None:
        from joblib.externals.loky import ProcessPoolExecutor

        # A worker that has grown is replaced by the pool, which warns of it.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
        self._executor = ProcessPoolExecutor(
            self.processes, initializer=_begin, initargs=(os.getpid(),), env=ONE_THREAD
        )

    def submit(self, function: Callable[[Any], Any], task: Any) -> Any:
        try:
            return self._executor.submit(function, task)
        except concurrent.futures.BrokenExecutor as error:
            failed: concurrent.futures.Future[Any] = concurrent.futures.Future()
            failed.set_exception(error)
            return failed

    def result(self, future: concurrent.futures.Future[Any]) -> Any:
        try:
            return future.result()
        except (concurrent.futures.BrokenExecutor, concurrent.futures.CancelledError, MemoryError) as error:
            raise DeathError from error

    def renew(self, under_way: dict[Any, Any]) -> list[Any]:
        """Begin anew with a fresh pool; returns the tasks that went down with the old one."""
        self.stop(kill=True)
        lost = list(under_way.values())
        under_way.clear()
        self._start()
        return lost

    def check(self) -> None:
        """Nothing but its processes can go."""

    def stop(self, *, kill: bool) -> None:
        self._executor.shutdown(wait=True, kill_workers=kill)


class _Dask:
    """Workers of a cluster, which does the tasks of a dead worker again by itself."""

    deaths_told = 2  # a task is given up after several workers died at it

    def __init__(self, engine: Engine):
        try:
            import distributed
        except ImportError:
            raise InputError(
                "--engine dask needs the package distributed: install it with `pip install distributed`"
            ) from None
        # What goes wrong is told by InputError, in one line; each of these loggers has a handler of its own.
        for name in ("distributed", "tornado", *logging.root.manager.loggerDict):
            if name.split(".")[0] in ("distributed", "tornado"):
                log = logging.getLogger(name)
                log.handlers, log.propagate = [logging.NullHandler()], False
        self._cluster: Any = None
        self._where = engine.scheduler or "this machine"
        try:
            if engine.scheduler is None:
                with _deaf_to_interrupts():
                    self._cluster = distributed.LocalCluster(
                        n_workers=engine.processes,
                        threads_per_worker=1,
                        dashboard_address=None,
                        silence_logs=logging.CRITICAL,
                    )
            self._client = distributed.Client(self._cluster or engine.scheduler, timeout=PATIENCE, set_as_default=False)
            self._client.wait_for_workers(1, timeout=4 * PATIENCE)
        except BaseException as error:  # every transport has errors of its own
            self._close()
            if not isinstance(error, Exception):
                raise
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"no Dask cluster with workers at {self._where}: {reason}") from None
        self._killed = distributed.scheduler.KilledWorker
        self._executor = self._client.get_executor(pure=False)
        self._seen = self._counted = 0.0
        self._told = False
        self.room = 2
        self.check()

    def submit(self, function: Callable[[Any], Any], task: Any) -> Any:
        try:
            return self._executor.submit(_one_at_a_time, function, task)
        except RuntimeError:  # of a client that lost its scheduler
            raise self._gone() from None

    def result(self, future: concurrent.futures.Future[Any]) -> Any:
        try:
            return future.result()
        except (self._killed, MemoryError) as error:
            raise DeathError from error
        except concurrent.futures.CancelledError:
            raise self._gone() from None

    def renew(self, under_way: dict[Any, Any]) -> list[Any]:
        """Nothing: the other tasks go on."""
        return []

    def check(self) -> None:
        """Raise InputError when the scheduler is gone for long; count the workers, which come and go."""
        now = time.monotonic()
        if self._client.status == "running":
            self._seen = now
            if now - self._counted > 10 * POLL:
                self._counted = now
                with suppress(OSError, TimeoutError, RuntimeError):
                    threads = sum(self._client.nthreads().values())
                    self.room = max(2, 2 * threads)
                    if not threads and not self._told:
                        say(f"{self._where} has no workers left: waiting for some (Ctrl-C ends)")
                    self._told = not threads
        elif self._client.status == "closed" or now - self._seen > PATIENCE:
            raise self._gone()

    def _gone(self) -> InputError:
        return InputError(f"the Dask scheduler at {self._where} is gone: start it, then the same command again")

    def stop(self, *, kill: bool) -> None:
        with suppress(Exception):  # the cluster may be gone
            if self._client.status == "running":
                self._executor.shutdown(wait=not kill)
        self._close()

    def _close(self) -> None:
        for each in (getattr(self, "_client", None), self._cluster):
            with suppress(Exception):  # as above
                if each is not None:
                    each.close(timeout=2)


Pool = _Local | _Dask


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Leave Ctrl-C to this thread, which hears it when the block ends: what is begun inside never does."""
    # The first process of multiprocessing begins another one, after which its thread would hear again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_turn = threading.Lock()


def _one_at_a_time(function: Callable[[Any], Any], task: Any) -> Any:
    """A worker with several threads does one task after the other: limits of time belong to the whole process."""
    global _in_worker
    _in_worker = True
    with _turn:
        return function(task)


_in_worker = False


def _begin(parent: int) -> None:
    """In a new process: end with the parent however that ends, and leave Ctrl-C to it."""
    global _in_worker
    _in_worker = True
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL)
    os._exit(1)


def alone_in_a_process(function: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function in a process of its own; raises DeathError when that ends before it returns."""
    pool = _Local(1)
    try:
        return pool.result(pool._executor.submit(function, *arguments))  # type: ignore[no-any-return]
    finally:
        pool.stop(kill=True)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise TooLong when the block takes longer; a worker whose code does not even heed that ends `GRACE` later.

    >>> try:
    ...     with within(0.01):
    ...         while True:
    ...             pass
    ... except TooLong:
    ...     print("too long")
    too long
    """
    main = threading.current_thread() is threading.main_thread()
    if _in_worker:
        faulthandler.dump_traceback_later(seconds + GRACE, exit=True, file=_nowhere())
    before = signal.signal(signal.SIGALRM, _time_is_over) if main else None
    try:
        if main:
            signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # and again, where it was swallowed
        yield
    finally:
        if main:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        if _in_worker:
            faulthandler.cancel_dump_traceback_later()


def _time_is_over(*_: object) -> None:
    raise TooLong


def _nowhere() -> Any:
    global _devnull
    _devnull = _devnull or open(os.devnull, "w")  # noqa: PTH123, SIM115
    return _devnull


_devnull: Any = None
