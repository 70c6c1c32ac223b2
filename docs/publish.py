"""Adds the site of one version to a folder that holds the sites of all versions.

    python docs/publish.py docs/_build SITES --version 0.2.0

`SITES/0.2.0` is the site, `SITES/versions.html` lists all versions, and `SITES/index.html` leads to the newest release.
The site of a release is never replaced; that of `dev`, the state between releases, is.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import cyclopts
from jinja2 import Template
from packaging.version import Version

DEV = "dev"

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
    """Adds a site to the others.

    Args:
        site: The built site.
        sites: The folder of all sites.
        version: The version that the site is of, or "dev".

    Raises:
        packaging.version.InvalidVersion: If it is no version.
        FileExistsError: If the site of this release is there already.
    """
    if version == DEV:
        shutil.rmtree(sites / DEV, ignore_errors=True)
    else:
        version = str(Version(version))
    shutil.copytree(site, sites / version, ignore=shutil.ignore_patterns(".doctrees", ".buildinfo"))
    versions = in_order([path.name for path in sites.iterdir() if (path / "index.html").exists()])
    (sites / "versions.html").write_text(LISTS.render(versions=versions), encoding="utf-8")
    newest = next((one for one in versions if one != DEV), DEV)
    (sites / "index.html").write_text(LEADS.render(newest=newest), encoding="utf-8")


def in_order(names: Sequence[str]) -> list[str]:
    """Returns versions with the newest first, after "dev"."""
    releases = sorted((name for name in names if name != DEV), key=Version, reverse=True)
    return [name for name in names if name == DEV] + releases


def main(site: Path, sites: Path, *, version: str = DEV) -> None:
    """Adds the site of one version to a folder that holds the sites of all versions."""
    publish(site, sites, version)


if __name__ == "__main__":
    cyclopts.run(main)
