"""Random and mutated input against what reads it: `python tests/fuzz.py --seconds 60`, or one part with --target.

Atheris looks for new paths through the code where it is installed (extra `fuzz`), hypothesis draws blindly elsewhere.
What fails is kept under .cache/fuzz/, and belongs as a test into tests/test_fuzz_findings.py.
"""

import argparse
import html.parser
import importlib
import io
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
FOUND = ROOT / ".cache/fuzz"
SLOW = 2.0  # seconds of processor time that no input of a few thousand characters may take
# What the bytes from 128 on stand for: the words and signs that the code looks at.
WORDS = """
, ; : . ( ) [ ] “ ” – — - * _ # | > < & " ' = + @ \\ / $ { } \t \r\n \n \n\n \0 \x1b[2J \x85 \u2028 \u200b
\u202e \u2066 \ud800 \U0001f600 é İ ß 中 ﬁ a\u0301 1. (a) iv) 2) * - <!-- --> ** __ <script> </script>
<svg/onload=x> {{7*7}} javascript: data: &lt; --!> ]]> =cmd| %s {} and but or while we We they The President:
Mr. Mrs. U.S. urge urges urged urging rejected noting condemning welcomes will not must also again further
only early deeply Having Resolution 12 (1999) by the said Adopted by the General Assembly, text label code
document "text": "label": {" "} null 1e999 -1 [ ] coders oppose|none train 2020-01-01 ,,,,
""".split(" ")


def text_of(data: bytes) -> str:
    """Letters as they are, bytes above 127 as words that matter."""
    return "".join(chr(each) if each < 128 else WORDS[each % len(WORDS)] + " " * (each % 2) for each in data)


def mutated(seed: bytes, data: bytes) -> bytes:
    """The seed with some of its bytes changed, added or cut, as `data` says."""
    content = bytearray(seed)
    for index in range(0, len(data) - 3, 4):
        kind, place, value = (
            data[index] % 4,
            int.from_bytes(data[index : index + 3], "big") % (len(content) + 1),
            data[index + 3],
        )
        if kind == 0 and place < len(content):
            content[place] = value
        elif kind == 1:
            content[place:place] = bytes([value]) * (1 + value % 9)
        elif kind == 2:
            del content[place : place + value]
        else:
            content[place:place] = content[value : value + 40]
    return bytes(content)


def mutated_zip(seed: bytes, data: bytes) -> bytes:
    """An archive one member of which is mutated; checksums fit, so that readers go past them."""
    if not data or data[0] % 8 == 0:
        return mutated(seed, data[1:])
    source = zipfile.ZipFile(io.BytesIO(seed))
    target, names = io.BytesIO(), source.namelist()
    chosen = names[data[0] % len(names)]
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            content = source.read(name)
            archive.writestr(name, mutated(content, data[1:]) if name == chosen else content)
    return target.getvalue()


def one_line(message: str) -> None:
    """A message that says something, on one line."""
    assert message.strip()
    assert len(message.split("\n")) == 1, message


def fuzz_segment(data: bytes) -> None:
    """Clauses are slices of the text, in order, apart, and lose no letter or digit but those of HTML comments."""
    from features.segment import segment

    text, end = text_of(data), 0
    for clause in segment(text):
        assert clause.start >= end, "overlap"
        assert clause.start < clause.end, "empty"
        assert text[clause.start : clause.end] == clause.text, "no slice"
        lost = text[end : clause.start]
        end = clause.end
        assert "<!--" in text or not any(map(str.isalnum, lost)), f"lost {lost!r}"
    assert "<!--" in text or not any(map(str.isalnum, text[end:])), f"lost {text[end:]!r}"


@cache
def tiny_model() -> Any:
    from tiny_corpus import tiny_rows

    from models.classifier import stance_classifier

    rows = tiny_rows() * 2
    return stance_classifier().fit([str(row["text"]) for row in rows], [str(row["label"]) for row in rows])


