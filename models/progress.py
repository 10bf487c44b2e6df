"""How far a run is: a bar on a terminal, sober lines in a log."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from data.errors import say

EVERY = 10.0  # seconds between two lines in a log


class Steps:
    """Tells documents, clauses, clauses a second, what was set aside and, where the size is known, the time left.

    >>> steps = Steps(total=100, quiet=True)
    >>> steps.step(documents=2, clauses=30, rejects=1, size=50)
    >>> steps.told(seconds=10)
    '2 documents, 30 clauses, 3 a second, 1 set aside, 50 %, 10 s left'
    """

    def __init__(self, total: int = 0, *, quiet: bool = False):
        self.quiet, self.total = quiet, total
        self.documents = self.clauses = self.rejects = self.size = 0
        self._before = self._clauses_before = 0
        self._start = self._last = time.monotonic()
        terminal = sys.stderr.isatty() and not quiet and not sys.stdout.isatty()
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True) if terminal else None
        self._task = self._bar.add_task("coding", total=total or None) if self._bar else None

    def step(self, *, documents: int, clauses: int, rejects: int = 0, size: int = 0, before: bool = False) -> None:
        """More is done, in this run or `before` it."""
        self.documents += documents
        self.clauses += clauses
        self.rejects += rejects
        self.size += size
        self._before += size if before else 0
        self._clauses_before += clauses if before else 0
        now = time.monotonic()
        if self._bar is not None and self._task is not None:
            shown = min(self.size, self.total) if self.total else None
            self._bar.update(self._task, description=self.told(now - self._start), completed=shown)
        elif not self.quiet and now - self._last > EVERY:
            self._last = now
            say(self.told(now - self._start))

    def told(self, seconds: float) -> str:
        """A line, after so many seconds of work."""
        rate = (self.clauses - self._clauses_before) / max(seconds, 1e-9)
        parts = [f"{self.documents:,} documents", f"{self.clauses:,} clauses", f"{rate:,.0f} a second"]
        if self.rejects:
            parts.append(f"{self.rejects:,} set aside")
        if self.total and self.size > self._before:
            left = max(0, self.total - self.size) * seconds / (self.size - self._before)
            parts += [f"{min(1.0, self.size / self.total):.0%}".replace("%", " %"), f"{_clock(left)} left"]
        return ", ".join(parts)

    def __enter__(self) -> "Steps":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()


def _clock(seconds: float) -> str:
    """A stretch of time.

    >>> _clock(7.2), _clock(200), _clock(90_000)
    ('7 s', '3 min', '25 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
