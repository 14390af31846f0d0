"""The settings of the model: for each comparison its levels, as SQL and with their probabilities.

The SQL knows only what DuckDB and Spark compute alike: `=`, `substr`, `levenshtein`, `length`, and plain lower-case
names of columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from custmerge.rules.duplicates.levels import Compared, Level

SMALLEST_FREQUENCY = 0.0001
"""A value that is rarer counts as much as one of this frequency: a name that is there once may be a slip."""


class MFrom(Enum):
    """Where the probabilities of the levels in two records of one customer come from."""

    HERE = auto()
    """They are fixed: trained on names, households would be learnt as persons."""
    RARE_NAMES = auto()
    """Pairs of equal names that are so rare that hardly two people have them.

    Whoever has moved has another street, place and number for one reason. Expectation maximisation takes the three
    for three reasons against one, and so for somebody else.
    """
    EXPECTATION = auto()
    """Expectation maximisation."""


@dataclass(frozen=True, slots=True)
class LevelSql:
    """A level of a comparison."""

    level: Level
    m: float
    """The probability of this level in two records of one customer: fixed, or where the training begins."""
    u: float
    """Likewise in two records of different customers; what is trained is drawn to it: few customers teach little."""
    sql: str = "ELSE"
    by_frequency: str | None = None
    """The column whose value weighs the more, the rarer it is."""
    has_fixed_u: bool = False
    """Whether `u` isn't trained: so nothing is learnt of this level at all."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison: the first of its levels whose condition holds is that of a pair."""

    of: Compared
    columns: tuple[str, ...]
    """A record in which none of these is filled has nothing to compare."""
    neutral: str
    """The condition under which a pair has nothing to compare."""
    levels: tuple[LevelSql, ...]
    m_from: MFrom = MFrom.EXPECTATION

    def level(self, gamma: int) -> Level:
        """Return the level of Splink's number for it."""
        return Level.EMPTY if gamma < 0 else self.levels[len(self.levels) - 1 - gamma].level


def _neutral(column: str) -> str:
    return f"{column}_l is null or {column}_r is null"


def _equal(column: str) -> str:
    return f"{column}_l = {column}_r"


def _longer(column: str) -> str:
    return f"greatest(length({column}_l), length({column}_r))"


def _within(column: str, percent: int, least: int = 0) -> str:
    """Return the condition that a share of the longer text differs at most, or `least` letters.

    Lengths that differ by more need no distance, which takes most of the time.
    """
    left, right = f"{column}_l", f"{column}_r"
    allowed = f"greatest({100 * least}, {percent} * {_longer(column)})"
    lengths = f"100 * abs(length({left}) - length({right})) <= {allowed}"
    return f"{lengths} and 100 * levenshtein({left}, {right}) <= {allowed}"


def _near(column: str) -> str:
    """Return the condition that one letter differs, of more than three, or a fifth of the longer text."""
    return f"{_longer(column)} > 3 and {_within(column, 20, least=1)}"


def _contained(column: str) -> str:
    """Return the condition that one text, of at least three letters, is the beginning or the end of the other."""
    left, right = f"{column}_l", f"{column}_r"
    ends = " or ".join(
        f"substr({a}, 1, length({b})) = {b} or (length({a}) > length({b})"
        f" and substr({a}, length({a}) - length({b}) + 1, length({b})) = {b})"
        for a, b in ((left, right), (right, left))
    )
    return f"least(length({left}), length({right})) >= 3 and ({ends})"


def _initial(column: str) -> str:
    left, right = f"{column}_l", f"{column}_r"
    return f"least(length({left}), length({right})) = 1 and substr({left}, 1, 1) = substr({right}, 1, 1)"


def _near_texts(left: str, right: str) -> str:
    return f"5 * levenshtein({left}, {right}) <= greatest(5, length({left}), length({right}))"


