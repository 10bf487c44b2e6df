"""Documents of every format give their text, all of it and in order; what cannot be read is told and stops nothing."""

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import docx
import matplotlib
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from fpdf import FPDF
from fpdf.enums import EncryptionMethod
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data import extract as extraction
from data.documents import Document, Unreadable, find, read_documents
from data.errors import InputError
from data.extract import extract, join

SENTENCES = [
    "The council of the valley welcomes the long-term plan and calls for more funding of its schools.",
    "It regrets the delay of the bridge and warns of cuts that would fall on the families of the region.",
    "Several members asked whether the fund, which was set up in spring, had ever been used as it was meant to be.",
    "No answer came.",
    "The committee regards clean water as important and will keep on saying so, whatever the ministry decides.",
    "Both sides reaffirmed their commitment to the treaty, although the wording of its second part is still disputed.",
    "A vote was put off until the mayors of the upper villages have been heard.",
]
PARAGRAPHS = [
    f"Article {number}. " + " ".join(SENTENCES[(number * number + step) % 7] for step in range(2 + number % 3))
    for number in range(36)
]
TITLE = "A report on the valleys"


class Report(FPDF):
    def header(self) -> None:
        self.set_font("helvetica", size=9)
        self.cell(0, 6, f"Council of the valleys, report {self.page_no()}", new_x="LMARGIN", new_y="NEXT")
        self.ln(4)

    def footer(self) -> None:
        self.set_y(-15)
        self.set_font("helvetica", size=9)
        self.cell(0, 10, page_number(self.page_no()), align="C")


def page_number(number: int) -> str:
    return [f"Page {number} of 9", str(number), f"- {number} -", f"{number}/9"][number % 4]


def report(columns: int, align: str = "J", indent: float = 0) -> bytes:
    """A report with a title across its columns, running heads and page numbers, on five pages or so."""
    pdf = Report()
    pdf.add_page()
    pdf.set_font("helvetica", "B", 16)
    pdf.cell(0, 10, TITLE, new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("times", size=12)
    with pdf.text_columns(ncols=columns, gutter=5, text_align=align, line_height=1.2) as text:
        for written in PARAGRAPHS:
            with text.paragraph(bottom_margin=0 if indent else 3, first_line_indent=indent) as paragraph:
                paragraph.write(written)
    return bytes(pdf.output())


def printed(*pages: list[tuple[float, str]], **encryption: str | EncryptionMethod) -> bytes:
    """Pages with lines at given heights, in millimetres from the top."""
    pdf = FPDF()
    if encryption:
        pdf.set_encryption(**encryption)
    pdf.set_font("helvetica", size=11)
    for page in pages:
        pdf.add_page()
        for height, line in page:
            pdf.text(20, height, line)
    return bytes(pdf.output())


def pdf_text(*pages: list[tuple[float, str]]) -> str:
    return extract(printed(*pages), ".pdf")[0]


def outcome(content: bytes, suffix: str) -> str:
    """The text, or the one line that says why there is none; any other exception fails the test."""
    try:
        return extract(content, suffix)[0]
    except InputError as error:
        reason = str(error)
    assert len(reason.splitlines()) == 1
    return reason


# --- PDF


@pytest.mark.parametrize("columns", [1, 2, 3])
@pytest.mark.parametrize(("align", "indent"), [("J", 0), ("L", 0), ("J", 5)], ids=["justified", "ragged", "indented"])
def test_a_pdf_is_its_paragraphs_in_reading_order(columns: int, align: str, indent: float) -> None:
    """No running head and no page number is left; no sentence is cut, not even by the end of a column or page."""
    blocks = extract(report(columns, align, indent), ".pdf")[0].split("\n\n")
    assert " ".join(blocks) == " ".join([TITLE, *PARAGRAPHS])
    assert [block.split(". ")[0] for block in blocks if block.startswith("Article")] == [
        f"Article {number}" for number in range(len(PARAGRAPHS))
    ]
    assert all(block.endswith(".") for block in blocks[1:])
    # Where a sentence ends with its column nothing on the page says whether the paragraph does.
    assert len(blocks) - 1 - len(PARAGRAPHS) <= 3


def test_a_running_head_below_another_that_changes() -> None:
    names = ["Steel", "Grain", "Paper", "Glass"]
    pages = [[(10.0, name), (16.0, f"Report {n}"), (100.0, f"On {name}.")] for n, name in enumerate(names)]
    assert "Report" not in pdf_text(*pages)


def test_a_column_that_ends_early_is_read_after_the_other() -> None:
    left = [(40 + 6 * n, f"left line {n} of the column on this side") for n in range(9)]
    pdf = FPDF()
    pdf.set_font("helvetica", size=11)
    pdf.add_page()
    for height, line in left:
        pdf.text(15, height, line)
    pdf.text(110, 40, "and the end.")
    assert extract(bytes(pdf.output()), ".pdf")[0] == " ".join(line for _, line in left) + " and the end."


def test_rows_of_a_table_are_read_as_rows() -> None:
    pdf = FPDF()
    pdf.set_font("helvetica", size=11)
    pdf.add_page()
    for row, name in enumerate(("Steel", "Grain", "Paper", "Glass")):
        pdf.text(20, 40 + 6 * row, name)
        pdf.text(120, 40 + 6 * row, str(10 * row))
    assert " ".join(extract(bytes(pdf.output()), ".pdf")[0].split()) == "Steel 0 Grain 10 Paper 20 Glass 30"


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["against unilateral sanc-", "tions of any kind"], "against unilateral sanctions of any kind"),
        (["a long-term aim is a long-", "term aim"], "a long-term aim is a long-term aim"),
        (["A Long-term aim is a long-", "term aim"], "A Long-term aim is a long-term aim"),
        (["the Upper-", "Lower border"], "the Upper-Lower border"),
        (["in the years 2030-", "2035 and later"], "in the years 2030-2035 and later"),
        (["the short-", "and medium-term aims"], "the short- and medium-term aims"),
        (["the plan -", "so they say"], "the plan - so they say"),
    ],
)
def test_words_broken_at_a_line_end_are_mended(lines: list[str], text: str) -> None:
    assert pdf_text([(40 + 6 * number, line) for number, line in enumerate(lines)]) == text


