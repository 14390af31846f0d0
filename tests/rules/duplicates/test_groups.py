"""Groups become stars: no star holds a dismissed pair, and a spoke that isn't itself the same is there by another."""

import time
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custmerge.rules.duplicates.candidate import Kind, ScoredPair
from custmerge.rules.duplicates.groups import Group, Spoke, Star, apart_of, ordered_pair, scored_groups, stars

NUMBERS = [str(number) for number in range(1, 7)]
PAIRS = list(combinations(NUMBERS, 2))


def scored(left, right, probability=0.9, kind=Kind.SAME):
    return ScoredPair(left, right, probability, kind, ("last name equal",))


def equal(first, other):
    return ScoredPair(first, other, None, Kind.SAME, ("first name equal",))


def stars_in(numbers, *, links=None, dismissed=()):
    """The stars of numbers of one group."""
    return list(stars(numbers, Group(numbers, links), apart_of(dismissed)))


def links_of(pairs):
    links = {number: {} for number in NUMBERS}
    for left, right in pairs:
        links[left][right] = links[right][left] = 0.9
    return links


def test_all_of_equal_identity_go_into_the_first():
    assert stars_in(["1", "2", "3"]) == [Star("1", (Spoke("2"), Spoke("3")))]


def test_a_group_of_one_is_no_star():
    assert stars_in(["1"]) == []


def test_a_dismissed_pair_is_in_two_stars():
    assert stars_in(["1", "2", "3", "4"], dismissed={("1", "3")}) == [Star("1", (Spoke("2"), Spoke("4")))]
    two = stars_in(["1", "2", "3", "4"], dismissed={("1", "3"), ("1", "4")})
    assert two == [Star("1", (Spoke("2"),)), Star("3", (Spoke("4"),))]


def test_two_spokes_that_are_dismissed_arent_merged_by_way_of_their_survivor():
    assert stars_in(["1", "2", "3"], dismissed={("2", "3")}) == [Star("1", (Spoke("2"),))]


def test_a_spoke_that_is_the_same_as_another_spoke_only_is_there_by_that():
    links = links_of([("1", "2"), ("2", "3"), ("3", "4")])
    assert stars_in(["1", "2", "3", "4"], links=links) == [
        Star("1", (Spoke("2"), Spoke("3", "2"), Spoke("4", "3"))),
    ]
    assert stars_in(["3", "1", "2", "4"], links=links) == [
        Star("3", (Spoke("2"), Spoke("4"), Spoke("1", "2"))),
    ]


@given(st.permutations(NUMBERS), st.sets(st.sampled_from(PAIRS)) | st.none(), st.sets(st.sampled_from(PAIRS)))
def test_stars_have_nobody_twice_and_no_dismissed_pair(numbers, linked, dismissed):
    links = None if linked is None else links_of(linked)
    stars_of_all = stars_in(numbers, links=links, dismissed=dismissed)
    members = [[star.survivor, *(spoke.number for spoke in star.spokes)] for star in stars_of_all]
    everybody = [number for star in members for number in star]
    assert len(everybody) == len(set(everybody))
    for star, inside in zip(stars_of_all, members, strict=True):
        assert not {ordered_pair(*pair) for pair in combinations(inside, 2)} & dismissed
        assert star.survivor == min(inside, key=numbers.index)
        for spoke in star.spokes if links else ():
            before = spoke.via or star.survivor
            assert before in links[spoke.number]
            assert spoke.via is None or spoke.via in inside
            assert spoke.via is None or star.survivor not in links[spoke.number]


@given(st.permutations(NUMBERS), st.sets(st.sampled_from(PAIRS)) | st.none())
def test_without_dismissals_everybody_who_is_linked_is_in_a_star(numbers, linked):
    links = None if linked is None else links_of(linked)
    inside = {
        number
        for star in stars_in(numbers, links=links)
        for number in (star.survivor, *(spoke.number for spoke in star.spokes))
    }
    assert inside == {number for number in numbers if links is None or links[number]}


