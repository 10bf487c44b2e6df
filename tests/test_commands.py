"""The commands, end to end: what they make, what they say, and that bad input makes nothing."""

import contextlib
import csv
import json
import os
import pty
import re
import resource
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Result
from tiny_corpus import tiny_rows, write_jsonl

ROOT = Path(__file__).resolve().parent.parent
Call = Callable[..., Result]
# The share of the behaviour suite that the model of the corpus passes. Raise it when the model does better.
BEHAVIOUR_FLOOR = 0.86

ARTICLE = """Summit ends with a joint statement

The two leaders strongly oppose the new tariffs on steel and welcome the agreement on fish.
All states must urgently resume the talks. They met on Tuesday.
"""


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # As typed by a user, even when these tests are themselves run by make.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", *arguments]
    return subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


# The whole of the README, in a copy of the project.


def test_make_train_eval_annotate_on_a_fresh_checkout(checkout: Path) -> None:
    (checkout / "article.txt").write_text(ARTICLE, encoding="utf-8")
    made = make(checkout, "-j2", "train", "eval")
    assert made.returncode == 0, made.stderr
    assert "macro-F1, all codes" in made.stdout
    for name in ("models/stance.joblib", "models/stance.json", "models/stance.skops", "models/README.md"):
        assert (checkout / name).is_file(), name
    report = json.loads((checkout / "reports/stance/metrics.json").read_text())
    for name in ("mistakes.csv", "codes.png", "confusion.svg", "learning_curve.png", "slices.png", "top_terms.png"):
        assert (checkout / "reports/stance" / name).stat().st_size > 1000, name
    scores = report["scores"]
    assert scores["model"]["macro_f1"]["value"] > scores["majority"]["macro_f1"]["value"] + 0.4
    assert report["calibration"]["ece"]["value"] <= 0.03
    assert report["leakage"]["overlap"] == {"documents": 0, "clauses": 0, "near_duplicates": 0, "examples": []}
    assert report["behaviour"]["pass_rate"] >= BEHAVIOUR_FLOOR, "it may rise, never fall: see eval/behaviour.jsonl"
    assert report["actor_swap"]["flips"] <= 0.005
    assert report["actor_swap"]["change"] <= 0.01

    coded = make(checkout, "annotate", "DOC=article.txt")
    assert coded.returncode == 0, coded.stderr
    rows = [json.loads(line) for line in coded.stdout.splitlines()]
    assert [row["label"] for row in rows][1:] == ["oppose", "support", "call-for", "none"]
    for row in rows:
        assert list(row) == ["document", "start", "end", "text", "label", "confidence", "probabilities"]
        assert ARTICLE[row["start"] : row["end"]] == row["text"]
        assert row["confidence"] == max(row["probabilities"].values())
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=0.001)

    before = (checkout / "models/stance.joblib").stat().st_mtime_ns
    assert make(checkout, "eval", "ARGS=--fast").returncode == 0
    assert (checkout / "models/stance.joblib").stat().st_mtime_ns == before, "nothing changed: not trained again"

    options = "ARGS=--target-precision 0.99 --uncertain-out queue.jsonl"
    careful = make(checkout, "annotate", "DOC=article.txt", options)
    labels = [json.loads(line)["label"] for line in careful.stdout.splitlines()]
    assert all(one in (other["label"], "uncertain") for one, other in zip(labels, rows, strict=True))
    queued = [json.loads(line) for line in (checkout / "queue.jsonl").read_text().splitlines()]
    assert len(queued) == labels.count("uncertain") > 0
    assert [(each["text"], each["likeliest"]) for each in queued] == [
        (row["text"], row["label"]) for row, label in zip(rows, labels, strict=True) if label == "uncertain"
    ]

    os.utime(checkout / "data/clauses/editorial.jsonl")
    assert "-m train" in make(checkout, "--dry-run", "train").stdout, "a source changed: to be trained again"


def test_the_model_is_made_of_every_module_that_training_imports(checkout: Path) -> None:
    """What `python -m train` imports of the project are sources of the model for make."""
    listing = (
        "import sys, train.__main__; print(*(m.__file__ for m in sys.modules.values() if getattr(m, '__file__', 0)))"
    )
    ran = subprocess.run([sys.executable, "-c", listing], cwd=checkout, capture_output=True, text=True, check=True)
    imported = {Path(name).relative_to(checkout) for name in ran.stdout.split() if Path(name).is_relative_to(checkout)}
    database = make(checkout, "--print-data-base", "--dry-run", "help").stdout
    (rule,) = re.findall(r"^models/stance\.joblib: (.*)$", database, re.MULTILINE)
    missing = {str(path) for path in imported if path.name != "__init__.py"} - set(rule.split())
    assert not missing


