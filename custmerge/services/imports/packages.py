"""Rows of a packages file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from custmerge.errors import N_
from custmerge.rules.fields import DETAIL_FIELDS
from custmerge.rules.normalise import domain_in_ascii, domain_name
from custmerge.rules.records import (
    CONTACT_COLUMNS,
    PACKAGE_COLUMNS,
    SKIPPED,
    Problem,
    contact_of,
    problems_of_package,
    wrong_with_domain,
)
from custmerge.services.imports import Kind, Line, Problems
from custmerge.services.imports.passwords import Hashes

if TYPE_CHECKING:
    from custmerge.storage.dialect import Row
    from custmerge.storage.unit import Unit


class Packages(Kind):
    """Imports packages and their domains into the register."""

    name = "packages"
    key = "package"
    columns = PACKAGE_COLUMNS
    required = ("package", "number")

    def __init__(self, unit: Unit, columns: Sequence[str], hashes: Hashes, *, skip_merged: bool) -> None:
        super().__init__(unit, columns, hashes, skip_merged=skip_merged)
        self._given = [column in columns for column in CONTACT_COLUMNS]

    def rows(self, lines: Sequence[Line], problems: Problems) -> Iterator[tuple[int, Row]]:
        """See `Kind`."""
        records = [(line, dict(zip(self._columns, cells, strict=True))) for line, cells in lines]
        targets = self._register.targets({row["number"] for _, row in records})
        good, skipped = [], []
        for line, row in records:
            if self._skip_merged and (target := targets.get(row["number"])) is not None:
                # The package stays where the merge put it, with its domains and its contact.
                problems.skip(line, Problem("number", row["number"], SKIPPED, target))
                skipped += _claims_of_skipped(line, row)
                continue
            wrong = problems_of_package(row) or _problems_of_owner(row["number"], targets)
            for problem in wrong:
                problems.add(line, problem)
            if not wrong:
                good.append((line, row))
        self._register.skip_domains(skipped)
        self._register.claim_domains([claim for line, row in good for claim in _claims(line, row)])
        for line, row in good:
            password_hash = self._hashes.of(line) if row.get("password") else row.get("password_hash") or None
            contact = contact_of(row) or (None,) * len(DETAIL_FIELDS)
            yield line, (row["package"], row["number"], row.get("name", ""), *contact, password_hash)

    def overwrite(self, rows: Sequence[tuple[int, Row]], stored: Mapping[str, Row], problems: Problems) -> int:  # noqa: ARG002 (as `Kind` has it)
        """See `Kind`."""
        merged = []
        for _, (package, number, name, *contact, password_hash) in rows:
            _, _, old_name, *old_contact, old_hash = stored[package]
            name_now = name if "name" in self._columns else old_name
            contact_now = self._merged_contact(contact, old_contact)
            merged.append((package, number, name_now, *contact_now, password_hash or old_hash))
        if "domains" in self._columns:
            self._register.release_domains(list(stored))
        self._register.put(self.name, merged)
        return len(merged)

    def _merged_contact(self, new: Sequence[str | None], old: Sequence[str | None]) -> Row:
        """Return the old contact with the columns that the file has replaced; None values if all of it is empty.

        An empty contact is nevertheless kept if the file gives it so, or changes nothing in it.
        """
        values = tuple(
            (cell if is_given else stored) or "" for cell, stored, is_given in zip(new, old, self._given, strict=True)
        )
        is_given = new[0] is not None
        is_left = not all(self._given) and values == tuple(old)
        return values if any(values) or is_given or is_left else (None,) * len(DETAIL_FIELDS)

    def finish(self, problems: Problems) -> None:
        """See `Kind`: a domain is in exactly one package."""
        for line, name, first in list(self._register.domains_claimed_twice()):
            problems.add(line, Problem("domains", name, N_("stands in line {other} already"), str(first)))
        for line, name in list(self._register.domains_lost()):
            why = N_("would be in no package: the line that it went to is skipped")
            problems.add(line, Problem("domains", name, why))
        self._report_taken_domains(problems)
        if not problems.lines and not self._register.settle_domains():
            self._report_taken_domains(problems)

    def _report_taken_domains(self, problems: Problems) -> None:
        for line, name, package in list(self._register.domains_of_other_packages()):
            problems.add(line, Problem("domains", name, N_("belongs to package {other}"), package))


def _claims(line: int, row: dict[str, str]) -> list[tuple[str, str, str, int]]:
    # A name that stands twice in a cell is one domain.
    names = {domain_in_ascii(name): domain_name(name) for name in row.get("domains", "").split()}
    return [(key, name, row["package"], line) for key, name in names.items()]


def _claims_of_skipped(line: int, row: dict[str, str]) -> list[tuple[str, str, str, int]]:
    """Return the claims of a line that is left out, whatever its other cells are."""
    names = [name for name in row.get("domains", "").split() if wrong_with_domain(name) is None]
    return _claims(line, {"domains": " ".join(names), "package": ""})


def _problems_of_owner(number: str, targets: dict[str, str | None]) -> list[Problem]:
    if number not in targets:
        return [Problem("number", number, N_("is no customer number here"))]
    target = targets[number]
    if target is not None:
        return [Problem("number", number, N_("went into {other}: name that one"), target)]
    return []
