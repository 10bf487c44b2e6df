"""The text of one document: plain text, HTML, PDF or DOCX.

text, guessed = extract(Path("article.pdf").read_bytes(), ".pdf")

Paragraphs and headings stand on lines of their own with a blank line between; plain text stays as it is.
"""

import codecs
import io
import logging
import re
import unicodedata
import warnings
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice, pairwise
from statistics import median, quantiles
from typing import Any, NamedTuple

from data.errors import InputError, shorten

MAX_BYTES = 50_000_000
MAX_PAGES = 2_000
MAX_UNPACKED_BYTES = 50_000_000
MAX_PDF_UNPACKED_BYTES = 200_000_000  # with fonts and drawings
EMPTY = "is empty: there is nothing to code"
ENCRYPTED = "is encrypted: save it without a password"
SCAN = "has no text layer, it is a scan: run OCR on it first"


def extract(content: bytes, suffix: str, encoding: str | None = None) -> tuple[str, str | None]:
    r"""The text of a document and, where it had to be guessed, its encoding.

    Parameters
    ----------
    content : the bytes of the file
    suffix : what it is: one of `SUFFIXES`, in any case
    encoding : the encoding of text and HTML; None tries byte order mark, declaration, UTF-8 and a guess, in this order

    Raises
    ------
    InputError
        With one line that says what is wrong and names no file, so that it reads on from a name.

    >>> extract(b"We object.\r\n", ".txt")
    ('We object.\r\n', None)
    """
    if suffix.lower() not in _READERS:
        raise InputError(f"has the suffix {suffix!r}: it should be one of {', '.join(SUFFIXES)}")
    require_size(content)
    if not content:
        raise InputError(EMPTY)
    kind, read = _READERS[suffix.lower()]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text, guessed = read(content, encoding)
    except (InputError, MemoryError):
        raise
    except RecursionError:
        raise InputError("is nested too deeply to be read: copy its text into a .txt file") from None
    except Exception as error:  # what a damaged file can make a library raise has no common base
        raise InputError(f"cannot be read as {kind}: {one_line(error)}") from None
    require_text(text)
    return text, guessed


def require_size(content: bytes) -> None:
    """Refuse a document of more than `MAX_BYTES`."""
    if len(content) > MAX_BYTES:
        raise InputError(f"is over {MAX_BYTES // 1_000_000} MB: cut it into documents")


def require_text(text: str) -> None:
    """Refuse text that is binary or says nothing."""
    if "\0" in text:
        raise InputError("holds NUL characters: it is binary")
    if not text.strip():
        raise InputError(EMPTY)


def one_line(error: BaseException) -> str:
    """What an error of a library says, on one short line, else its name."""
    words = " ".join(str(error).split())
    return (words[:200] + "…" if len(words) > 200 else words) or type(error).__name__


def require_encoding(encoding: str) -> None:
    """Refuse the name of an encoding that Python does not know."""
    try:
        b"a".decode(encoding)
    except UnicodeError:
        return  # known, only that one letter is not a whole character in it
    except (LookupError, ValueError):
        raise InputError(f"unknown encoding {shorten(encoding)}: name one such as utf-8, cp1252 or shift_jis") from None


# --- plain text

