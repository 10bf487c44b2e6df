"""Labelled clauses in every format come in the same; bad rows are told with file, line, field, value and rule."""

import csv
import json
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_corpus import tiny_rows, write_jsonl

from data.errors import InputError
from data.reading import MAX_ERRORS, read_clauses
from data.rows import CODES


def write_csv(path: Path, rows: list[dict[str, object]], delimiter: str = ",") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_parquet(path: Path, rows: list[dict[str, object]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


AWKWARD = [
    {"text": 'They said: "No, never", and\nleft.', "label": "oppose", "document": "a"},
    {"text": "None", "label": "none", "document": "a"},
    {"text": "1", "label": "1", "document": "b"},
    {"text": "NA é 中 🙂", "label": "none", "document": "b"},
]


@pytest.mark.parametrize("rows", [tiny_rows(), AWKWARD], ids=["tiny", "awkward"])
@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".tsv", ".parquet"])
def test_every_format_gives_the_same_rows(tmp_path: Path, suffix: str, rows: list[dict[str, object]]) -> None:
    path = tmp_path / f"labels [1]{suffix}"  # brackets are a pattern to some loaders
    if suffix == ".jsonl":
        write_jsonl(path, rows)
    elif suffix == ".parquet":
        write_parquet(path, rows)
    else:
        write_csv(path, rows, "\t" if suffix == ".tsv" else ",")
    clauses = read_clauses(path)
    assert [{key: row[key] for key in rows[0]} for row in clauses] == rows
    assert clauses["position"][:2] == [1, 2]


def test_a_folder_is_read_file_by_file(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "b.jsonl", tiny_rows()[:4])
    write_csv(tmp_path / "a.csv", tiny_rows()[4:8])
    assert read_clauses(tmp_path)["document"][:] == ["doc-2"] * 4 + ["doc-1"] * 4


