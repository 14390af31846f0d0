"""Draws the README's picture: the highlighted diff, as Rich shows it in a terminal of 84 columns.

Run from a checkout with custmerge installed:  python examples/picture.py > examples/diff.svg
"""

import csv
import io
import os
import sys
from pathlib import Path

os.environ["LANGUAGE"] = "en"

from rich.console import Console
from rich.theme import Theme

from custmerge.cli.drawing import drawn
from custmerge.cli.render.text.comparison import comparison_parts
from custmerge.cli.render.text.styles import definitions
from custmerge.rules.compare import compare
from custmerge.rules.fields import FIELDS, Customer
from custmerge.rules.mask import masked_comparison

WIDTH = 84


def customers(path: Path) -> dict[str, Customer]:
    """Return the example customers by number."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter=";")
        return {row["number"]: Customer(row["number"], tuple(row[field] for field in FIELDS)) for row in rows}


def main() -> None:
    """Write the SVG to standard output."""
    known = customers(Path(__file__).with_name("customers.csv"))
    theme = Theme(definitions("256"))
    console = Console(theme=theme, record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, highlight=False)
    for absorbed in ("20003", "20005"):
        console.print(f"[bold]$ custmerge diff {absorbed}[/bold]")
        comparison = masked_comparison(compare(known["10001"], known[absorbed]))
        for part in comparison_parts(comparison, all_rows=False):
            console.print(drawn(part, WIDTH))
        console.print()
    sys.stdout.write(console.export_svg(title="custmerge", unique_id="custmerge"))


if __name__ == "__main__":
    main()