def test_make_alone_lists_every_verb(checkout: Path) -> None:
    listed = make(checkout).stdout
    for verb in (
        "train",
        "eval",
        "annotate",
        "tune",
        "crossvalidate",
        "data-report",
        "test",
        "torture",
        "check",
        "lock",
        "clean",
    ):
        assert re.search(rf"^  {verb} +\S", listed, re.MULTILINE), verb


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["annotate"], "error: no document: make annotate DOC=article.txt"),
        (["train", "PYTHON=no-such-python"], "error: no interpreter no-such-python: name one with PYTHON="),
        (["train", "PYTHON=./old-python"], "policy-stance needs Python 3.11 or newer: name one with PYTHON="),
        (["train", "DATA=nowhere.csv"], "error: no file nowhere.csv"),
    ],
)
def test_make_tells_in_one_line(checkout: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["cp", "-a", str(checkout), str(clone)], check=True)
    if "PYTHON" in arguments[-1]:
        (clone / ".venv/.runtime").unlink()
        old = clone / "old-python"
        old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo Python 3.8.1 && exit\nexit 1\n')
        old.chmod(0o755)
    told = make(clone, *arguments)
    assert told.returncode == 2
    lines = [line for line in told.stderr.splitlines() if not line.startswith(("make", "train:"))]
    assert len(lines) == 1
    assert message in lines[0]


# A user's own labels.


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run commands in."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_own_labels_make_a_model_of_their_own(call: Call, work: Path) -> None:
    lines = [f"{row['text']}\t{'con' if row['label'] == 'oppose' else 'pro'}" for row in tiny_rows()]
    (work / "mine.tsv").write_text("body\tcode\n" + "\n".join(lines) + "\n", encoding="utf-8")
    own = ["--data", "mine.tsv", "--text-column", "body", "--label-column", "code"]
    trained = call("train", *own, "--label-map", "con=against")
    assert trained.status == 0, trained.err
    assert "models/mine.joblib" in trained.err
    card = json.loads(Path("models/mine.json").read_text())
    assert card["labels"] == ["against", "pro"]

    judged = call("eval", "--model", "models/mine.joblib")
    assert judged.status == 0, judged.err
    report = json.loads(Path("reports/mine/metrics.json").read_text())
    assert report["data"]["part"] == "held-out split"
    assert report["scores"]["model"]["clauses"] == card["split"]["test"]["clauses"]
    assert "cue lexicon" not in report["scores"], "the lexicon knows only the four codes"
    again = call("eval", "--model", "models/mine.joblib", *own, "--label-map", "con=against", "--out", "again")
    assert again.status == 0, "the same file named on the command line is judged on the same held-out part"
    assert json.loads(Path("again/metrics.json").read_text())["scores"] == report["scores"]


def test_the_same_data_give_the_same_bytes(tiny: Path, tmp_path: Path) -> None:
    made = []
    for number in (1, 2):
        target = tmp_path / str(number) / "m.joblib"
        command = [sys.executable, "-m", "train", "--data", str(tiny), "--model", str(target)]
        environment = os.environ | {"PYTHONHASHSEED": str(number), "OMP_NUM_THREADS": str(number)}
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        made.append({path.name: path.read_bytes() for path in target.parent.iterdir()})
    assert set(made[0]) == {"m.joblib", "m.json", "m.skops", "m.npz"}
    assert made[0] == made[1]


@pytest.fixture
def model(call: Call, work: Path, tiny: Path) -> Path:
    assert call("train", "--data", tiny).status == 0
    return Path("models/tiny.joblib")


def test_a_model_is_not_judged_on_what_it_learnt_from(call: Call, work: Path, model: Path, tiny: Path) -> None:
    rows = [row | {"document": f"renamed {row['document']}"} for row in tiny_rows()]
    told = call("eval", "--model", model, "--data", write_jsonl(work / "copy.jsonl", rows[::-1]))
    assert told.status == 2
    assert not Path("reports").exists(), "a refusal leaves nothing behind"
    assert re.search(r"error: the model was trained on [1-6] of these 6 documents \(renamed doc-", told.err)
    assert not Path("reports/tiny-on-copy/metrics.json").exists()


