"""Errors of the user: one clear message on standard error and exit status 2, never a traceback."""

import contextlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path


class InputError(Exception):
    """What is wrong, with the value, the rule and, where there is one, the command that mends it."""


def run(main: Callable[[], None]) -> None:
    """Run a command's `main` and turn what the user can mend into a message and an exit status."""
    # A stream that the caller closed takes everything and keeps nothing.
    sys.stdout, sys.stderr = (stream or open(os.devnull, "w") for stream in (sys.stdout, sys.stderr))  # noqa: SIM115, PTH123
    try:
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
    except KeyboardInterrupt:
        print("interrupted: no half-written file was left behind", file=sys.stderr)
        sys.exit(130)


def _report(message: str) -> int:
    print(f"error: {visible(message)}", file=sys.stderr)
    return 2


def say(message: str, start: float | None = None) -> None:
    """A line of progress on standard error, which reads the same on a terminal and in a log; with the seconds since."""
    print(visible(message) + (f" ({time.perf_counter() - start:.1f} s)" if start else ""), file=sys.stderr, flush=True)


def visible(text: str) -> str:
    """The text with what a terminal would obey, or hide, made visible."""
    return "".join(character if character.isprintable() or character.isspace() else "�" for character in text)


def shorten(value: object, limit: int = 60) -> str:
    """A value as it is shown in an error: quoted, on one line, cut to `limit` characters.

    >>> shorten("a" * 70)
    "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…' (70 characters)"
    """
    if isinstance(value, str) and len(value) > limit:
        return f"{value[:limit] + '…'!r} ({len(value):,} characters)"
    text = repr(value)
    return text if len(text) <= limit + 2 else text[:limit] + "…"


def replace_file(path: Path, content: str | bytes) -> None:
    """Write a file whole under another name and then put it in place."""
    make_folder(path.parent)
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


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
