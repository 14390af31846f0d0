"""Compiles the catalogues and makes the man page when the package is built or installed: neither is committed."""

import runpy
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def compile_catalogues(folder: Path) -> list[Path]:
    """Write a .mo beside every .po below `folder` and return what was written."""
    written = []
    for po in sorted(folder.glob("*/LC_MESSAGES/*.po")):
        with po.open("rb") as source:
            catalogue = read_po(source, locale=po.parts[-3])
        target = po.with_suffix(".mo")
        with target.open("wb") as out:
            write_mo(out, catalogue)
        written.append(target)
    return written


# Any: hatchling's hook is generic over a builder configuration that this hook doesn't look at.
class CatalogueHook(BuildHookInterface[Any]):
    """Called by hatchling before it collects the files of a wheel, editable ones included."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 (hatchling's signature)
        """Compile every catalogue of the source tree, and give a wheel the man page."""
        root = Path(self.root)
        compile_catalogues(root / "custmerge" / "locale")
        if self.target_name == "wheel":
            build_data["shared_data"][str(self._write_man_page(root))] = "share/man/man1/custmerge.1"

    def _write_man_page(self, root: Path) -> Path:
        folder = root / "custmerge" / "help"
        man_page = runpy.run_path(str(folder / "man_page.py"))["man_page"]
        target = folder / "custmerge.1"
        target.write_text(man_page(root, version=self.metadata.version, description=self.metadata.core.description))
        return target
