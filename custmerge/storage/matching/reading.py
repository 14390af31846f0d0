"""Writes customers into Parquet as the model compares them, and from there into the workspace."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from pathlib import Path

from custmerge.rules.duplicates.normalise import MODEL_COLUMNS, model_columns
from custmerge.rules.sql_words import literal
from custmerge.storage.files.temporary import temporary_room
from custmerge.storage.matching.workspace import Workspace

RECORDS = "records"
"""The records as the model compares them: `id` counts them in the order of their numbers, and `frequent_name` is the
first name if many have it.
"""
NUMBERS = "numbers"
"""The number of each `id`."""
_ROW_GROUP = 50_000
FREQUENT, FEWEST_OF_FREQUENT = 0.001, 5
"""The share of the records, and the number of them, from which on a first name is no slip of another one."""

Batch = Sequence[Sequence[str]]
"""Customers by column: the numbers, and the eleven fields in their order."""


def records_file(space: Workspace) -> Path:
    """Return the path of the Parquet file of the records."""
    return space.folder / "records.parquet"


def frequent_names_file(space: Workspace) -> Path:
    """Return the path of the Parquet file of the first names that many have."""
    return space.folder / "frequent.parquet"


def write_records(space: Workspace, batches: Iterable[Batch]) -> Generator[int, None, None]:
    """Write the records of batches, and make the views of them; yields how many there are so far.

    Small batches stay in the processor's cache while each is made; row groups are larger, for who reads them.
    Raises TemporaryFilesFailed.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    schema = pa.schema(
        [("id", pa.int32()), ("number", pa.string())] + [(name, pa.string()) for name in MODEL_COLUMNS]
    )
    count, waiting = 0, list[pa.RecordBatch]()
    with temporary_room(), ParquetWriter(records_file(space), schema) as writer:
        for numbers, *values in batches:
            columns = {"id": range(count, count + len(numbers)), "number": numbers, **model_columns(values)}
            arrays = [pa.array(columns[field.name], field.type) for field in schema]
            waiting.append(pa.record_batch(arrays, schema))
            count += len(numbers)
            if sum(batch.num_rows for batch in waiting) >= _ROW_GROUP:
                writer.write_table(pa.Table.from_batches(waiting))
                waiting.clear()
            yield count
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting))
    _make_views(space, count)


def _make_views(space: Workspace, count: int) -> None:
    """Make the views of the records: reading the file again takes no longer than copying it, and less memory."""
    places = [literal(str(path)) for path in (records_file(space), frequent_names_file(space))]
    file, frequent = (f"read_parquet({place})" for place in places)
    least = max(FEWEST_OF_FREQUENT, FREQUENT * count)
    names = f"select first_name as frequent_name from {file} group by first_name having count(first_name) >= {least}"
    space.run(f"copy ({names}) to {places[1]}")
    space.run(f"create view {RECORDS} as {records_sql(file, frequent)}")
    space.run(f"create view {NUMBERS} as select id, number from {file}")


def records_sql(file: str, frequent: str) -> str:
    """Return the statement for the records, from the tables of the two files."""
    columns = ", ".join(("id", *MODEL_COLUMNS, "frequent_name"))
    return f"select {columns} from {file} records left join {frequent} frequent on first_name = frequent_name"
