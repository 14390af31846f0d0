"""Finds duplicates as Splink's own introduction does: CUSTOMERS.csv PAIRS.csv.

Texts in small letters, telephones as digits; the library's own comparisons, its usual blocking and training. Writes
`left,right,probability` of all pairs above 0.01 and prints the seconds.
"""

import sys
import time

import duckdb
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

TEXTS = ("company", "first_name", "last_name", "street", "postcode", "city", "email", "account_number")
DIGITS = ("phone", "mobile")


def plain(customers: str, pairs: str) -> None:
    # Every result is read to its end: one that isn't blocks the connection.
    connection = duckdb.connect()
    columns = [f"nullif(trim(lower({name})), '') AS {name}" for name in TEXTS]
    columns += [f"nullif(regexp_replace({name}, '[^0-9]', '', 'g'), '') AS {name}" for name in DIGITS]
    connection.execute(
        f"CREATE TABLE customer AS SELECT number AS unique_id, {', '.join(columns)} "
        "FROM read_csv(?, all_varchar = true, header = true)",
        [customers],
    ).fetchall()
    filled = [
        name for name in (*TEXTS, *DIGITS)
        if connection.execute(f"SELECT count({name}) > count(*) / 100 FROM customer").fetchall() == [(True,)]
    ]  # fmt: skip
    linker = Linker(DuckDBAPI(connection).register("customer"), _settings(filled))
    training = linker.training
    strict = [rule for rule, needs in _STRICT if needs <= set(filled)]
    training.estimate_probability_two_random_records_match(strict, recall=0.7)
    training.estimate_u_using_random_sampling(max_pairs=5e6, seed=1)
    for names in (("first_name", "last_name"), ("postcode", "street"), ("email",)):
        if set(names) <= set(filled):
            training.estimate_parameters_using_expectation_maximisation(block_on(*names))
    found = linker.inference.predict(threshold_match_probability=0.01)
    connection.execute(
        "COPY (SELECT unique_id_l, unique_id_r, match_probability "
        f"FROM {found.physical_name}) TO '{pairs}' (HEADER false)"
    ).fetchall()


_STRICT = [
    (block_on("first_name", "last_name", "postcode"), {"first_name", "last_name", "postcode"}),
    (block_on("email", "last_name"), {"email", "last_name"}),
    (block_on("account_number", "last_name"), {"account_number", "last_name"}),
]
_BLOCKING = (
    ("first_name", "last_name"),
    ("last_name", "postcode"),
    ("first_name", "postcode"),
    ("street", "postcode"),
    ("email",),
    ("phone",),
    ("mobile",),
    ("account_number",),
)


def _settings(filled: list[str]) -> SettingsCreator:
    comparisons = {
        "first_name": cl.NameComparison("first_name").configure(term_frequency_adjustments=True),
        "last_name": cl.NameComparison("last_name").configure(term_frequency_adjustments=True),
        "company": cl.JaroWinklerAtThresholds("company", [0.9, 0.8]),
        "street": cl.LevenshteinAtThresholds("street", [1, 3]),
        "postcode": cl.LevenshteinAtThresholds("postcode", 1),
        "city": cl.JaroWinklerAtThresholds("city", 0.9).configure(term_frequency_adjustments=True),
        "phone": cl.LevenshteinAtThresholds("phone", 2),
        "mobile": cl.LevenshteinAtThresholds("mobile", 2),
        "email": cl.EmailComparison("email"),
        "account_number": cl.LevenshteinAtThresholds("account_number", 2),
    }
    return SettingsCreator(
        link_type="dedupe_only",
        comparisons=[comparisons[name] for name in comparisons if name in filled],
        blocking_rules_to_generate_predictions=[block_on(*names) for names in _BLOCKING if set(names) <= set(filled)],
        retain_matching_columns=False,
    )


if __name__ == "__main__":
    start = time.perf_counter()
    plain(*sys.argv[1:])
    print(time.perf_counter() - start)
