"""What is written: the same rows in every format, whole files or none, nothing that a reader's program would run."""

import csv
import json
from pathlib import Path

import pyarrow.parquet
import pytest
from datasets import Dataset

from data.errors import InputError
from models.outputs import form_of, open_output

LABELS = ["oppose", "none"]
ROWS = [
    {
        "document": "a.txt",
        "start": 0,
        "end": 10,
        "text": text,
        "label": "oppose",
        "confidence": 0.75,
        "probabilities": {"oppose": 0.75, "none": 0.25},
        "because": [("reject", 1.5)],
    }
    for text in ("They reject it.", '=HYPERLINK("x")', "-1 vote,\nno more", "Zürich – “yes”")
]


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_every_format_holds_the_same_rows(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"coded.{form}"
    assert form_of(path) == form
    with open_output(form, path, LABELS) as output:
        output.write("a.txt", ROWS[:3])
        output.write("b.txt", [])
        output.write("c.txt", ROWS[3:])
        assert not path.exists(), "not before it is whole"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    if form == "jsonl":
        assert [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] == json.loads(
            json.dumps(ROWS)
        )
        return
    rows = (
        list(csv.DictReader(path.open(encoding="utf-8", newline="")))
        if form == "csv"
        else list(Dataset.from_parquet(str(path)))
    )
    names = ["document", "start", "end", "text", "label", "confidence", "p_oppose", "p_none", "because"]
    assert [list(row) for row in rows] == [names] * 4
    assert [str(row["text"]).lstrip("'") for row in rows] == [row["text"] for row in ROWS]
    assert {float(row["p_oppose"]) for row in rows} == {0.75}
    assert {row["because"] for row in rows} == {"reject +1.50"}


def test_no_cell_of_a_csv_is_a_formula(tmp_path: Path) -> None:
    path = tmp_path / "coded.csv"
    hostile = [ROWS[0] | {"text": f"{sign}cmd|' /C calc'!A0"} for sign in "=+-@\t\r"]
    with open_output("csv", path, LABELS, bom=True) as output:
        output.write("a", hostile)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    for row in csv.DictReader(path.open(encoding="utf-8-sig", newline="")):
        assert row["text"].startswith("'")


def test_a_broken_run_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "coded.jsonl"
    path.write_text("old\n")

    def broken() -> None:
        with open_output("jsonl", path, LABELS) as output:
            output.write("a", ROWS)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert path.read_text() == "old\n"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_an_empty_table_of_parquet_still_has_its_columns(tmp_path: Path) -> None:
    with open_output("parquet", tmp_path / "none.parquet", LABELS):
        pass
    assert pyarrow.parquet.read_schema(tmp_path / "none.parquet").names[-2:] == ["p_oppose", "p_none"]


def test_a_table_obeys_nothing_in_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    with open_output("table", None, LABELS) as output:
        output.write("[red]x[/red]\x1b[31m", [ROWS[0] | {"text": "[bold]We\x1b]0;title\x07 agree\u202e"}])
    shown = capsys.readouterr().out
    assert "[red]x[/red]" in shown
    assert "[bold]We" in shown
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)
    assert "reject +1.50" in shown


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"should end in \.jsonl, \.csv, \.parquet, \.txt"):
        form_of(tmp_path / "coded.xlsx")
    with pytest.raises(InputError, match="Parquet cannot be printed"):
        open_output("parquet", None, LABELS)
