"""Takes the notebooks among the pages: they are the tutorials.

They are copied to ``tutorials/`` before the pages are read, and not committed there: a page
of Sphinx has to lie below its configuration.  Links, which work where pages and notebooks are
in a clone, are turned to where they go on the site.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    """Copy them when the builder is ready and no page has been looked for yet."""
    app.connect("builder-inited", _copy)
    app.connect("source-read", _turn)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _copy(app: Sphinx) -> None:
    folder = Path(app.srcdir) / "tutorials"
    sources = {path.name: path for path in (Path(app.srcdir).parent / "notebooks").glob("*.ipynb")}
    for stale in {path.name for path in folder.glob("*.ipynb")} - sources.keys():
        (folder / stale).unlink()
    for name, source in sources.items():
        target, text = folder / name, source.read_text(encoding="utf-8")
        text = text.replace("](../docs/", "](../")
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")


def _turn(_app: Sphinx, _name: str, source: list[str]) -> None:
    """Turn the links of a page to notebooks to their copies."""
    source[0] = source[0].replace("](../../notebooks/", "](../tutorials/")
