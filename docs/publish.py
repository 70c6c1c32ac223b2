"""Adds the site of one version to a folder that holds the sites of all versions.

    python docs/publish.py docs/_build SITES 0.2.0

`SITES/0.2.0` is the site, `SITES/versions.html` lists all versions, and `SITES/index.html` leads to the newest one.
A site that is there is never replaced.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import cyclopts
from jinja2 import Template
from packaging.version import Version

LEADS = Template(
    """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>multiref-gym</title>
<meta http-equiv="refresh" content="0; url={{ newest }}/index.html"></head>
<body><a href="{{ newest }}/index.html">multiref-gym {{ newest }}</a></body></html>
"""
)
LISTS = Template(
    """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>multiref-gym: all versions</title></head>
<body><h1>multiref-gym: all versions</h1><ul>
{% for version in versions %}<li><a href="{{ version }}/index.html">{{ version }}</a></li>
{% endfor %}</ul></body></html>
"""
)


def publish(site: Path, sites: Path, version: str) -> None:
    """Adds the site of one version to a folder that holds the sites of all versions.

    Args:
        site: The built site.
        sites: The folder of all sites.
        version: The version that the site is of.

    Raises:
        packaging.version.InvalidVersion: If it is no version.
        FileExistsError: If the site of this version is there already.
    """
    shutil.copytree(site, sites / str(Version(version)), ignore=shutil.ignore_patterns(".doctrees", ".buildinfo"))
    names = [path.name for path in sites.iterdir() if (path / "index.html").exists()]
    newest, *older = sorted(names, key=Version, reverse=True)
    (sites / "versions.html").write_text(LISTS.render(versions=[newest, *older]), encoding="utf-8")
    (sites / "index.html").write_text(LEADS.render(newest=newest), encoding="utf-8")


if __name__ == "__main__":
    cyclopts.run(publish)
