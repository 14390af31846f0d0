"""What a mapping comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custmerge.cli.render.data.writing import Shape
from custmerge.cli.render.text.attach import problem_text

if TYPE_CHECKING:
    from custmerge.services.attach.check import Checked


def checked_shape(checked: Checked) -> Shape:
    """Return what would hold, and what is in its way."""
    return {
        "name": checked.name,
        "ready": checked.is_ready,
        "customers": checked.customers,
        "fields": {field.value: source for field, source in checked.fields.items()},
        "proof": checked.proof.value,
        "references": [
            {
                "column": each.reference.name,
                "policy": each.reference.policy.value,
                "found_by": each.reference.found_by.value,
                "rows": each.rows,
                "indexed": each.is_indexed,
                "why": each.reference.why,
            }
            for each in checked.references
        ],
        "questions": [
            {
                "column": question.column,
                "rows": question.rows,
                "distinct": question.distinct,
                "keys": question.keys,
                "orphans": question.orphans,
                "paste": question.paste,
            }
            for question in checked.questions
        ],
        "problems": [
            {"subject": problem.subject, "message": problem_text(problem, for_data=True)}
            | ({} if problem.paste is None else {"paste": problem.paste})
            for problem in checked.problems
        ],
        "schema": checked.resolved.schema,
    }
