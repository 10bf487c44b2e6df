"""Errors of the user: one clear message on standard error and exit status 2, never a traceback."""

import contextlib
import os
import signal
import sys
import tempfile
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType


class InputError(Exception):
    """What is wrong, with the value, the rule and, where there is one, the command that mends it."""


class _Ended(KeyboardInterrupt):
    """The system or its user asks the command to end (SIGTERM, SIGHUP)."""


def quiet_while_importing() -> None:
    """Let Ctrl-C end a command at once while it is still importing: nothing is there yet that would need mending.

    Packages call this when they are imported; it does something only where `python -m` is looking for a command.
    """
    if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def _signals_as_exceptions() -> Iterator[None]:
    """Inside, a signal to end is an exception, so that everything half-written is taken away."""

    def end(number: int, frame: FrameType | None) -> None:
        raise _Ended(number)

    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: end}
    if hasattr(signal, "SIGHUP"):
        handlers[signal.SIGHUP] = end
    # A signal that the caller had ignored (nohup, a shell's background job) stays ignored.
    default = [number for number in handlers if signal.getsignal(number) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        default = []
    for number in default:
        signal.signal(number, handlers[number])
    try:
        yield
    finally:
        for number in default:
            signal.signal(number, signal.SIG_DFL)


def run(main: Callable[[], None]) -> None:
    """Run a command's `main` and turn what the user can mend into a message and an exit status."""
    # A stream that the caller closed takes everything and keeps nothing.
    sys.stdout, sys.stderr = (stream or open(os.devnull, "w") for stream in (sys.stdout, sys.stderr))  # noqa: SIM115, PTH123
    try:
        with _signals_as_exceptions():
            main()
        sys.stdout.flush()
    except InputError as error:
        sys.exit(_report(str(error)))
    except BrokenPipeError:
        # The reader (`head`, `less`) has gone: point stdout away so that the interpreter's last flush is silent.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        status = _report(f"{error.filename or 'input or output'}: {error.strerror or error}")
        with contextlib.suppress(OSError):  # a full device would fail the interpreter's last flush once more
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(status)
    except KeyboardInterrupt as error:
        print("interrupted: no half-written file was left behind", file=sys.stderr)
        sys.exit(128 + (error.args[0] if isinstance(error, _Ended) else signal.SIGINT))


def _report(message: str) -> int:
    print(f"error: {visible(message)}", file=sys.stderr)
    return 2


def say(message: str, start: float | None = None) -> None:
    """A line of progress on standard error, which reads the same on a terminal and in a log; with the seconds since."""
    print(visible(message) + (f" ({time.perf_counter() - start:.1f} s)" if start else ""), file=sys.stderr, flush=True)


def visible(text: str) -> str:
    r"""The text with what a terminal or a reader's eye would obey, or not see, made visible; as long as before.

    Controls, bidi marks and zero-width characters are U+FFFD; tabs, ends of lines and spaces of every width stay.

    >>> visible("a\x1b[2J\rb\u202ec\td")
    'a�[2J�b�c\td'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in "\t\n" or _is_space(each) else "�" for each in text)


BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def without_controls(text: str) -> str:
    """Text of a document with every control, bidi override and lone surrogate as U+FFFD; as many characters as before.

    What letters need stays: joiners, marks of direction, soft hyphens.

    >>> without_controls("a\\u202eb\\x00\\tc")
    'a�b�\\tc'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        "�" if each in BIDI or (each not in "\t\n\r" and unicodedata.category(each) in ("Cc", "Cs")) else each
        for each in text
    )


def _is_space(character: str) -> bool:
    return unicodedata.category(character) == "Zs"


def named(name: str) -> str:
    """A name as it stands within a line of a message: visible, and no end of line that could begin a forged one.

    >>> named("a.txt\\nerror: b.txt")
    'a.txt�error: b.txt'
    """
    return visible(name).replace("\n", "�")


def shorten(value: object, limit: int = 60) -> str:
    """A value as it is shown in an error: quoted, on one line, cut to `limit` characters.

    >>> shorten("a" * 70)
    "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…' (70 characters)"
    """
    if isinstance(value, str) and len(value) > limit:
        return f"{value[:limit] + '…'!r} ({len(value):,} characters)"
    text = repr(value)
    return text if len(text) <= limit + 2 else text[:limit] + "…"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to, which takes its place when the block ends well and is gone when it does not.

    Only its owner can open it until then, and nobody can guess its name; a link at `path` is replaced, not followed.
    """
    make_folder(path.parent)
    # Of a name that is as long as the system allows, the beginning is enough.
    start = path.name.encode(errors="surrogateescape")[:60].decode(errors="ignore")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{start}.", suffix=".tmp", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    """What the user takes from the permissions of new files; the system tells it only to who sets another."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def replace_file(path: Path, content: str | bytes) -> None:
    """Write a file whole under another name and then put it in place."""
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None


def require_writable(path: Path) -> None:
    """Fail before the slow part when `path` could not be written; nothing is made or changed."""
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder; name a file")
    there = next(parent for parent in path.absolute().parents if parent.exists() or parent.is_symlink())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"cannot write {path}: {there} is no folder that you may write to; choose another place")


def make_folder(path: Path) -> None:
    """Make a folder with its parents, if it is missing."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {path}: {error.strerror}") from None