def test_a_hub_dataset_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`load_dataset` takes a local folder owner/name like one of the Hub, with its splits and class labels."""
    monkeypatch.chdir(tmp_path)
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["con", "pro"])})
    for split, label in (("train", 0), ("validation", 1), ("test", 1)):
        table = datasets.Dataset.from_dict({"text": [f"{split} text"], "label": [label]}, features=features)
        (tmp_path / "owner/name").mkdir(parents=True, exist_ok=True)
        table.to_parquet(tmp_path / f"owner/name/{split}.parquet")
    clauses = read_clauses("hub:owner/name", label_map={"con": "oppose", "pro": "support"})
    assert clauses["split"][:] == ["train", "test"], "the Hub's own test split is held out, validation is left alone"
    assert clauses["label"][:] == ["oppose", "support"]


@pytest.mark.parametrize(
    ("splits", "sides"),
    [
        (["train", "validation"], ["train", "test"]),
        (["train"], [None]),
        (["validation", "test"], [None, None]),
    ],
)
def test_what_a_hub_dataset_holds_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, splits: list[str], sides: list[str | None]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner/name").mkdir(parents=True)
    for split in splits:
        write_parquet(tmp_path / f"owner/name/{split}.parquet", [{"text": f"In {split}.", "label": "x"}])
    assert read_clauses("hub:owner/name")["split"][:] == sides


def test_a_hub_row_without_a_label_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner/name").mkdir(parents=True)
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["con", "pro"])})
    table = datasets.Dataset.from_dict({"text": ["One.", "Two."], "label": [1, -1]}, features=features)
    table.to_parquet(tmp_path / "owner/name/train.parquet")
    with pytest.raises(InputError, match=r"hub:owner/name/train, row 2, field 'label', value None"):
        read_clauses("hub:owner/name")


def test_columns_and_codes_can_be_renamed(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "mine.csv", [{"body": "Never again.", "code": "con"}, {"body": "Yes.", "code": "pro"}])
    clauses = read_clauses(path, text_column="body", label_column="code", label_map={"con": "oppose"})
    assert clauses["text"][:] == ["Never again.", "Yes."]
    assert clauses["label"][:] == ["oppose", "pro"]
    assert len(set(clauses["document"])) == 2, "without a document column every row is its own document"


def test_numbers_serve_as_codes_and_names(tmp_path: Path) -> None:
    rows = [{"text": "Never again.", "label": 1, "document": 7}, {"text": "Yes.", "label": 0, "document": 7}]
    clauses = read_clauses(write_parquet(tmp_path / "n.parquet", rows))
    assert clauses["label"][:] == ["1", "0"]
    assert clauses["document"][:] == ["7", "7"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "We object.", "label": "opose"}', "field 'label', value 'opose': should be one of oppose, support"),
        ('{"text": "   ", "label": "none"}', "field 'text', value '   ': should hold more than white space"),
        ('{"text": "a\\u0000b", "label": "none"}', "should hold no NUL character"),
        ('{"text": 7, "label": "none"}', "field 'text', value 7"),
        ('{"text": null, "label": "none"}', "field 'text', value None"),
        ('{"label": "none"}', "field 'text': missing"),
        ('{"text": "x", "label": "none", "position": 0}', "field 'position', value 0"),
        ('{"text": "x", "label": "none", "split": "dev"}', "field 'split', value 'dev'"),
        ('{"text": "x", "label": "none", "date": "May 2020"}', "field 'date', value 'May 2020'"),
        ('{"text": "x", "label": "none", "id": "one"}', "field 'id', value 'one': already used at"),
        ('{"text": "x", "label": "none"', "not valid JSON"),
        ('{"text": "\\ud800", "label": "none"}', "not valid JSON"),
        ('["x", "none"]', "should be a JSON object"),
        ("[" * 5000, "not valid JSON"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"text": "We meet.", "label": "none", "id": "one"}\n\n' + line + "\n", encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_clauses(path, labels=CODES)
    assert str(error.value).startswith(f"{path}, line 3")
    assert message in str(error.value)


def test_all_errors_of_a_file_are_told_at_once_up_to_a_limit(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"text": "x", "label": f"bad-{n}"} for n in range(50)]
    with pytest.raises(InputError) as error:
        read_clauses(write_jsonl(tmp_path / "a.jsonl", rows[:7]), labels=CODES)
    assert len(str(error.value).splitlines()) == 7
    with pytest.raises(InputError) as error:
        read_clauses(write_jsonl(tmp_path / "b.jsonl", rows), labels=CODES)
    assert len(str(error.value).splitlines()) == MAX_ERRORS + 1


BAD_FILES = {
    "empty.jsonl": (b"", "is empty"),
    "blank.jsonl": (b"\n\n", "is empty"),
    "header-only.csv": (b"text,label\n", "is empty"),
    "empty.csv": (b"", "is empty"),
    "binary.jsonl": (b"\x00\x01\x02\n", "line 1: a NUL byte"),
    "utf16.jsonl": ('{"text": "x", "label": "none"}\n'.encode("utf-16"), "line 1: a NUL byte"),
    "latin1.jsonl": (
        '{"text": "a", "label": "b"}\n{"text": "é", "label": "none"}\n'.encode("latin-1"),
        "line 2, byte 11",
    ),
    "long.jsonl": (b'{"text": "' + b"x" * 2_000_000 + b'", "label": "none"}', "line 1: longer than"),
    "nul.csv": (b"text,label\na\x00b,none\n", "line 2: a NUL byte"),
    "ragged.csv": (b"text,label\nfine,none\nWell, no,none\n", "line 3: 3 fields where the header has 2"),
    "short.tsv": (b"text\tlabel\nonly text\n", "line 2: 1 fields where the header has 2"),
    "unclosed.csv": (b'text,label\n"never closed,none\n', "line 2"),
    "twice.csv": (b"text,text\na,b\n", "two columns have the same name"),
    "columns.csv": (
        b"sentence,code\na,b\n",
        "has no column 'text', only 'sentence', 'code': name the right one with --text-column",
    ),
    "columns.jsonl": (b'{"text": "x", "code": "none"}\n', "has no column 'label', only 'text', 'code'"),
    "notes.parquet": (b"this is no parquet file", "cannot be read as Parquet"),
    "table.xlsx": (b"PK", "its name should end in .jsonl, .csv, .tsv, .parquet"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_told_in_one_line(tmp_path: Path, name: str) -> None:
    content, message = BAD_FILES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as error:
        read_clauses(tmp_path / name)
    assert message in str(error.value)
    assert name in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_line_numbers_of_csv_count_lines_within_quotes(tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    path.write_text('text,label\n"one\ntwo\nthree",none\n\nfour,bad\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"line 6, field 'label', value 'bad'"):
        read_clauses(path, labels=CODES)


@pytest.mark.parametrize("source", ["nowhere.jsonl", "hub:nobody/nothing"])
def test_a_missing_source_is_told(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=source.split(":")[0]):
        read_clauses(source)


def test_semicolons_of_a_spreadsheet_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "excel.csv"
    path.write_text('text;label\n"Well, no; never.";oppose\n', encoding="utf-8")
    assert read_clauses(path)["text"][:] == ["Well, no; never."]


def test_columns_of_another_meaning_can_be_left_out(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"text": "No.", "label": " con ", "date": "01/02/2020", "speech": 7, "id": "a"}
    ] * 2
    path = write_jsonl(tmp_path / "mine.jsonl", rows)
    with pytest.raises(InputError) as error:
        read_clauses(path)
    assert "value '01/02/2020': should read YYYY, YYYY-MM or YYYY-MM-DD" in str(error.value)
    assert str(error.value).endswith("leave out columns that mean something else with --ignore-columns date")
    clauses = read_clauses(path, document_column="speech", ignore_columns=["date", "id"])
    assert clauses["document"][:] == ["7", "7"]
    assert clauses["label"][:] == ["con", "con"], "stray spaces are no part of a code"
    with pytest.raises(InputError, match="no column 'talk'"):
        read_clauses(path, document_column="talk", ignore_columns=["date", "id"])


def test_a_column_without_a_name_is_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "pandas.csv"
    path.write_text(",text,label\n0,We oppose.,a\n", encoding="utf-8")
    assert read_clauses(path)["text"][:] == ["We oppose."]


def test_errors_speak_of_the_user_s_columns(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "mine.jsonl", [{"body": "", "code": "none"}])
    with pytest.raises(InputError, match="line 1, field 'body', value ''"):
        read_clauses(path, text_column="body", label_column="code")


def test_a_label_map_must_fit(tiny: Path) -> None:
    with pytest.raises(InputError, match="--label-map names 'con'"):
        read_clauses(tiny, label_map={"con": "oppose"})


def test_a_byte_order_mark_is_no_part_of_the_first_field(tmp_path: Path) -> None:
    (tmp_path / "bom.csv").write_bytes(b"\xef\xbb\xbftext,label\nx,none\n")
    (tmp_path / "bom.jsonl").write_bytes(b"\xef\xbb\xbf" + json.dumps({"text": "x", "label": "none"}).encode())
    assert read_clauses(tmp_path / "bom.csv")["text"][:] == read_clauses(tmp_path / "bom.jsonl")["text"][:] == ["x"]
