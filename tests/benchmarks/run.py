"""Measures custmerge against plain programs that do the same, all in one run.

    python tests/benchmarks/run.py [--quick] [startup|import|bulk|audit|attach|duplicates|merge|soak …]

Prints medians, ratios, goals and whether they are met; asserts nothing.
"""

import argparse
import importlib
import tempfile
from pathlib import Path

from databases import both

# In this order: merging loads the program into this process, whose memory a child's peak would then include.
SUBJECTS = {
    "startup": "startup",
    "import": "importing",
    "bulk": "bulk",
    "audit": "audit",
    "attach": "attach",
    "duplicates": "duplicates",
    "merge": "merging",
    "soak": "soak",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds and rows: to see that it works")
    parser.add_argument("--seed", type=int, default=17, help="of the made-up customers of `duplicates`")
    parser.add_argument("subjects", nargs="*", metavar="|".join(SUBJECTS), help="what to measure (default: all)")
    arguments = parser.parse_args()
    if unknown := set(arguments.subjects) - set(SUBJECTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="custmerge-") as name, both(Path(name)) as kinds:
        for subject, module in SUBJECTS.items():
            if subject in (arguments.subjects or SUBJECTS):
                options = {"seed": arguments.seed} if subject == "duplicates" else {}
                importlib.import_module(module).measure(kinds, Path(name), quick=arguments.quick, **options)


if __name__ == "__main__":
    main()
