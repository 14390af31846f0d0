"""Starts the command line."""

import sys


def main() -> None:
    """Run `custmerge` with the process's arguments and end with its exit code."""
    from custmerge.cli.app import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
