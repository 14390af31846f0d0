"""How texts stand out: the one place that defines it.

What has a colour has a background of its own: no colour of letters alone can be read on black, white and Solarized.
Whoever can't see it loses nothing: marks and words say the same. Source: WCAG 2.2, 1.4.1 and 1.4.3, level AA.
"""

from __future__ import annotations

from enum import StrEnum


class Style(StrEnum):
    """What a text is to say by its look."""

    HEADING = "custmerge.heading"
    NOTICE = "custmerge.notice"
    """Look here: a row that differs, a warning. Source: the article, "werden diese Zeilen farbig markiert"."""
    PROBLEM = "custmerge.problem"
    """What stands in the way, or is wrong."""
    GOOD = "custmerge.good"


# The colours 16 to 255 are the same in every colour scheme.
_FIXED = {
    Style.HEADING: "bold",
    Style.NOTICE: "color(16) on color(136)",
    Style.PROBLEM: "bold color(16) on color(167)",
    Style.GOOD: "bold color(231) on color(28)",
}
# Of the first 16, which each scheme chooses, black and white alone can be read on each other in all of them.
_SIXTEEN = {
    Style.HEADING: "bold",
    Style.NOTICE: "black on white",
    Style.PROBLEM: "bold underline black on white",
    Style.GOOD: "bold",
}
_PROGRESS = {f"progress.{name}": "none" for name in ("remaining", "download", "percentage", "description")}


def definitions(color_system: str | None) -> dict[str, str]:
    """Return each style as Rich writes it, for a terminal with `standard` (16) colours, more, or none (None)."""
    chosen = _SIXTEEN if color_system == "standard" else _FIXED
    return {**_PROGRESS, **{style.value: written for style, written in chosen.items()}}