def test_a_soft_hyphen_is_mended_even_in_a_compound() -> None:
    assert join("the long\xad", "term plan", {("long", "term")}) == "the longterm plan"


def test_a_word_broken_over_a_page_is_mended() -> None:
    lines = ["They reject the sanc-", "tions of the coun-", "cil, all of them."]
    pages = [[(10.0, f"Head {n}"), (40.0, line), (285.0, str(n))] for n, line in enumerate(lines, 1)]
    assert pdf_text(*pages) == "They reject the sanctions of the council, all of them."


@pytest.mark.parametrize("number", ["12", "- 12 -", "– 12 –", "Page 3 of 9", "page 3", "3/9", "3 of 9", "p. 7", "xii"])
def test_page_numbers_go_even_from_a_single_page(number: str) -> None:
    pdf = FPDF()
    pdf.add_font("dejavu", fname=Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"))
    pdf.set_font("dejavu", size=11)
    pdf.add_page()
    pdf.text(20, 100, "We object to the levy.")
    pdf.text(100, 285, number)
    assert extract(bytes(pdf.output()), ".pdf")[0] == "We object to the levy."


def test_numbers_and_repeated_lines_of_the_text_stay() -> None:
    """Two pages are too few for a running head, and the middle of a page holds none."""
    two = pdf_text(*[[(10, "Our answer"), (100, "No."), (150, "2030"), (200, f"End of part {n}.")] for n in (1, 2)])
    assert two.count("Our answer") == 2
    assert two.count("2030") == 2
    pages = [[(60.0 + 12 * n, f"Part {part} has line {n * 'i'}.") for n in range(8)] for part in "abcd"]
    assert pdf_text(*[[*page[:4], (102, "We object."), *page[4:]] for page in pages]).count("We object.") == 4


@pytest.mark.parametrize("method", [EncryptionMethod.RC4, EncryptionMethod.AES_128, EncryptionMethod.AES_256])
def test_an_encrypted_pdf_is_refused(method: EncryptionMethod) -> None:
    content = printed([(40, "We object.")], owner_password="o", user_password="u", encryption_method=method)
    with pytest.raises(InputError, match=r"^is encrypted: save it without a password$"):
        extract(content, ".pdf")


def test_a_pdf_that_opens_without_a_password_is_read() -> None:
    assert extract(printed([(40, "We object.")], owner_password="o"), ".pdf")[0] == "We object."


def test_a_scan_is_refused() -> None:
    pdf = FPDF()
    pdf.add_page()
    pdf.image(Image.new("RGB", (40, 40), "grey"), 10, 10, 100)
    with pytest.raises(InputError, match=r"^has no text layer, it is a scan: run OCR on it first$"):
        extract(bytes(pdf.output()), ".pdf")


def test_limits_of_size(monkeypatch: pytest.MonkeyPatch) -> None:
    three = printed(*[[(40, "We object.")]] * 3)
    monkeypatch.setattr(extraction, "MAX_PAGES", 2)
    with pytest.raises(InputError, match=r"^has over 2 pages"):
        extract(three, ".pdf")
    monkeypatch.setattr(extraction, "MAX_BYTES", 100)
    with pytest.raises(InputError, match=r"^is over 0 MB"):
        extract(three, ".pdf")


# --- HTML

ARTICLE = [
    "Ministers reject the levy",
    "The ministers met in the capital on Monday to discuss the proposed levy on steel – and its effect on trade.",
    "They reiterated their opposition to unilateral measures, and called for a return to talks before winter.",
    "What comes next",
    "The council supports the plan of the commission.",
    "It welcomes the new fund.",
    "It rejects further delay.",
    "Members against the levy",
    "We will never accept it, the minister said after the vote in the café.",
]
PAGE = """<!DOCTYPE html><html><head>{meta}<title>The Daily</title><script>var menu = "Sign in";</script>
<style>p {{ color: red }}</style></head><body>
<header><nav><ul><li><a href="/">Home</a></li><li><a href="/w">World</a></li><li><a href="/s">Sport</a></li></ul></nav>
</header><main><article><h1>{0}</h1><p>{1}</p><p>They reiterated their <b>opposition</b> to unilateral measures,
and <a href="/x">called for</a> a return to talks before winter.</p><h2>{3}</h2><p>{4}</p>
<ul><li>{5}</li><li>{6}</li></ul><table><tr><td>{7}</td></tr></table><blockquote><p>{8}</p></blockquote></article>
<aside><h3>Latest news</h3><ul><li><a href="/1">Storm hits the coast</a></li><li><a href="/2">Cup final postponed</a>
</li><li><a href="/3">Bread prices rise again</a></li></ul></aside>
<section id="comments"><h3>Comments</h3><div class="comment"><p>Great article, thanks for it!</p></div></section></main>
<footer><p>Copyright The Daily. All rights reserved. Privacy policy</p></footer></body></html>"""


def page(meta: str = "") -> str:
    return PAGE.format(*ARTICLE, meta=meta)


def test_html_is_the_article_and_nothing_around_it() -> None:
    assert extract(page('<meta charset="utf-8">').encode(), ".html") == ("\n\n".join(ARTICLE), None)


@pytest.mark.parametrize(
    ("meta", "encoding"),
    [
        ("", "utf-8"),
        ("", "utf-8-sig"),
        ("", "utf-16"),
        ('<meta charset="windows-1252">', "cp1252"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=ISO-8859-1">', "cp1252"),
        ('<meta charset="iso-8859-1">', "utf-8"),
        ('<meta charset="no-such-thing">', "utf-8"),
    ],
)
def test_the_encoding_of_html(meta: str, encoding: str) -> None:
    assert extract(page(meta).encode(encoding), ".HTM") == ("\n\n".join(ARTICLE), None)


def test_html_without_a_declaration_is_guessed_and_so_told() -> None:
    assert extract(page().encode("cp1252"), ".html") == ("\n\n".join(ARTICLE), "cp1252")


def test_a_declaration_of_xml_and_a_fragment_are_read() -> None:
    xml = '<?xml version="1.0" encoding="UTF-8"?>' + page()
    assert extract(xml.encode(), ".html")[0] == "\n\n".join(ARTICLE)
    assert extract(b"<p>We object to the levy.</p>", ".html")[0] == "We object to the levy."


def test_html_nested_deeply_is_read_or_refused() -> None:
    content = b"<html><body>" + b"<div>" * 20_000 + b"<p>We object.</p>" + b"</div>" * 20_000
    assert len(outcome(content, ".html").splitlines()) == 1


# --- DOCX


def docx_bytes(document: docx.document.Document) -> bytes:
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def test_docx_in_document_order() -> None:
    document = docx.Document()
    document.add_heading("On the levy")
    document.add_paragraph("We object to it.").add_run(" All of us.").bold = True
    document.add_paragraph("First, the fund.", style="List Bullet")
    table = document.add_table(2, 2)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "Votes"
    table.cell(1, 0).text, table.cell(1, 1).text = "For", "Nine"
    table.cell(1, 1).add_table(1, 1).cell(0, 0).text = "of twelve"
    document.add_paragraph("")
    document.add_paragraph("The end.")
    document.sections[0].header.paragraphs[0].text = "Running head"
    blocks = ["On the levy", "We object to it. All of us.", "First, the fund.", "Votes", "For", "Nine", "of twelve"]
    assert extract(docx_bytes(document), ".docx") == ("\n\n".join([*blocks, "The end."]), None)


def test_docx_holds_what_was_inserted_and_not_what_was_deleted() -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("We ")
    for kind, text in (("del", "delText"), ("ins", "t")):
        run = f"<w:r><w:{text}>{kind}</w:{text}></w:r>"
        paragraph._p.append(parse_xml(f'<w:{kind} {nsdecls("w")} w:id="1" w:author="a">{run}</w:{kind}>'))
    control = f"<w:sdt {nsdecls('w')}><w:sdtContent><w:p><w:r><w:t>A field.</w:t></w:r></w:p></w:sdtContent></w:sdt>"
    paragraph._p.addnext(parse_xml(control))
    assert extract(docx_bytes(document), ".docx")[0] == "We ins\n\nA field."


def test_a_docx_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "MAX_UNPACKED_BYTES", 10_000_000)
    file = io.BytesIO(docx_bytes(docx.Document()))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/media/bomb", bytes(10_000_001))
    with pytest.raises(InputError, match=r"^is over 10 MB when unpacked"):
        extract(file.getvalue(), ".docx")


def test_an_encrypted_docx_is_refused() -> None:
    with pytest.raises(InputError, match=r"^is encrypted or an old \.doc file"):
        extract(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), ".docx")


