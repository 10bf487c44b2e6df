"""Text → clauses: the codebook's unit, as verbatim slices of the text.

    for clause in segment(text):
        assert text[clause.start:clause.end] == clause.text

Blocks (headings, paragraphs, list items) are found by their line breaks, sentences within them by nupunkt, and
clauses within sentences where a predicate with a position of its own begins: after a semicolon, at a coordinated
verb that takes or reports a position ("… and urge …"), at a participle of such a verb ("…, underscoring …").
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import nupunkt


class Clause(NamedTuple):
    """A slice of a text: characters `start` up to `end`, counted from 0."""

    start: int
    end: int
    text: str


# Verbs by which policy actors take, report or withhold a position, in the base form.
_VERBS = """
acknowledge affirm agree appeal applaud appreciate ask back believe blame call caution commend commit condemn
congratulate consider criticise criticize decide declare decry demand denounce deplore determine dismiss emphasise
emphasize encourage endorse expect express hail hope insist invite join look note object oppose pledge praise protest
reaffirm reassure recall recognise recognize recommend recommit reconfirm refuse regret reiterate reject remind renew
repeat request resolve salute seek share stand stress support thank threaten underline underscore uphold urge view
voice vow warn welcome
""".split()


def _inflected(verb: str) -> tuple[str, str, str]:
    """Third person, past and participle of a regular verb.

    >>> _inflected("urge"), _inflected("deny"), _inflected("commit")
    (('urges', 'urged', 'urging'), ('denies', 'denied', 'denying'), ('commits', 'committed', 'committing'))
    """
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ies", verb[:-1] + "ied", verb + "ing"
    stem = verb + "t" if verb.endswith(("mit", "get")) else verb + "l" if verb == "recal" else verb
    stem = stem[:-1] if stem.endswith("e") and not stem.endswith("ee") else stem
    third = verb + ("es" if verb.endswith(("s", "sh", "ch")) else "s")
    past = verb + "d" if verb.endswith("e") else stem + "ed"
    return third, past, stem + "ing"


def _alternatives(words: list[str]) -> str:
    longest_first = sorted(set(words), key=lambda word: (-len(word), word))
    return "(?:" + "|".join(word.replace(" ", r"\s") for word in longest_first) + ")"


_THIRD, _PAST, _PARTICIPLE = (list(forms) for forms in zip(*(_inflected(verb) for verb in _VERBS), strict=True))
_PAST += ["said", "stood", "told", "sought", "took note", "voted", "were determined", "was determined", "remained"]
_FINITE = _THIRD + _PAST
_PARTICIPLES = [*_PARTICIPLE, "noting", "taking note", "bearing in mind", "desiring", "saying", "adding", "vowing"]
# "commit to X and support Y" is one clause under one verb; these are plain enough to begin one even in the base form.
_BASE = [
    *"""
