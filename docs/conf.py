"""How Sphinx builds the documentation site, for `make docs`."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # where `generated` is

project = "multiref-gym"
author = "The multiref-gym authors"
copyright = "the multiref-gym authors, under the MIT licence"
release = version = metadata.version("multiref-gym")
extensions = ["myst_nb", "sphinx.ext.apidoc", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "generated"]
exclude_patterns = ["_build", "_templates", "examples"]

html_theme = "furo"
html_title = f"multiref-gym {release}"
if tags.has("published"):  # noqa: F821 (Sphinx defines it) - the site stands beside those of other versions
    templates_path = ["_templates"]
    sidebar = ("brand", "search", "scroll-start", "navigation", "versions", "scroll-end")
    html_sidebars = {"**": [f"sidebar/{part}.html" for part in sidebar]}
toc_object_entries = False  # thousands of entries in the sidebar would take half of the time

smartquotes = False  # or the two dashes of an option become one

nb_execution_mode = "off"  # the notebooks hold their outputs, which a test compares

# Pages are written for GitHub, too: headings have the anchors that GitHub gives them.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

# A page for each package, with all of its modules.
apidoc_modules = [
    {
        "path": "../multiref_gym",
        "destination": "api",
        "follow_links": True,
        "module_first": True,
        "max_depth": 1,
        "automodule_options": {"members", "undoc-members"},
    }
]
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes are in the text of their class, not objects of their own
default_role = "py:obj"  # `Game` in a docstring is a link where there is something of this name

# A short name in a type, such as Answer, may stand for a class of several modules.
suppress_warnings = ["ref.python"]
