"""The page of coded documents holds every clause once and as text, and works in a browser from a file."""

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from data.errors import InputError
from models.page import PALETTE, CodedDocument, _luminance, render_page, style_codes

LABELS = ["oppose", "support", "call-for", "none"]
BAY = [
    ("The ministers met in the harbour.", "none", 0.97),
    ("They reject the levy as it stands", "oppose", 0.93),
    ("and urge all owners to join the treaty.", "call-for", 0.81),
    ("They welcome the new pilot station.", "support", 0.66),
    ("The accounts are another matter.", "uncertain", 0.41),
]
RIVER = [("We oppose the draft.", "oppose", 0.58), ("The board should publish it.", "call-for", 0.88)]
HOSTILE = [
    "</script><script>alert(1)</script>",
    '" onmouseover="alert(2)" x="',
    "' onfocus='alert(3)' autofocus='",
    "<img src=x onerror=alert(4)>",
    "&lt;b&gt; &amp;amp; &#60;",
    "a\u202eb\u2066c\x00d\x1be\x7f",
    "</div></span>--><!--<style>*{display:none}",
    "{{ 7 * 7 }} {% raw %} ${alert(5)}",
    "line\u2028end\u2029\ud800",
]


def coded(name: str, clauses: list[tuple[str, str, float]], labels: list[str] = LABELS) -> CodedDocument:
    """A document of these clauses, each on a line of its own with a number that is no clause before it."""
    text, records = "", []
    for number, (clause, label, confidence) in enumerate(clauses, start=1):
        text += f"\n  {number}\t"
        best = label if label in labels else labels[0]
        rest = (1 - confidence) / max(len(labels) - 1, 1)
        records.append(
            {
                "document": name,
                "start": len(text),
                "end": len(text) + len(clause),
                "text": clause,
                "label": label,
                "confidence": confidence,
                "probabilities": {each: confidence if each == best else rest for each in labels},
                "because": [(" ".join(clause.split()[:2]), 1.5), (clause.split()[-1], -0.25)],
            }
        )
        text += clause
    return CodedDocument(name, text + "\n", records)


def page_of(*documents: CodedDocument, labels: list[str] = LABELS, **more: Any) -> str:
    return render_page(documents, labels, title="Two texts", model="a model", **more)


def replaced(text: str) -> str:
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", "�", text)


def texts_of(page: str) -> list[str]:
    """The documents as the page holds them: tags stripped, entities read."""
    bodies = re.findall(r'<div class="text" lang="">(.*?)</div>\n</article>', page, re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]*>", "", body)) for body in bodies]


def clauses_of(page: str) -> list[str]:
    return [html.unescape(found) for found in re.findall(r'<span class="clause [^>]*>([^<]*)</span>', page)]


def hostile_page() -> str:
    clauses = [(text, label, 0.7) for text, label in zip(HOSTILE, [*HOSTILE[:-1], "uncertain"], strict=True)]
    labels = HOSTILE[:-1]
    documents = [coded(name, clauses, labels) for name in HOSTILE]
    meanings = dict(zip(labels, reversed(labels), strict=True))
    return render_page(documents, labels, title=HOSTILE[0], model=HOSTILE[1], codebook=meanings)


def test_every_document_is_whole_and_every_clause_there_once() -> None:
    documents = [coded("bay", BAY), coded("river", RIVER)]
    page = page_of(*documents)
    assert texts_of(page) == [document.text for document in documents]
    assert clauses_of(page) == [text for text, _, _ in BAY + RIVER]


def test_clauses_out_of_order_and_side_by_side_are_placed_where_they_stand() -> None:
    text = "We agree, they refuse."
    ends = [(9, 22), (0, 9)]
    one = coded("a", [("x y", "none", 0.5)]).records[0] | {"because": []}
    document = CodedDocument("a", text, [one | {"start": a, "end": b, "text": text[a:b]} for a, b in ends])
    assert clauses_of(page_of(document)) == ["We agree,", " they refuse."]
    assert texts_of(page_of(document)) == [text]