# --- text

FRENCH = (
    "L’été dernier, les députés ont rejeté la taxe – « jamais ! » – et ont réclamé des négociations. Ça suffit.\r\n"
)
JAPANESE = "政府は新しい関税に反対した。議会は会談の再開を求め、法案を支持すると述べた。\n" * 3


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
@pytest.mark.parametrize("suffix", [".txt", ".md"])
@given(text=st.text(st.characters(exclude_characters="\0\ufeff", exclude_categories=["Cs"]), min_size=1))
def test_unicode_text_comes_in_as_it_is(suffix: str, encoding: str, text: str) -> None:
    mark = "\ufeff" if encoding.endswith("e") else ""
    if text.strip():
        assert extract((mark + text).encode(encoding), suffix) == (text, None)


@pytest.mark.parametrize(("text", "encoding"), [(FRENCH, "cp1252"), (JAPANESE, "shift_jis")])
def test_another_encoding_is_guessed_and_told_or_taken_as_given(text: str, encoding: str) -> None:
    found, guessed = extract(text.encode(encoding), ".txt")
    assert found == text
    assert guessed in (encoding, "cp932")
    assert extract(text.encode(encoding), ".txt", encoding) == (text, None)


def test_a_given_encoding_is_strict() -> None:
    with pytest.raises(InputError, match=r"^is not utf-8 at byte 4 \(0xe9\)"):
        extract(b"caf\xe9", ".txt", "utf-8")


