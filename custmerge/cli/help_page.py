"""What help pages show: options with what may be given, commands in groups, examples at the end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from custmerge.cli.language import SafeText, _

TYPERS_LEAST, MARGIN = 50, 2
"""Typer writes help in so many columns at least, unless told otherwise, and leaves so many free."""
NAMES_AT_MOST, NAMES_WHERE_NARROW = 30, 8
_EXAMPLES_BEGIN = 2
"""The lines of an epilog before its examples: one that keeps the lines as they are, and the heading."""
# What Typer says of a type, which is Python's, and of numbers.
_TYPE = re.compile(r" <[^>]*>$")
_EXTRAS = re.compile(r" *\[(?P<extras>[^\]]*)\]$")
_BOUNDS = re.compile(r"-?\d+<=x<=(?P<most>\d+)")


def epilog_of(examples: Iterable[str]) -> str:
    r"""Return the end of a help page; `\b` keeps its lines as they are."""
    return "\n".join(("\b", _("Examples:"), *(f"  {line}" for line in examples)))


def examples_of(epilog: str | None) -> list[str]:
    """Return the examples of a help page's end."""
    return [line.strip() for line in (epilog or "").splitlines()[_EXAMPLES_BEGIN:]]


# Any, here and below: Typer keeps the classes in these signatures private.
def write_options(command: Any, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
    """Write a command's arguments and options, without the names of Python's types and numbers nobody types."""
    for kind, heading in (("argument", _("Arguments")), ("option", _("Options"))):
        params = [param for param in command.get_params(ctx) if param.param_type_name == kind]
        records = [record for param in params if (record := param.get_help_record(ctx)) is not None]
        if kind == "argument":
            records = [(_TYPE.sub("", name), text) for name, text in records]
        if records:
            with formatter.section(heading):
                formatter.write_dl([(name, _said(text)) for name, text in records], col_max=_name_column(formatter))


def _name_column(formatter: Any) -> int:  # noqa: ANN401
    """Return how wide the names of options may be that stand beside their texts; longer ones stand above them."""
    return NAMES_AT_MOST if formatter.width >= TYPERS_LEAST else NAMES_WHERE_NARROW


def write_commands(commands: Mapping[str, Any], groups: Mapping[SafeText, Sequence[str]], formatter: Any) -> None:  # noqa: ANN401
    """Write commands with their summaries: a section for each group, the last one with those of no group too."""
    placed = {name for names in groups.values() for name in names}
    width = max(map(len, commands), default=0)
    for heading, names in groups.items():
        is_last = heading == [*groups][-1]
        listed = [*names, *(name for name in commands if is_last and name not in placed)]
        rows = [(name.ljust(width), commands[name].help) for name in listed if name in commands]
        if rows:
            with formatter.section(heading):
                formatter.write_dl(rows)


def _said(text: str) -> str:
    """Return an option's help with its default, and the largest number that may be given if anybody comes near it."""
    match = _EXTRAS.search(text)
    if match is None:
        return text
    extras = "; ".join(said for extra in match["extras"].split("; ") if (said := _extra(extra)))
    said = text[: match.start()]
    return f"{said}  [{extras}]" if extras else said


def _extra(extra: str) -> str:
    # Imported here: with it come formats, which the root command's page doesn't need.
    from custmerge.cli.options import LARGEST

    bounds = _BOUNDS.fullmatch(extra)
    if bounds is None:
        return extra
    most = int(bounds["most"])
    return "" if most == LARGEST else _("at most {most}").format(most=most)
