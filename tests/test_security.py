"""What a hostile file, name or model could try: docs/security.md names the tests here that hold each claim."""

import csv
import io
import json
import os
import pickle
import re
import signal
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audit import main as audit
from sklearn.pipeline import Pipeline
from tiny_corpus import tiny_rows

from data import errors, extract
from data.documents import Document, Unreadable, read_documents
from data.errors import InputError, named, replace_file, replacing, visible
from data.reading import read_clauses
from eval.plots import plot_confusion
from eval.report import Section, markdown
from models import storage
from models.classifier import stance_classifier
from models.outputs import json_line, open_output
from models.storage import SKOPS_TYPES, load, save

ROOT = Path(__file__).resolve().parent.parent
CONTROLS = "\x1b\x9b\x07\x08\x7f\r\x85"
BIDI = "\u202a\u202e\u2066\u2069"
HIDDEN = "\u200b\u2060\ufeff\u00ad"


# Models


@pytest.fixture(scope="module")
def fitted() -> Pipeline:
    rows = tiny_rows() * 2
    return stance_classifier().fit([str(row["text"]) for row in rows], [str(row["label"]) for row in rows])


@pytest.fixture
def saved(tmp_path: Path, fitted: Pipeline) -> Path:
    save(fitted, {}, tmp_path / "m.joblib")
    return tmp_path / "m.joblib"


class Opened:
    """A pickle that leaves a trace when it is opened."""

    def __init__(self, trace: Path):
        self.trace = trace

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("name", ["m.joblib", "copy.joblib", "m.bin", "m"])
def test_no_pickle_is_opened_that_its_card_does_not_vouch_for(saved: Path, name: str) -> None:
    trace = saved.parent / "trace"
    (saved.parent / name).write_bytes(pickle.dumps(Opened(trace)))
    with pytest.raises(InputError):
        load(saved.parent / name)
    card = saved.with_suffix(".json")
    card.with_name("copy.json").symlink_to(card)  # vouches for m.joblib, not for what borrows it
    with pytest.raises(InputError):
        load(saved.with_name("copy.joblib")) if name == "copy.joblib" else load(saved.parent / name)
    assert not trace.exists()


def test_a_model_to_compare_with_is_checked_as_well(saved: Path, tiny: Path, call: Any) -> None:
    trace, other = saved.parent / "trace", saved.parent / "other.joblib"
    other.write_bytes(pickle.dumps(Opened(trace)))
    done = call("eval", "--model", saved, "--data", tiny, "--fast", "--compare", other, "--out", saved.parent / "out")
    assert done.status == 2
    assert "no card other.json vouches for" in done.err
    assert not trace.exists()


def rewritten(archive: Path, change: Any) -> None:
    """The archive with another schema; nothing else vouches for it then but --trust."""
    source = zipfile.ZipFile(io.BytesIO(archive.read_bytes()))
    with zipfile.ZipFile(archive, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, json.dumps(change(json.loads(content))) if name == "schema.json" else content)


@pytest.mark.parametrize(
    ("module", "name", "loader"),
    [
        ("os", "system", "FunctionNode"),
        ("builtins", "eval", "TypeNode"),
        ("sklearn.pipeline", "Pipeline", "MethodNode"),
        ("sklearn.tree", "DecisionTreeClassifier", "ObjectNode"),  # harmless to skops, but none of ours
        ("scipy.sparse", "csr_matrix", "SparseMatrixNode"),
        ("numpy", "ndarray", "ReduceNode"),
    ],
)
def test_skops_builds_only_what_our_pipelines_hold(saved: Path, module: str, name: str, loader: str) -> None:
    archive = saved.with_suffix(".skops")

    def change(schema: Any) -> Any:
        node = {"__module__": module, "__class__": name, "__loader__": loader, "content": {}, "__id__": 10**6}
        return schema | {"trusted": [f"{module}.{name}"], "allowed": node}

    rewritten(archive, change)
    with pytest.raises(InputError, match=f"it holds '{re.escape(module)}.{name}', which no pipeline of this project"):
        load(archive, trust=True)


