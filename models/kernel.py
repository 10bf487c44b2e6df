"""Compiled scoring: a `Compact` model as flat tables, and one pass over UTF-8 bytes for each string.

A string is decoded and lowered once, and cut into words 64 code points at a time. A hash table knows the words of all
vectorisers; n-grams are walks through tries whose edges (node, token) → node lie in one open-addressing table, behind a
sieve that most n-grams the model lacks do not pass. Every look-up compares whole keys, so no two n-grams are ever
taken for each other. Words, nodes and columns are numbered from the most frequent on, so that what is read most lies
together. A string with a code point that Python lowers by context or into several, or one beyond the table, is handed
back.
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
from numba.cpython.unsafe.numbers import trailing_zeros  # noqa: E402
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


def _generated(function: Any) -> Any:
    """One instruction or a few that Python has no words for."""
    return intrinsic(function)


# A code point's place in the table: its lower case in the low 21 bits, and what it is above them.
CODE_POINTS = 0x20000
LOWER = 0x1FFFFF
WORD, LETTER, DECIMAL, SPACE, BACK = (1 << bit for bit in range(21, 26))

# The columns of a vectoriser's row of settings.
MODE, STEMMED, BLIND, LOW, HIGH, SUBLINEAR, BINARY, NORM, TOP = range(9)
WORDS, PUNCTUATION, NO_NUMBERS, FIRST_DIGIT, STEMS, CHAR, CHAR_WB = range(7)
TOKEN_MODES = {name: mode for mode, name in enumerate(TOKEN_NAMES)}
NORM_MODES = {None: 0, "l1": 1, "l2": 2}

I32, I64, U8, U32, U64, F64 = np.int32, np.int64, np.uint8, np.uint32, np.uint64, np.float64

UNKNOWN, DROPPED = -1, -2
NEVER = np.int32(2**31 - 1)
BLANK = ord(" ") << 1  # tokens are shifted like nodes
NO_NODE = U32(0xFFFFFFFF)
EMPTY = LONG = ALL = U64(0xFFFFFFFFFFFFFFFF)
SEED, PRIME, SPREAD = U64(0x9E3779B97F4A7C15), U64(0x100000001B3), U64(0x9FB21C651E98DF25)
ONES, TOPS = U64(0x0101010101010101), U64(0x8080808080808080)
LONGEST = 1 << 18  # bytes of a string; longer ones are handed back
FILTER = 16  # slots of the table of edges for 64 bits of the sieve
BLOCK = 64  # code points looked at together
LINE = 8  # numbers in a cache line
LANES = 4  # classes summed together
SUBLINEAR_TF = 1 + np.log(np.maximum(np.arange(64), 1))  # of small counts


class Tables(NamedTuple):
    """What the kernel reads.

    A word's `attributes` are its place among the words of actors and, for each vectoriser, its token: UNKNOWN, DROPPED
    or a node of the trie. Nodes are shifted left by one, with the low bit set where the trie goes on. Nodes below
    `columns` are columns. A node's record is a cache line or several: the edge that leads to it, which `keys` shows as
    an integer; its idf; its coefficients times the idf.
    """

    settings: NDArray[np.int64]
    points: NDArray[np.uint32]
    letters: NDArray[np.uint32]
    starts: NDArray[np.int64]
    slots: NDArray[np.uint64]
    attributes: NDArray[np.int32]
    sieve: NDArray[np.uint64]
    edges: NDArray[np.uint32]
    records: NDArray[np.float64]
    keys: NDArray[np.uint64]
    columns: int
    moves: NDArray[np.int32]
    ends: NDArray[np.int32]
    intercept: NDArray[np.float64]


class Scratch(NamedTuple):
    """Where the kernel works on one string."""

    kinds: Any
    narrow: Any
    begins: Any
    stops: Any
    known: Any
    covered: Any
    ids: Any
    fronts: Any
    places: Any
    slots: Any
    counts: Any
    used: Any
    weights: Any


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


def _pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Where array[place] lies, for functions of an array and a place."""
    struct = context.make_array(signature.args[0])(context, builder, arguments[0])
    place = context.cast(builder, arguments[1], signature.args[1], types.intp)
    size = context.get_abi_sizeof(context.get_data_type(signature.args[0].dtype))
    offset = builder.mul(place, ir.Constant(place.type, size))
    return cgutils.pointer_add(builder, struct.data, offset, ir.IntType(8).as_pointer())


