"""Who may speak: a pattern of the words that name an actor, for features that must not see them.

The codebook codes the act, never the actor. A clause should therefore get the same code whoever stands in it: states,
blocs, parties, governments and their offices, persons by title, and the pronouns that stand for them.
"""

import re

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


def _phrases(names: str) -> str:
    """Alternatives for names with semicolons between, whatever stands between their words."""
    each = [name.strip() for name in names.replace("\n", " ").split(";")]
    longest_first = sorted(each, key=lambda name: (-len(name), name))
    return "|".join(r"\W+".join(re.escape(word) for word in re.findall(r"\w+", name)) for name in longest_first)


# Parts are tried in this order; all text is in lower case.
_PARTS = (
    r"(?:mr|mrs|ms|dr|sir)\W+\w+",
    rf"(?:the\W+)?(?:{_phrases(STATES)})",
    r"(?:the\W+)?(?:republic|kingdom|sultanate|emirate|federation|principality)\W+of\W+(?!the\b)\w+",
    rf"(?:the\W+)?(?:{_phrases(BLOCS)})",
    r"the\W+\w+\W+(?:party|alliance|front|movement|league|coalition|bloc|union|federation)",
    r"(?:the\W+)?(?:two\W+|both\W+)?"
    r"(?:sides|ministers|leaders|governments|delegations|presidents|parties|heads\W+of\W+state\W+and\W+government)",
    r"(?:the\W+)?(?:prime\W+minister|foreign\W+minister|president|minister|chancellor|king|queen|government"
    r"|spokesperson|spokesman|spokeswoman)",
    r"we|they|he|she|i",
)
ACTOR = rf"\b(?:{'|'.join(_PARTS)})\b"


def passing_over_actors(token: str) -> str:
    r"""A token pattern for `token`, a pattern with one group, in which words that name an actor give an empty token.

    With "" among the stop words of a vectoriser the empty tokens are gone.

    >>> re.findall(passing_over_actors(r"\b(\w+)"), "on friday the two sides told mr. adeyemi that they reject it")
    ['on', 'friday', '', 'told', '', 'that', '', 'reject', 'it']
    """
    return rf"(?u)(?:{ACTOR}|{token})"