def test_skops_types_are_just_those_that_are_needed(saved: Path) -> None:
    schema = json.loads(zipfile.ZipFile(saved.with_suffix(".skops")).read("schema.json"))
    assert set(storage._types(schema)) <= SKOPS_TYPES
    assert {each[0].partition(".")[0] for each in SKOPS_TYPES} == {"sklearn", "numpy", "builtins"}


def test_an_array_of_objects_in_a_skops_file_is_not_unpickled(saved: Path) -> None:
    archive, trace = saved.with_suffix(".skops"), saved.parent / "trace"
    source = zipfile.ZipFile(io.BytesIO(archive.read_bytes()))
    array = io.BytesIO()
    np.save(array, np.array([Opened(trace)], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(archive, "w") as target:
        for name in source.namelist():
            target.writestr(name, array.getvalue() if name.endswith(".npy") else source.read(name))
    with pytest.raises(InputError, match="cannot be opened as a saved model"):
        load(archive, trust=True)
    assert not trace.exists()


@pytest.mark.parametrize(
    "card", ["[" * 100_000, '{"data": ' * 5_000, " " * 2_000_001, "[]", '{"sha256": []}', "\ud800"]
)
def test_a_card_is_bounded_in_size_and_depth(saved: Path, card: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "MAX_CARD_BYTES", 2_000_000)
    saved.with_suffix(".json").write_bytes(card.encode(errors="surrogatepass"))
    with pytest.raises(InputError) as error:
        load(saved)
    assert len(str(error.value).splitlines()) == 1


def test_a_card_that_is_no_file_is_not_waited_for(saved: Path) -> None:
    saved.with_suffix(".json").unlink()
    os.mkfifo(saved.with_suffix(".json"))
    with pytest.raises(InputError, match=r"the model's card .* is no file"):
        load(saved)


@pytest.mark.parametrize("limit", ["MAX_MODEL_BYTES", "MAX_UNPACKED_BYTES"])
def test_a_model_is_bounded_in_size(saved: Path, limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, limit, 1000)
    with pytest.raises(InputError):
        load(saved.with_suffix(".skops"))


# Data


def test_a_dataset_with_a_script_is_refused_and_the_script_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "owner/name"
    folder.mkdir(parents=True)
    (folder / "rows.jsonl").write_text('{"text": "We agree.", "label": "x"}\n')
    (folder / "name.py").write_text(f"import os\nos.mkdir({str(tmp_path / 'trace')!r})\n")
    with pytest.raises(InputError, match=r"^hub:owner/name holds a script, name\.py, .* never run") as error:
        read_clauses("hub:owner/name")
    assert len(str(error.value).splitlines()) == 1
    assert not (tmp_path / "trace").exists()


# Files


def test_a_file_is_private_until_it_has_its_name(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    with replacing(target) as temporary:
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
        assert temporary.parent == tmp_path
        with replacing(target) as other:
            assert other != temporary
        temporary.write_text("new")
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~mask
    assert target.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]


@pytest.mark.parametrize("form", ["replace_file", "jsonl", "csv", "parquet", "table"])
def test_a_link_in_a_shared_folder_is_replaced_and_not_followed(tmp_path: Path, form: str) -> None:
    theirs, target = tmp_path / "theirs", tmp_path / "out"
    theirs.write_text("kept")
    for name in ("out", "out.tmp", f".out.{os.getpid()}.tmp"):
        (tmp_path / name).symlink_to(theirs)
    if form == "replace_file":
        replace_file(target, "new")
    else:
        with open_output(form, target, ["none"]):
            pass
    assert theirs.read_text() == "kept"
    assert not target.is_symlink()


def test_a_very_long_name_can_be_written(tmp_path: Path) -> None:
    replace_file(tmp_path / ("é" * 127), "x")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["x"]


def test_names_of_documents_lead_nowhere(tmp_path: Path, saved: Path, call: Any) -> None:
    table, kept = tmp_path / "rows.jsonl", tmp_path / "a" / "kept"
    names = ["../../up", "/etc/absolute", "..", "a/../../b", "con\\..\\..\\c", "nul\u202etxt", "x" * 5000]
    table.write_text("".join(json.dumps({"text": "We agree.", "name": name}) + "\n" for name in names))
    before = {path for path in tmp_path.rglob("*") if "kept" not in path.parts}
    done = call("models.annotate", table, "--model", saved, "--name-column", "name", "--save-text", kept, "--quiet")
    assert done.status == 0, done.err
    after = {path for path in tmp_path.rglob("*") if "kept" not in path.parts}
    assert after - before == {tmp_path / "a"}
    assert len(list(kept.iterdir())) == len(names)


WRITER = """
import sys, time
from pathlib import Path
from data.errors import replacing, run

def main():
    with replacing(Path(sys.argv[1])) as temporary:
        temporary.write_text("half")
        print("ready", flush=True)
        time.sleep(60)

run(main)
"""


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (getattr(signal, "SIGHUP", 15), 129)]
)
def test_an_end_from_outside_leaves_nothing_half_written(tmp_path: Path, number: signal.Signals, status: int) -> None:
    target = tmp_path / "out.txt"
    target.write_text("old")
    command = [sys.executable, "-c", WRITER, str(target)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        writer.send_signal(number)
        _, told = writer.communicate(timeout=30)
    assert (writer.returncode, told) == (status, "interrupted: no half-written file was left behind\n")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out.txt", "old")]


@pytest.mark.parametrize("module", ["models.annotate", "eval", "train"])
def test_an_interrupt_while_a_command_is_importing_is_quiet(module: str) -> None:
    command = [sys.executable, "-m", module, "-"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode in (-signal.SIGINT, 130)
    assert out == b""
    assert b"Traceback" not in err


def test_a_library_that_imports_us_keeps_its_handlers() -> None:
    program = "import signal, models, eval, train; assert signal.getsignal(2) is signal.default_int_handler"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


# What is written and shown


@pytest.mark.parametrize("text", [*CONTROLS, *BIDI, *HIDDEN, "\0", "\ud800", "\u2028"])
def test_messages_obey_and_hide_nothing(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    errors.say(f"a{text}b")
    with pytest.raises(SystemExit):
        errors.run(lambda: (_ for _ in ()).throw(InputError(f"a{text}b")))  # type: ignore[arg-type]
    assert capsys.readouterr().err == "a�b\nerror: a�b\n"


def test_a_name_forges_no_line(tmp_path: Path, saved: Path, call: Any) -> None:
    (tmp_path / "a\nerror: forged.txt").write_bytes(b"\0")
    (tmp_path / "good.txt").write_text("We agree.")
    done = call("models.annotate", tmp_path / "*.txt", "--model", saved, "--format", "jsonl")
    assert done.status == 1
    assert "\nerror: forged" not in done.err
    assert named("a\nb") == "a�b"


@pytest.mark.parametrize("form", ["jsonl", "csv", "table"])
def test_rows_on_a_terminal_obey_nothing(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = "a\x1b[2J\x9b1mb\x7f\u202ec"
    row = {"document": text, "start": 0, "end": len(text), "text": text, "label": text, "confidence": 0.9}
    row |= {"probabilities": {text: 0.9}, "because": [(text, 1.0)]}
    with open_output(form, None, [text]) as output:
        output.write(text, [row])
    shown = capsys.readouterr().out
    assert not set(shown) & set("\x1b\x9b\x7f\u202e")


def test_json_lines_read_back_as_they_were_and_stay_lines() -> None:
    text = "".join(map(chr, range(0x3000))) + "\ud800\U0001f600"
    line = json_line({"text": text})
    assert json.loads(line) == {"text": text}
    assert len(line.splitlines()) == 1
    line.encode()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\n=", " =", "＝", "＠", "\ufeff=", "\u200b="])
def test_no_cell_is_a_formula(start: str, tmp_path: Path) -> None:
    text = f"{start}cmd|' /C calc'!A0"
    row = {"document": text, "start": 0, "end": 3, "text": text, "label": text, "confidence": 0.9}
    with open_output("csv", tmp_path / "a.csv", [text]) as output:
        output.write("a", [row | {"probabilities": {"x": 0.9}}])
    cells = next(csv.DictReader((tmp_path / "a.csv").open(encoding="utf-8", newline="")))
    assert all(cells[name].startswith("'") for name in ("document", "text", "label"))


@pytest.mark.parametrize(
    "text",
    ["[a](javascript:alert(1))", "![](//example.org/x.png)", "<img src=x onerror=alert(1)>", "a | b\n\n# c", "`*_~"],
)
def test_a_cell_of_markdown_is_only_text(text: str) -> None:
    table = markdown(Section("Title", "Text.", [text], [[text]]))
    assert len(table.splitlines()) == 8
    assert not re.search(r"(?<!\\)[\[\]`*_~]|<", table.split("Text.")[1])
    assert len(re.findall(r"(?<!\\)\|", table.splitlines()[-1])) == 2


def test_a_plot_is_a_picture_whatever_the_labels_are(tmp_path: Path) -> None:
    import xml.dom.minidom

    label = "--><script>alert(1)</script>\x1b\u202e$x$"
    plot_confusion({"gold by model": [[1, 0], [0, 1]]}, [label, "b"], label, tmp_path / "c.png")
    content = (tmp_path / "c.svg").read_text(encoding="utf-8")
    found = xml.dom.minidom.parseString(content)
    assert not found.getElementsByTagName("script")
    assert visible(content) == content


# Documents


def test_one_bad_document_of_every_kind_never_ends_the_run(tmp_path: Path) -> None:
    for suffix in (".pdf", ".docx", ".html", ".txt", ".jsonl", ".csv", ".tsv", ".parquet"):
        (tmp_path / f"empty{suffix}").write_bytes(b"")
        (tmp_path / f"junk{suffix}").write_bytes(os.urandom(2000) + b"\0")
    (tmp_path / "z.txt").write_text("We agree.")
    *bad, good = read_documents(sorted(map(str, tmp_path.iterdir())))
    assert all(isinstance(each, Unreadable) and len(each.reason.splitlines()) == 1 for each in bad)
    assert not isinstance(good, Unreadable)


def test_a_line_of_a_packed_table_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that unpacks to more than a document may hold is never held whole."""
    import gzip

    monkeypatch.setattr(extract, "MAX_BYTES", 10_000)
    good, bad = b'{"text": "We agree."}\n', b'{"text": "' + b"a" * 10_000_000 + b'"}\n'
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(good + bad))
    first, second = read_documents([str(tmp_path / "a.jsonl.gz")])
    assert isinstance(first, Document)
    assert isinstance(second, Unreadable)
    assert "line 2: longer than 10,000 bytes" in second.reason


# Dependencies


@pytest.mark.parametrize(
    ("printed", "accepted", "status", "told"),
    [
        ("", "", 0, "audit: not done, the advisories could not be reached"),
        ("[]", "", 0, "audit: not done"),
        ({"vulns": []}, "", 0, "audit: 1 of 2 packages were looked up; the advisories of the others could not"),
        ({"vulns": [{"id": "X-1", "fix_versions": ["2"], "aliases": ["C-1"]}]}, "", 1, "a 1: X-1, mended in 2"),
        ({"vulns": [{"id": "X-1", "fix_versions": []}]}, 'X-1 = "not used"', 0, "accepted: not used"),
        ({"vulns": [{"id": "X-1", "fix_versions": [], "aliases": ["C-1"]}]}, 'C-1 = "no"', 0, "accepted: no"),
    ],
)
def test_the_audit_fails_only_on_what_is_known_and_not_accepted(
    printed: Any, accepted: str, status: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text(f"[tool.audit.accepted]\n{accepted}\n")
    if isinstance(printed, dict):
        packages = [{"name": "a", "version": "1", **printed}, {"name": "b", "skip_reason": "not found"}]
        printed = json.dumps({"dependencies": packages})
    assert audit(lambda: printed, project) == status
    assert told in capsys.readouterr().out
