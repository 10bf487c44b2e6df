"""PDF, DOCX and HTML read in a child process with limits of memory and time: a bad document ends it, not the run.

text, guessed = extract(Path("article.pdf").read_bytes(), ".pdf")

One child serves many documents, and is begun anew when it crashed, ran out of memory or took too long. Parent and child
exchange JSON and bytes behind their lengths, never pickles, so that a child led astray by a document cannot make the
parent run anything. Plain text is read here: it needs no child.
"""

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from data import extract as extraction
from data.errors import InputError

SECONDS = 60  # of processor time for any document
BYTES_A_SECOND = 2_000  # and one more for each of these
MOST_SECONDS = 600
PATIENCE = 5  # times as much may pass by the clock, for others may be at work on the machine
MEMORY = 3_000_000_000  # bytes of address space, which is more than is used of it
KEPT_SHARE = 0.3  # of the memory, from which on the next document finds a fresh process
SCARCE_SHARE = 0.6  # from which on a document that could not be read is taken to have needed more
GRACE = 5  # seconds after which a child whose parent is gone ends itself
MAX_ANSWER = 8 * extraction.MAX_BYTES
PLAIN = (".txt", ".md")
# What ends a child whose time is up.
_TIMES_UP = tuple(-number for number in (getattr(signal, "SIGPROF", None), getattr(signal, "SIGALRM", None)) if number)
_ROOT = Path(__file__).resolve().parent.parent
# -P: no folder that documents may lie in is searched for modules.
_COMMAND = ("-P", "-c", "import sys; sys.path.insert(0, sys.argv[1]); from data.sandbox import serve; serve()")


def extract(content: bytes, suffix: str, encoding: str | None = None) -> tuple[str, str | None]:
    """The text of a document and its encoding if guessed, as `data.extract.extract` gives them.

    Raises InputError also for a document that takes too much time or memory, or that crashes its library.
    """
    extraction.require_size(content)
    if suffix.lower() in PLAIN or suffix.lower() not in extraction.SUFFIXES:
        return extraction.extract(content, suffix, encoding)
    seconds = min(MOST_SECONDS, SECONDS + len(content) / BYTES_A_SECOND)
    request = {"suffix": suffix, "encoding": encoding, "memory": MEMORY, "seconds": seconds}
    request["alarm"] = PATIENCE * seconds + GRACE
    with _lock:
        answer = _ask(content, request)
    if not isinstance(answer.get("text"), str):
        raise InputError(" ".join(str(answer.get("error")).split()))
    guessed = answer.get("guessed")
    return answer["text"], guessed if isinstance(guessed, str) else None


class _Child:
    """A process that reads documents, and its pipes."""

    def __init__(self) -> None:
        command = [sys.executable, *_COMMAND, str(_ROOT)]
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        self.process: Any = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nothing)

    def ask(self, content: bytes, request: dict[str, Any]) -> dict[str, Any]:
        """Its answer; OSError, EOFError or ValueError when it gives none."""
        _send(self.process.stdin, json.dumps(request).encode())
        _send(self.process.stdin, content)
        answer = json.loads(_receive(self.process.stdout, MAX_ANSWER))
        if not isinstance(answer, dict):
            raise ValueError("no answer")
        return answer

    def end(self) -> int:
        """Kill it; returns the status with which it had ended by itself, if it had."""
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):  # what was not sent yet has nowhere to go
                pipe.close()
        return int(self.process.wait())

    def disown(self) -> None:
        """Close this process's ends of the pipes without a word to the child."""
        for pipe in (self.process.stdin, self.process.stdout):
            pipe.raw.close()
        self.process.returncode = 0


_lock = threading.Lock()
_child: _Child | None = None