_MARKS = (  # the mark of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decode(content: bytes, encoding: str | None = None) -> tuple[str, str | None]:
    r"""Bytes to text with its line ends as they are, without a byte order mark; and the encoding if it was guessed.

    >>> decode("End\r\n".encode("utf-16"))
    ('End\r\n', None)
    """
    if encoding is not None:
        return _strictly(content, encoding), None
    for mark, name in _MARKS:
        if content.startswith(mark):
            return _strictly(content, name), None
    try:
        return content.decode("utf-8"), None
    except UnicodeDecodeError:
        return _guess(content)


def _strictly(content: bytes, encoding: str) -> str:
    require_encoding(encoding)
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        found = content[error.start : error.start + 1].hex()
        raise InputError(
            f"is not {encoding} at byte {error.start + 1:,} (0x{found}): name its encoding, or none to have it guessed"
        ) from None
    except UnicodeError as error:
        raise InputError(f"is not {encoding}: {one_line(error)}") from None


def _guess(content: bytes) -> tuple[str, str]:
    from charset_normalizer import from_bytes

    best = from_bytes(content).best()
    if best is None:
        raise InputError("is in no encoding that could be guessed: name it, or save the file as UTF-8")
    # Of encodings that read these bytes alike, the one most people write is told.
    name = best.encoding
    if name.startswith(("cp125", "iso8859", "latin", "mac")) and _is_western(content):
        name = "cp1252"
    return content.decode(name).removeprefix("\ufeff"), name


def _is_western(content: bytes) -> bool:
    """Whether cp1252 makes text of the bytes whose letters are those of western languages and of quotes."""
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        return False
    return all(character in _WESTERN for character in text if ord(character) > 127)


# What western European text in cp1252 holds beside ASCII.
_WESTERN = frozenset(
    "àâäáãåæçèéêëìíîïñòóôöõøœùúûüÿßÀÂÄÁÃÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÖÕØŒÙÚÛÜŸ€£§°«»‹›“”„‘’‚–—…•·©®™¿¡ªº½¼¾²³´¨\xa0\xad"
)


# --- HTML

_DECLARED = re.compile(rb"""<(?:meta\b[^>]*?\bcharset|\?xml\b[^>]*?\bencoding)\s*=\s*["']?\s*([\w.:-]+)""", re.I)
# What pages call by these names is, in browsers and by the WHATWG standard, the larger set.
_LARGER = {"iso8859-1": "cp1252", "ascii": "cp1252", "shift_jis": "cp932", "gb2312": "gb18030", "euc_kr": "cp949"}


def _read_html(content: bytes, encoding: str | None) -> tuple[str, str | None]:
    import trafilatura

    for library in ("trafilatura", "htmldate", "courlan", "justext"):
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)
    page, guessed = _decode_html(content, encoding)
    require_text(page)
    page = re.sub(r"^\s*<\?xml[^>]*\?>", "", page)  # lxml takes no declaration in text that is decoded already
    if not re.search(r"<(html|body)\b", page, re.I):
        page = f"<html><body>{page}</body></html>"
    text = trafilatura.extract(page, include_comments=False, include_tables=True, include_images=False)
    if not text or not text.strip():
        raise InputError("has no main text: copy the article into a .txt file")
    return "\n\n".join(_html_blocks(text)), guessed


def _decode_html(content: bytes, encoding: str | None) -> tuple[str, str | None]:
    """A declaration is believed where the bytes do not prove it wrong."""
    declared = _DECLARED.search(content[:4096])
    marked = any(content.startswith(mark) for mark, _ in _MARKS)
    if encoding is None and declared and not marked and (content.isascii() or not _is_utf8(content)):
        try:
            name = codecs.lookup(declared[1].decode()).name
            return content.decode(_LARGER.get(name, name)), None
        except (LookupError, UnicodeError):
            pass
    return decode(content, encoding)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _html_blocks(text: str) -> Iterator[str]:
    """Lines of trafilatura as blocks, without its marks of lists and tables."""
    for line in text.splitlines():
        if line.startswith("|"):
            if not re.fullmatch(r"[|\s:-]+", line):
                yield from filter(None, (cell.strip() for cell in line.split("|")))
        elif words := line.removeprefix("- ").strip():
            yield words


# --- DOCX

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_SIGNS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


def _read_docx(content: bytes, encoding: str | None) -> tuple[str, None]:
    import docx

    if content.startswith(b"\xd0\xcf\x11\xe0"):  # the container of old .doc files and of encrypted ones
        raise InputError("is encrypted or an old .doc file: save it as .docx without a password")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED_BYTES:
            raise InputError(f"is over {MAX_UNPACKED_BYTES // 1_000_000} MB when unpacked: cut it into documents")
    body: Any = docx.Document(io.BytesIO(content)).element.body
    # Document.paragraphs leaves out content controls, tracked insertions, text boxes and tables; the tree holds them.
    # What stands in a fallback is the same text box once more, for old programs.
    paragraphs = (p for p in body.iter(_WORD + "p") if next(p.iterancestors(_FALLBACK), None) is None)
    return "\n\n".join(filter(None, ("".join(_docx_pieces(p)).strip() for p in paragraphs))), None


