"""The child that reads PDF, DOCX and HTML: same text, bounded memory and time, gone when its parent is gone."""

import io
import os
import signal
import subprocess
import sys
import time
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import joblib
import pytest

from data import extract as extraction
from data import sandbox
from data.documents import Document, Unreadable, read_documents
from data.errors import InputError

ROOT = Path(__file__).resolve().parent.parent
PAGE = b"<html><body><article><h1>The levy</h1><p>We object to the levy, and urge talks.</p></article></body></html>"


@pytest.fixture
def fresh() -> None:
    sandbox._close()


def pdf(stream: bytes, extra: str = "") -> bytes:
    """A page with this content stream, deflated."""
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        f"<</Length {len(stream)}/Filter/FlateDecode>>\nstream\n",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>" + extra,
    ]
    file, places = io.BytesIO(b""), []
    file.write(b"%PDF-1.4\n")
    for number, text in enumerate(objects, 1):
        places.append(file.tell())
        file.write(
            f"{number} 0 obj\n{text}".encode() + (stream + b"\nendstream" if number == 4 else b"") + b"\nendobj\n"
        )
    start = file.tell()
    file.write(b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places))
    file.write(b"trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % start)
    return file.getvalue()


def loop() -> bytes:
    """A PDF the catalog of which is a reference to itself: pdfminer follows it for ever."""
    whole = pdf(zlib.compress(b"BT ET"))
    return whole.replace(b"<</Type/Catalog/Pages 2 0 R>>", b"1 0 R                        ")


def bomb(size: int) -> bytes:
    squeezer = zlib.compressobj(9)
    return b"".join(squeezer.compress(bytes(1_000_000)) for _ in range(size // 1_000_000)) + squeezer.flush()


def running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until_gone(pid: int) -> bool:
    end = time.monotonic() + 60
    while running(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not running(pid)


def child() -> Any:
    assert sandbox._child is not None
    return sandbox._child.process


def test_the_text_is_that_of_the_reader() -> None:
    whole = pdf(zlib.compress(b"BT /F 12 Tf 20 100 Td (We object to the levy.) Tj ET"))
    for content, suffix in ((PAGE, ".HTML"), (whole, ".pdf")):
        assert sandbox.extract(content, suffix) == extraction.extract(content, suffix)
    assert sandbox.extract("<p>Déjà</p>".encode("cp1252") * 20, ".html", "cp1252")[0].startswith("Déjà")


def test_a_parent_that_used_much_memory_keeps_its_child(fresh: None) -> None:
    """Linux tells a new process the peak of its parent as its own."""
    filled = bytearray(b"x") * 1_200_000_000
    del filled
    sandbox.extract(PAGE, ".html")
    first = child().pid
    sandbox.extract(PAGE, ".html")
    assert child().pid == first


def test_one_child_serves_all_and_plain_text_needs_none(fresh: None) -> None:
    assert sandbox.extract(b"We object.", ".txt") == ("We object.", None)
    assert sandbox._child is None
    sandbox.extract(PAGE, ".html")
    pid = child().pid
    for _ in range(3):
        sandbox.extract(PAGE, ".html")
        with pytest.raises(InputError, match=r"^cannot be read as PDF"):
            sandbox.extract(b"no", ".pdf")
    assert child().pid == pid


def test_a_document_that_takes_for_ever_is_left_out_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "SECONDS", 1)
    (tmp_path / "a.pdf").write_bytes(loop())
    (tmp_path / "b.html").write_bytes(PAGE)
    documents = read_documents([str(tmp_path / "a.pdf"), str(tmp_path / "b.html")])
    first = next(documents)
    assert isinstance(first, Unreadable)
    assert first.reason.startswith("takes more than 1 s of processor time")
    monkeypatch.undo()
    second = next(documents)
    assert isinstance(second, Document)
    assert "We object to the levy" in second.text


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not hold to the limit of address space")
def test_memory_is_bounded(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "MEMORY", 300_000_000)
    page = b"<html><body>" + b"<p>We object to <b>it</b>.</p>" * 500_000
    with pytest.raises(InputError) as error:
        sandbox.extract(page, ".html")
    assert "memory" in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert sandbox.extract(PAGE, ".html")[0].startswith("The levy")


def test_what_a_pdf_unpacks_to_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    content = bomb(20_000_000)
    assert len(content) < 30_000
    monkeypatch.setattr(extraction, "MAX_PDF_UNPACKED_BYTES", 10_000_000)
    with pytest.raises(InputError, match=r"^is over 10 MB when unpacked"):
        extraction.extract(pdf(content), ".pdf")
    with pytest.raises(InputError, match=r"^is over 10 MB when unpacked"):
        extraction.extract(pdf(content[:-4] + b"oops"), ".pdf")


def docx(body: str, head: str = "") -> bytes:
    kind = "http://schemas.openxmlformats.org"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{kind}/package/2006/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/d.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{kind}/package/2006/relationships"><Relationship Id="r" Target="d.xml" '
        f'Type="{kind}/officeDocument/2006/relationships/officeDocument"/></Relationships>',
        "d.xml": f'{head}<w:document xmlns:w="{kind}/wordprocessingml/2006/main"><w:body>{body}</w:body></w:document>',
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_entities_of_a_docx_are_not_expanded(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    head = f'<!DOCTYPE d [<!ENTITY l0 "ha">{laughs}<!ENTITY file SYSTEM "{secret.as_uri()}">]>'
    text = "<w:p><w:r><w:t>We object. {}</w:t></w:r></w:p>"
    assert sandbox.extract(docx(text.format("")), ".docx")[0] == "We object."
    for entity in ("&l9;", "&file;"):
        try:
            found = sandbox.extract(docx(text.format(entity), head), ".docx")[0]
        except InputError as error:
            found = str(error)
        assert "haha" not in found
        assert "secret" not in found
        assert len(found) < 300


@pytest.mark.parametrize("suffix", [".html", ".docx"])
def test_deep_nesting_ends_no_run(suffix: str) -> None:
    deep = 100_000
    contents = {
        ".html": b"<html><body>" + b"<div><b>" * deep + b"We object." + b"</b></div>" * deep,
        ".docx": docx("<w:p>" * deep + "<w:r><w:t>We object.</w:t></w:r>" + "</w:p>" * deep),
    }
    try:
        assert sandbox.extract(contents[suffix], suffix)[0].strip()
    except InputError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017
    assert sandbox.extract(PAGE, ".html")[0].startswith("The levy")


def test_a_crash_of_the_child_is_one_line_and_the_next_document_is_read() -> None:
    sandbox.extract(PAGE, ".html")
    os.kill(child().pid, signal.SIGSTOP)  # so that it dies while it has a document
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(sandbox.extract, PAGE, ".html")
        time.sleep(0.1)
        os.kill(child().pid, signal.SIGSEGV)
        os.kill(child().pid, signal.SIGCONT)
        with pytest.raises(InputError, match=r"^cannot be read: its reader crashed \(signal 11\)"):
            answer.result(20)
    assert sandbox.extract(PAGE, ".html")[0].startswith("The levy")


def test_an_interrupted_document_leaves_no_answer_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> bytes:
        raise KeyboardInterrupt

    sandbox.extract(PAGE, ".html")
    pid = child().pid
    with monkeypatch.context() as patch:
        patch.setattr(sandbox, "_receive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sandbox.extract(PAGE, ".html")
    assert not running(pid)
    assert sandbox.extract(b"<p>We agree with the plan.</p>", ".html")[0] == "We agree with the plan."


def test_the_child_can_write_no_file(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from data import sandbox, extract;"
        f"extract.extract = lambda *_: (open({str(tmp_path / 'x')!r}, 'w').write('x'), None); sandbox.serve()"
    )
    request = b'{"suffix": ".html", "encoding": null, "seconds": 9, "alarm": 9, "memory": 2000000000}'
    sent = b"".join(len(each).to_bytes(8, "big") + each for each in (request, PAGE))
    subprocess.run([sys.executable, "-c", program, str(ROOT)], input=sent, capture_output=True, timeout=30)
    assert not (tmp_path / "x").exists() or (tmp_path / "x").read_bytes() == b""


PARENT = """
import sys, time
sys.path.insert(0, sys.argv[1])
from data import sandbox
sandbox.GRACE = 0
sandbox.extract(b"<p>We object to the levy.</p>", ".html")
print(sandbox._child.process.pid, flush=True)
if sys.argv[2] == "busy":
    sandbox.SECONDS = 1
    sandbox.extract(sys.stdin.buffer.read(), ".pdf")
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("state", ["idle", "busy"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_orphan_is_left(state: str, number: signal.Signals) -> None:
    command = [sys.executable, "-c", PARENT, str(ROOT), state]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout is not None
        assert parent.stdin is not None
        pid = int(parent.stdout.readline())
        assert running(pid)
        if state == "busy":
            parent.stdin.write(loop())
            parent.stdin.close()
            time.sleep(0.3)
        parent.send_signal(number)
    assert wait_until_gone(pid)


def _read_twice(_: int) -> str:
    return "".join(sandbox.extract(PAGE, ".html")[0][:8] for _ in range(2))


def test_it_serves_in_workers_threads_and_forks() -> None:
    assert joblib.Parallel(n_jobs=2)(joblib.delayed(_read_twice)(n) for n in range(4)) == ["The levyThe levy"] * 4
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(_read_twice, range(8))) == ["The levyThe levy"] * 8
    sandbox.extract(PAGE, ".html")
    before = child().pid
    fork = os.fork()
    if not fork:
        good = sandbox._child is None and sandbox.extract(PAGE, ".html")[0].startswith("The levy")
        sandbox._close()
        os._exit(0 if good else 1)
    assert os.waitpid(fork, 0)[1] == 0
    assert sandbox.extract(PAGE, ".html")[0].startswith("The levy")
    assert child().pid == before


def _in_daemon(answers: Any) -> None:
    answers.put(_read_twice(0))


def test_it_serves_in_a_daemonic_process() -> None:
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=_in_daemon, args=(answers,), daemon=True)
    process.start()
    assert answers.get(timeout=60) == "The levyThe levy"
    process.join(20)