def test_changed_data_are_noticed(call: Call, model: Path, tiny: Path) -> None:
    write_jsonl(tiny, tiny_rows()[:-1])
    told = call("eval", "--model", model)
    assert told.status == 2
    assert "has changed since" in told.err


def test_labels_of_a_file_must_be_the_model_s(call: Call, work: Path, model: Path) -> None:
    gold = write_jsonl(work / "gold.jsonl", [{"text": "An entirely new sentence here.", "label": "con"}])
    told = call("eval", "--model", model, "--data", gold)
    assert told.status == 2
    assert "the model knows no label 'con'" in told.err
    assert call("eval", "--model", model, "--data", gold, "--label-map", "con=oppose").status == 0


def test_other_coders_stand_beside_the_model(call: Call, work: Path, model: Path) -> None:
    texts = {"oppose": "We firmly oppose the levy.", "none": "They met there.", "support": "We welcome the pact."}
    gold = [
        {"document": f"d{n}", "text": f"{text} {n}", "label": label} for n in range(3) for label, text in texts.items()
    ]
    write_jsonl(work / "gold.jsonl", gold)
    write_jsonl(work / "theirs.jsonl", gold[::-1])
    judge = ("eval", "--model", model, "--data", "gold.jsonl", "--out", "out", "--fast")
    done = call(*judge, "--compare", "theirs.jsonl", "--compare", model)
    assert done.status == 0, done.err
    report = json.loads((work / "out/metrics.json").read_text())
    assert report["scores"]["theirs.jsonl"]["accuracy"]["value"] == 1
    assert report["comparisons"][str(model)]["lead"]["value"] == 0
    write_jsonl(work / "theirs.jsonl", gold[:3])
    told = call(*judge, "--compare", "theirs.jsonl")
    assert told.status == 2
    assert "theirs.jsonl has no code for gold.jsonl" in told.err
    write_jsonl(work / "theirs.jsonl", [row | {"label": "pro"} for row in gold])
    assert "theirs.jsonl codes 'pro', which is no label here" in call(*judge, "--compare", "theirs.jsonl").err


def test_a_model_that_learnt_from_the_clauses_is_no_match(call: Call, work: Path, model: Path) -> None:
    fresh = [row | {"document": f"f-{row['document']}", "text": f"{row['text']} So it was."} for row in tiny_rows()]
    other = work / "models/other.joblib"
    assert call("train", "--data", write_jsonl(work / "fresh.jsonl", fresh), "--model", other).status == 0
    gold = write_jsonl(work / "gold.jsonl", fresh)
    told = call("eval", "--model", model, "--data", gold, "--compare", other, "--fast")
    assert told.status == 2
    assert "learnt from" in told.err


def test_a_file_agrees_with_itself_also_where_a_text_stands_twice(call: Call, work: Path) -> None:
    twice = [{"document": "d", "text": "We agree.", "label": label} for label in ("yes", "no")]
    twice += [{"document": "e", "text": "They met.", "label": "no"}]
    write_jsonl(work / "dup.jsonl", twice)
    assert call("eval", "--gold", "dup.jsonl", "--pred", "dup.jsonl", "--out", "o").status == 0
    report = json.loads((work / "o/metrics.json").read_text())
    assert report["scores"]["dup.jsonl"]["accuracy"]["value"] == 1
    write_jsonl(work / "turned.jsonl", twice[::-1])
    told = call("eval", "--gold", "dup.jsonl", "--pred", "turned.jsonl", "--out", "o")
    assert told.status == 2
    assert "has several codes for dup.jsonl" in told.err


def test_columns_are_named_for_gold_and_codes_alike(call: Call, work: Path) -> None:
    (work / "g.csv").write_text("body,code\nWe agree.,yes\nThey met.,no\n", encoding="utf-8")
    options = ("--text-column", "body", "--label-column", "code", "--out", "o")
    assert call("eval", "--gold", "g.csv", "--pred", "g.csv", *options).status == 0


