"""Settings."""

from __future__ import annotations

from collections.abc import Sequence

from custmerge.cli.language import _, literal, visible
from custmerge.cli.render.text.parts import Table
from custmerge.cli.words import word
from custmerge.settings import Given


def settings_table(given: Sequence[Given]) -> Table:
    """Return settings, a line each, with what gave each its value."""
    rows = [
        (
            visible(one.setting),
            visible(one.value),
            literal("{source} {name}").format(source=word(one.source), name=one.name).rstrip(),
        )
        for one in given
    ]
    return Table((_("Setting"), _("Value"), _("From")), rows)
