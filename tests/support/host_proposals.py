"""What is proposed for a host's database, and how good that is."""

from dataclasses import dataclass

from custmerge.rules.attach import resolve
from custmerge.rules.mapping.file import read_mapping
from custmerge.services.attach.propose import propose, questions
from custmerge.storage.dialect import open_engine
from custmerge.storage.host import host_schema
from custmerge.storage.host.values import HostValues


@dataclass(frozen=True)
class Quality:
    """How the proposed references compare with the true ones."""

    missing: frozenset[str]
    false: frozenset[str]
    share_found: float


def proposed(url, name="host"):
    """Return what is proposed for the database at `url`."""
    return _read(url, lambda values, schema: propose(values, schema, name))


def asked(url, mapping):
    """Return the questions about the database at `url` that a mapping's text leaves open."""

    def ask(values, schema):
        resolved = resolve(read_mapping(mapping), schema)
        assert resolved.problems == ()
        return questions(values, schema, resolved.mapping.customer, resolved.answered(schema))

    return _read(url, ask)


def quality(proposal, truth):
    """Return how good a proposal is; what is asked counts as found, as what is proposed does."""
    found = {each.finding.name for each in (*proposal.references, *proposal.questions)}
    if proposal.package is not None:
        found.add(f"{proposal.package.table}.{proposal.package.customer}")
    if proposal.domain is not None and proposal.domain.customer is not None:
        found.add(f"{proposal.domain.table}.{proposal.domain.customer}")
    return Quality(frozenset(truth - found), frozenset(found - truth), len(found & truth) / len(truth))


def demand_good(proposal, truth):
    """Fail unless nine of ten references are found, with one false candidate for each four right ones at most."""
    result = quality(proposal, truth)
    right = len(truth) - len(result.missing)
    assert result.share_found >= 0.9, sorted(result.missing)
    assert 4 * len(result.false) <= right, sorted(result.false)


def _read(url, work):
    engine = open_engine(url)
    with engine.connect() as connection:
        result = work(HostValues(connection), host_schema(connection))
    engine.dispose()
    return result
