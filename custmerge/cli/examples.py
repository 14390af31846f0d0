"""The examples to copy: customers, scripts, and jobs for cron, systemd, Nagios, Icinga and Prometheus."""

from pathlib import Path


def examples_folder() -> Path:
    """Return the folder of example files: inside an installed package, beside the package in a checkout."""
    package = Path(__file__).parents[1]
    return next(f for f in (package / "examples", package.parent / "examples") if (f / "customers.csv").is_file())
