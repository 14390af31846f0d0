"""What fingers do wrong."""

import random

_ROWS = ("qwertzuiopü", "asdfghjklöä", "yxcvbnm")
_BESIDE = {
    letter: row[max(0, place - 1) : place] + row[place + 1 : place + 2]
    for row in _ROWS
    for place, letter in enumerate(row)
}
"""The keys beside a key of a German keyboard."""
_LETTERS = "enirstadhulcgmobwfkzvpjyxq"


def mistyped(chance: random.Random, text: str) -> str:
    """Return `text` with one letter too many, too few, twice, another one, or two exchanged; mostly not the first."""
    if len(text) < 3:
        return text
    at = chance.randrange(1, len(text)) if chance.random() < 0.95 else 0
    before, letter, after = text[:at], text[at], text[at + 1 :]
    draw = int(chance.random() * 6)
    if draw == 0:
        letter = chance.choice(_LETTERS) + letter
    elif draw == 1:
        letter = ""
    elif draw == 2:
        letter = 2 * letter
    elif draw == 3 and after:
        letter, after = after[0] + letter, after[1:]
    elif draw == 4:
        letter = chance.choice(_LETTERS)
    else:
        letter = chance.choice(_BESIDE.get(letter.lower(), _LETTERS))
    return before + letter + after


def wrong_digit(chance: random.Random, text: str) -> str:
    """Return `text` with another digit in one place, or two neighbours exchanged."""
    places = [place for place, character in enumerate(text) if character.isdigit()]
    if not places:
        return text
    at = chance.choice(places)
    if at + 1 < len(text) and text[at + 1].isdigit() and chance.random() < 0.4:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text[:at] + str((int(text[at]) + chance.randrange(1, 10)) % 10) + text[at + 1 :]