def _other_sex(column: str) -> str:
    """Return the condition that one name is the other with an ending of the other sex."""
    return " or ".join(
        f"substr({longer}, 1, length({shorter})) = {shorter}"
        f" and substr({longer}, length({shorter}) + 1, 4) in ({_ENDINGS})"
        for longer, shorter in ((f"{column}_l", f"{column}_r"), (f"{column}_r", f"{column}_l"))
    )


_ENDINGS = ", ".join(f"'{ending}'" for ending in ("a", "e", "ia", "ie", "ina", "ine", "s"))
_SWAPPED = (
    f"first_name_l = last_name_r and {_near_texts('last_name_l', 'first_name_r')}"
    f" or last_name_l = first_name_r and {_near_texts('first_name_l', 'last_name_r')}"
)
_ONE_IS_RARE = "(frequent_name_l is null or frequent_name_r is null)"
"""Of two names that many have, such as Anna and Anne, none is a slip of the other, or short for it."""
_ELSEWHERE = "street_l <> street_r and postcode_l <> postcode_r and substr(city_l, 1, 2) <> substr(city_r, 1, 2)"
"""Another street in another place says no more than the place: who has moved has both for one reason."""
_IN_OTHER_STREET = "house_l <> house_r and coalesce(substr(street_l, 1, 2) <> substr(street_r, 1, 2), true)"
"""Nor does another number in another street, or where the street isn't known."""
_POSTCODE_NEAR = "levenshtein(postcode_l, postcode_r) <= 1"
_CITY_SIMILAR = _within("city", 34)
_ANY_NUMBER_EQUAL = " or ".join(f"{a}_l = {b}_r" for a in ("phone", "mobile") for b in ("phone", "mobile"))
_ANY_NUMBER_NEAR = " or ".join(
    f"(substr({a}_l, 1, 4) = substr({b}_r, 1, 4) and levenshtein({a}_l, {b}_r) <= 2)"
    for a, b in (("phone", "phone"), ("mobile", "mobile"))
)

