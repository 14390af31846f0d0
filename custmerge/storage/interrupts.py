"""What Ctrl-C leaves open where it comes in the middle of a library."""

from __future__ import annotations

import gc
from traceback import clear_frames


def clear_frames_of(error: BaseException | None) -> None:
    """End what the frames of a traceback, and of those behind it, hold open."""
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__context__
    # What the libraries have in circles.
    gc.collect()
