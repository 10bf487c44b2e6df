"""The tiny corpus as a file, and ways to run the commands."""

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_corpus import tiny_rows, write_jsonl

os.environ.setdefault("HF_HUB_OFFLINE", "1")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "tiny.jsonl", tiny_rows())


class Result:
    """What a command did."""

    def __init__(self, status: int, out: str, err: str):
        self.status, self.out, self.err = status, out, err


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run `python -m MODULE ARGUMENTS` in this process and catch its exit status and output."""

    def run(module: str, *arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", [module, *map(str, arguments)])
        capsys.readouterr()
        status = 0
        for name in (module, f"{module}.__main__"):
            if not hasattr(sys.modules.get(name), "__path__"):  # packages stay, modules are run afresh
                sys.modules.pop(name, None)
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=False)
        except SystemExit as stop:
            status = int(stop.code or 0)
        captured = capsys.readouterr()
        return Result(status, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project as a clone would hold it, with the environment of this run."""
    target = tmp_path_factory.mktemp("clone") / "policy-stance"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    names = listed.stdout.split("\n") if listed.returncode == 0 else [str(p.relative_to(ROOT)) for p in ROOT.rglob("*")]
    for name in names:
        source = ROOT / name
        if name and source.is_file() and not name.startswith((".venv/", "reports/")):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    for pins in target.glob("requirements*.txt"):
        os.utime(pins, (0, 0))  # older than the environment: nothing is to be installed
    # An environment that passes every call on to this one; a link to it could be cleared by a mistaken rule of make.
    (target / ".venv/bin").mkdir(parents=True)
    python = target / ".venv/bin/python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    for stamp in (".runtime", ".dev"):
        (target / ".venv" / stamp).touch()
    return target