COMPARISONS: tuple[Comparison, ...] = (
    Comparison(
        Compared.FIRST_NAME,
        ("first_name",),
        _neutral("first_name"),
        (
            LevelSql(Level.EQUAL, 0.80, 0.003, _equal("first_name"), "first_name"),
            LevelSql(Level.OTHER_SEX, 0.01, 0.0004, _other_sex("first_name")),
            LevelSql(Level.NEAR, 0.09, 0.0008, f"{_ONE_IS_RARE} and {_near('first_name')}"),
            LevelSql(Level.INITIAL, 0.02, 0.002, _initial("first_name")),
            LevelSql(Level.CONTAINED, 0.02, 0.0015, f"{_ONE_IS_RARE} and {_contained('first_name')}"),
            # What is swapped is swapped once: it weighs at the last name.
            LevelSql(Level.SWAPPED, 0.02, 0.02, _SWAPPED, has_fixed_u=True),
            LevelSql(Level.SIMILAR, 0.02, 0.002, _within("first_name", 34)),
            LevelSql(Level.DIFFERENT, 0.02, 0.99),
        ),
        MFrom.HERE,
    ),
    Comparison(
        Compared.LAST_NAME,
        ("last_name",),
        _neutral("last_name"),
        (
            LevelSql(Level.OTHER_GENERATION, 0.01, 0.002, "coalesce(generation_l, '') <> coalesce(generation_r, '')"),
            LevelSql(Level.EQUAL, 0.82, 0.0012, _equal("last_name"), "last_name"),
            LevelSql(Level.NEAR, 0.08, 0.0008, _near("last_name")),
            LevelSql(Level.SWAPPED, 0.02, 0.000001, _SWAPPED),
            LevelSql(Level.CONTAINED, 0.02, 0.002, _contained("last_name")),
            LevelSql(Level.SIMILAR, 0.02, 0.0025, _within("last_name", 34)),
            LevelSql(Level.DIFFERENT, 0.03, 0.99),
        ),
        MFrom.HERE,
    ),
    Comparison(
        Compared.STREET,
        ("street",),
        f"{_neutral('street')} or ({_ELSEWHERE})",
        (
            LevelSql(Level.EQUAL, 0.75, 0.004, _equal("street"), "street"),
            LevelSql(Level.NEAR, 0.10, 0.0006, _near("street")),
            LevelSql(Level.SIMILAR, 0.03, 0.007, _within("street", 34)),
            LevelSql(Level.DIFFERENT, 0.12, 0.988),
        ),
        MFrom.RARE_NAMES,
    ),
    Comparison(
        Compared.HOUSE,
        ("house",),
        f"{_neutral('house')} or ({_IN_OTHER_STREET})",
        (
            LevelSql(Level.EQUAL, 0.80, 0.011, _equal("house"), "house"),
            LevelSql(Level.NEAR, 0.05, 0.17, "levenshtein(house_l, house_r) = 1"),
            LevelSql(Level.DIFFERENT, 0.15, 0.82),
        ),
        MFrom.RARE_NAMES,
    ),
    Comparison(
        Compared.PLACE,
        ("postcode", "city"),
        f"({_neutral('postcode')}) and ({_neutral('city')})",
        (
            LevelSql(Level.EQUAL, 0.70, 0.0002, _equal("place"), "place"),
            LevelSql(Level.CITY_SIMILAR, 0.06, 0.00002, f"{_equal('postcode')} and {_CITY_SIMILAR}"),
            LevelSql(Level.BOTH_SIMILAR, 0.04, 0.0004, f"{_POSTCODE_NEAR} and {_CITY_SIMILAR}"),
            LevelSql(Level.POSTCODE, 0.04, 0.00001, _equal("postcode")),
            LevelSql(Level.CITY, 0.04, 0.007, _equal("city")),
            LevelSql(Level.POSTCODE_NEAR, 0.02, 0.0004, _POSTCODE_NEAR),
            LevelSql(Level.SIMILAR, 0.01, 0.003, _CITY_SIMILAR),
            LevelSql(Level.DIFFERENT, 0.09, 0.99),
        ),
        MFrom.RARE_NAMES,
    ),
    Comparison(
        Compared.PHONE,
        ("phone", "mobile"),
        "coalesce(phone_l, mobile_l) is null or coalesce(phone_r, mobile_r) is null",
        (
            LevelSql(Level.EQUAL, 0.60, 0.00001, _ANY_NUMBER_EQUAL),
            LevelSql(Level.NEAR, 0.05, 0.00001, _ANY_NUMBER_NEAR),
            LevelSql(Level.DIFFERENT, 0.35, 1),
        ),
    ),
    Comparison(
        Compared.EMAIL,
        ("email",),
        _neutral("email"),
        (
            LevelSql(Level.EQUAL, 0.60, 0.00001, _equal("email")),
            LevelSql(Level.LOCAL_PART, 0.10, 0.007, _equal("email_local")),
            LevelSql(Level.NEAR, 0.05, 0.0003, _near("email_local")),
            LevelSql(Level.DIFFERENT, 0.25, 0.99),
        ),
    ),
    Comparison(
        Compared.IBAN,
        ("iban",),
        _neutral("iban"),
        (
            LevelSql(Level.EQUAL, 0.60, 0.00001, _equal("iban")),
            LevelSql(
                Level.NEAR,
                0.05,
                0.000001,
                "(substr(iban_l, 1, 6) = substr(iban_r, 1, 6)"
                " or substr(iban_l, length(iban_l) - 5, 6) = substr(iban_r, length(iban_r) - 5, 6))"
                " and levenshtein(iban_l, iban_r) <= 2",
            ),
            LevelSql(Level.DIFFERENT, 0.35, 1),
        ),
    ),
    Comparison(
        Compared.COMPANY,
        ("company",),
        "company_l is null and company_r is null",
        (
            LevelSql(Level.EQUAL, 0.60, 0.00001, _equal("company"), "company"),
            LevelSql(Level.NEAR, 0.10, 0.00005, _within("company", 25)),
            LevelSql(Level.ONE_EMPTY, 0.20, 0.85, "company_l is null or company_r is null"),
            LevelSql(Level.DIFFERENT, 0.10, 0.15),
        ),
    ),
)
