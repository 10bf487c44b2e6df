"""Have pip-audit look for known vulnerabilities of what requirements.txt pins: `make audit`.

Exit status 1 for a vulnerability, unless pyproject.toml lists it with a reason under [tool.audit.accepted]. Where the
advisories cannot be reached within a minute, that is said, and passes: a test must not fail with the network.
"""

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 60
COMMAND = [sys.executable, "-m", "pip_audit", "--requirement", "requirements.txt", "--require-hashes", "--disable-pip"]
OPTIONS = ["--format", "json", "--progress-spinner", "off", "--timeout", "5", "--cache-dir", ".cache/pip-audit"]


def audited() -> str:
    """What pip-audit prints; nothing when it did not end in time."""
    try:
        done = subprocess.run([*COMMAND, *OPTIONS], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout


def main(run: Callable[[], str] = audited, project: Path = ROOT / "pyproject.toml") -> int:
    """Print what was found, line by line; the exit status."""
    accepted: dict[str, str] = tomllib.loads(project.read_text())["tool"]["audit"]["accepted"]
    try:
        packages: list[dict[str, Any]] = json.loads(run())["dependencies"]
    except (ValueError, KeyError, TypeError):
        print("audit: not done, the advisories could not be reached")
        return 0
    known = [each for each in packages if "skip_reason" not in each]
    status = 0
    for package in known:
        for advisory in package["vulns"]:
            names = {advisory["id"], *advisory.get("aliases", [])}
            reason = next((accepted[name] for name in names if name in accepted), None)
            fixed = ", ".join(advisory["fix_versions"]) or "no version yet"
            print(f"audit: {package['name']} {package['version']}: {advisory['id']}, mended in {fixed}")
            print(f"  accepted: {reason}" if reason else "  raise the pin (`make lock`), or accept it with a reason")
            status = status if reason else 1
    print(f"audit: {len(known)} of {len(packages)} packages were looked up", end="")
    print("; the advisories of the others could not be reached" if len(known) < len(packages) else "")
    return status


if __name__ == "__main__":
    sys.exit(main())