def _docx_pieces(element: Any) -> Iterator[str]:
    for child in element:
        name = child.tag.removeprefix(_WORD) if isinstance(child.tag, str) else ""
        if name == "t":
            yield child.text or ""
        elif name in _SIGNS:
            yield _SIGNS[name]
        # A text box has paragraphs of its own; properties hold tab stops, which are no tabs.
        elif name not in ("p", "pPr", "rPr", "moveFrom", "del") and child.tag != _FALLBACK:
            yield from _docx_pieces(child)


# --- PDF


class _Line(NamedTuple):
    """A piece of a line of print; y grows upwards, in points."""

    x0: float
    bottom: float
    x1: float
    top: float
    size: float
    bold: bool
    text: str


class _Page(NamedTuple):
    height: float
    lines: list[_Line]


class _Paragraph(NamedTuple):
    rows: list[_Line]
    right: float  # where the lines of its column end
    width: float  # of its column


_PAGE_NUMBER = re.compile(
    r"[-–—\[(|\s]*(?:(?:page|p\.)\s*)?(?:\d{1,5}(?:\s*(?:/|of)\s*\d{1,5})?|[ivxl]{1,7})[-–—\])|\s]*", re.I
)
_ENDED = re.compile(r"[.!?:;…][\"”’'»)\]]*\d{0,2}$")
_ITEM = re.compile(r"(?:[•‣▪◦·*–—-]|\(?(?:\d{1,3}|[a-z]|[ivx]{1,5})[.)])\s", re.I)
_BULLET = re.compile(r"[•‣▪◦]")
_COMPOUND = re.compile(r"(?<![^\W\d_])([^\W\d_]+)-(?=([^\W\d_]+))")
_BROKEN = re.compile(r"([^\W_]+)-$")
_UNMAPPED = re.compile(r"\(cid:\d+\)")
_MARGIN_ROWS = 3


def _read_pdf(content: bytes, encoding: str | None) -> tuple[str, None]:
    # At CRITICAL pdfminer would still tell of the files that it gives up.
    logging.getLogger("pdfminer").setLevel(logging.CRITICAL + 1)
    pages = _pdf_pages(content)
    printed = "".join(line.text for page in pages for line in page.lines)
    if not printed.strip():
        raise InputError(SCAN)
    if 10 * len(_UNMAPPED.findall(printed)) > len(_UNMAPPED.sub("", printed)):
        raise InputError("has fonts that do not tell which letters they show: run OCR on it first")
    pages = [page._replace(lines=[_readable(line) for line in page.lines]) for page in pages]
    running = _running(pages)
    pages = [page._replace(lines=_body(page, running)) for page in pages]
    compounds = _compounds(pages)
    return "\n\n".join(_mend(paragraph, compounds) for paragraph in _paragraphs(pages)), None


class _Inflater:
    """What pdfminer uses of zlib, bounded: a few kilobytes could become gigabytes."""

    error = zlib.error

    def __init__(self, limit: int):
        self.left = limit

    def decompress(self, data: bytes) -> bytes:
        """The whole of a stream; `error` where it is damaged."""
        stream = _Stream(self)
        content = stream.decompress(data)
        if not stream.whole:
            raise zlib.error("incomplete")
        return content

    def decompressobj(self) -> "_Stream":
        """For streams that are damaged, byte by byte."""
        return _Stream(self)


class _Stream:
    def __init__(self, all_streams: _Inflater):
        self._all, self._inflater = all_streams, zlib.decompressobj()

    @property
    def whole(self) -> bool:
        return self._inflater.eof

    def decompress(self, data: bytes) -> bytes:
        content = self._inflater.decompress(data, self._all.left + 1)
        self._all.left -= len(content)
        if self._all.left < 0:
            raise InputError(f"is over {MAX_PDF_UNPACKED_BYTES // 1_000_000} MB when unpacked: cut it into documents")
        return content