@pytest.mark.parametrize("encoding", ["no-such-thing", "rot13", "hex", "", "a\0b"])
def test_an_unknown_encoding_is_told_before_anything_is_read(encoding: str) -> None:
    with pytest.raises(InputError, match="unknown encoding"):
        read_documents(["missing.txt"], encoding=encoding)


@pytest.mark.parametrize("suffix", extraction.SUFFIXES)
@pytest.mark.parametrize("content", [b"", b" \n\t", b"a\0b", b"\xff\xfe\x00", b"\x00\x01\x02" * 99, b"%PDF-1.4", b"PK"])
def test_nothing_and_nonsense_are_refused_with_one_line(suffix: str, content: bytes) -> None:
    if suffix in (".txt", ".md", ".html", ".htm") and content in (b"%PDF-1.4", b"PK"):
        return
    with pytest.raises(InputError) as error:
        extract(content, suffix)
    assert len(str(error.value).splitlines()) == 1
    assert suffix != ".txt" or content.strip() or str(error.value) == "is empty: there is nothing to code"


@pytest.mark.parametrize("make", [lambda: report(2), lambda: docx_bytes(docx.Document())], ids=[".pdf", ".docx"])
def test_damage_is_told_in_one_line_and_in_silence(
    make: Callable[[], bytes], request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]
) -> None:
    content = make()
    suffix = request.node.callspec.id
    for cut in range(0, len(content), max(1, len(content) // 20)):
        outcome(content[:cut] + b"\xff" * 20 + content[cut + 20 :], suffix)
        outcome(content[:cut], suffix)
    assert capfd.readouterr() == ("", "")


def test_plain_text_loads_no_heavy_library() -> None:
    program = (
        "import sys; from data.extract import extract; import data.documents; extract(b'We object.', '.txt');"
        "print({'trafilatura', 'pdfminer', 'docx', 'charset_normalizer', 'datasets'} & set(sys.modules))"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# --- find


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in (
        "b.txt",
        "a.MD",
        "news/z.txt",
        "news/y.html",
        "news/.git/x.txt",
        "news/~$y.docx",
        "news/y.png",
        "x.csv",
    ):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("text\nWe object.\n")
    (tmp_path / "empty").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("sources", "paths"),
    [
        (["."], ["a.MD", "b.txt", "news/y.html", "news/z.txt", "x.csv"]),
        (["b.txt", "news", "-"], ["b.txt", "news/y.html", "news/z.txt", "-"]),
        (["b.txt", "*.txt", "b.txt"], ["b.txt"]),
        (["n*"], ["news/y.html", "news/z.txt"]),
        (["**/*.txt"], ["b.txt", "news/z.txt"]),
        (["./b.txt"], ["./b.txt"]),
        ([], []),
    ],
)
def test_find_expands_and_sorts(library: Path, sources: list[str], paths: list[str]) -> None:
    assert find(sources) == paths


def test_a_file_with_signs_of_a_pattern_in_its_name_is_that_file(library: Path) -> None:
    Path("note [b].txt").write_text("We object.")
    Path("note b.txt").write_text("We agree.")
    assert find(["note [b].txt"]) == ["note [b].txt"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("gone.txt", "no file gone.txt"),
        ("", "no file '': name documents"),
        ("empty", "no document in the folder empty"),
        ("*.docx", r"no document matches \*.docx"),
        ("news/*.png", r"no document matches news/\*.png"),
        ("news/y.png", r"cannot read news/y.png: its name should end in \.txt, \.md, \.html, .*\.parquet"),
    ],
)
def test_find_refuses(library: Path, source: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        find(["b.txt", source])
    assert len(str(error.value).splitlines()) == 1


# --- reading

ROWS = [
    {"key": "one", "text": "We object, and\nstrongly.", "year": "2030"},
    {"key": "two", "text": "", "year": "2031"},
    {"key": "three", "text": "We agree – at last, in the café.", "year": ""},
]


def write_table(path: Path, encoding: str = "utf-8") -> str:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    elif suffix == ".jsonl":
        lines = [json.dumps(row, ensure_ascii=False) for row in ROWS]
        path.write_text("\n".join(lines), encoding=encoding)
    else:
        separator = "\t" if suffix == ".tsv" else ","
        lines = [separator.join(f'"{value}"' for value in row.values()) for row in [dict.fromkeys(ROWS[0]), *ROWS]]
        lines[0] = separator.join(ROWS[0])
        path.write_text("\n".join(lines), encoding=encoding)
    return str(path)


@pytest.mark.parametrize("name", ["t.jsonl", "t.csv", "t.tsv", "t.parquet", "T.CSV", "T.PARQUET", "t [1].jsonl"])
def test_a_row_is_a_document(tmp_path: Path, name: str) -> None:
    path = write_table(tmp_path / name)
    first, second, third = (item._replace(size=0) for item in read_documents([path], name_column="key"))
    assert first == Document("one", ROWS[0]["text"], {"key": "one", "year": "2030"}, None)
    assert second == Unreadable("two", "is empty: there is nothing to code")
    assert third == Document("three", ROWS[2]["text"], {"key": "three", "year": ""}, None)
    names = [document.name for document in read_documents([path])]
    assert all(name.startswith(f"{path}#") for name in names)
    assert len(set(names)) == 3


@pytest.mark.parametrize("name", ["t.jsonl", "t.csv", "t.tsv"])
@pytest.mark.parametrize(("encoding", "guessed"), [("cp1252", "cp1252"), ("utf-16", None), ("utf-8-sig", None)])
def test_a_table_of_another_encoding(tmp_path: Path, name: str, encoding: str, guessed: str | None) -> None:
    path = write_table(tmp_path / name, encoding)
    documents = [document for document in read_documents([path]) if isinstance(document, Document)]
    assert [document.text for document in documents] == [ROWS[0]["text"], ROWS[2]["text"]]
    assert {document.encoding for document in documents} == {guessed}
    given_encoding = [d.text for d in read_documents([path], encoding=encoding) if isinstance(d, Document)]
    assert given_encoding == [ROWS[0]["text"], ROWS[2]["text"]]


def test_a_bad_row_leaves_the_others_readable(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    rows = ['{"text": "We object.", "n": 7, "l": ["a"], "x": null}', "{bad", "[1]", '{"text": 5}', '{"body": "x"}']
    path.write_text("\n".join([*rows, '{"text": "a\\u0000"}', '{"text": "We agree."}']))
    documents = list(read_documents([str(path)]))
    assert [document.name for document in documents] == [f"{path}#{number}" for number in range(1, 8)]
    assert isinstance(documents[0], Document)
    assert documents[0].fields == {"n": "7", "l": '["a"]', "x": ""}
    assert isinstance(documents[6], Document)
    for document, reason in zip(
        documents[1:6],
        ["not valid JSON", "JSON object", "has 5 in the column 'text'", "no column 'text'", "NUL"],
        strict=True,
    ):
        assert isinstance(document, Unreadable)
        assert reason in document.reason
        assert str(path) not in document.reason


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", b"body\nWe object.\n", "has no column 'text', only 'body': name the right one with --text-column"),
        ("a.csv", b"text,text\na,b\n", "cannot be read: line 1: two columns have the same name: text, text"),
        ("a.csv", b"text\n", "is empty: there is nothing to code"),
        ("a.jsonl", b"", "is empty: there is nothing to code"),
        ("a.jsonl", b"\0\0", "cannot be read: line 1: a NUL byte"),
        ("a.parquet", b"no", "cannot be read as Parquet"),
        ("a.pdf", b"no", "cannot be read as PDF"),
        ("a.docx", b"no", "cannot be read as DOCX"),
        ("a.txt", b"a\0b", "holds NUL characters: it is binary"),
        ("a.doc", b"a", "has the suffix '.doc': it should be one of"),
    ],
)
def test_a_bad_file_leaves_the_others_readable(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    good = [tmp_path / "before.txt", tmp_path / "later.txt"]
    for path in good:
        path.write_text("We object.")
    (tmp_path / name).write_bytes(content)
    found = read_documents(map(str, [good[0], tmp_path / name, good[1]]))
    before, bad, later = (item._replace(size=0) for item in found)
    fields = {"folder": tmp_path.name}
    assert [before, later] == [Document(str(path), "We object.", fields, None) for path in good]
    assert isinstance(bad, Unreadable)
    assert bad.name == str(tmp_path / name)
    assert bad.reason.startswith(reason)
    assert str(tmp_path) not in bad.reason
    assert len(bad.reason.splitlines()) == 1


def test_files_that_are_gone_or_closed_are_told(tmp_path: Path) -> None:
    closed = tmp_path / "closed.csv"
    closed.write_text("text\nWe object.\n")
    closed.chmod(0)
    paths = [str(tmp_path / "gone.txt"), str(tmp_path / "gone.csv")] + ([str(closed)] if os.geteuid() else [])
    for document in read_documents(paths):
        assert isinstance(document, Unreadable)
        assert document.reason.startswith("cannot be read: ")


def test_a_name_is_given_once(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,text\na,We object.\na,We agree.\n,We wait.\n")
    first, second, third = read_documents([str(path)], name_column="id")
    assert isinstance(first, Document)
    reason = "is the name of a document before it too: every name should be there once"
    assert second._replace(size=0) == Unreadable("a", reason)
    assert third.name == f"{path}#4", "a row without a name is named by its place"


def test_standard_input_is_a_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(FRENCH.encode("cp1252"))))
    assert list(read_documents(["-"])) == [Document("standard input", FRENCH, {}, "cp1252", 0)]


def test_the_folder_of_a_file_is_told_and_a_bare_name_has_none(library: Path) -> None:
    documents = read_documents(["b.txt", "news/z.txt"])
    assert [document.fields for document in documents if isinstance(document, Document)] == [{}, {"folder": "news"}]


def test_a_file_is_opened_only_when_it_is_asked_for(tmp_path: Path) -> None:
    second = tmp_path / "second.txt"
    (tmp_path / "first.txt").write_text("We object.")

    def paths() -> Iterator[str]:
        yield str(tmp_path / "first.txt")
        yield str(second)

    documents = read_documents(paths())
    assert next(documents).name.endswith("first.txt")
    second.write_text("We agree.")  # not there until now
    later = next(documents)
    assert isinstance(later, Document)
    assert later.text == "We agree."
