"""The waterfall of pairs as HTML."""

import re

import pytest

from custmerge.errors import BadFile
from custmerge.storage.matching import scoring
from custmerge.storage.matching.explaining import write_waterfall
from custmerge.storage.matching.settings import with_prior


@pytest.fixture
def pairs(searched):
    space, model, prior = searched
    return list(scoring.matches(space, model, prior, 0.5, related=False))[:3]


def test_a_waterfall_needs_no_network(searched, pairs, tmp_path):
    space, model, prior = searched
    path = tmp_path / "pairs.html"
    write_waterfall(str(path), space, with_prior(model, prior), pairs)
    html = path.read_text(encoding="utf-8")
    # The namespaces of SVG are names, which no browser asks for.
    assert set(re.findall(r"[a-z]+://[^/\"'`\s]+", html)) <= {"http://www.w3.org"}
    assert all(match.left in html and match.right in html for match in pairs)


def test_only_its_owner_can_read_a_waterfall_and_no_file_is_replaced(searched, pairs, tmp_path):
    space, model, _prior = searched
    path = tmp_path / "pairs.html"
    write_waterfall(str(path), space, model, pairs)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(BadFile):
        write_waterfall(str(path), space, model, pairs)


def test_a_search_that_finds_nothing_writes_a_waterfall_of_nothing(searched, tmp_path):
    space, model, _prior = searched
    path = tmp_path / "pairs.html"
    write_waterfall(str(path), space, model, [])
    assert path.exists()