def _pdf_pages(content: bytes) -> list[_Page]:
    from pdfminer import pdftypes
    from pdfminer.high_level import extract_pages
    from pdfminer.layout import LAParams
    from pdfminer.pdfdocument import PDFEncryptionError, PDFPasswordIncorrect
    from pdfminer.pdfpage import PDFPage

    vars(pdftypes)["zlib"] = _Inflater(MAX_PDF_UNPACKED_BYTES)
    # Its order of text boxes takes time that grows with the square of their number; `_columns` does it here.
    layout = LAParams(boxes_flow=None, char_margin=1.5, all_texts=True)
    try:
        count = sum(1 for _ in islice(PDFPage.get_pages(io.BytesIO(content)), MAX_PAGES + 1))
        if count > MAX_PAGES:
            raise InputError(f"has over {MAX_PAGES:,} pages: cut it into documents")
        if not count:
            raise InputError("cannot be read as PDF: it has no pages")
        return [
            _Page(page.height, list(_pdf_lines(page))) for page in extract_pages(io.BytesIO(content), laparams=layout)
        ]
    except (PDFPasswordIncorrect, PDFEncryptionError):
        raise InputError(ENCRYPTED) from None


def _pdf_lines(container: Iterable[Any]) -> Iterator[_Line]:
    from pdfminer.layout import LTChar, LTFigure, LTTextBox, LTTextLineHorizontal

    for item in container:
        if isinstance(item, LTTextBox | LTFigure):
            yield from _pdf_lines(item)
        elif isinstance(item, LTTextLineHorizontal) and item.get_text().strip():
            letters = [letter for letter in item if isinstance(letter, LTChar)]
            size = median(letter.size for letter in letters)
            bold = all("bold" in letter.fontname.lower() for letter in letters if letter.get_text().strip())
            yield _Line(item.x0, item.y0, item.x1, item.y1, size, bold, item.get_text())


def _readable(line: _Line) -> _Line:
    """Ligatures as letters, hyphens of every kind as one, soft hyphens only where a line ends, white space as one."""
    text = _UNMAPPED.sub("", line.text).replace("\u2010", "-").replace("\u2011", "-").replace("\0", "")
    text = re.sub("[\ufb00-\ufb06]", lambda found: unicodedata.normalize("NFKC", found[0]), text)
    text = " ".join(re.sub("\xad(?=.*\\S)", "", text).split())
    return line._replace(text=text)


def _rows(lines: Iterable[_Line]) -> list[list[_Line]]:
    """Pieces of print by the row that they stand on, from the top."""
    rows: list[list[_Line]] = []
    for line in sorted(lines, key=lambda line: (-line.top - line.bottom, line.x0)):
        middle = (line.top + line.bottom) / 2
        if rows and rows[-1][0].bottom < middle:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row) for row in rows]


def _margin(page: _Page) -> list[list[_Line]]:
    """The rows where running heads and feet stand, the outermost first and last."""
    rows = _rows(page.lines)
    return rows if len(rows) <= 2 * _MARGIN_ROWS else rows[:_MARGIN_ROWS] + rows[-_MARGIN_ROWS:]


