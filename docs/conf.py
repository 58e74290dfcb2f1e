"""How Sphinx builds these pages: `sphinx-build docs docs/_build`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipython_pygments_lexers import IPython3Lexer

import murmur

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "murmur"
author = "The murmur authors"
copyright = "2026, The murmur authors"
release = version = murmur.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build", "**/.ipynb_checkpoints"]

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3
# `pytest` executes the notebooks; the pages show code, and pictures that were taken of it.
nb_execution_mode = "off"

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say types in words
napoleon_google_docstring = False
napoleon_use_rtype = False
# In these docstrings single backticks name code.
default_role = "code"


html_theme = "pydata_sphinx_theme"
html_title = "murmur"
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
}
html_show_sourcelink = False


def setup(app: Sphinx) -> None:
    """Read Python blocks as IPython does, which also knows `%amoc`."""
    app.add_lexer("python", IPython3Lexer)
