"""Properties of characters: invisible, a combining mark, or drawn like a character of another script."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

MARKS_IN_A_ROW = 30
"""At most so many combining marks may follow one character. Source: UAX 15 §13, Stream-Safe Text Format."""

DEFAULT_IGNORABLE = (
    *((0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F)),
    *((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF)),
    *((0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)
"""First and last of each range of Default_Ignorable_Code_Point. Source: Unicode 16, DerivedCoreProperties.txt."""
BLANK = "\u2800\ufffc\U00013441\U00013442\U00016fe4\U0001d159"
"""Other characters that are drawn as nothing: blanks of braille and hieroglyphs, the object replacement character,
the Khitan filler, the null notehead."""

# Cc control, Cf format (bidi, zero width), Cs surrogate, Co private, Cn unassigned, Zl and Zp separators.
_OBEYED_OR_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_NO_INK = frozenset({"Cc", "Cf", "Zl", "Zp"})
_IGNORED = re.compile(
    "[{}{}]".format("".join(f"{chr(first)}-{chr(last)}" for first, last in DEFAULT_IGNORABLE), BLANK)
)

_LOOK_LATIN = frozenset(
    {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU", "FULLWIDTH", "MATHEMATICAL", "ROMAN"}
)
"""Scripts, and kinds of letters, some of which are drawn like Latin ones."""
# Letters and signs, each with the Latin or ASCII ones that its capital or small letter looks like.
# Source: Unicode TR 39, confusables.txt: those that look alike in usual typefaces.
_PAIRS = (
    "а:a в:b г:r е:e к:k м:m н:h о:o р:p с:c т:t у:y х:x ь:b ѕ:s і:i ј:j һ:h ӏ:l ԁ:d ԛ:q ԝ:w "
    "α:a β:b ε:e ζ:z η:nh ι:i κ:k μ:mu ν:vn ο:o ρ:p σ:o τ:t υ:uy χ:x ω:w "
    "օ:o ո:n ռ:n ս:u հ:h ց:g զ:q ı:i ɑ:a ɡ:g "
    "ꓮ:a ꓐ:b ꓚ:c ꓓ:d ꓰ:e ꓝ:f ꓖ:g ꓧ:h ꓲ:i ꓙ:j ꓗ:k ꓡ:l ꓟ:m ꓠ:n ꓳ:o ꓑ:p ꓣ:r ꓢ:s ꓔ:t ꓴ:u ꓦ:v ꓪ:w ꓫ:x ꓬ:y ꓜ:z "
    "ð:đ ᗅ:a ᗞ:d ᒍ:j ᑭ:p "
    "ⲁ:a ⲃ:b ⲥ:c ⲉ:e ⲏ:h ⲓ:i ⲕ:k ⲙ:m ⲛ:n ⲟ:o ⲣ:p ⲧ:t ⲩ:y ⲭ:x ⲍ:z ǀ:l "
    "‐:- ‒:- –:- —:- ―:- −:- ’:' ‘:' ‛:' ʼ:' ʻ:' ʹ:' ′:' ´:' `:' ⁄:/ ∕:/ "
    "ꭰ:d ꭱ:r ꭲ:t ꭵ:i ꭺ:a ꭻ:j ꭼ:e ꮃ:w ꮇ:m ꮋ:h ꮐ:g ꮓ:z ꮩ:v ꮪ:s ꮮ:l ꮯ:c ꮲ:p ꮶ:k ᏼ:b"
)
_DRAWN_LIKE = {**dict(pair.split(":") for pair in _PAIRS.split()), "꞉": ":", "ː": ":"}


def is_hidden(character: str) -> bool:
    """Return whether a terminal obeys a character or draws nothing for it; False for spaces."""
    return unicodedata.category(character) in _OBEYED_OR_HIDDEN or _IGNORED.match(character) is not None


def has_hidden(text: str) -> bool:
    """Return whether any character of `text` is hidden."""
    return not (text.isascii() and text.isprintable()) and any(map(is_hidden, text))


def is_invisible(character: str) -> bool:
    """Return whether a character is drawn as nothing: white space of any kind, or hidden.

    False for private-use characters and those newer than this Python's Unicode: they may be drawn as anything.
    """
    is_known = unicodedata.category(character) in _NO_INK or _IGNORED.match(character) is not None
    return is_known or character.isspace()


def has_too_many_marks(text: str) -> bool:
    """Return whether more than `MARKS_IN_A_ROW` marks follow each other, which no language needs.

    The time to compose such a text grows with the square of its length.
    """
    # A longer row covers at least one of these positions, and in most texts none of them is a mark.
    if len(text) <= MARKS_IN_A_ROW or text.isascii():
        return False
    if not any(map(unicodedata.combining, text[MARKS_IN_A_ROW :: MARKS_IN_A_ROW + 1])):
        return False
    in_a_row = 0
    for character in text:
        in_a_row = in_a_row + 1 if unicodedata.combining(character) else 0
        if in_a_row > MARKS_IN_A_ROW:
            return True
    return False


def composed(text: str) -> str:
    """Return `text` in Unicode NFC; a text with too many marks in a row is returned unchanged."""
    return text if has_too_many_marks(text) else unicodedata.normalize("NFC", text)


def script(letter: str) -> str:
    """Return the first word of a letter's Unicode name, mostly its script: `LATIN`, `CYRILLIC`; also `FULLWIDTH`."""
    return unicodedata.name(letter, "").partition(" ")[0]


def foreign_letters(word: str) -> set[str]:
    """Return a word's letters from scripts with Latin look-alikes; none if the word has no Latin letters."""
    scripts = {letter: script(letter) for letter in word}
    return {letter for letter in word if scripts[letter] in _LOOK_LATIN} if "LATIN" in scripts.values() else set()


def look_alikes(text: str, model: str) -> set[str]:
    """Return the letters of `text` that differ from those in the same places of `model` but look like them.

    There are none if the two texts don't look alike as a whole. Case and invisible characters don't count.
    """
    drawn, drawn_model = (list(_parts(whole)) for whole in (text, model))
    if len(drawn) != len(drawn_model) or any(
        _drawn_as(part).isdisjoint(_drawn_as(like)) for (part, _), (like, _) in zip(drawn, drawn_model, strict=True)
    ):
        return set()
    pairs = zip(drawn, drawn_model, strict=True)
    return {letter for (_, letter), (_, like) in pairs if letter.lower() != like.lower()}


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Yield the visible letters of a text, those of a ligature one by one, each with the character it comes from."""
    for letter in composed(text):
        if not is_invisible(letter):
            for part in unicodedata.normalize("NFKC", letter).lower():
                yield part, letter


def _drawn_as(part: str) -> set[str]:
    """Return the letters that `part` looks like, itself included; marks on it stay: Cyrillic `ё`, Latin `ë`."""
    decomposed = unicodedata.normalize("NFD", part)
    with_marks = (composed(like + decomposed[1:]) for like in _DRAWN_LIKE.get(decomposed[0], ""))
    return {part, *_DRAWN_LIKE.get(part, ""), *with_marks}
