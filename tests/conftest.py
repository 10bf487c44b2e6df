"""The tiny corpus as a file, and ways to run the commands."""

import os
import runpy
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from tiny_corpus import tiny_rows, write_jsonl

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# A shell starts what it runs in the background deaf to Ctrl-C; commands under test are to hear it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

BROWSER_ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
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


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        if found is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("no browser: install chromium, or run .venv/bin/python -m playwright install chromium")
        browser = playwright.chromium.launch(executable_path=found, args=BROWSER_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Any]:
    """Open a page from a file; in the end nothing may have gone wrong in it, nor any hostile text have run."""
    wrong: list[str] = []
    opened: list[Page] = []

    def open_page(content: str, width: int = 1280, **options: Any) -> Page:
        path = tmp_path / "page.html"
        path.write_bytes(content.encode())
        page = browser.new_page(viewport={"width": width, "height": 800}, **options)
        opened.append(page)
        page.on("console", lambda message: wrong.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: None if request.url == path.as_uri() else wrong.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_page
    for page in opened:
        page.close()
    assert wrong == []
