"""The choice of the form: adopt or keep, and which details of the absorbed number go into the record that is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from custmerge.cli.language import SafeText, _, literal
from custmerge.cli.render.text.parts import Grid, value_or_dash
from custmerge.cli.terminal import Terminal
from custmerge.cli.words import counted, field_label, field_list
from custmerge.errors import Declined
from custmerge.rules.fields import Field
from custmerge.rules.mask import masked_comparison
from custmerge.rules.normalise import white_space
from custmerge.rules.plan import Choice, Wishes
from custmerge.services.merge import Offer

_BETWEEN = re.compile(r"[\s,;]+")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A numbered line of the choice."""

    words: tuple[str, ...]
    """What chooses it, but for its number; in lower case."""
    text: SafeText
    choice: Choice | None = None
    fields: tuple[Field, ...] = ()
    """What it switches on or off; where neither these nor a choice is given, it cancels."""
    fills: bool = field(default=False)


def asked_wishes(terminal: Terminal, offer: Offer, wishes: Wishes, *, given: Wishes) -> Wishes:
    """Return what the person chooses: which data the packages use, and what is taken over besides.

    `wishes` is what was chosen before, `given` what was given as options. Several numbers may be typed at once.
    Raises Declined where the person cancels, SteppedBack, and InputEnded. Source: the article's buttons "Daten
    übernehmen" and "Auftrag abschicken".
    """
    entries = _entries(offer)
    listed = {name for entry in entries if not entry.fills for name in entry.fields}
    # Records may have changed: what isn't listed any more can't be switched off.
    wishes = replace(wishes, take=tuple(name for name in wishes.take if name in listed or name in given.take))
    terminal.show(Grid([_row(number, entry, wishes) for number, entry in enumerate(entries, start=1)]))
    if len(entries) > len(_choices(offer)):
        terminal.say(_("Details first, as many as you like, then 1 or 2: `4 1` does both."))
    while True:
        answer = terminal.ask(_("Your choice"), option=_("--adopt or --keep"), can_go_back=True).lower()
        chosen = _chosen(entries, answer)
        final = [number for number in chosen if not _is_switch(entries[number])]
        if not chosen or len(final) > 1:
            terminal.warn(_("Answer with numbers from the list, and with one only of 1, 2 and 3."))
            continue
        switched = [number for number in chosen if _is_switch(entries[number])]
        for number in switched:
            wishes = _switched(entries[number], wishes)
        if final:
            choice = entries[final[0]].choice
            if choice is None:
                raise Declined
            return replace(wishes, choice=choice)
        terminal.show(Grid([_row(number + 1, entries[number], wishes) for number in switched]))


def _entries(offer: Offer) -> list[_Entry]:
    comparison = offer.comparison
    lines = {line.field: line for line in masked_comparison(comparison).fields if line.field in comparison.different}
    entries = _choices(offer)
    if offer.missing:
        add = _("Add to {survivor} what is missing there: {fields}")
        text = add.format(survivor=comparison.survivor, fields=field_list(offer.missing))
        entries.append(_Entry(("fill", _("add what is missing")), text, fields=offer.missing, fills=True))
    take = _("Take over for {survivor}: {field} {value}")
    for name, line in lines.items():
        if white_space(line.absorbed):
            label = field_label(name)
            text = take.format(survivor=comparison.survivor, field=label, value=value_or_dash(line.absorbed))
            entries.append(_Entry((name.value, label.lower()), text, fields=(name,)))
    return entries


def _choices(offer: Offer) -> list[_Entry]:
    comparison = offer.comparison
    adopt = _("Adopt the data of {survivor} for the moved packages").format(survivor=comparison.survivor)
    if own := [package.package for package in offer.packages if package.contact is not None]:
        lost = counted(_("these lose the contact of their own: {names}"), own)
        adopt = literal("{adopt}; {lost}").format(adopt=adopt, lost=lost)
    keep = _("Send the order; the moved packages keep the data of {absorbed}").format(absorbed=comparison.absorbed)
    return [
        _Entry(("adopt", _("adopt the data")), adopt, Choice.ADOPT),
        _Entry(("keep", _("send the order")), keep, Choice.KEEP),
        _Entry(("cancel", _("Cancel").lower()), _("Cancel")),
    ]


def _is_switch(entry: _Entry) -> bool:
    return bool(entry.fields)


def _is_on(entry: _Entry, wishes: Wishes) -> bool:
    return wishes.fill if entry.fills else entry.fields[0] in wishes.take


def _switched(entry: _Entry, wishes: Wishes) -> Wishes:
    if entry.fills:
        return replace(wishes, fill=not wishes.fill)
    kept = tuple(name for name in wishes.take if name not in entry.fields)
    return replace(wishes, take=kept if _is_on(entry, wishes) else (*wishes.take, *entry.fields))


def _row(number: int, entry: _Entry, wishes: Wishes) -> tuple[SafeText, SafeText]:
    if not _is_switch(entry):
        return literal("{number}").format(number=number), entry.text
    box = literal("[x] {text}") if _is_on(entry, wishes) else literal("[ ] {text}")
    return literal("{number}").format(number=number), box.format(text=entry.text)


def _chosen(entries: Sequence[_Entry], answer: str) -> list[int]:
    """Return the positions of the entries that an answer names, by number, word or label; none where one isn't there.

    A label may be of several words, and then stands alone.
    """
    names = {name: position for position, entry in enumerate(entries) for name in (str(position + 1), *entry.words)}
    parts = [answer] if answer in names else [part for part in _BETWEEN.split(answer) if part]
    return [names[part] for part in parts] if all(part in names for part in parts) else []