def test_somebody_s_codes_are_scored_without_a_model(call: Call, work: Path) -> None:
    gold = [
        {"document": f"d{n % 4}", "text": f"Clause number {n}", "label": "no" if n % 2 else "yes"} for n in range(20)
    ]
    write_jsonl(work / "gold.jsonl", gold)
    write_jsonl(work / "theirs.jsonl", [row | {"label": "yes"} if n < 4 else row for n, row in enumerate(gold)])
    done = call("eval", "--gold", "gold.jsonl", "--pred", "theirs.jsonl")
    assert done.status == 0, done.err
    scores = json.loads((work / "reports/theirs-on-gold/metrics.json").read_text())["scores"]["theirs.jsonl"]
    assert scores["accuracy"]["value"] == pytest.approx(0.9)
    assert "theirs.jsonl, code by code" in done.out
    alone = call("eval", "--gold", "gold.jsonl")
    assert alone.status == 2
    assert "--gold and --pred: give both" in alone.err


def test_models_are_ranked_on_clauses_that_none_of_them_knows(call: Call, work: Path, model: Path) -> None:
    """The other model learnt from half of the gold documents; what it could know does not count for either."""
    known = tiny_rows() + [
        row | {"document": f"more-{row['document']}", "text": f"Indeed, {row['text']}"} for row in tiny_rows()
    ]
    other = work / "models/other.joblib"
    assert call("train", "--data", write_jsonl(work / "other.jsonl", known), "--model", other).status == 0
    fresh = [
        row | {"document": f"new-{row['document']}", "text": f"{row['text']} So it was in June."} for row in tiny_rows()
    ]
    gold = write_jsonl(work / "fresh.jsonl", fresh + known[24:28])
    done = call("eval", "--models", model, other, "--data", gold)
    assert done.status == 0, done.err
    report = json.loads((work / "reports/leaderboard/metrics.json").read_text())
    scores = [each["macro_f1"]["value"] for each in report["scores"].values()]
    assert scores == sorted(scores, reverse=True)
    assert {each["clauses"] for each in report["scores"].values()} == {24}
    assert (work / "reports/leaderboard/index.html").read_text().count("<img ") == 1
    assert call("eval", "--models", model, "gone.joblib").status == 2


def test_mistakes_come_with_the_n_grams_behind_them(call: Call, work: Path, model: Path) -> None:
    rows = [{"text": "Observers strongly oppose the bold venture.", "label": "support", "document": "a"}]
    call("eval", "--model", model, "--data", write_jsonl(work / "gold.jsonl", rows))
    mistake = json.loads(Path("reports/tiny-on-gold/mistakes.jsonl").read_text())
    assert (mistake["gold"], mistake["coded"]) == ("support", "oppose")
    assert any("oppose" in term or "strongly" in term for term in mistake["because"])


@pytest.mark.parametrize("arguments", [["--c", "1"], ["--data", "stance.jsonl"]])
def test_the_project_s_model_is_not_replaced_by_another(call: Call, work: Path, arguments: list[str]) -> None:
    write_jsonl(work / "stance.jsonl", tiny_rows())
    told = call("train", *arguments)
    assert told.status == 2
    assert "models/stance.joblib is kept for the corpus" in told.err


def test_doubtful_labels_are_pointed_out(call: Call, work: Path) -> None:
    copies = [(n, row) for n in range(9) for row in tiny_rows()]
    rows = [row | {"document": f"{row['document']}-{n}", "text": f"{row['text']} {n}"} for n, row in copies]
    for n, label in enumerate(("Oppose", "Oppose", "suport", "suport")):
        rows.append({"document": f"odd-{n}", "text": f"Something of its own kind, number {n}.", "label": label})
    rows.append(rows[0] | {"label": "none", "document": "torn", "position": 1})
    told = call("train", "--data", write_jsonl(work / "odd.jsonl", rows))
    assert told.status == 0, told.err
    assert "labels differ in case only: 'oppose' (54), 'Oppose' (2)" in told.err
    assert "label 'suport' (2) looks like 'support' (54) misspelt" in told.err
    assert "1 clauses have two different codes" in told.err


# Coding documents.


def test_standard_input_is_a_document(model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "models.annotate", "--model", str(model.resolve()), "-"]
    coded = subprocess.run(command, cwd=ROOT, input=ARTICLE.encode(), capture_output=True, check=True)
    assert {json.loads(line)["document"] for line in coded.stdout.splitlines()} == {"standard input"}


