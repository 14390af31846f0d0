"""Starts the command line."""

import gc
import sys

INTERRUPTED = 130
COLLECT_AFTER = 200_000
"""New objects. The libraries make 100,000 that stay: to look through them while they load is an eighth of `diff`."""


def main() -> None:
    """Run `custmerge` with the process's arguments and end with its exit code."""
    gc.set_threshold(COLLECT_AFTER)
    try:
        from custmerge.cli.app import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        # While the program was still being loaded, sentences too.
        sys.exit(INTERRUPTED)
    # Python would look through all that the libraries made, again and again, before it ends: a fifth of `diff`.
    gc.freeze()
    sys.exit(code)


if __name__ == "__main__":
    main()