acknowledge affirm appeal applaud appreciate believe commend condemn congratulate demand denounce deplore emphasise
emphasize encourage endorse express hail invite oppose pledge reaffirm recognise recognize recommit reconfirm reiterate
reject regret stress underline underscore urge welcome thank remain
""".split(),
    *("call on", "call upon", "call for", "look forward", "take note", "stand ready"),
]

# No word may match two of these alternatives: repeated, that would take exponential time.
_ADVERBS = (
    r"(?:(?:"
    + _alternatives(
        "also|again|further|furthermore|therefore|thus|once again|instead|now|then|in this regard|"
        "in that regard|in this respect|in that respect|in this context|in that context|in particular|"
        "at the same time|to this end".split("|")
    )
    + r"|(?!early\b|only\b)\w+ly),?\s)"
)
_JOINT = r"(?:and|but|as\swell\sas|yet|or|while|whilst|though|although|whereas)"

_AUXILIARY = r"(?:(?:have|has|had|is|are|was|were)\s)"
_MODAL = r"(?:will|would|shall|should|must|can|could|cannot|may|might|did|does|do)(?:\snot)?"
_PRONOUN = r"(?:we|they|he|she|it|I|there|this|these|those|our|their)"
_SPEAKERS = r"(?:we|they|he|she|I|the\s(?:two\s)?(?:sides|leaders|ministers|parties|governments))"
_SPEAKER_LABEL = r"(?:The\s(?:Acting\s)?President|(?:Mr|Mrs|Ms)\.\s[A-Z][\w’'-]+)(?:\s\([^()]{2,60}\))?:\s"
# A participle that opens a sentence and takes a position: "While condemning X, we welcome Y" is two clauses, "Noting X,
# we welcome Y" and "As X grows, we welcome Y" are one.
_OPENING_POSITION = re.compile(
    rf"\s*(?:(?:[Ww]hile|[Ww]hilst|[Ii]n|[Bb]y)\s)?{_ADVERBS}{{0,4}}{_alternatives(_PARTICIPLE)}\b", re.IGNORECASE
)
_NO_POSITION = re.compile(
    r"\s*(?:while\s)?(?:noting|recalling|considering|looking|acknowledging|joining|saying)\b", re.I
)
# A clause begins where a match ends; `main` only after a participle that takes a position. The first line spares most
# characters the rest.
_CUTS = re.compile(
    rf"""
    (?=[;,\s])(?:
      ;\s+
    | ,?\s(?={_JOINT}\s{_ADVERBS}{{0,4}}{_alternatives(_PARTICIPLES)}\b)        # "… and stressing the need …"
    | ,\s+(?={_ADVERBS}{{0,4}}{_alternatives(_PARTICIPLES)}\b)                   # "…, underscoring the importance …"
    | ,\s+(?=[A-Z]\w+(?:ing|ed)\s(?![A-Z]))                              # preambles: "…, Having considered …"
    | ,\s+(?=(?:[A-Z][a-z]+ly|Further|Also|Again)\s[a-z]+(?:ing|ed)\s)     # "…, Deeply concerned …"
    | ,?\s(?=(?:and|but)\s{_AUXILIARY}?{_ADVERBS}{{0,4}}{_alternatives(_FINITE)}\b(?!\sby\b))  # "… and urged …"
    | ,?\s(?=(?:and|but)\s{_MODAL}\s{_ADVERBS}{{0,4}}\w+)                       # "… and will confront …"
    | ,?\s(?=(?:and|but)\s{_ADVERBS}{{0,4}}{_alternatives(_BASE)}\s)            # "we reject … and urge …"
    | ,\s(?={_JOINT}\s{_ADVERBS}?{_PRONOUN}\s)                           # "…, while we …"
    | \s(?=(?:and|but)\s(?:we|they|I)\s)                                # "… and we must …"
    | (?P<main>,\s)(?={_SPEAKERS}\s{_ADVERBS}{{0,4}}(?:{_alternatives(_FINITE)}|{_alternatives(_BASE)})\s)
    | ,\s(?={_ADVERBS}{{0,4}}{_alternatives(_FINITE)}(?<!called)\s(?!by\b))  # "…, endorsed …"
    | \s(?:--|–|—)\s?(?=(?:we|they|it|this|that)\s\w+\s)                    # "… – it is wrong"
    | (?<=\w)\s(?={_SPEAKER_LABEL})                                       # "… The President: …" in a record
    | \s(?=Resolution\s\d+\s\(\d{{4}}\)\s)                                # the head of a resolution …
    | \s(?=Adopted\sby\sthe\s[A-Z])
    | \s(?=The\s(?:Security\sCouncil|General\sAssembly|Human\sRights\sCouncil),\s[A-Z])  # … and its subject
    | (?<=\*\*)\s(?:[-–]\s)?(?=[A-Z“"])                                   # "**Trade** - We welcome …"
    | ,\s(?=but\s)
    )
    """,
    re.VERBOSE,
)
_LINK = re.compile(rf"(?:{_JOINT}\s)?{_ADVERBS}{{0,4}}")
_LIST_MARK = re.compile(r"(?:[-*•·–—>#|_=+~]+|\\[-*])\s+|<!--(?:(?!-->)[\s\S])*-->\s*|[*_#]{2,}")
_NUMBER_ONLY = re.compile(r"[(\[]?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)\]]{1,2}\s*")
_NUMBER_AT_END = re.compile(r"[;:.,]\s+(?=[(\[]?(?:\d{1,3}|[a-z]|[ivxIVX]{1,5})[.)]\s*\Z)")
_LIST_ITEM = re.compile(r"\s*(?:[-*•·–]\s|#{1,6}\s|[(\[]?(?:\d{1,3}|[a-z]|[ivx]{1,5})[.)\]]\s)")
_BRACKETS = (("(", 1), ("[", 1), ("“", 1), (")", -1), ("]", -1), ("”", -1))
_WRAPPED_LINE = 100
MIN_WORDS = 4


def segment(text: str) -> list[Clause]:
    """Cut a text into clauses.

    Parameters
    ----------
    text : any string; line breaks, bullets and Markdown marks are understood

    Returns
    -------
    Clauses in order, without overlap; together they hold every letter and digit of the text, but for HTML comments.

    >>> [clause.text for clause in segment("They reject the tariffs and urge both sides to talk. The summit ended.")]
    ['They reject the tariffs', 'and urge both sides to talk.', 'The summit ended.']
    """
    clauses = []
    for block_start, block_end in _blocks(text):
        for start, end in _sentences(text, block_start, block_end):
            clauses += [Clause(*span, text[slice(*span)]) for span in _cut(text, start, end)]
    return clauses


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Paragraphs, list items and headings: stretches that no sentence crosses."""
    start = 0
    for break_ in re.finditer(r"\n", text):
        line_start = max(start, text.rfind("\n", 0, break_.start()) + 1)
        if _ends_block(text[line_start : break_.start()], text[break_.end() : break_.end() + 200]):
            yield start, break_.start()
            start = break_.end()
    yield start, len(text)


def _ends_block(line: str, after: str) -> bool:
    following = after.split("\n", 1)[0]
    if not line.strip() or not following.strip() or _LIST_ITEM.match(following):
        return True
    if len(line) > _WRAPPED_LINE:  # one paragraph a line
        return True
    # Hard-wrapped prose goes on; a short line without a full stop before a capital is a heading.
    heading = len(line) < 0.6 * max(len(following), 40) and not line.rstrip().endswith((",", ";"))
    return heading and not following.lstrip()[:1].islower()


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Sentences of a block; neither a paragraph's number nor an abbreviation before a small letter ends one."""
    begin = start
    for _, stop in nupunkt.sent_spans(text[start:end]):
        stop += start
        if number := _NUMBER_AT_END.search(text, begin, stop):
            stop = number.end()  # it belongs to what follows
        if not _NUMBER_ONLY.fullmatch(text[begin:stop].strip()) and not text[stop : stop + 1].islower():
            yield begin, stop
            begin = stop
    if begin < end:
        yield begin, end


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The clauses of a sentence. What has no predicate and object stays with its neighbour ("condemn and reject X")."""
    opened = _OPENING_POSITION.match(text, start, end) and not _NO_POSITION.match(text, start, end)
    matches = _CUTS.finditer(text, start, end)
    cuts = [*(match.end() for match in matches if opened or match.lastgroup != "main"), end]
    pieces = [text[a:b] for a, b in pairwise([start, *cuts])]
    sizes = [_words(piece) for piece in pieces]
    left = sum(sizes)  # words of the sentence that are still to come
    clause_start, words, depth = start, 0, 0
    for piece, size, cut in zip(pieces, sizes, cuts, strict=True):
        left -= size
        # The conjunction and adverbs that lead in a clause are no part of its predicate.
        words += size - (_words(_lead(piece)) if words == 0 else 0)
        depth += sum(sign * piece.count(bracket) for bracket, sign in _BRACKETS)
        if cut == end or (words >= MIN_WORDS and left >= MIN_WORDS and depth <= 0):
            if span := _trimmed(text, clause_start, cut):
                yield span
            clause_start, words, depth = cut, 0, 0


def _words(fragment: str) -> int:
    return len(re.findall(r"\w+", fragment))


def _lead(fragment: str) -> str:
    match = _LINK.match(fragment)
    return match.group() if match else ""


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The span without white space and list marks at its ends; None when no letter or digit is left."""
    while mark := _LIST_MARK.match(text, start, end):
        start = mark.end()
    fragment = text[start:end]
    start += len(fragment) - len(fragment.lstrip())
    fragment = text[start:end]
    while fragment != (shorter := fragment.rstrip().rstrip("*_#")):
        fragment = shorter
    end = start + len(fragment)
    if mark := _LIST_MARK.match(text, start, end):
        return _trimmed(text, start, end)
    return (start, end) if any(character.isalnum() for character in text[start:end]) else None
