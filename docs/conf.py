"""How Sphinx builds the documentation site, for `make docs`."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # where `generated` is

project = "multiref-gym"
author = "The multiref-gym authors"
release = version = metadata.version("multiref-gym")
extensions = ["myst_parser", "sphinx.ext.apidoc", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "generated"]
exclude_patterns = ["_build", "examples"]

html_theme = "furo"
html_title = f"multiref-gym {release}"
toc_object_entries = False  # thousands of entries in the sidebar would take half of the time

smartquotes = False  # or the two dashes of an option become one

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