def test_a_clause_says_its_code_and_confidence() -> None:
    assert 'aria-label="oppose, 93 %: They reject the levy as it stands"' in page_of(coded("bay", BAY))


def test_counts_and_shares_of_all_and_of_each_document() -> None:
    spoken = re.findall(r'role="img" aria-label="([^"]*)"', page_of(coded("bay", BAY), coded("river", RIVER)))
    assert spoken == [
        "oppose 2 (29 %), support 1 (14 %), call-for 2 (29 %), none 1 (14 %), uncertain 1 (14 %)",
        "oppose 1 (20 %), support 1 (20 %), call-for 1 (20 %), none 1 (20 %), uncertain 1 (20 %)",
        "oppose 1 (50 %), call-for 1 (50 %)",
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    page = page_of(coded(text, [(text, text, 0.7)], [text]), labels=[text], codebook={text: text})
    assert clauses_of(page) == [replaced(text)]
    assert page.count("<script") == 2
    assert len(re.findall(r"\son\w+=", re.sub(r'"[^"]*"', "", re.sub(r">[^<]*<", "><", page)))) == 0
    assert replaced(page) == page
    page.encode()


def test_offsets_hold_beside_characters_that_are_replaced() -> None:
    document = coded("a", [("one\x00\u202etwo", "none", 0.5), ("three", "oppose", 0.5)])
    assert clauses_of(page_of(document)) == ["one��two", "three"]
    assert texts_of(page_of(document)) == [replaced(document.text)]


def test_the_policy_lets_only_the_own_script_and_style_through() -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', hostile_page())
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy[1]
    assert not re.search(r"<[a-z][^>]*\sstyle=", page_of(coded("bay", BAY)))


def test_nothing_comes_from_elsewhere_and_the_script_is_short() -> None:
    page = page_of(coded("bay", BAY))
    assert not re.search(r"https?:|url\(|@import|\ssrc=", page)
    assert page.split("<script>")[1].split("</script>")[0].count("\n") < 200


def test_the_same_input_gives_the_same_bytes() -> None:
    assert hostile_page() == hostile_page()


@pytest.mark.parametrize("documents", [[], [CodedDocument("empty", "", [])], [CodedDocument("none", "A < b\n", [])]])
def test_documents_without_clauses(documents: list[CodedDocument]) -> None:
    page = page_of(*documents)
    assert texts_of(page) == [document.text for document in documents]
    assert clauses_of(page) == []
    assert "uncertain 0" not in page


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": "The ministers left the harbour."}, "'The ministers left the harbour.' does not stand there"),
        ({"label": "maybe"}, "label 'maybe' is none of the model's: call-for, none, oppose, support, uncertain"),
        ({"confidence": 1.2}, "1.2 is no probability"),
        ({"probabilities": {"none": float("nan")}}, "nan is no probability"),
        ({"because": [("the", float("inf"))]}, "the weight of 'the' is inf"),
        ({"start": -4}, "begins before character 0"),
    ],
)
def test_what_cannot_be_shown_is_told(change: dict[str, Any], message: str) -> None:
    document = coded("bay", BAY)
    document.records[0] |= change
    with pytest.raises(InputError, match=re.escape(message)):
        page_of(document)


def test_overlapping_clauses_are_told() -> None:
    document = coded("bay", BAY)
    document.records.append(document.records[1])
    with pytest.raises(InputError, match=r"bay, clause 3, .* begins before character"):
        page_of(document)


def test_every_label_has_a_letter_of_its_own_that_stands_out() -> None:
    codes = style_codes([*LABELS, "uncertain", "opposed", "omit", "¿", *map(str, range(60))], {})
    assert len({code.letter for code in codes}) == len(codes)
    assert [code.letter for code in codes[:8]] == ["O", "S", "C", "–", "?", "P", "M", "A"]
    assert {code.colour for code in codes[5:]} == set(PALETTE[:4])
    for code in codes:
        assert contrast(_luminance(code.colour), 0 if code.ink == "#000" else 1) >= 4.5