def test_a_table_on_a_terminal(model: Path, work: Path) -> None:
    (work / "a.md").write_text("We strongly oppose [bold]tariffs[/bold]. \x1b[31mThey met.", encoding="utf-8")
    command = [sys.executable, "-m", "models.annotate", "--model", str(model.resolve()), str((work / "a.md").resolve())]
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, cwd=ROOT, stdout=theirs, env=os.environ | {"COLUMNS": "100", "TERM": "xterm"}
    ) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # how Linux tells the end of a terminal
            while part := os.read(ours, 65536):
                shown += part
    os.close(ours)
    assert process.returncode == 0
    table = shown.decode()
    assert "[bold]tariffs[/bold]" in table, "square brackets of a document are text"
    assert "\x1b[31mThey" not in table, "escape codes of a document stay powerless"
    assert "2 clauses" in table


def test_several_documents_in_one_run(call: Call, work: Path, model: Path) -> None:
    for name in ("a.txt", "b.md"):
        (work / name).write_text("They met on Tuesday.", encoding="utf-8")
    coded = call("models.annotate", "--model", model, "a.txt", "b.md", "--format", "jsonl")
    assert [json.loads(line)["document"] for line in coded.out.splitlines()] == ["a.txt", "b.md"]
    table = call("models.annotate", "--model", model, "a.txt", "b.md", "--format", "table")
    assert table.out.count("1 clauses") == 2


def test_a_precision_that_no_card_promises_is_told(call: Call, work: Path, model: Path) -> None:
    (work / "article.txt").write_text(ARTICLE, encoding="utf-8")
    told = call("models.annotate", "--model", model, "--target-precision", 0.9, work / "article.txt")
    assert told.status == 2
    assert "the model's card has no thresholds" in told.err
    alone = call("models.annotate", "--model", model, "--uncertain-out", work / "q.jsonl", work / "article.txt")
    assert alone.status == 2
    assert "--target-precision" in alone.err
    assert not (work / "q.jsonl").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--output", "fine.txt"], "fine.txt is a document: write the result to another file"),
        (["--output", "x.jsonl", "--html", "./x.jsonl"], "two results would go to one file"),
        (["--group-by", "folder"], "--group-by is for the summary"),
        (["--bom"], "--bom marks a CSV file"),
        (["--output", "x.odt"], "its name should end in"),
        (["--explain", "0"], "--explain: 0 should be 1 or more"),
        (["--target-precision", "90"], "--target-precision: 90 should lie between 0 and 1"),
        (["--encoding", "klingon"], "klingon"),
    ],
)
def test_options_that_make_no_sense_are_told(
    call: Call, work: Path, model: Path, options: list[str], message: str
) -> None:
    (work / "fine.txt").write_text("They met on Tuesday.", encoding="utf-8")
    told = call("models.annotate", "--model", model, "fine.txt", *options)
    assert told.status == 2
    assert message in told.err
    assert (work / "fine.txt").read_text(encoding="utf-8") == "They met on Tuesday."
    assert told.out == ""


def test_a_second_run_does_not_code_the_results_of_the_first(call: Call, work: Path, model: Path) -> None:
    (work / "in").mkdir()
    (work / "in/a.txt").write_text(ARTICLE, encoding="utf-8")
    options = ("--output", "in/coded.csv", "--html", "in/page.html", "--save-text", "in/texts", "--summary", "in/sum")
    for _ in range(2):
        assert call("models.annotate", "--model", model, "in", *options).status == 0
        coded = list(csv.DictReader((work / "in/coded.csv").open(encoding="utf-8", newline="")))
        assert {row["document"] for row in coded} == {"in/a.txt"}


@pytest.mark.parametrize("name", ["o.csv", "o.jsonl", "o.parquet", "o.txt"])
def test_a_full_disk_is_told_with_the_name_of_the_output(model: Path, work: Path, name: str) -> None:
    (work / "a.txt").write_text("They met on Tuesday. " * 200, encoding="utf-8")
    words = [sys.executable, "-m", "models.annotate", "--model", model, "a.txt", "--output", name]
    told = subprocess.run(
        words,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
    )
    assert told.returncode == 2
    (line,) = [line for line in told.stderr.splitlines() if line.startswith("error")]
    assert line.startswith(f"error: cannot write {name}: ")
    assert line.endswith("File too large")
    assert "Traceback" not in told.stderr
    assert not list(work.glob(f"*{name}*"))


