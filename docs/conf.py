"""How Sphinx builds these pages: `sphinx-build -t executed docs docs/_build/html`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ipython_pygments_lexers import IPython3Lexer

import murmur

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "murmur"
author = "The murmur authors"
copyright = "2026, The murmur authors"
release = version = murmur.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "generated",  # these three are in extensions/
    "notebooks",
    "packages",
]
exclude_patterns = ["_build", "**/.ipynb_checkpoints"]

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3
smartquotes_action = "qe"  # quotes and ellipses; a dash would spoil `--users`
# `sphinx-build -t executed` runs each notebook that has changed since it was run last, which
# takes minutes; without the tag the pages show their code alone.
nb_execution_mode = "cache" if tags.has("executed") else "off"  # noqa: F821 - Sphinx sets it
nb_execution_cache_path = str(Path(__file__).parent / "_build" / "executed")
nb_execution_raise_on_error = True
nb_execution_timeout = 120  # seconds for a cell

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say types in words
napoleon_google_docstring = False
napoleon_use_ivar = True  # an attribute is part of its class's description
napoleon_use_rtype = False
default_role = "py:obj"  # single backticks link to what they name, if it is documented
# Attributes of one name in two classes are no mistake; such a name links to neither.
suppress_warnings = ["ref.python"]

html_theme = "pydata_sphinx_theme"
html_title = "murmur"
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
}
html_static_path = ["_static"]
html_css_files = ["murmur.css"]
html_show_sourcelink = False
html_extra_path = ["llms.txt"]  # beside the start page, where assistants look for it


ENTRY = re.compile(r"^(?P<names>\w+(?:, \w+)+)(?P<rest>(?: :.*)?(?:\n[ ]+\S.*)*)", re.MULTILINE)


def one_by_one(*arguments: object) -> None:
    """Give each of several attributes an entry: napoleon takes the first names for a type."""
    lines = arguments[-1]
    assert isinstance(lines, list)
    text = "\n".join(lines)
    head, rule, rest = text.partition("Attributes\n----------\n")
    section, *more = re.split(r"\n(?=\w+\n--)", rest, maxsplit=1)
    lines[:] = "\n".join([head + rule + ENTRY.sub(_apart, section), *more]).split("\n")


def _apart(entry: re.Match[str]) -> str:
    return "\n".join(name + entry["rest"] for name in entry["names"].split(", "))


def setup(app: Sphinx) -> None:
    """Read Python blocks as IPython does, which also knows `%amoc`, and attributes one by one."""
    app.add_lexer("python", IPython3Lexer)
    app.connect("autodoc-process-docstring", one_by_one, priority=400)  # before napoleon
