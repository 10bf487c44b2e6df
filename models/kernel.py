"""Compiled scoring: a `Compact` model as flat tables, and one pass over UTF-8 bytes for each string.

A string is decoded, lowered and cut into words once. A hash table knows the words of all vectorisers; n-grams are
walks through tries whose edges (node, token) → node lie in one open-addressing table. Every look-up compares whole
keys, so no two n-grams are ever taken for each other. A string with a code point that Python lowers by context or into
several, or one beyond the table, is handed back.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.actors import ANY, NOT_THE
from models.compact import STEM, TOKEN_NAMES, Compact, Kind

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "numba"


def _set_cache() -> None:
    """Keep compiled code in the project, where it can be written; code that checks bounds apart from the other."""
    place = CACHE / "checked" if os.environ.get("NUMBA_BOUNDSCHECK", "0") != "0" else CACHE
    try:
        place.mkdir(parents=True, exist_ok=True)
        writable = os.access(place, os.W_OK | os.X_OK)
    except OSError:
        writable = False
    if writable:
        os.environ.setdefault("NUMBA_CACHE_DIR", str(place))


_set_cache()

import numba  # noqa: E402  # reads the place of its cache from the environment
from llvmlite import ir  # noqa: E402
from numba.core import cgutils, types  # noqa: E402
from numba.extending import intrinsic  # noqa: E402

numba.config.reload_config()


def _compiled(function: Any) -> Any:
    """Compiled when first called, without the GIL; cached where there is a place for it."""
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # no folder that could hold a cache
        return numba.njit(nogil=True, error_model="numpy")(function)


def _inlined(function: Any) -> Any:
    """Part of the compiled functions that call it.

    These functions allocate nothing, so they need not count references to arrays, which would take most of the time.
    """
    return numba.njit(nogil=True, error_model="numpy", forceinline=True, _nrt=False)(function)


# A code point's place in the table: its lower case in the low 21 bits, and what it is above them.
CODE_POINTS = 0x20000
LOWER = 0x1FFFFF
WORD, LETTER, DECIMAL, SPACE, BACK = (1 << bit for bit in range(21, 26))

# The columns of a vectoriser's row of settings.
MODE, STEMMED, BLIND, LOW, HIGH, SUBLINEAR, BINARY, NORM, FIRST, BASE, END = range(11)
WORDS, PUNCTUATION, NO_NUMBERS, FIRST_DIGIT, STEMS, CHAR, CHAR_WB = range(7)
TOKEN_MODES = {name: mode for mode, name in enumerate(TOKEN_NAMES)}
NORM_MODES = {None: 0, "l1": 1, "l2": 2}

UNKNOWN, DROPPED = -1, -2
NEVER = np.int32(2**31 - 1)
BLANK = ord(" ") << 1  # tokens are shifted like nodes
EMPTY = LONG = np.uint64(0xFFFFFFFFFFFFFFFF)
SEED, PRIME, SPREAD = np.uint64(0x9E3779B97F4A7C15), np.uint64(0x100000001B3), np.uint64(0x9FB21C651E98DF25)
LONGEST = 1 << 18  # bytes of a string; longer ones are handed back

I32, I64, U32, U64, F64 = np.int32, np.int64, np.uint32, np.uint64, np.float64


class Tables(NamedTuple):
    """What the kernel reads.

    A word's `attributes` are its place among the words of actors and, for each vectoriser, its token: UNKNOWN, DROPPED
    or a node of the trie. Nodes are shifted left by one, with the low bit set where the trie goes on. Nodes below the
    number of columns are columns; `records` holds the idf of each and its coefficients times the idf.
    """

    settings: NDArray[np.int64]
    points: NDArray[np.uint32]
    letters: NDArray[np.uint32]
    starts: NDArray[np.int64]
    slots: NDArray[np.int64]
    attributes: NDArray[np.int32]
    edges: NDArray[np.uint64]
    records: NDArray[np.float64]
    moves: NDArray[np.int32]
    ends: NDArray[np.int32]
    intercept: NDArray[np.float64]


@cache
def code_points() -> NDArray[np.uint32]:
    """The table of code points, as `str.lower` and `re` have them."""
    table = np.zeros(CODE_POINTS, np.uint32)
    for point, character in enumerate(map(chr, range(CODE_POINTS))):
        lower = character.lower()
        # The capital sigma is lowered by its place in the word; surrogates are no characters.
        if len(lower) > 1 or ord(lower[0]) >= CODE_POINTS or character == "Σ" or 0xD800 <= point < 0xE000:
            table[point] = BACK
            continue
        kind = 0
        if lower.isalnum() or lower == "_":
            decimal = lower.isdecimal()
            kind = WORD | (DECIMAL if decimal else 0) | (LETTER if not decimal and lower != "_" else 0)
        elif lower.isspace():
            kind = SPACE
        table[point] = kind | ord(lower)
    return table


def _fetching(_: Any, array: Any, place: Any) -> Any:
    """Ask for the cache line of array[place], which is read a little later; never fails."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        struct = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = context.cast(builder, arguments[1], signature.args[1], types.intp)
        size = context.get_abi_sizeof(context.get_data_type(signature.args[0].dtype))
        offset = builder.mul(place, ir.Constant(place.type, size))
        byte = cgutils.pointer_add(builder, struct.data, offset, ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte.type, number, number, number])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(prefetch, [byte, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, place), generate


_fetch: Any = intrinsic(_fetching)


@_inlined
def _packed(text: Any, start: int, end: int) -> tuple[Any, Any]:
    """The key of a word: its code points themselves where 16 bytes hold them, else a hash beside LONG."""
    low, high = U64(0), U64(0)
    all_bits = U32(0)
    for place in range(start, end):
        point = text[place]
        all_bits |= point
        high = (high << U64(8)) | (low >> U64(56))
        low = (low << U64(8)) | U64(point)
    if end - start <= 16 and all_bits < 256:
        return low, high
    low = SEED
    for place in range(start, end):
        low = (low ^ U64(text[place])) * PRIME
    return low, LONG


@_inlined
def _slot(low: Any, high: Any, mask: Any) -> Any:
    mixed = (low ^ (high * SEED)) * SPREAD
    return ((mixed ^ (mixed >> U64(32))) * SPREAD >> U64(32)) & mask


@_compiled
def _index_words(letters: Any, starts: Any, slots: Any) -> None:
    mask = U64((len(slots) >> 2) - 1)
    for word in range(len(starts) - 1):
        low, high = _packed(letters, starts[word], starts[word + 1])
        slot = _slot(low, high, mask)
        while slots[(slot << U64(2)) | U64(2)] != EMPTY:
            slot = (slot + U64(1)) & mask
        slots[slot << U64(2)] = low
        slots[(slot << U64(2)) | U64(1)] = high
        slots[(slot << U64(2)) | U64(2)] = U64(word)


@_inlined
def _find_word(letters: Any, starts: Any, slots: Any, text: Any, start: int, end: int, low: Any, high: Any) -> Any:
    """The word that stands in text[start:end], whose key is `low` and `high`, or UNKNOWN."""
    mask = U64((len(slots) >> 2) - 1)
    slot = _slot(low, high, mask)
    while True:
        word = slots[(slot << U64(2)) | U64(2)]
        if word == EMPTY:
            return UNKNOWN
        if slots[slot << U64(2)] == low and slots[(slot << U64(2)) | U64(1)] == high:
            if high != LONG:
                return I64(word)
            first = starts[word]
            same = starts[word + U64(1)] - first == end - start
            for place in range(start, end):
                same = same and letters[first + place - start] == text[place]
            if same:
                return I64(word)
        slot = (slot + U64(1)) & mask


@_inlined
def _edge(node: Any, token: Any, mask: Any) -> Any:
    """The slot where the edge from `node` by `token` stands, if it is the first with its hash."""
    key = (U64(node) << U64(32)) | U64(token)
    return ((key ^ (key >> U64(29))) * SPREAD >> U64(32)) & mask


@_inlined
def _follow(edges: Any, slot: Any, node: Any, token: Any, mask: Any) -> Any:
    """The node, shifted, to which `token` leads from `node`, or UNKNOWN; `slot` is their `_edge`."""
    key = (U64(node) << U64(32)) | U64(token)
    while True:
        there = edges[slot << U64(1)]
        if there == key:
            return I64(edges[(slot << U64(1)) | U64(1)])
        if there == EMPTY:
            return UNKNOWN
        slot = (slot + U64(1)) & mask


@_compiled
def _grow(tokens: Any, starts: Any, root: int, base: int, extra: int, edges: Any, on: Any) -> int:
    """Add terms to the trie, shorter ones first; term t ends in node base + t. Returns the first node not yet taken.

    With a root below 0 the first token of a term is itself the node to start from.
    """
    mask = U64((len(edges) >> 1) - 1)
    longest = 0
    for term in range(len(starts) - 1):
        longest = max(longest, starts[term + 1] - starts[term])
    for length in range(1 if root >= 0 else 2, longest + 1):
        for term in range(len(starts) - 1):
            if starts[term + 1] - starts[term] != length:
                continue
            step, end = starts[term], starts[term + 1]
            node = I64(root)
            if root < 0:
                node = tokens[step]
                step += 1
            while step < end:
                key = (U64(node) << U64(32)) | U64(tokens[step])
                slot = _edge(node, tokens[step], mask)
                while edges[slot << U64(1)] != EMPTY and edges[slot << U64(1)] != key:
                    slot = (slot + U64(1)) & mask
                step += 1
                if edges[slot << U64(1)] == EMPTY:
                    on[node] = True
                    edges[slot << U64(1)] = key
                    if step == end:
                        edges[(slot << U64(1)) | U64(1)] = U64(base + term)
                    else:
                        edges[(slot << U64(1)) | U64(1)] = U64(extra)
                        extra += 1
                node = I64(edges[(slot << U64(1)) | U64(1)])
    return extra


@_compiled
def _pack(edges: Any, on: Any, packed: Any) -> None:
    """The edges in a table as small as serves, every node with the mark whether the trie goes on."""
    mask = U64((len(packed) >> 1) - 1)
    for place in range(len(edges) >> 1):
        key = edges[2 * place]
        if key != EMPTY:
            slot = _edge(key >> U64(32), key & U64(0xFFFFFFFF), mask)
            while packed[slot << U64(1)] != EMPTY:
                slot = (slot + U64(1)) & mask
            node = edges[2 * place + 1]
            packed[slot << U64(1)] = key
            packed[(slot << U64(1)) | U64(1)] = (node << U64(1)) | U64(on[I64(node)])


@_inlined
def _table(entries: int) -> int:
    """A power of two that leaves a table half empty."""
    room = 16
    while room < 2 * entries:
        room *= 2
    return room


@_inlined
def _count(column: int, keys: Any, counts: Any, used: Any, size: int, mask: Any) -> int:
    """One more of a column in this string; returns how many different ones there are."""
    slot = (U64(column) * SPREAD >> U64(40)) & mask
    while True:
        there = keys[slot]
        if there == column:
            counts[slot] += 1
            return size
        if there < 0:
            keys[slot] = column
            counts[slot] = 1
            used[size] = slot
            return size + 1
        slot = (slot + U64(1)) & mask


@_inlined
def _walks(
    edges: Any, fronts: Any, places: Any, size: int, ids: Any, deepest: int, records: Any, keys: Any,
    counts: Any, used: Any, room: Any,
) -> int:  # fmt: skip
    """Count every column on the walks through the trie that have come to `fronts`, with tokens from `places` on.

    All walks take a step before any takes the next, and ask for the edge that they will look at then.
    """
    mask = U64((len(edges) >> 1) - 1)
    columns = records.shape[0]
    found = 0
    depth = 1
    while size:
        going = 0
        for walk in range(size):
            node, place = fronts[walk], places[walk]
            if (node >> 1) < columns:
                before = found
                found = _count(node >> 1, keys, counts, used, found, room)
                if found > before:
                    _fetch(records, (node >> 1) * records.shape[1])
            # Written in any case, kept where the walk goes on: no branch to be guessed wrong.
            fronts[going], places[going] = node >> 1, place
            _fetch(edges, _edge(node >> 1, ids[place] >> 1, mask) << U64(1))
            going += node & 1 & (ids[place] >= 0)
        if depth == deepest:
            return found
        size = 0
        for walk in range(going):
            node, token = fronts[walk], ids[places[walk]] >> 1
            reached = _follow(edges, _edge(node, token, mask), node, token, mask)
            fronts[size], places[size] = reached, places[walk] + 1
            size += reached >= 0
        depth += 1
    return found


@_inlined
def _weigh(size: int, keys: Any, counts: Any, used: Any, records: Any, setting: Any, sums: Any, out: Any) -> None:
    """Add the weights of the columns counted to a row of decisions, and forget the counts."""
    classes = len(out)
    for k in range(classes):
        sums[k] = 0.0
    norm = 0.0
    for place in range(size):
        slot = used[place]
        column, count = I64(keys[slot]), counts[slot]
        keys[slot] = -1
        tf = 1.0
        if count > 1 and not setting[BINARY]:
            tf = 1.0 + np.log(float(count)) if setting[SUBLINEAR] else float(count)
        value = tf * records[column, 0]
        norm += value * value if setting[NORM] == 2 else abs(value)
        for k in range(classes):
            sums[k] += tf * records[column, 1 + k]
    if setting[NORM] == 0 or norm == 0.0:
        norm = 1.0
    elif setting[NORM] == 2:
        norm = np.sqrt(norm)
    for k in range(classes):
        out[k] += sums[k] / norm


@_inlined
def _end_word(
    text: Any, begins: Any, stops: Any, lows: Any, highs: Any, slots: Any, word: int, length: int, low: Any, high: Any,
    wide: Any,
) -> None:  # fmt: skip
    stops[word] = length
    if length - begins[word] > 16 or wide > 255:
        low, high = _packed(text, begins[word], length)
    lows[word], highs[word] = low, high
    _fetch(slots, _slot(low, high, U64((len(slots) >> 2) - 1)) << U64(2))


@_inlined
def _read(
    data: Any, at: int, end: int, points: Any, slots: Any, text: Any, kinds: Any, begins: Any, stops: Any, lows: Any,
    highs: Any, marks: Any,
) -> tuple[int, int]:  # fmt: skip
    """Decode, lower and cut a string; returns the numbers of code points and of tokens, or (-1, 0) to hand it back.

    A token is a word, with the marks that all its code points share, or a single other code point that is no space.
    """
    length, tokens = 0, 0
    inside = False
    low, high = U64(0), U64(0)
    shared, wide = U32(0), U32(0)
    while at < end:
        point = U32(data[at])
        at += 1
        if point >= 0x80:
            more = 1 if 0xC2 <= point < 0xE0 else 2 if 0xE0 <= point < 0xF0 else 3 if 0xF0 <= point < 0xF5 else 0
            if more == 0 or at + more > end:
                return -1, 0
            point &= U32(0x3F >> more)
            for _ in range(more):
                byte = U32(data[at])
                if (byte & U32(0xC0)) != 0x80:
                    return -1, 0
                point = (point << U32(6)) | (byte & U32(0x3F))
                at += 1
            if point >= CODE_POINTS or (more == 2 and point < 0x800) or (more == 3 and point < 0x10000):
                return -1, 0
        entry = points[point]
        lower = entry & U32(LOWER)
        if entry & U32(BACK):
            return -1, 0
        text[length] = lower
        kinds[length] = entry
        if entry & U32(WORD):
            if not inside:
                inside = True
                begins[tokens] = length
                low, high = U64(0), U64(0)
                shared, wide = entry, U32(0)
            high = (high << U64(8)) | (low >> U64(56))
            low = (low << U64(8)) | U64(lower)
            wide |= lower
            shared &= entry
        else:
            if inside:
                inside = False
                marks[tokens] = shared
                _end_word(text, begins, stops, lows, highs, slots, tokens, length, low, high, wide)
                tokens += 1
            if not entry & U32(SPACE):
                begins[tokens] = length
                marks[tokens] = 0
                _end_word(text, begins, stops, lows, highs, slots, tokens, length + 1, U64(lower), U64(0), lower)
                tokens += 1
        length += 1
    if inside:
        marks[tokens] = shared
        _end_word(text, begins, stops, lows, highs, slots, tokens, length, low, high, wide)
        tokens += 1
    return length, tokens


@_inlined
def _cover_actors(tokens: int, known: Any, marks: Any, attributes: Any, moves: Any, ends: Any, covered: Any) -> None:
    """Mark the tokens that name an actor, with what stands between them."""
    for place in range(tokens):
        covered[place] = False
    place = 0
    while place < tokens:
        word = known[place]
        state = moves[0, attributes[word, 0]] if word >= 0 else 0
        best, reach, ahead = NEVER, place, place
        while state != 0:
            if ends[state] < best:
                best, reach = ends[state], ahead
            ahead += 1
            while ahead < tokens and not marks[ahead] & U32(WORD):
                ahead += 1
            if ahead >= tokens:
                break
            word = known[ahead]
            state = moves[state, attributes[word, 0] if word >= 0 else 0]
        if best != NEVER:
            while place < reach:
                covered[place] = True
                place += 1
            covered[place] = True
        place += 1


@_inlined
def _tokens_of(
    setting: Any, part: int, tokens: int, known: Any, marks: Any, covered: Any, kinds: Any, text: Any, begins: Any,
    stops: Any, letters: Any, starts: Any, slots: Any, attributes: Any, ids: Any,
) -> int:  # fmt: skip
    """The tokens of a string as one vectoriser of words or stems has them, into `ids`; returns their number."""
    mode, number = setting[MODE], 0
    for place in range(tokens):
        if setting[BLIND] and covered[place]:
            continue
        word, begin, stop = known[place], begins[place], stops[place]
        if marks[place] & U32(WORD):
            if mode == STEMS:
                if word < 0 and stop - begin > setting[STEMMED]:
                    stop = begin + setting[STEMMED]
                    low, high = _packed(text, begin, stop)
                    word = _find_word(letters, starts, slots, text, begin, stop, low, high)
            elif mode == NO_NUMBERS:
                if not marks[place] & U32(LETTER):
                    continue
            elif mode == FIRST_DIGIT and not kinds[begin] & U32(LETTER):
                if not marks[place] & U32(DECIMAL):
                    continue
                low, high = _packed(text, begin, begin + 1)
                word = _find_word(letters, starts, slots, text, begin, begin + 1, low, high)
        elif mode != PUNCTUATION:
            continue
        token = I64(attributes[word, 1 + part]) if word >= 0 else UNKNOWN
        if token != DROPPED:
            ids[number] = token
            number += 1
    return number


@_inlined
def _characters_of(mode: int, length: int, kinds: Any, text: Any, ids: Any) -> int:
    """The code points of a string, for `char` with runs of spaces as one, for `char_wb` in padded words apart."""
    place, number = 0, 0
    while place < length:
        run = place
        while run < length and kinds[run] & U32(SPACE):
            run += 1
        if mode == CHAR:
            if run - place > 1:
                ids[number] = BLANK
                place = run
            else:
                ids[number] = I64(text[place]) << 1
                place += 1
            number += 1
        elif run > place:
            place = run
        else:
            ids[number] = BLANK
            number += 1
            while place < length and not kinds[place] & U32(SPACE):
                ids[number] = I64(text[place]) << 1
                number += 1
                place += 1
            ids[number], ids[number + 1] = BLANK, UNKNOWN
            number += 2
    return number


@_inlined
def _score_rows(
    data: Any, offsets: Any, first: int, last: int, out: Any, back: Any, settings: Any, points: Any, letters: Any,
    starts: Any, slots: Any, attributes: Any, edges: Any, records: Any, moves: Any, ends: Any, intercept: Any,
    of_words: bool, text: Any, kinds: Any, marks: Any, begins: Any, stops: Any, lows: Any, highs: Any, known: Any,
    covered: Any, ids: Any, fronts: Any, places: Any, keys: Any, counts: Any, used: Any, sums: Any,
) -> None:  # fmt: skip
    for row in range(first, last):
        length, tokens = -1, 0
        if offsets[row + 1] - offsets[row] <= LONGEST:
            length, tokens = _read(
                data, offsets[row], offsets[row + 1], points, slots, text, kinds, begins, stops, lows, highs, marks
            )
        if length < 0:
            back[row] = True
            continue
        if of_words:
            for place in range(tokens):
                known[place] = _find_word(
                    letters, starts, slots, text, begins[place], stops[place], lows[place], highs[place]
                )
            _cover_actors(tokens, known, marks, attributes, moves, ends, covered)
        for k in range(len(intercept)):
            out[row, k] = intercept[k]
        for part in range(len(settings)):
            setting = settings[part]
            size, steps = 0, setting[HIGH]
            if setting[MODE] < CHAR:
                number = _tokens_of(
                    setting, part, tokens, known, marks, covered, kinds, text, begins, stops, letters, starts, slots,
                    attributes, ids,
                )  # fmt: skip
                for place in range(number):
                    if ids[place] >= 0:
                        fronts[size], places[size] = ids[place], place + 1
                        size += 1
            else:
                number = _characters_of(setting[MODE], length, kinds, text, ids)
                steps += 1
                for place in range(number):
                    if ids[place] >= 0:
                        fronts[size], places[size] = setting[FIRST] << 1 | 1, place
                        size += 1
            ids[number] = UNKNOWN  # where every walk ends
            mask = U64(_table(min(setting[END] - setting[BASE], number * setting[HIGH])) - 1)
            found = _walks(edges, fronts, places, size, ids, steps, records, keys, counts, used, mask)
            _weigh(found, keys, counts, used, records, setting, sums, out[row])


@_compiled
def score(
    data: Any, offsets: Any, first: int, last: int, out: Any, back: Any, settings: Any, points: Any, letters: Any,
    starts: Any, slots: Any, attributes: Any, edges: Any, records: Any, moves: Any, ends: Any, intercept: Any,
) -> None:  # fmt: skip
    """Decisions of the strings first … last - 1, into the rows of `out`; `back` is set for those handed back."""
    longest, widest, of_words = 0, 1, False
    for row in range(first, last):
        if offsets[row + 1] - offsets[row] <= LONGEST:
            longest = max(longest, offsets[row + 1] - offsets[row])
    for part in range(len(settings)):
        of_words |= settings[part, MODE] < CHAR
        widest = max(widest, settings[part, HIGH])
    text, kinds, marks = np.empty(longest + 1, U32), np.empty(longest + 1, U32), np.empty(longest + 1, U32)
    begins, stops = np.empty(longest + 1, I64), np.empty(longest + 1, I64)
    lows, highs = np.empty(longest + 1, U64), np.empty(longest + 1, U64)
    known, covered = np.empty(longest + 1, I64), np.zeros(longest + 1, np.bool_)
    widened = 3 * longest + 4  # every letter a padded word of its own
    ids, fronts, places = np.empty(widened, I64), np.empty(widened, I64), np.empty(widened, I64)
    most = min(records.shape[0], widened * widest)
    room = _table(most)
    keys, counts, used = np.full(room, -1, I64), np.empty(room, I64), np.empty(most + 1, I64)
    sums = np.empty(out.shape[1], F64)
    _score_rows(
        data, offsets, first, last, out, back, settings, points, letters, starts, slots, attributes, edges, records,
        moves, ends, intercept, of_words, text, kinds, marks, begins, stops, lows, highs, known, covered, ids, fronts,
        places, keys, counts, used, sums,
    )  # fmt: skip


def tables(model: Compact) -> Tables:
    """Lay a model out for the kernel."""
    words = _words(model)
    index = {word: place for place, word in enumerate(words)}
    letters, starts = _utf32(words)
    slots = np.full(4 * _table(len(words)), EMPTY, U64)
    _index_words(letters, starts, slots)
    symbols, moves, ends = _automaton(model.actors)

    columns = model.bases[-1]
    spelled = [_spelled(kind, terms, index) for kind, terms in zip(model.kinds, model.terms, strict=True)]
    most = sum(len(tokens) for tokens, _ in spelled)
    edges, on = _no_edges(most), np.zeros(columns + len(spelled) + len(spelled) * len(words) + most, np.bool_)
    extra = columns + len(spelled)
    attributes = np.full((len(words), 1 + len(spelled)), UNKNOWN, np.int32)
    attributes[:, 0] = [symbols.get(word, 0) for word in words]
    settings = np.zeros((len(spelled), END + 1), I64)
    nodes = []
    for part, (kind, (tokens, bounds)) in enumerate(zip(model.kinds, spelled, strict=True)):
        base, root = model.bases[part], columns + part
        mode = TOKEN_MODES[kind.token] if kind.analyzer == "word" else CHAR if kind.analyzer == "char" else CHAR_WB
        settings[part] = (
            *(mode, kind.stem_length, kind.blind, *kind.ngram_range, kind.sublinear_tf, kind.binary),
            *(NORM_MODES[kind.norm], root, base, model.bases[part + 1]),
        )
        if mode < CHAR:
            firsts, extra = _first_nodes(tokens, bounds, base, extra, len(words))
            extra = _grow(firsts[tokens], bounds, -1, base, extra, edges, on)
            nodes.append((part, kind, firsts))
        else:
            extra = _grow(tokens, bounds, root, base, extra, edges, on)
    for part, kind, firsts in nodes:
        shifted = np.where(firsts >= 0, firsts << 1 | on[firsts], UNKNOWN)
        attributes[:, 1 + part] = _tokens_of_words(kind, words, index, shifted)
    packed = _no_edges(int((edges[::2] != EMPTY).sum()))
    _pack(edges, on, packed)
    points = code_points()
    records = _records(model)
    return Tables(
        settings, points, letters, starts, slots, attributes, packed, records, moves, ends, model.intercept.copy()
    )


def _no_edges(most: int) -> NDArray[np.uint64]:
    return np.full(2 * _table(most), EMPTY, U64)


def _utf32(strings: list[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Strings end to end as code points, and where each begins."""
    joined = np.frombuffer("".join(strings).encode("utf-32-le", "surrogatepass"), np.uint32)
    return joined.copy(), np.cumsum([0, *map(len, strings)], dtype=I64)


def _words(model: Compact) -> list[str]:
    """Every word that a look-up may have to know: tokens of terms, stop words, words of actors."""
    found = {word for sequence in model.actors for word in sequence}
    for kind, terms in zip(model.kinds, model.terms, strict=True):
        if kind.analyzer == "word":
            found.update(kind.stop_words, " ".join(terms).split(" "))
    return sorted(found - {"", ANY, NOT_THE})


def _spelled(kind: Kind, terms: list[str], index: dict[str, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The tokens of every term end to end, words by their place in `index`; none for a term that cannot be met."""
    low, high = kind.ngram_range
    if kind.analyzer == "word":
        lengths = np.array([term.count(" ") + 1 for term in terms], I64)
        tokens = np.array([index.get(word, -1) for word in " ".join(terms).split(" ")], I64)
    else:
        points, starts = _utf32(terms)
        tokens, lengths = points.astype(I64), np.diff(starts)
    bounds = np.concatenate([[0], np.cumsum(lengths)]).astype(I64)
    empty = np.add.reduceat(tokens < 0, bounds[:-1]) > 0 if len(tokens) else np.zeros(len(terms), bool)
    met = (lengths >= low) & (lengths <= high) & ~empty
    if kind.analyzer == "char_wb":  # a word shorter than every n is a term, whole
        met |= [len(term) < low and term == f" {term[1:-1]} " and not term[1:2].isspace() for term in terms]
    return tokens[np.repeat(met, lengths)], np.concatenate([[0], np.cumsum(np.where(met, lengths, 0))]).astype(I64)


def _first_nodes(
    tokens: NDArray[np.int64], bounds: NDArray[np.int64], base: int, extra: int, words: int
) -> tuple[NDArray[np.int64], int]:
    """The node of each word: the column of the term that it is, a further node for part of longer terms, else -1."""
    firsts = np.full(words, -1, I64)
    alone = np.flatnonzero(np.diff(bounds) == 1)
    others = np.unique(tokens)
    firsts[others] = extra + np.arange(len(others))
    firsts[tokens[bounds[alone]]] = base + alone
    return firsts, extra + len(others)


def _tokens_of_words(
    kind: Kind, words: list[str], index: dict[str, int], shifted: NDArray[np.int64]
) -> NDArray[np.int64]:
    """What each word is to one vectoriser: its node or that of its stem, UNKNOWN or DROPPED."""
    stems = [word[: kind.stem_length] for word in words] if kind.token == STEM else words
    places = np.array([index.get(stem, -1) for stem in stems], I64)
    tokens = np.where(places >= 0, shifted[places], UNKNOWN)
    stops = set(kind.stop_words)
    tokens[[stem in stops for stem in stems]] = DROPPED
    return tokens


def _records(model: Compact) -> NDArray[np.float64]:
    """One record a column: its idf, and its coefficients times the idf."""
    idf = np.concatenate(model.idf)
    return np.ascontiguousarray(np.column_stack([idf, model.coef.T * idf[:, None]]))


def _automaton(actors: tuple[tuple[str, ...], ...]) -> tuple[dict[str, int], NDArray[np.int32], NDArray[np.int32]]:
    """Sequences of words as a deterministic automaton.

    Returns the number of each word of theirs (other words have 0); for state and word the next state, 0 where nothing
    goes on; and for each state the first sequence that ends there, or NEVER. State 0 is the beginning.
    """
    symbols = {
        word: n for n, word in enumerate(sorted({w for each in actors for w in each} - {ANY, NOT_THE, "the"}), 2)
    }
    symbols["the"] = 1
    start = tuple((sequence, 0) for sequence in range(len(actors)))
    states, moves, ends = {start: 0}, [], []
    waiting = [start]
    for state in waiting:
        ends.append(min((s for s, at in state if at == len(actors[s])), default=int(NEVER)))
        ahead = [(s, at, actors[s][at]) for s, at in state if at < len(actors[s])]
        others = tuple((s, at + 1) for s, at, word in ahead if word in (ANY, NOT_THE))
        row = np.zeros(len(symbols) + 1, np.int32)
        named = {symbols[word] for _, _, word in ahead if word in symbols} | {0, 1}
        reached = {symbol: others for symbol in range(len(row)) if symbol not in named} if others else {}
        for symbol in named:
            reached[symbol] = tuple(
                (s, at + 1)
                for s, at, word in ahead
                if word == ANY or (word == NOT_THE and symbol != 1) or symbols.get(word) == symbol
            )
        for symbol, following in reached.items():
            if following:
                if following not in states:
                    states[following] = len(states)
                    waiting.append(following)
                row[symbol] = states[following]
        moves.append(row)
    return symbols, np.array(moves), np.array(ends, np.int32)
