"""The README tells the truth: its commands exist, its tree is the tree, its links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))


@pytest.mark.parametrize("verb", sorted(set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE))))
def test_every_verb_exists(verb: str) -> None:
    assert re.search(rf"^{verb}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


MODULES = sorted(set(re.findall(r"python -m (train|eval\.\w+|eval|models\.\w+|data\.\w+)", README)))


@pytest.mark.parametrize("module", MODULES)
def test_every_option_exists(module: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for line in re.findall(rf"-m {re.escape(module)} (.*)", CODE):
        for option in re.findall(r"--[a-z-]+", line):
            assert option in shown.stdout, f"{module} {option}"


def test_the_tree_is_the_tree() -> None:
    tree = re.search(r"```text\n(Makefile.*?)```", README, re.DOTALL)
    assert tree
    folder = ""
    for line in tree.group(1).splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            folder = name if name.endswith("/") else ""
        path = ROOT / (folder + name if line.startswith(" ") else name)
        assert path.exists(), path


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!https?:|#)([^)#]+)", README))))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_locks_name_no_registry() -> None:
    for path in ROOT.glob("requirements*.txt"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?://|index.url|find.links|file:", text)
        pins = re.findall(r"^[a-z0-9][^\s;]*", text, re.MULTILINE | re.IGNORECASE)
        assert pins
        assert all("==" in pin for pin in pins)
        assert text.count("--hash=sha256:") >= len(pins)