def _ask(content: bytes, request: dict[str, Any]) -> dict[str, Any]:
    global _child
    if _child is None or _child.process.poll() is not None:
        _child = _Child()
    late = threading.Event()
    timer = threading.Timer(PATIENCE * request["seconds"], _stop, (_child, late))
    timer.daemon = True
    timer.start()
    try:
        answer = _child.ask(content, request)
    except (OSError, EOFError, ValueError, RecursionError):
        status, _child = _child.end(), None
        raise InputError(_why(status, request["seconds"] if late.is_set() or status in _TIMES_UP else None)) from None
    except BaseException:  # interrupted: the next document must not get the answer to this one
        _child.end()
        _child = None
        raise
    finally:
        timer.cancel()
    if answer.get("ends"):
        _child.end()
        _child = None
    return answer


def _stop(child: _Child, late: threading.Event) -> None:
    late.set()
    child.process.kill()


def _why(status: int, seconds: float | None) -> str:
    if seconds is not None:
        return f"takes more than {seconds:,.0f} s of processor time to read: cut it, or copy its text into a .txt file"
    told = f"signal {-status}" if status < 0 else f"status {status}"
    return f"cannot be read: its reader crashed ({told}); copy its text into a .txt file"


def _close() -> None:
    global _child
    if _child is not None:
        _child.end()
        _child = None


def _forget() -> None:
    """In a fork: the child belongs to the process that began it, which alone may speak with it."""
    global _child, _lock
    _lock = threading.Lock()
    if _child is not None:
        _child.disown()
        _child = None


atexit.register(_close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _send(pipe: Any, content: bytes) -> None:
    pipe.write(len(content).to_bytes(8, "big"))
    pipe.write(content)
    pipe.flush()


def _receive(pipe: Any, limit: int) -> bytes:
    length = int.from_bytes(_exactly(pipe, 8), "big")
    if length > limit:
        raise ValueError("too long")
    return _exactly(pipe, length)


def _exactly(pipe: Any, length: int) -> bytes:
    content: bytes = pipe.read(length)
    if len(content) < length:
        raise EOFError
    return content


def serve() -> None:
    """What the child does: read documents from standard input and answer each, until the parent is gone."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a library prints is no answer
    sys.dont_write_bytecode = True
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, who ends its child
    _limit("RLIMIT_FSIZE", 0)  # no document has anything written to a file
    _limit("RLIMIT_CORE", 0)
    while True:
        try:
            request = json.loads(_receive(requests, 10_000))
            content = _receive(requests, extraction.MAX_BYTES)
        except EOFError:
            return
        _limit("RLIMIT_AS", request["memory"])
        _alarm(request["seconds"], request["alarm"])
        answer = _answer(content, request)
        _alarm(0, 0)
        _send(answers, answer)


def _answer(content: bytes, request: dict[str, Any]) -> bytes:
    memory = request["memory"]
    try:
        text, guessed = extraction.extract(content, request["suffix"], request["encoding"])
        return json.dumps({"text": text, "guessed": guessed, "ends": _share_used(memory) > KEPT_SHARE}).encode()
    except (InputError, MemoryError) as error:
        told = str(error)
        # Some libraries make of a lack of memory that there is nothing in the document.
        if isinstance(error, MemoryError) or _share_used(memory) > SCARCE_SHARE:
            told = f"needs more than {memory / 1e9:g} GB of memory: cut it into documents"
        return json.dumps({"error": told, "ends": _share_used(memory) > KEPT_SHARE}).encode()


def _limit(name: str, value: int) -> None:
    """Set a limit of this process, where the system has it."""
    try:
        import resource

        kind = getattr(resource, name)
        resource.setrlimit(kind, (value, resource.getrlimit(kind)[1]))
    except (ImportError, AttributeError, ValueError, OSError):
        pass


def _alarm(seconds: float, by_the_clock: float) -> None:
    """Have the system end this process after so many seconds of its work or of waiting, whatever it is doing then."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.setitimer(signal.ITIMER_REAL, by_the_clock)


def _share_used(memory: int) -> float:
    """The largest share of the limit that was in use so far."""
    # Linux hands a process the peak of its parent as ru_maxrss; what it used itself stands elsewhere.
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / memory
    try:
        import resource
    except ImportError:
        return 0.0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / memory