def _places(line: _Line) -> list[tuple[str, int, int]]:
    """The line, digits aside, and its height on the page; of two grids, one holds lines up to 3 points apart."""
    text = re.sub(r"\d+", "#", line.text)
    return [(text, 0, int(line.bottom // 6)), (text, 1, int((line.bottom + 3) // 6))]


def _running(pages: Sequence[_Page]) -> set[tuple[str, int, int]]:
    """The places of lines that stand there on at least half of the pages, and at least three."""
    counts = Counter(
        place for page in pages for place in {p for row in _margin(page) for line in row for p in _places(line)}
    )
    return {place for place, count in counts.items() if count >= max(3, len(pages) / 2)}


def _body(page: _Page, running: set[tuple[str, int, int]]) -> list[_Line]:
    """The lines of a page without running heads, running feet and page numbers.

    Beside other print only the outermost rows lose them: a line of a column may read like one of another page.
    """
    margin = _margin(page)
    dropped: set[_Line] = set()
    for row in margin:
        marked = {
            line
            for line in row
            if not running.isdisjoint(_places(line)) or _is_page_number(line, page.height) or not line.text
        }
        if len(marked) == len(row) or row in (margin[0], margin[-1]):
            dropped |= marked
    return [line for line in page.lines if line.text and line not in dropped]


def _is_page_number(line: _Line, height: float) -> bool:
    outside = line.bottom < 0.12 * height or line.top > 0.88 * height
    return outside and _PAGE_NUMBER.fullmatch(line.text) is not None


class _Gutter(NamedTuple):
    x: float
    left: "_Gutter | None"  # that of the columns on either side
    right: "_Gutter | None"


def _gutters(lines: list[_Line]) -> _Gutter | None:
    """The gutters of a whole page: a few lines with wide spaces between their words could seem to have one."""
    x = _gutter(lines)
    if x is None:
        return None
    left, right = _sides([line for line in lines if not _crosses(line, x)], x)
    return _Gutter(x, _gutters(left), _gutters(right))


def _columns(lines: list[_Line], gutter: _Gutter | None) -> list[list[_Line]]:
    """Lines in reading order: column by column, between lines that go across them."""
    if gutter is None or not lines:
        return [lines] if lines else []
    columns: list[list[_Line]] = []
    for across, group in groupby(sorted(lines, key=lambda line: -line.top), lambda line: _crosses(line, gutter.x)):
        if across:
            columns.append(list(group))
        else:
            left, right = _sides(group, gutter.x)
            columns += _columns(left, gutter.left) + _columns(right, gutter.right)
    return columns


def _crosses(line: _Line, x: float) -> bool:
    return line.x0 < x - 1 and line.x1 > x + 1


def _sides(lines: Iterable[_Line], x: float) -> tuple[list[_Line], list[_Line]]:
    sides: tuple[list[_Line], list[_Line]] = ([], [])
    for line in lines:
        sides[line.x0 >= x - 1].append(line)
    return sides


def _gutter(lines: list[_Line]) -> float | None:
    """Where the right one of two columns begins, if most rows keep to the sides of it."""
    rows = _rows(lines)
    best: tuple[int, int, float] | None = None
    for x in sorted({round(line.x0, 1) for line in lines}):
        left, right = _sides([line for line in lines if not _crosses(line, x)], x)
        across = sum(any(_crosses(line, x) for line in row) for row in rows)
        if across <= len(rows) / 2 and _are_columns(left, right):
            rank = (across, -min(len(left), len(right)), x)
            best = min(best, rank) if best else rank
    return best[2] if best else None


def _are_columns(left: list[_Line], right: list[_Line]) -> bool:
    """Numbers of a list, or figures of a table, beside text are no columns; the rest of an article may be one line."""
    if not left or not right or max(len(left), len(right)) < 3:
        return False
    if min(line.x0 for line in right) - max(line.x1 for line in left) < 0.7 * median(line.size for line in left):
        return False
    width = max(line.x1 for line in right) - min(line.x0 for line in left)
    widths = [max(line.x1 - line.x0 for line in side) for side in (left, right)]
    beside = min(line.bottom for line in left) < max(line.top for line in right)
    beside = beside and min(line.bottom for line in right) < max(line.top for line in left)
    return beside and widths[0] > 0.2 * width and (widths[1] > 0.2 * width or len(right) < 3)


def _merge(row: list[_Line]) -> _Line:
    if len(row) == 1:
        return row[0]
    longest = max(row, key=lambda line: len(line.text))
    text = " ".join(line.text for line in row)
    return longest._replace(x0=row[0].x0, x1=max(line.x1 for line in row), text=text)


def _paragraphs(pages: Sequence[_Page]) -> list[_Paragraph]:
    columns = [
        [[_merge(row) for row in _rows(column)] for column in _columns(page.lines, _gutters(page.lines))]
        for page in pages
    ]
    pitches = _pitches([column for page in columns for column in page])
    paragraphs: list[_Paragraph] = []
    for page in columns:
        for column in page:
            fresh = _split(column, pitches)
            _go_on(paragraphs, fresh)
            paragraphs += fresh
    return paragraphs


def _pitches(columns: list[list[_Line]]) -> dict[int, float]:
    """The usual distance of two lines of a paragraph, by the size of its letters."""
    distances = defaultdict(list)
    for column in columns:
        for above, below in pairwise(column):
            if round(above.size) == round(below.size):
                distances[round(below.size)].append(above.bottom - below.bottom)
    # More lines follow their own paragraph than begin one; in lists of one-line items the lower quarter still does.
    lower = {size: quantiles([*found, found[0]], n=4)[0] for size, found in distances.items()}
    return {size: min(pitch, 2.0 * size) for size, pitch in lower.items()}


def _split(column: list[_Line], pitches: dict[int, float]) -> list[_Paragraph]:
    left, right = min(row.x0 for row in column), max(row.x1 for row in column)
    paragraphs = [_Paragraph([column[0]], right, right - left)]
    for above, below in pairwise(column):
        if _begins(above, below, paragraphs[-1], pitches):
            paragraphs.append(_Paragraph([below], right, right - left))
        else:
            paragraphs[-1].rows.append(below)
    return paragraphs


def _begins(above: _Line, below: _Line, paragraph: _Paragraph, pitches: dict[int, float]) -> bool:
    """Does a paragraph begin at the lower line: by size, weight, distance, indent, mark or a short line before?"""
    pitch = pitches.get(round(below.size), 2.0 * below.size)
    if not _alike(above, below) or _BULLET.match(below.text) or above.bottom - below.bottom > 1.25 * pitch:
        return True
    if not _ENDED.search(above.text):
        return False
    indented = below.x0 > above.x0 + 0.5 * below.size
    short = above.x1 < paragraph.right - 0.25 * paragraph.width
    return indented or short or _ITEM.match(below.text) is not None


def _alike(one: _Line, other: _Line) -> bool:
    return one.bold == other.bold and 0.87 < one.size / other.size < 1.15


def _go_on(paragraphs: list[_Paragraph], fresh: list[_Paragraph]) -> None:
    """Give the first lines of a column to the paragraph that they go on, past the notes at the foot of the page."""
    first = fresh[0].rows[0]
    for paragraph in reversed(paragraphs[-20:]):
        last = paragraph.rows[-1]
        if last.size > 0.95 * first.size:
            full = last.x1 > paragraph.right - 0.25 * paragraph.width
            open_ended = not _ENDED.search(last.text) and not _ITEM.match(first.text)
            if open_ended and _alike(last, first) and (first.text[0].islower() or full):
                paragraph.rows.extend(fresh.pop(0).rows)
            return


def _compounds(pages: Sequence[_Page]) -> set[tuple[str, str]]:
    """Pairs of words that a hyphen joins within a line."""
    return {
        (found[1].lower(), found[2].lower())
        for page in pages
        for line in page.lines
        for found in _COMPOUND.finditer(line.text)
    }


def _mend(paragraph: _Paragraph, compounds: set[tuple[str, str]]) -> str:
    text = paragraph.rows[0].text
    for row in paragraph.rows[1:]:
        text = join(text, row.text, compounds)
    return text.replace("\xad", "")


def join(before: str, after: str, compounds: set[tuple[str, str]]) -> str:
    """Two lines of a paragraph as one; a word broken at the end of the first is mended unless it is a compound.

    >>> join("unilateral sanc-", "tions", set()), join("the long-", "term plan", {("long", "term")})
    ('unilateral sanctions', 'the long-term plan')
    >>> join("short-", "and long-term", set()), join("the years 2030-", "2035", set())
    ('short- and long-term', 'the years 2030-2035')
    """
    if before.endswith("\xad"):
        return before[:-1] + after
    broken = _BROKEN.search(before)
    if not broken or re.match(r"(and|or|to|nor)\b", after):
        return f"{before} {after}"
    if not after[:1].islower():
        return before + after if after[:1].isalnum() else f"{before} {after}"
    rest = re.match(r"[^\W\d_]+", after)
    compound = rest is not None and (broken[1].lower(), rest[0].lower()) in compounds
    return before + after if compound or not broken[1].isalpha() else before[:-1] + after


def _read_text(content: bytes, encoding: str | None) -> tuple[str, str | None]:
    return decode(content, encoding)


_READERS: dict[str, tuple[str, Callable[[bytes, str | None], tuple[str, str | None]]]] = {
    ".txt": ("text", _read_text),
    ".md": ("text", _read_text),
    ".html": ("HTML", _read_html),
    ".htm": ("HTML", _read_html),
    ".pdf": ("PDF", _read_pdf),
    ".docx": ("DOCX", _read_docx),
}
SUFFIXES = tuple(_READERS)
