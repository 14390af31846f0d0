"""What single characters are: drawn as nothing, marks on another one, or drawn like those of another script."""

from __future__ import annotations

import re
import unicodedata

MARKS_IN_A_ROW = 30
"""So many marks may stand on one character. Source: UAX 15 §13, Stream-Safe Text Format."""

DEFAULT_IGNORABLE = (
    *((0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F)),
    *((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF)),
    *((0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)
"""First and last of each range of Default_Ignorable_Code_Point. Source: Unicode 16, DerivedCoreProperties.txt."""
BLANK = "\u2800\U00013441\U00013442\U00016fe4\U0001d159"
"""Others that are drawn as nothing: braille and hieroglyphic blanks, the Khitan filler, the null notehead."""

# Cc control, Cf format (bidi, zero width), Cs surrogate, Co private, Cn unassigned, Zl and Zp separators.
_OBEYED_OR_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_IGNORED = re.compile(
    "[{}{}]".format("".join(f"{chr(first)}-{chr(last)}" for first, last in DEFAULT_IGNORABLE), BLANK)
)

_LOOK_LATIN = frozenset(
    {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU", "FULLWIDTH", "MATHEMATICAL", "ROMAN"}
)
"""Scripts, and kinds of letters, some of which are drawn like Latin ones."""
# Letters and the Latin ones that they are drawn like, as capitals or as small letters.
# Source: Unicode TR 39, confusables.txt: what is alike in usual typefaces.
_PAIRS = (
    "а:a в:b г:r е:e ё:ë ї:ï к:k м:m н:h о:o р:p с:c т:t у:y х:x ь:b ѕ:s і:i ј:j һ:h ӏ:l ԁ:d ԛ:q ԝ:w "
    "α:a β:b ε:e ζ:z η:nh ι:i κ:k μ:mu ν:vn ο:o ρ:p σ:o τ:t υ:uy χ:x ω:w "
    "օ:o ո:n ռ:n ս:u հ:h ց:g զ:q ı:i ɑ:a ɡ:g "
    "ꭰ:d ꭱ:r ꭲ:t ꭵ:i ꭺ:a ꭻ:j ꭼ:e ꮃ:w ꮇ:m ꮋ:h ꮐ:g ꮓ:z ꮩ:v ꮪ:s ꮮ:l ꮯ:c ꮲ:p ꮶ:k ᏼ:b"
)
_DRAWN_LIKE = dict(pair.split(":") for pair in _PAIRS.split())


def is_hidden(character: str) -> bool:
    """Return whether a terminal obeys a character or draws nothing for it; spaces aren't meant."""
    return unicodedata.category(character) in _OBEYED_OR_HIDDEN or _IGNORED.match(character) is not None


def has_hidden(text: str) -> bool:
    """Return whether any character of `text` is hidden."""
    return not (text.isascii() and text.isprintable()) and any(map(is_hidden, text))


def is_unseen(character: str) -> bool:
    """Return whether a character leaves no ink: white space of any kind, or hidden."""
    return character.isspace() or is_hidden(character)


def has_too_many_marks(text: str) -> bool:
    """Return whether more than `MARKS_IN_A_ROW` marks follow each other, as in no language.

    To compose such a text takes a time that grows with the square of its length.
    """
    # So long a row has one of these in it, and in most texts none of them is a mark.
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
    """Return `text` in Unicode NFC; one with too many marks in a row comes back as it is."""
    return text if has_too_many_marks(text) else unicodedata.normalize("NFC", text)


def script(letter: str) -> str:
    """Return the script of a letter as the first word of its name has it: `LATIN`, `CYRILLIC`; `FULLWIDTH` too."""
    return unicodedata.name(letter, "").partition(" ")[0]


def strangers(word: str) -> set[str]:
    """Return those letters of a word with Latin letters that belong to a script with look-alikes of them."""
    scripts = {letter: script(letter) for letter in word}
    return {letter for letter in word if scripts[letter] in _LOOK_LATIN} if "LATIN" in scripts.values() else set()


def doubles(mine: str, theirs: str) -> set[str]:
    """Return the letters of `mine` that are drawn like other ones in the same places of `theirs`.

    There are none where the two aren't drawn alike as a whole; neither case nor what is unseen counts.
    """
    drawn, others = ([c for c in composed(text) if not is_unseen(c)] for text in (mine, theirs))
    pairs = list(zip(drawn, others, strict=False))
    if len(drawn) != len(others) or any(_drawn_as(one).isdisjoint(_drawn_as(other)) for one, other in pairs):
        return set()
    return {one for one, other in pairs if one.lower() != other.lower()}


def _drawn_as(letter: str) -> set[str]:
    plain = unicodedata.normalize("NFKC", letter).lower()
    return {plain, *_DRAWN_LIKE.get(plain, "")}
