"""The waterfall of pairs as HTML: what each comparison adds to the weight of a pair. It works without a network."""

from __future__ import annotations

import re
from collections.abc import Sequence

from custmerge import files
from custmerge.storage.matching.linker import linker_of
from custmerge.storage.matching.scoring import Match
from custmerge.storage.matching.settings import Settings, retaining
from custmerge.storage.matching.workspace import Workspace

_HOST = re.compile(r"https?://(?!www\.w3\.org/)[^/\s\"'`\\]+")
"""In the libraries that draw it: of their makers, and of an editor to which the data could be sent. What is behind a
host stays: it names the version of the chart. The names of SVG's elements look like addresses, and nobody asks there.
"""
SHOWN = 200
"""Pairs, at most: a person moves through them one by one."""


def write_waterfall(path: str, space: Workspace, settings: Settings, pairs: Sequence[Match]) -> None:
    """Write the waterfall of pairs of records into a new file that only its owner can read; raises BadFile."""
    import pyarrow as pa
    from splink import DuckDBAPI

    left, right = (pa.array((pair.ids[side] for pair in pairs), pa.int32()) for side in (0, 1))
    keys = pa.array(["0"] * len(pairs), pa.string())
    space.keep("shown", pa.table({"join_key_l": left, "join_key_r": right, "match_key": keys}))
    api = DuckDBAPI(space.connection)
    linker = linker_of(api, retaining(settings, everything=True), "shown", space.keep_rows_of)
    scores = linker.inference.predict(warning_mode="never").as_record_list()
    order = {pair.ids: place for place, pair in enumerate(pairs)}
    scores.sort(key=lambda score: order[score["id_l"], score["id_r"]])
    chart = linker.visualisations.waterfall_chart(scores, filter_nulls=False)
    for record in chart.raw_records:
        if record["column_name"] == "Prior":
            pair = pairs[record["record_number"]]
            record |= {"value_l": pair.left, "value_r": pair.right}
    html = _HOST.sub("", chart.to_html(inline=True))
    files.write_new(path, html.encode)