@_generated
def _fetch(_: Any, array: Any, place: Any) -> Any:
    """Ask for the cache line of array[place], which is read a little later; never fails."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte = _pointer(context, builder, signature, arguments)
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte.type, number, number, number])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(prefetch, [byte, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, place), generate


@_generated
def _eight(_: Any, array: Any, place: Any) -> Any:
    """Eight bytes from array[place] on as one number, the first lowest."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte = _pointer(context, builder, signature, arguments)
        return builder.load(builder.bitcast(byte, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(array, place), generate


@_generated
def _flags(_: Any, kinds: Any, place: Any, flag: Any) -> Any:
    """For the BLOCK entries from kinds[place] on, bit by bit, whether each has the flag."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte = _pointer(context, builder, signature, arguments)
        block = ir.VectorType(ir.IntType(32), BLOCK)
        entries = builder.load(builder.bitcast(byte, block.as_pointer()), align=4)
        wanted = context.cast(builder, arguments[2], signature.args[2], types.uint32)
        same = builder.insert_element(ir.Constant(block, ir.Undefined), wanted, ir.IntType(32)(0))
        same = builder.shuffle_vector(same, same, ir.Constant(block, [0] * BLOCK))
        found = builder.icmp_unsigned("!=", builder.and_(entries, same), ir.Constant(block, [0] * BLOCK))
        return builder.bitcast(found, ir.IntType(BLOCK))

    return types.uint64(kinds, place, flag), generate


@_inlined
def _packed(kinds: Any, start: int, end: int) -> tuple[Any, Any]:
    """The key of a word: its code points themselves where 16 bytes hold them, else a hash beside LONG."""
    low, high = U64(0), U64(0)
    fits: Any = end - start <= 16
    for place in range(start, end):
        point = U64(kinds[place] & U32(LOWER))
        fits = fits and U64(0) < point < U64(256)
        if fits and place - start < 8:
            low |= point << U64(8 * (place - start))
        elif fits:
            high |= point << U64(8 * (place - start - 8))
    if fits:
        return low, high
    low = SEED
    for place in range(start, end):
        low = (low ^ U64(kinds[place] & U32(LOWER))) * PRIME
    return low, LONG


@_inlined
def _key(work: Any, start: int, end: int) -> Any:
    """The same for a part of the string, from the bytes in `narrow`; a zero among them stands for what is no byte."""
    size = end - start
    if size <= 16:
        few = ALL >> U64(64 - 8 * min(size, 8))
        more = ALL >> U64(128 - 8 * size) if size > 8 else U64(0)
        low, high = _eight(work.narrow, start) & few, _eight(work.narrow, start + 8) & more
        first, second = low | ~few, high | ~more
        if not (((first - ONES) & ~first) | ((second - ONES) & ~second)) & TOPS:
            return low, high
    return _packed(work.kinds, start, end)


@_inlined
def _slot(low: Any, high: Any, mask: Any) -> Any:
    mixed = (low ^ (high * SEED)) * SPREAD
    return ((mixed ^ (mixed >> U64(32))) * SPREAD >> U64(32)) & mask


@_compiled
def _index_words(letters: Any, starts: Any, slots: Any) -> None:
    mask = U64(len(slots) - 1)
    for word in range(len(starts) - 1):
        low, high = _packed(letters, starts[word], starts[word + 1])
        slot = _slot(low, high, mask)
        while slots[slot, 2] != EMPTY:
            slot = (slot + U64(1)) & mask
        slots[slot, 0], slots[slot, 1], slots[slot, 2] = low, high, U64(word)


@_inlined
def _find_word(tables: Any, work: Any, start: int, end: int) -> Any:
    """The word that stands in that part of the string, or UNKNOWN."""
    low, high = _key(work, start, end)
    mask = U64(len(tables.slots) - 1)
    slot = _slot(low, high, mask)
    while True:
        word = tables.slots[slot, 2]
        if word == EMPTY:
            return UNKNOWN
        if tables.slots[slot, 0] == low and tables.slots[slot, 1] == high:
            if high != LONG:
                return I64(word)
            first = tables.starts[word]
            same = tables.starts[word + U64(1)] - first == end - start
            for place in range(start, end):
                same = same and tables.letters[first + place - start] == work.kinds[place] & U32(LOWER)
            if same:
                return I64(word)
        slot = (slot + U64(1)) & mask


@_inlined
def _edge(node: Any, token: Any) -> Any:
    """The hash of the edge from `node` by `token`: its slot by the lowest bits, its bit of the sieve by others."""
    key = (U64(node) << U64(32)) | U64(token)
    mixed = (key ^ (key >> U64(29))) * SPREAD
    return mixed >> U64(32) | (mixed << U64(32))


@_compiled
def _index_edges(keys: Any, edges: Any, sieve: Any, on: Any) -> None:
    """Enter every node that an edge leads to, with the mark whether the trie goes on."""
    mask, bits = U64(len(edges) - 1), U64(64 * len(sieve) - 1)
    for node in range(len(keys)):
        if keys[node, 0] != EMPTY:
            mixed = _edge(keys[node, 0] >> U64(32), keys[node, 0] & U64(0xFFFFFFFF))
            bit = (mixed >> U64(8)) & bits
            sieve[bit >> U64(6)] |= U64(1) << (bit & U64(63))
            slot = mixed & mask
            while edges[slot] != NO_NODE:
                slot = (slot + U64(1)) & mask
            edges[slot] = U32(node << 1 | on[node])


@_inlined
def _walks(tables: Any, work: Any, size: int, deepest: int) -> int:
    """Count every column on the walks through the trie that have come to `fronts`, with tokens from `places` on.

    All walks take a step before any takes the next, and ask for what they will look at then. Results are written in any
    case and kept where a walk goes on: no branch to be guessed wrong. Returns how many different columns were met.
    """
    fronts, places, ids, slots, edges = work.fronts, work.places, work.ids, work.slots, tables.edges
    mask, bits = U64(len(edges) - 1), U64(64 * len(tables.sieve) - 1)
    found = 0
    depth = 1
    while size:
        going = 0
        for walk in range(size):
            node, place = I64(fronts[walk]), I64(places[walk])
            column = node >> 1
            if column < tables.columns:
                count = work.counts[column]
                work.used[U64(found)] = column
                work.counts[column] = count + 1
                found += count == 0
            token = ids[place]
            mixed = _edge(column, token >> 1)
            bit = (mixed >> U64(8)) & bits
            goes = I64(tables.sieve[bit >> U64(6)] >> (bit & U64(63))) & node & 1 & (token >= 0)
            slot = mixed & mask
            fronts[U64(going)], places[U64(going)], slots[U64(going)] = column, place, slot
            _fetch(edges, slot)
            going += goes
        if depth == deepest:
            return found
        for walk in range(going):
            _fetch(tables.records, I64(edges[slots[walk]] >> U32(1)) * tables.records.shape[1])
        size = 0
        for walk in range(going):
            key = (U64(fronts[walk]) << U64(32)) | U64(ids[places[walk]] >> 1)
            slot = slots[walk]
            reached = edges[slot]
            while reached != NO_NODE and tables.keys[reached >> U32(1), 0] != key:
                slot = (slot + U64(1)) & mask
                reached = edges[slot]
            fronts[U64(size)], places[U64(size)] = reached, places[walk] + 1
            size += reached != NO_NODE
        depth += 1
    return found


@_inlined
def _weigh(tables: Any, work: Any, found: int, setting: Any, out: Any) -> None:
    """Add the weights of the columns counted to a row of decisions, and forget the counts."""
    used, weights, records = work.used, work.weights, tables.records
    kind, binary, sublinear = setting[NORM], setting[BINARY], setting[SUBLINEAR]
    norm = 0.0
    for place in range(found):
        column = used[place]
        count = I64(work.counts[column])
        work.counts[column] = 0
        tf = 1.0
        if sublinear and not binary:
            tf = SUBLINEAR_TF[U64(count)] if count < len(SUBLINEAR_TF) else 1.0 + np.log(float(count))
        elif not binary:
            tf = float(count)
        weights[place] = tf
        value = tf * records[column, 1]
        norm += value * value if kind == 2 else abs(value)
    if kind == 0 or norm == 0.0:
        norm = 1.0
    elif kind == 2:
        norm = np.sqrt(norm)
    for k in range(0, len(out), LANES):
        a, b, c, d = 0.0, 0.0, 0.0, 0.0
        for place in range(found):
            column, tf = used[place], weights[place]
            a += tf * records[column, k + 2]
            b += tf * records[column, k + 3]
            c += tf * records[column, k + 4]
            d += tf * records[column, k + 5]
        for lane, total in enumerate((a, b, c, d)):
            if k + lane < len(out):
                out[k + lane] += total / norm


@_inlined
def _read(data: Any, at: int, end: int, points: Any, work: Any) -> int:
    """Decode and lower a string; returns the number of code points, or -1 to hand it back."""
    length = 0
    while at < end:
        while at + 8 <= end and not _eight(data, at) & TOPS:  # ASCII
            for place in range(8):
                entry = points[data[at + place]]
                work.kinds[length + place] = entry
                work.narrow[length + place] = U8(entry)
            at += 8
            length += 8
        if at == end:
            break
        point = U32(data[at])
        at += 1
        if point >= 0x80:
            more = 1 if 0xC2 <= point < 0xE0 else 2 if 0xE0 <= point < 0xF0 else 3 if 0xF0 <= point < 0xF5 else 0
            if more == 0 or at + more > end:
                return -1
            point &= U32(0x3F >> more)
            for _ in range(more):
                byte = U32(data[at])
                if (byte & U32(0xC0)) != 0x80:
                    return -1
                point = (point << U32(6)) | (byte & U32(0x3F))
                at += 1
            if point >= CODE_POINTS or (more == 2 and point < 0x800) or (more == 3 and point < 0x10000):
                return -1
        entry = points[point]
        if entry & U32(BACK):
            return -1
        lower = entry & U32(LOWER)
        work.kinds[length] = entry
        work.narrow[length] = U8(lower) if lower < 256 else U8(0)
        length += 1
    for place in range(length, length + BLOCK):
        work.kinds[place] = U32(SPACE)
    return length


@_inlined
def _places(bits: Any, base: int, places: Any, number: int) -> int:
    """Append where bits are set; returns the new number of places."""
    while bits:
        places[U64(number)] = base + I64(trailing_zeros(bits))
        bits &= bits - U64(1)
        number += 1
    return number


@_inlined
def _cut(work: Any, length: int) -> int:
    """Where tokens begin and stop: words, and other code points that are no space one by one; returns their number."""
    begun, stopped = 0, 0
    in_word, in_other = U64(0), U64(0)
    for base in range(0, length + 1, BLOCK):
        words = _flags(work.kinds, base, WORD)
        others = ~(words | _flags(work.kinds, base, SPACE))
        before = words << U64(1) | in_word
        begun = _places(words & ~before | others, base, work.begins, begun)
        stopped = _places(before & ~words | others << U64(1) | in_other, base, work.stops, stopped)
        in_word, in_other = words >> U64(BLOCK - 1), others >> U64(BLOCK - 1)
    return begun


@_inlined
def _all(kinds: Any, begin: int, stop: int, flag: Any) -> Any:
    """Whether all these code points have the flag."""
    shared = U32(flag)
    for place in range(begin, stop):
        shared &= kinds[place]
    return shared != 0


@_inlined
def _cover_actors(tables: Any, work: Any, tokens: int) -> None:
    """Mark the tokens that name an actor, with what stands between them."""
    known, covered = work.known, work.covered
    for place in range(tokens):
        covered[place] = False
    place = 0
    while place < tokens:
        word = known[place]
        state = tables.moves[0, tables.attributes[word, 0]] if word >= 0 else 0
        best, reach, ahead = NEVER, place, place
        while state != 0:
            if tables.ends[state] < best:
                best, reach = tables.ends[state], ahead
            ahead += 1
            while ahead < tokens and not work.kinds[work.begins[ahead]] & U32(WORD):
                ahead += 1
            if ahead >= tokens:
                break
            word = known[ahead]
            state = tables.moves[state, tables.attributes[word, 0] if word >= 0 else 0]
        if best != NEVER:
            while place < reach:
                covered[place] = True
                place += 1
            covered[place] = True
        place += 1


@_inlined
def _tokens_of(tables: Any, work: Any, part: int, tokens: int) -> int:
    """The tokens of a string as one vectoriser of words or stems has them, into `ids`; returns their number."""
    setting, number = tables.settings[part], 0
    mode, blind, stem_length = setting[MODE], setting[BLIND], setting[STEMMED]
    for place in range(tokens):
        if blind and work.covered[place]:
            continue
        word, begin, stop = work.known[place], I64(work.begins[place]), I64(work.stops[place])
        if mode == PUNCTUATION:
            pass
        elif not work.kinds[begin] & U32(WORD):
            continue
        elif mode == STEMS:
            if word < 0:
                stop = min(stop, begin + stem_length)
        elif mode == NO_NUMBERS:
            if not _all(work.kinds, begin, stop, LETTER):
                continue
        elif mode == FIRST_DIGIT and not work.kinds[begin] & U32(LETTER):
            if not _all(work.kinds, begin, stop, DECIMAL):
                continue
            stop = begin + 1
        if stop < work.stops[place]:
            word = _find_word(tables, work, begin, stop)
        token = I64(tables.attributes[word, 1 + part]) if word >= 0 else UNKNOWN
        work.ids[U64(number)] = token
        number += token != DROPPED
    return number


@_inlined
def _characters_of(mode: int, length: int, kinds: Any, ids: Any) -> int:
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
                ids[number] = I64(kinds[place] & U32(LOWER)) << 1
                place += 1
            number += 1
        elif run > place:
            place = run
        else:
            ids[number] = BLANK
            number += 1
            while place < length and not kinds[place] & U32(SPACE):
                ids[number] = I64(kinds[place] & U32(LOWER)) << 1
                number += 1
                place += 1
            ids[number], ids[number + 1] = BLANK, UNKNOWN
            number += 2
    return number


@_inlined
def _score_row(tables: Any, work: Any, length: int, of_words: bool, out: Any) -> None:
    tokens = 0
    if of_words:
        tokens = _cut(work, length)
        for place in range(tokens):
            work.known[place] = _find_word(tables, work, I64(work.begins[place]), I64(work.stops[place]))
        _cover_actors(tables, work, tokens)
    for k in range(len(out)):
        out[k] = tables.intercept[k]
    for part in range(len(tables.settings)):
        setting = tables.settings[part]
        by_words = setting[MODE] < CHAR
        if by_words:
            number = _tokens_of(tables, work, part, tokens)
        else:
            number = _characters_of(setting[MODE], length, work.kinds, work.ids)
        size = 0
        for place in range(number):
            token = work.ids[place]
            work.fronts[U64(size)] = token if by_words else setting[TOP] << 1 | 1
            work.places[U64(size)] = place + by_words
            _fetch(tables.records, (token >> 1) * tables.records.shape[1])
            size += token >= 0
        work.ids[number] = UNKNOWN  # where every walk ends
        found = _walks(tables, work, size, setting[HIGH] + (not by_words))
        _weigh(tables, work, found, setting, out)


@_inlined
def _score_rows(data: Any, offsets: Any, rows: Any, out: Any, back: Any, tables: Any, work: Any, words: bool) -> None:
    for row in range(rows[0], rows[1]):
        length = -1
        if offsets[row + 1] - offsets[row] <= LONGEST:
            length = _read(data, offsets[row], offsets[row + 1], tables.points, work)
        back[row] = length < 0
        if length >= 0:
            _score_row(tables, work, length, words, out[row])


@_compiled
def score(data: Any, offsets: Any, first: int, last: int, out: Any, back: Any, tables: Any) -> None:
    """Decisions of the strings first … last - 1, into the rows of `out`; `back` is set for those handed back."""
    longest, widest, of_words = 0, 1, False
    for row in range(first, last):
        if offsets[row + 1] - offsets[row] <= LONGEST:
            longest = max(longest, offsets[row + 1] - offsets[row])
    for part in range(len(tables.settings)):
        of_words |= tables.settings[part, MODE] < CHAR
        widest = max(widest, tables.settings[part, HIGH])
    padded, widened = longest + BLOCK + 1, 3 * longest + 4  # every letter a padded word of its own
    most = min(tables.columns, widened * widest) + 1
    work = Scratch(
        kinds=np.empty(padded, U32), narrow=np.empty(padded, U8), begins=np.empty(padded, U32),
        stops=np.empty(padded, U32), known=np.empty(padded, I64), covered=np.empty(padded, np.bool_),
        ids=np.empty(widened, I64), fronts=np.empty(widened, U32), places=np.empty(widened, U32),
        slots=np.empty(widened, U64), counts=np.zeros(tables.columns, I32), used=np.empty(most, U32),
        weights=np.empty(most, F64),
    )  # fmt: skip
    _score_rows(data, offsets, (first, last), out, back, tables, work, of_words)


def tables(model: Compact) -> Tables:
    """Lay a model out for the kernel."""
    words = _words(model)
    index = {word: place for place, word in enumerate(words)}
    letters, starts = _utf32(words)
    slots = np.full((_table(len(words)), 4), EMPTY, U64)
    _index_words(letters, starts, slots)
    symbols, moves, ends = _automaton(model.actors)

    idf = np.concatenate(model.idf)
    ranks = np.empty(len(idf), I64)
    ranks[np.argsort(idf, kind="stable")] = np.arange(len(idf))
    trie = _Trie(len(idf))
    attributes = np.full((len(words), 1 + len(model.kinds)), UNKNOWN, np.int32)
    attributes[:, 0] = [symbols.get(word, 0) for word in words]
    settings = np.zeros((len(model.kinds), TOP + 1), I64)
    firsts = []
    for part, (kind, terms) in enumerate(zip(model.kinds, model.terms, strict=True)):
        mode = TOKEN_MODES[kind.token] if kind.analyzer == "word" else CHAR if kind.analyzer == "char" else CHAR_WB
        settings[part] = (
            *(mode, kind.stem_length, kind.blind, *kind.ngram_range, kind.sublinear_tf, kind.binary),
            *(NORM_MODES[kind.norm], trie.size),
        )
        tokens, bounds = _spelled(kind, terms, index)
        columns = ranks[model.bases[part] : model.bases[part + 1]]
        firsts.append(trie.grow(tokens, bounds, columns, len(words) if mode < CHAR else 0))
    on = trie.goes_on()
    for part, (kind, nodes) in enumerate(zip(model.kinds, firsts, strict=True)):
        if len(nodes):
            attributes[:, 1 + part] = _tokens_of_words(
                kind, words, index, np.where(nodes >= 0, nodes << 1 | on[nodes], UNKNOWN)
            )
    records = _records(model, ranks, trie)
    room = _table(int((trie.keys != EMPTY).sum()))
    edges, sieve = np.full(room, NO_NODE), np.zeros(room // FILTER, U64)
    _index_edges(records.view(U64), edges, sieve, on)
    return Tables(
        settings, code_points(), letters, starts, slots, attributes, sieve, edges, records, records.view(U64),
        len(idf), moves, ends, model.intercept.copy(),
    )  # fmt: skip


def _table(entries: int) -> int:
    """A power of two that leaves a table half empty."""
    return max(16, 1 << (2 * entries - 1).bit_length())


def _utf32(strings: list[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Strings end to end as code points, and where each begins."""
    joined = np.frombuffer("".join(strings).encode("utf-32-le", "surrogatepass"), np.uint32)
    return joined.copy(), np.cumsum([0, *map(len, strings)], dtype=I64)


def _words(model: Compact) -> list[str]:
    """Every word that a look-up may have to know: tokens of terms, from the most frequent on, stop words, actors."""
    found: dict[str, None] = {}
    for kind, terms, idf in zip(model.kinds, model.terms, model.idf, strict=True):
        if kind.analyzer == "word":
            ordered = [terms[column] for column in np.argsort(idf, kind="stable").tolist()]
            found |= dict.fromkeys(" ".join(ordered).split(" ")) | dict.fromkeys(kind.stop_words)
    found |= dict.fromkeys(word for sequence in model.actors for word in sequence)
    return [word for word in found if word not in ("", ANY, NOT_THE)]


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


class _Trie:
    """Nodes of the n-grams of all vectorisers: first the columns, then roots and what only leads on.

    `keys` are the edges that lead to the nodes, (node, token) in one integer, EMPTY where none does.
    """

    def __init__(self, columns: int):
        self.keys = np.full(columns, EMPTY)

    @property
    def size(self) -> int:
        return len(self.keys)

    def grow(
        self, tokens: NDArray[np.int64], bounds: NDArray[np.int64], columns: NDArray[np.int64], words: int
    ) -> NDArray[np.int64]:
        """Add terms that end in `columns`. Of words, the first token is a node; returns that of each, else -1.

        From the second on a word's token is that node too; characters are walked from a root, as code points.
        """
        lengths = np.diff(bounds)
        firsts = np.full(words, -1, I64)
        if words:
            parts = np.unique(tokens)
            firsts[parts] = self._add(len(parts))
            alone = lengths == 1
            firsts[tokens[bounds[:-1][alone]]] = columns[alone]
            tokens = firsts[tokens]
            nodes, depth = np.zeros(len(lengths), I64), 1
            nodes[lengths > 0] = tokens[bounds[:-1][lengths > 0]]
        else:
            nodes, depth = np.full(len(lengths), self._add(1)[0]), 0
        for at in range(depth, max(lengths, default=0)):
            longer = np.flatnonzero(lengths > at)
            keys = nodes[longer].astype(U64) << U64(32) | tokens[bounds[longer] + at].astype(U64)
            edges, place = np.unique(keys, return_inverse=True)
            ending = lengths[longer] == at + 1
            reached = np.full(len(edges), -1, I64)
            reached[place[ending]] = columns[longer[ending]]
            reached[reached < 0] = self._add(int((reached < 0).sum()))
            self.keys[reached] = edges
            nodes[longer] = reached[place]
        return firsts

    def _add(self, number: int) -> NDArray[np.int64]:
        self.keys = np.concatenate([self.keys, np.full(number, EMPTY)])
        return np.arange(self.size - number, self.size)

    def goes_on(self) -> NDArray[np.bool_]:
        """Whether an edge leaves each node."""
        on = np.zeros(self.size, np.bool_)
        on[(self.keys[self.keys != EMPTY] >> U64(32)).astype(I64)] = True
        return on


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


def _records(model: Compact, ranks: NDArray[np.int64], trie: _Trie) -> NDArray[np.float64]:
    """The record of each node, where a cache line begins."""
    width = -(-(2 + -(-len(model.coef) // LANES) * LANES) // LINE) * LINE
    room = np.zeros(trie.size * width + LINE)
    start = -(room.ctypes.data // room.itemsize) % LINE
    records = room[start : start + trie.size * width].reshape(trie.size, width)
    records.view(U64)[:, 0] = trie.keys
    idf = np.concatenate(model.idf)
    records[ranks, 1] = idf
    records[ranks, 2 : 2 + len(model.coef)] = model.coef.T * idf[:, None]
    return records


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