def fuzz_scorer(data: bytes) -> None:
    """Probabilities are finite, add up to one, and do not depend on what stands in the same batch."""
    import numpy as np

    text = text_of(data)
    halves = [text, text[: len(text) // 2], "We agree."]
    together = tiny_model().predict_proba(halves)
    assert np.isfinite(together).all()
    assert np.allclose(together.sum(axis=1), 1)
    assert (tiny_model().predict_proba([text]) == together[:1]).all()


@cache
def compiled() -> Any:
    from models.scorer import FastScorer

    return FastScorer.from_pipeline(tiny_model(), few=0)


def fuzz_kernel(data: bytes) -> None:
    """The compiled scorer gives the pipeline's numbers for any string."""
    import numpy as np

    text = text_of(data)
    halves = [text, text[: len(text) // 2], text * 3]
    assert np.abs(compiled().predict_proba(halves) - tiny_model().predict_proba(halves)).max() <= 1e-12


def fuzz_arrays(data: bytes) -> None:
    """A damaged file of arrays is refused, or scores within its own bounds."""
    from models.compact import compact, from_bytes, to_bytes
    from models.scorer import FastScorer

    arrays = compact(tiny_model())
    assert arrays is not None
    try:
        model = from_bytes(mutated_zip(to_bytes(arrays), data))
    except ValueError as error:
        one_line(str(error))
        return
    scorer = FastScorer(model, few=0)
    assert scorer.predict_proba(["They oppose the new tariffs.", "é"]).shape == (2, len(scorer.classes_))


def fuzz_actors(data: bytes) -> None:
    """Tokens are found in linear time, whatever stands in the text."""
    for name, _ in tiny_model()[0].transformer_list:
        tiny_model()[0][name].build_analyzer()(text_of(data))


def fuzz_row(data: bytes) -> None:
    """A line of JSON is a row, or what is wrong with it is told."""
    from pydantic_core import from_json

    from data.rows import FIELDS, validate

    text = text_of(data)
    try:
        value = from_json(text.encode(errors="replace"), allow_inf_nan=False)
    except ValueError:
        value = {"text": text, "label": text[:40], FIELDS[len(data) % len(FIELDS)]: text}
    if isinstance(value, dict):
        row, problems = validate({"label": "none", **value})
        assert (row is None) == bool(problems)
        for problem in problems:
            assert "\n" not in problem


def fuzz_table(data: bytes) -> None:
    """Rows of JSONL, CSV and TSV files, or one error of the user."""
    from data.errors import InputError
    from data.reading import read_clauses, records

    suffix = (".jsonl", ".csv", ".tsv")[data[0] % 3] if data else ".csv"
    head = {".jsonl": "", ".csv": "text,label\n", ".tsv": "text\tlabel\n"}[suffix]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows" + suffix)
        path.write_bytes((head + text_of(data[1:])).encode(errors="surrogatepass" if data[:1] < b"@" else "replace"))
        try:
            list(records(str(path)))
            read_clauses(path)
        except InputError:
            pass


class _Elements(html.parser.HTMLParser):
    """What a browser would find: elements, their attributes, text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(sorted(name for name, _ in attributes))))
        for name, value in attributes:
            assert not name.startswith("on"), f"{tag} {name}"
            assert name not in ("href", "src") or (value or "").startswith("#"), f"{name}={value}"


def fuzz_page(data: bytes) -> None:
    """Whatever documents, labels and phrases hold, the page has the elements of a harmless one, and no others."""
    text = text_of(data).replace("\n", " ").strip() or "x"
    assert _elements(text) == _elements("x")


def _elements(text: str) -> list[tuple[str, tuple[str, ...]]]:
    from models.page import CodedDocument, render_page

    label = "l" + text
    record = {"document": text, "start": 0, "end": len(text), "text": text, "label": label, "confidence": 0.9}
    record |= {"probabilities": {label: 0.9, "other": 0.1}, "because": [(text, 1.0)]}
    documents = [CodedDocument(text, text, [record])]
    parser = _Elements()
    page = render_page(documents, [label, "other"], title=text, model=text, codebook={label: text})
    page.encode()
    parser.feed(page)
    parser.close()
    return parser.found


def fuzz_outputs(data: bytes) -> None:
    """No cell runs, no line of a table or message obeys, every JSON line is one line."""
    import unicodedata

    from data.errors import named, visible
    from models.outputs import harmless

    text = text_of(data)
    shown = visible(text)
    assert len(shown) == len(text)
    assert not any(unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") for each in shown if each not in "\t\n")
    assert len(named(text).splitlines()) <= 1
    assert not harmless(text).lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert json.loads(json.dumps(text, ensure_ascii=False)) == text


@cache
def seeds() -> dict[str, bytes]:
    """One small file of every kind."""
    import docx
    from fpdf import FPDF

    file, document = io.BytesIO(), docx.Document()
    document.add_heading("On the levy")
    document.add_paragraph("We object to it. All of us.")
    document.add_table(1, 1).cell(0, 0).text = "Votes"
    document.save(file)
    source, slim = zipfile.ZipFile(file), io.BytesIO()
    with zipfile.ZipFile(slim, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            if "theme" not in name and "thumbnail" not in name:
                archive.writestr(name, source.read(name))
    pdf = FPDF()
    pdf.set_compression(False)
    pdf.add_page()
    pdf.set_font("helvetica", size=11)
    pdf.text(20, 40, "We object to the levy.")
    page = "<html><head><meta charset=utf-8><title>T</title></head><body><article><h1>H</h1><p>We object to the levy, "
    page += "and urge talks.</p><ul><li>One</li></ul><table><tr><td>Two</td></tr></table></article></body></html>"
    return {".docx": slim.getvalue(), ".pdf": bytes(pdf.output()), ".html": page.encode()}


def fuzz_extract(data: bytes) -> None:
    """A damaged document gives text or one line that says why not."""
    from data.errors import InputError
    from data.extract import extract

    suffix = (".html", ".docx", ".pdf", ".txt")[data[0] % 4] if data else ".txt"
    content = data[1:]
    # What takes for ever, such as an object of a PDF that is a reference to itself, is ended by data/sandbox.py.
    signal.signal(signal.SIGVTALRM, _too_long)
    signal.setitimer(signal.ITIMER_VIRTUAL, SLOW / 2)
    if suffix != ".txt":
        content = (mutated_zip if suffix == ".docx" else mutated)(seeds()[suffix], data[1:])
    try:
        text, _ = extract(content, suffix)
        assert text.strip()
    except InputError as error:
        one_line(str(error))
    except _TooLong:
        pass
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


class _TooLong(BaseException):
    """Time is up."""


def _too_long(*_: object) -> None:
    raise _TooLong


@cache
def saved_model() -> dict[str, bytes]:
    from models.storage import save

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "m.joblib")
        save(tiny_model(), {"labels": ["none"]}, path)
        return {name: path.with_suffix(name).read_bytes() for name in (".joblib", ".skops", ".json")}


def fuzz_model(data: bytes) -> None:
    """A damaged model or card is an error of the user, and a pickle that the card does not know is never opened."""
    from data.errors import InputError
    from models.storage import load

    damaged = (".joblib", ".skops", ".json")[data[0] % 3] if data else ".json"
    with tempfile.TemporaryDirectory() as folder:
        for suffix, content in saved_model().items():
            if suffix == damaged:
                content = (mutated_zip if suffix == ".skops" else mutated)(content, data[1:])
            Path(folder, "m" + suffix).write_bytes(content)
        path = Path(folder, "m.skops" if damaged == ".skops" else "m.joblib")
        try:
            load(path, trust=damaged == ".skops")
        except InputError as error:
            one_line(str(error))
        else:
            assert damaged != ".joblib" or path.read_bytes() == saved_model()[".joblib"], "opened unchecked"


TARGETS: dict[str, Callable[[bytes], None]] = {
    name.removeprefix("fuzz_"): target for name, target in list(globals().items()) if name.startswith("fuzz_")
}


def timed(target: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """The target, which also fails when it takes too long for so little."""

    def run(data: bytes) -> None:
        start = time.process_time()
        target(data)
        took = time.process_time() - start
        assert took < SLOW, f"{took:.1f} s for {len(data)} bytes"

    return run


def with_atheris(name: str, seconds: int, runs: int) -> None:
    """Search one target; ends the process."""
    import atheris

    with atheris.instrument_imports(include=["data", "features", "models"]):
        for module in ("data.extract", "data.reading", "features.segment", "models.page", "models.storage"):
            importlib.import_module(module)
    TARGETS[name](b"")  # what is made once is no part of the search
    folder = FOUND / name
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={seconds}", f"-runs={runs}", f"-artifact_prefix={folder}/", "-max_len=2000"]
    options += ["-timeout=30", "-verbosity=0", "-print_final_stats=1"]
    # The system's allocator keeps what libraries cache; memory is the business of data/sandbox.py.
    arguments = ["fuzz", *options, "-rss_limit_mb=6000", str(folder / "corpus")]
    atheris.Setup(arguments, timed(TARGETS[name]))
    atheris.Fuzz()


def with_hypothesis(name: str, seconds: int, runs: int) -> None:
    """Draw input for one target until time or runs are up."""
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    count, start = 0, time.monotonic()

    @settings(max_examples=1000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=2000))
    def batch(data: bytes) -> None:
        nonlocal count
        count += 1
        timed(TARGETS[name])(data)

    while time.monotonic() - start < seconds and count < runs:
        batch()
    print(f"stat::number_of_executed_units: {count}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description="Fuzz the project.")
    parser.add_argument("--target", choices=TARGETS, action="append", help="only this one; repeatable (default: all)")
    parser.add_argument("--seconds", type=int, default=30, help="for each target (default: 30)")
    parser.add_argument("--runs", type=int, default=10_000_000, help="executions of each target, at most")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        warnings.simplefilter("ignore")
        try:
            import atheris  # noqa: F401
        except ImportError:
            with_hypothesis(arguments.target[0], arguments.seconds, arguments.runs)
        else:
            with_atheris(arguments.target[0], arguments.seconds, arguments.runs)
        return
    failed = 0
    for name in arguments.target or TARGETS:
        command = [sys.executable, __file__, "--here", "--target", name]
        command += ["--seconds", str(arguments.seconds), "--runs", str(arguments.runs)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace")
        count = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
        print(f"{name:10} {int(count[1]) if count else 0:>10,} executions", "" if done.returncode == 0 else "FAILED")
        if done.returncode:
            failed += 1
            print(done.stdout[-3000:], done.stderr[-1500:])
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