def test_scored_pairs_are_grouped_the_most_probable_first_and_related_ones_by_themselves():
    pairs = [
        scored("1", "2", 0.7),
        scored("6", "5", 0.99, Kind.RELATED),
        scored("3", "4", 0.8),
        scored("2", "5", 0.6),
        scored("2", "6", 0.95, Kind.RELATED),
    ]
    groups = scored_groups(pairs, with_related=True)
    assert [sorted(group.numbers) for group in groups] == [["3", "4"], ["1", "2", "5"], ["5", "6"], ["2", "6"]]
    assert scored_groups(pairs, with_related=False) == groups[:2]
    assert groups[1].scores == {("1", "2"): pairs[0], ("2", "5"): pairs[3]}
    assert groups[2].scores == {("5", "6"): pairs[1]}


def test_of_two_who_are_related_the_more_probable_one_is_merged_into_a_record_that_may_be_of_either():
    pairs = [scored("1", "2", 0.8), scored("1", "3", 0.9), scored("2", "3", 0.99, Kind.RELATED)]
    (group,) = scored_groups(pairs, with_related=False)
    assert list(stars(["1", "2", "3"], group, {})) == [Star("1", (Spoke("3"),))]


def test_a_number_that_is_related_to_the_survivor_isnt_there_by_way_of_another():
    pairs = [scored("1", "2"), scored("2", "3"), scored("1", "3", 0.7, Kind.RELATED)]
    group, related = scored_groups(pairs, with_related=True)
    assert list(stars(["1", "2", "3"], group, {})) == [Star("1", (Spoke("2"),))]
    assert related.scores == {("1", "3"): pairs[2]}


def test_records_that_are_equal_in_everything_are_each_the_same_as_each_without_a_pair_for_each():
    (group,) = scored_groups([equal("1", "2"), equal("1", "3"), scored("3", "4", 0.6)], with_related=False)
    # Whoever survives of the equal ones, none of the others is there by way of one.
    assert list(stars(["2", "1", "3", "4"], group, {})) == [Star("2", (Spoke("1"), Spoke("3"), Spoke("4", "3")))]
    assert list(stars(["4", "1", "2", "3"], group, {})) == [Star("4", (Spoke("3"), Spoke("1", "3"), Spoke("2", "3")))]
    assert list(stars(["3", "1", "2"], group, {"1": {"3"}, "3": {"1"}})) == [Star("3", (Spoke("2"),))]
    for pair in (("1", "2"), ("2", "1"), ("2", "3"), ("3", "1")):
        assert group.score(*pair).probability is None
        assert group.score(*pair).why == ("first name equal",)
    assert group.score("4", "3").probability == 0.6
    assert group.score("4", "2") is None


def test_records_that_are_equal_in_everything_are_the_most_probable_ones():
    pairs = [scored("1", "2", 0.99), scored("3", "4", 0.98), scored("3", "5", 0.97), equal("5", "6")]
    first, second = scored_groups(pairs, with_related=False)
    assert sorted(first.numbers) == ["3", "4", "5", "6"]
    assert sorted(second.numbers) == ["1", "2"]


MANY = [f"{number:05}" for number in range(20_000)]


@pytest.mark.parametrize("is_scored", [False, True])
def test_a_group_of_many_thousands_is_a_star_at_once_also_where_some_are_dismissed(is_scored):
    (group,) = (
        scored_groups([equal(MANY[0], other) for other in MANY[1:]], with_related=False)
        if is_scored
        else [Group(MANY)]
    )
    apart = apart_of([*pairwise(MANY[5_000:5_100]), *((MANY[0], other) for other in MANY[6_000:9_000])])
    start = time.process_time()
    first, second = stars(MANY, group, apart)
    assert time.process_time() - start < 5
    assert len(first.spokes) == 20_000 - 1 - 50 - 3_000
    assert (second.survivor, len(second.spokes)) == (MANY[5_001], 3_049)