def contrast(one: float, two: float) -> float:
    return (max(one, two) + 0.05) / (min(one, two) + 0.05)


def two_texts() -> str:
    meanings = {"oppose": "rejects or warns", "support": "endorses"}
    return page_of(coded("bay", BAY), coded("river", RIVER), codebook=meanings)


def clause(page: Page, number: int) -> Locator:
    return page.locator(".clause").nth(number - 1)


def test_a_click_opens_the_panel_and_escape_closes_it(show: Any) -> None:
    page = show(two_texts())
    panel = page.locator("#panel")
    expect(panel).to_be_hidden()
    clause(page, 2).click()
    expect(panel.locator(".verdict")).to_contain_text("oppose93 %")
    expect(panel).to_contain_text("rejects or warns")
    expect(panel.locator(".quote")).to_have_text("They reject the levy as it stands")
    expect(panel.locator("mark")).to_have_text(["They reject", "stands"])
    expect(panel.locator(".rows").first.locator(".name")).to_have_text(LABELS)
    expect(panel.locator(".rows").first.locator(".sizes")).to_have_text(["93 %", "2 %", "2 %", "2 %"])
    expect(panel.locator(".phrases .sizes")).to_have_text(["+1.50", "−0.25"])
    bars = [fill.bounding_box() for fill in panel.locator(".phrases i").all()]
    assert all(bars)
    assert bars[1]["x"] < bars[0]["x"], "what speaks against the code goes to the other side"
    panel.locator(".phrases li").nth(1).hover()
    expect(panel.locator("mark")).to_have_text(["stands"])
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(clause(page, 2)).to_be_focused()


def test_an_uncertain_clause_names_the_likeliest_code(show: Any) -> None:
    page = show(two_texts())
    clause(page, 5).click()
    expect(page.locator("#panel")).to_contain_text("likeliest: oppose")


def test_filters_fade_and_count(show: Any) -> None:
    page = show(two_texts())
    count, faded = page.locator("#count"), page.locator(".faded")
    expect(count).to_have_text("7 of 7 shown")
    page.get_by_role("button", name="oppose 2").click()
    expect(count).to_have_text("5 of 7 shown")
    expect(faded).to_have_text(["They reject the levy as it stands", "We oppose the draft."])
    page.locator("#least").fill("81")
    expect(count).to_have_text("3 of 7 shown")
    expect(page.locator("#value")).to_have_text("81 %")
    expect(page.locator(".clause")).to_have_count(7)
    page.get_by_role("button", name="uncertain 1").click(modifiers=["Shift"])
    expect(count).to_have_text("0 of 7 shown")
    page.keyboard.press("0")
    expect(count).to_have_text("7 of 7 shown")


def test_the_keyboard_does_all(show: Any) -> None:
    page = show(two_texts())
    page.keyboard.press("j")
    expect(clause(page, 1)).to_be_focused()
    page.keyboard.press("1")
    page.keyboard.press("ArrowDown")
    expect(clause(page, 3)).to_be_focused()
    assert clause(page, 3).evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.locator(".verdict")).to_contain_text("call-for")
    page.keyboard.press("j")
    expect(page.locator(".verdict")).to_contain_text("support")
    page.keyboard.press("Escape")
    page.keyboard.press("k")
    page.keyboard.press(" ")
    expect(page.locator(".verdict")).to_contain_text("call-for")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Clause before")).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    expect(page.locator("#panel")).to_be_visible()