def test_an_unset_variable_codes_nothing(call: Call, work: Path, model: Path) -> None:
    (work / "a.txt").write_text("They met.", encoding="utf-8")
    told = call("models.annotate", "--model", model, "")
    assert told.status == 2
    assert told.err.startswith("error: no file ''")


def test_another_scorer_is_another_setting(call: Call, work: Path, model: Path) -> None:
    source, folder = work / "a.txt", work / "o"
    source.write_text("They met.", encoding="utf-8")
    words = ("models.annotate", "--model", model, "--jobs", 1, source, "--output", f"{folder}/")
    first = call(*words)
    assert first.status == 0, first.err
    other = call(*words, "--scorer", "sklearn")
    assert other.status == 2
    assert "was begun with another scorer ('fast', now 'sklearn')" in other.err


def test_names_that_are_no_text_do_no_harm(call: Call, work: Path, model: Path) -> None:
    name = os.fsencode(str(work)) + b"/bad\xff\xe9\x1b[31m.txt"
    Path(os.fsdecode(name)).write_text(ARTICLE, encoding="utf-8")
    options = ("--output", "o.jsonl", "--html", "o.html", "--save-text", "texts", "--summary", "sum", "--explain", 1)
    done = call("models.annotate", "--model", model, work, *options)
    assert done.status == 0, done.err
    assert "bad??" in json.loads((work / "o.jsonl").read_text(encoding="utf-8").splitlines()[0])["document"]
    assert "\x1b" not in done.err + done.out


def test_a_reader_that_leaves_early_is_no_error(model: Path) -> None:
    script = f"{shlex.quote(sys.executable)} -m models.annotate --model {model.resolve()} - | head -n 1"
    coded = subprocess.run(
        ["sh", "-c", script], cwd=ROOT, input=("We met there. " * 40_000).encode(), capture_output=True
    )
    assert coded.stderr == b""
    assert len(coded.stdout.splitlines()) == 1


# Bad input: one clear line, exit status 2, nothing half-written.

