"""Settings."""

from __future__ import annotations

from custmerge.cli.render.data.writing import Shape
from custmerge.settings import Given

SETTING_COLUMNS = ("setting", "value", "source", "name")


def setting_shape(given: Given) -> Shape:
    """Return a setting with what gave it its value."""
    return {"setting": given.setting, "value": given.value, "source": given.source.value, "name": given.name}
