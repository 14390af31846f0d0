"""How probable a pair is, as a person reads it."""

import pytest

from custmerge.cli.render.text.duplicates import candidates_table
from custmerge.rules.compare import Status
from custmerge.rules.duplicates.candidate import Candidate, Kind


@pytest.mark.parametrize(("probability", "text"), [(1.0, "99.9"), (0.99999, "99.9"), (0.5, "50.0"), (0.0, "0.0")])
def test_a_probability_is_never_certainty(probability, text):
    (row,) = candidates_table([Candidate("1", "2", Kind.SAME, probability, (), Status.SAME, 0)]).rows
    assert [str(cell) for cell in row.cells][1] == text