DOCUMENTS = {
    "empty.txt": b"",
    "blank.md": b" \n\n",
    "binary.txt": b"\x7fELF\x00\x00",
    "huge.txt": b"x" * 50_000_001,
    "paper.pdf": b"%PDF-1.7",
    "torn.docx": b"PK\x03\x04",
    "no-column.csv": b"a,b\n1,2\n",
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_that_cannot_be_read_is_left_out_and_told(call: Call, work: Path, model: Path, name: str) -> None:
    (work / "fine.txt").write_text("They met on Tuesday.", encoding="utf-8")
    (work / name).write_bytes(DOCUMENTS[name])
    told = call("models.annotate", "--model", model, name, "fine.txt", "--quiet")
    assert told.status == 1
    assert [json.loads(line)["document"] for line in told.out.splitlines()] == ["fine.txt"]
    assert f"error: {name}" in told.err
    assert "Traceback" not in told.err
    for arguments in ((name,), (name, "fine.txt", "--strict")):
        strict = call("models.annotate", "--model", model, *arguments, "--quiet", "--output", "coded.jsonl")
        assert strict.status == 2
        assert len(strict.err.splitlines()) == 1
        assert name in strict.err
        assert not (work / "coded.jsonl").exists(), "nothing half-made"


@pytest.mark.parametrize("name", ["missing.txt", "none/", "*.odt", "sheet.xlsx"])
def test_what_is_no_document_is_told_before_the_work(call: Call, work: Path, model: Path, name: str) -> None:
    (work / "none").mkdir()
    (work / "sheet.xlsx").write_bytes(b"PK")
    (work / "fine.txt").write_text("They met on Tuesday.", encoding="utf-8")
    told = call("models.annotate", "--model", model, "fine.txt", name)
    assert told.status == 2
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
    assert name.rstrip("/") in told.err


def test_everything_that_a_run_can_write(call: Call, work: Path, model: Path) -> None:
    """A folder of different files, coded once into every kind of result."""
    for folder, year in (("left", 2001), ("right", 2004)):
        rows = [{"name": f"{folder}-{n}", "body": ARTICLE, "year": str(year + n), "wing": folder} for n in range(2)]
        write_jsonl(work / f"{folder}.jsonl", rows)
    done = call(
        *("models.annotate", "--model", model, "left.jsonl", "right.jsonl", "--text-column", "body"),
        *("--name-column", "name", "--group-by", "wing", "--date-column", "year", "--explain", 2),
        *("--output", "coded.csv", "--html", "coded.html", "--summary", "shares", "--save-text", "texts", "--quiet"),
    )
    assert done.status == 0, done.err
    assert done.out == ""
    coded = list(csv.DictReader((work / "coded.csv").open(encoding="utf-8", newline="")))
    assert {row["document"] for row in coded} == {"left-0", "left-1", "right-0", "right-1"}
    for row in coded:
        text = next((work / "texts").glob(f"{row['document']}-*.txt")).read_text(encoding="utf-8")
        assert text[int(row["start"]) : int(row["end"])] == row["text"]
        assert row["because"].count(" · ") <= 1
    assert {path.name for path in (work / "shares").iterdir()} == {
        *("documents.csv", "groups.csv", "shares.png", "over_time.csv", "over_time.png")
    }
    page = (work / "coded.html").read_text(encoding="utf-8")
    assert "All states must urgently resume the talks." in page
    told = call(
        "models.annotate", "--model", model, "left.jsonl", "--text-column", "body", "--summary", "s", "--group-by", "x"
    )
    assert told.status == 2
    assert "has no column 'x'" in told.err


TRAINING_FILES = {
    "empty.jsonl": b"",
    "binary.csv": b"\x00\x01",
    "latin.csv": "text,label\né,none\n".encode("latin-1"),
    "columns.csv": b"a,b\n1,2\n",
    "one-class.csv": b"text,label\nOne.,x\nTwo.,x\nThree.,x\n",
    "lonely.csv": b"text,label\nOne.,x\nTwo.,x\nThree.,typo\n",
    "nothing-shared.csv": b"text,label\naaa,x\nbbb,x\nccc,y\nddd,y\n",
    "long-line.jsonl": b'{"label": "x", "text": "' + b"y" * 100_000_000 + b'"}\n',
    "leak.csv": b"document,text,label,split\na,One.,x,train\na,Two.,y,test\n",
}


@pytest.mark.parametrize("name", [*TRAINING_FILES, "missing.csv"])
def test_bad_training_data_make_no_model(call: Call, work: Path, name: str) -> None:
    if name in TRAINING_FILES:
        (work / name).write_bytes(TRAINING_FILES[name])
    told = call("train", "--data", name)
    assert told.status == 2
    errors = [line for line in told.err.splitlines() if not line.startswith(("train:", "  "))]
    assert errors[0].startswith("error: ")
    assert len(errors) == (2 if name == "leak.csv" else 1)
    assert "Traceback" not in told.err
    assert [path.name for path in work.rglob("*") if path.is_file()] == ([name] if name in TRAINING_FILES else [])


@pytest.mark.parametrize("target", ["stance.pkl", "file/stance.joblib", "folder.joblib"])
def test_a_bad_target_is_told_before_the_work(call: Call, work: Path, tiny: Path, target: str) -> None:
    (work / "file").touch()
    (work / "folder.joblib").mkdir()
    told = call("train", "--data", tiny, "--model", target)
    assert told.status == 2
    assert len(told.err.splitlines()) == 1
    assert target in told.err


@pytest.mark.parametrize("module", ["eval", "models.annotate"])
@pytest.mark.parametrize("content", [None, b"", b"not a model", b"\x80\x04]\x94."])
def test_a_bad_model_is_told(call: Call, work: Path, module: str, content: bytes | None) -> None:
    if content is not None:
        (work / "m.joblib").write_bytes(content)
    (work / "a.txt").write_text("They met.", encoding="utf-8")
    arguments = ["a.txt"] if module == "models.annotate" else []
    for trust in ([], ["--trust"]):
        told = call(module, "--model", "m.joblib", *trust, *arguments)
        assert told.status == 2
        assert len(told.err.splitlines()) == 1
        assert not Path("reports").exists()


def test_a_report_that_cannot_be_written_is_told(call: Call, work: Path, model: Path) -> None:
    (work / "file").touch()
    told = call("eval", "--model", model, "--out", "file/report")
    assert told.status == 2
    assert "cannot write file/report/index.html" in told.err


@pytest.mark.parametrize("arguments", [["--c", "0"], ["--c", "x"], ["--label-map", "con"], ["--nonsense"]])
def test_a_bad_option_is_told(call: Call, work: Path, arguments: list[str]) -> None:
    assert call("train", *arguments).status == 2
