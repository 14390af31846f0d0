"""How probable a pair is, as a person reads it."""

import pytest

from custmerge.cli.render.text.duplicates import candidates_table
from custmerge.rules.compare import Status
from custmerge.rules.duplicates.candidate import Candidate, Kind


@pytest.mark.parametrize(("probability", "text"), [(1.0, "99.9"), (0.99999, "99.9"), (0.5, "50.0"), (0.0, "0.0")])
def test_a_probability_is_never_certainty(probability, text):
    (row,) = candidates_table([Candidate("1", "2", Kind.SAME, probability, (), Status.SAME, 0)]).rows
    assert [str(cell) for cell in row.cells][1] == text


@pytest.mark.parametrize(
    ("why", "is_marked"),
    [
        (("name equal", "street equal", "other phone"), False),
        (("name equal", "street equal", "other phone", "other e-mail"), True),
        (("only the name equal", "other city"), True),
        (("same name, other phone and e-mail", "address equal"), True),
    ],
)
def test_what_may_be_two_people_of_one_name_stands_out(why, is_marked):
    (row,) = candidates_table([Candidate("1", "2", Kind.SAME, 0.9, why, Status.SAME, 0)]).rows
    assert (row.style is not None) is is_marked


@pytest.mark.parametrize(
    ("kind", "text"), [(Kind.SAME, "different, needs a contract transfer"), (Kind.RELATED, "different")]
)
def test_only_one_customer_of_two_names_needs_a_transfer(kind, text):
    (row,) = candidates_table([Candidate("1", "2", kind, 0.9, (), Status.BLOCKED, 0)]).rows
    assert text in [str(cell) for cell in row.cells]