def test_hostile_text_does_nothing_in_a_browser(show: Any) -> None:
    page = show(hostile_page())
    expect(page.locator(".clause")).to_have_count(len(HOSTILE) ** 2)
    for number, text in enumerate(HOSTILE, start=1):
        clause(page, number).click()
        assert page.locator(".quote").text_content() == replaced(text)
        clause(page, number).hover()
    expect(page.locator("script")).to_have_count(2)
    assert page.locator("img, [onmouseover], [onerror], [onfocus]").count() == 0


def test_a_script_that_slipped_in_would_not_run(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(two_texts().replace("</body>", "<script>document.title = 'run'</script></body>"))
    page = browser.new_page()
    page.goto(path.as_uri())
    assert page.title() == "Two texts"
    page.close()


def test_the_text_in_the_browser_is_the_text_of_the_document(show: Any) -> None:
    document = coded("a", [("one\r\ntwo   three", "none", 0.5), ("four\tfive", "oppose", 0.5)])
    page = show(page_of(document))
    assert page.locator(".text").text_content() == document.text.replace("\r\n", "\n")


@pytest.mark.parametrize("content", [two_texts, hostile_page])
def test_a_phone_never_scrolls_sideways(show: Any, content: Callable[[], str]) -> None:
    long = coded("a" * 200, [("b" * 500, "none", 0.5)])
    for each in (content(), page_of(long, long)):
        page = show(each, width=375)
        clause(page, 1).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
        panel, chosen = page.locator("#panel").bounding_box(), clause(page, 1).bounding_box()
        assert panel is not None
        assert chosen is not None
        assert panel["y"] > chosen["y"], "the panel is below"
        assert panel["width"] == 375


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_every_tint(show: Any, scheme: str) -> None:
    labels = [*LABELS, "own", "more", "other", "last"]
    sure = [("It is so.", label, 1.0) for label in [*labels, "uncertain"]]
    page = show(page_of(coded("a", sure, labels), labels=labels), color_scheme=scheme)
    look = "element => [getComputedStyle(element).color, getComputedStyle(element).backgroundColor]"
    _, ground = page.locator("body").evaluate(look)
    assert (light(ground, ground) < 0.05) == (scheme == "dark")
    for selector in (".clause", ".soft", ".toggle", ".status", "h1", "h2"):
        for element in page.locator(selector).all():
            ink, tint = element.evaluate(look)
            assert contrast(light(ink, ground), light(tint, ground)) >= 4.5, (selector, ink, tint)


def light(colour: str, ground: str) -> float:
    """Relative luminance of a computed colour as it lies on a ground."""
    below = [float(value) for value in re.findall(r"[\d.]+", ground)[:3]]
    *parts, alpha = ([float(value) for value in re.findall(r"[\d.]+", colour)] + [1.0])[:4]
    mixed = [round(part * alpha + under * (1 - alpha)) for part, under in zip(parts, below, strict=True)]
    return _luminance("#" + bytes(mixed).hex())


def test_surer_clauses_are_tinted_deeper(show: Any) -> None:
    page = show(page_of(coded("a", [("It is so.", "oppose", sure) for sure in (0.3, 0.5, 0.7, 0.9, 1.0)])))
    tints = [each.evaluate("e => getComputedStyle(e).backgroundColor") for each in page.locator(".clause").all()]
    depths = [float(tint.rstrip(")").split(",")[-1]) for tint in tints]
    assert depths == sorted(set(depths))


def test_print_leaves_out_controls_and_keeps_the_codes(show: Any) -> None:
    page = show(two_texts(), color_scheme="dark")
    clause(page, 2).click()
    page.keyboard.press("3")
    page.emulate_media(media="print", color_scheme="dark")
    for selector in (".tools", "#panel", "#hint"):
        expect(page.locator(selector)).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    styles = "element => [getComputedStyle(element).borderBottomStyle, getComputedStyle(element).opacity]"
    lines = [clause(page, number).evaluate(styles) for number in range(1, 6)]
    assert lines == [["none", "1"], ["solid", "1"], ["dotted", "1"], ["double", "1"], ["dashed", "1"]]
