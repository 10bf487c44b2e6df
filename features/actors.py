"""Who may speak: a pattern of the words that name an actor, for features that must not see them.

The codebook codes the act, never the actor. A clause should therefore get the same code whoever stands in it: states,
blocs, parties, governments and their offices, persons by title, and the pronouns that stand for them.
"""

import re
from itertools import product

STATES = """
afghanistan; albania; algeria; america; andorra; angola; antigua and barbuda; argentina; armenia; australia;
austria; azerbaijan; bahamas; bahrain; bangladesh; barbados; belarus; belgium; belize; benin; bhutan; bolivia;
bosnia and herzegovina; botswana; brazil; britain; brunei; bulgaria; burkina faso; burma; burundi; cabo verde;
cambodia; cameroon; canada; cape verde; central african republic; chad; chile; china; colombia; comoros; congo;
costa rica; croatia; cuba; cyprus; czech republic; czechia; côte d'ivoire; democratic republic of the congo;
denmark; djibouti; dominica; dominican republic; east timor; ecuador; egypt; el salvador; equatorial guinea;
eritrea; estonia; eswatini; ethiopia; fiji; finland; france; gabon; gambia; georgia; germany; ghana; great britain;
greece; grenada; guatemala; guinea; guinea-bissau; guyana; haiti; holland; holy see; honduras; hungary; iceland;
india; indonesia; iran; iraq; ireland; israel; italy; ivory coast; jamaica; japan; jordan; kazakhstan; kenya;
kiribati; korea; kosovo; kuwait; kyrgyzstan; laos; latvia; lebanon; lesotho; liberia; libya; liechtenstein;
lithuania; luxembourg; madagascar; malawi; malaysia; maldives; mali; malta; marshall islands; mauritania; mauritius;
mexico; micronesia; moldova; monaco; mongolia; montenegro; morocco; mozambique; myanmar; namibia; nauru; nepal;
netherlands; new zealand; nicaragua; niger; nigeria; north korea; north macedonia; norway; oman; pakistan; palau;
palestine; panama; papua new guinea; paraguay; peru; philippines; poland; portugal; qatar; romania; russia; russian
federation; rwanda; saint kitts and nevis; saint lucia; saint vincent and the grenadines; samoa; san marino; sao
tome and principe; saudi arabia; senegal; serbia; seychelles; sierra leone; singapore; slovakia; slovenia; solomon
islands; somalia; south africa; south korea; south sudan; soviet union; spain; sri lanka; sudan; suriname;
swaziland; sweden; switzerland; syria; taiwan; tajikistan; tanzania; thailand; timor-leste; togo; tonga; trinidad
and tobago; tunisia; turkey; türkiye; turkmenistan; tuvalu; uganda; uk; ukraine; united arab emirates; united
kingdom; united states of america; united states; uruguay; usa; uzbekistan; vanuatu; vatican; venezuela; viet nam;
vietnam; yemen; zambia; zimbabwe
"""
BLOCS = """
african union; arab league; asean; commonwealth; eu; european union; g7; g20; g77; group of 77; group of seven;
group of twenty; international community; league of arab states; nato; warsaw pact
"""


ANY = r"\w+"
NOT_THE = r"(?!the\b)\w+"


def _names(text: str) -> list[str]:
    """The names between semicolons, longest first, as their words with single spaces."""
    each = [name.strip() for name in text.replace("\n", " ").split(";")]
    return [" ".join(re.findall(r"\w+", name)) for name in sorted(each, key=lambda name: (-len(name), name))]


# Each part is a row of slots, each slot the phrases that may fill it, "" where it may stay empty. Parts and phrases are
# tried in this order; all text is in lower case.
_THE = ["the", ""]
_PARTS = (
    (["mr", "mrs", "ms", "dr", "sir"], [ANY]),
    (_THE, _names(STATES)),
    (_THE, ["republic", "kingdom", "sultanate", "emirate", "federation", "principality"], ["of"], [NOT_THE]),
    (_THE, _names(BLOCS)),
    (["the"], [ANY], ["party", "alliance", "front", "movement", "league", "coalition", "bloc", "union", "federation"]),
    (
        _THE,
        ["two", "both", ""],
        [
            *("sides", "ministers", "leaders", "governments", "delegations", "presidents", "parties"),
            "heads of state and government",
        ],
    ),
    (
        _THE,
        [
            *("prime minister", "foreign minister", "president", "minister", "chancellor", "king", "queen"),
            *("government", "spokesperson", "spokesman", "spokeswoman"),
        ],
    ),
    (["we", "they", "he", "she", "i"],),
)


def actor_sequences() -> list[tuple[str, ...]]:
    """Every way to name an actor, as words in lower case, `ANY` or `NOT_THE`; the first that fits is the one named.

    >>> sequences = actor_sequences()
    >>> sequences[0] == ("mr", ANY), sequences.index(("the", "two", "sides")) < sequences.index(("two", "sides"))
    (True, True)
    """
    return [tuple(" ".join(filter(None, phrases)).split()) for part in _PARTS for phrases in product(*part)]


def _pattern(phrase: str) -> str:
    return r"\W+".join(word if word in (ANY, NOT_THE) else re.escape(word) for word in phrase.split())


def _slot(phrases: list[str], end: str) -> str:
    patterns = [_pattern(phrase) for phrase in phrases if phrase]
    if "" in phrases:
        return f"(?:{'|'.join(pattern + end for pattern in patterns)})?"
    return (patterns[0] if len(patterns) == 1 else f"(?:{'|'.join(patterns)})") + end


def _part(slots: tuple[list[str], ...]) -> str:
    if len(slots) == 1:
        return "|".join(map(_pattern, slots[0]))
    return "".join(_slot(slot, r"\W+") for slot in slots[:-1]) + _slot(slots[-1], "")


ACTOR = rf"\b(?:{'|'.join(map(_part, _PARTS))})\b"


def passing_over_actors(token: str) -> str:
    r"""A token pattern for `token`, a pattern with one group, in which words that name an actor give an empty token.

    With "" among the stop words of a vectoriser the empty tokens are gone.

    >>> re.findall(passing_over_actors(r"\b(\w+)"), "on friday the two sides told mr. adeyemi that they reject it")
    ['on', 'friday', '', 'told', '', 'that', '', 'reject', 'it']
    """
    return rf"(?u)(?:{ACTOR}|{token})"
