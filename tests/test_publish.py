"""The documentation has a site for each version."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "docs"))

from publish import publish


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "built"
    folder.mkdir()
    (folder / "index.html").write_text("first")
    return folder


def test_every_version_stays_and_the_first_page_leads_to_the_newest(site: Path, tmp_path: Path) -> None:
    sites = tmp_path / "sites"
    for version in ("0.10.0", "0.9.0"):
        publish(site, sites, version)
    listed = (sites / "versions.html").read_text()
    assert listed.index('href="0.10.0/index.html"') < listed.index('href="0.9.0/index.html"')
    assert "url=0.10.0/index.html" in (sites / "index.html").read_text()


def test_a_site_is_not_replaced(site: Path, tmp_path: Path) -> None:
    sites = tmp_path / "sites"
    publish(site, sites, "0.2.0")
    (site / "index.html").write_text("second")
    with pytest.raises(FileExistsError):
        publish(site, sites, "0.2.0")
    assert (sites / "0.2.0" / "index.html").read_text() == "first"


def test_what_is_no_version_is_refused(site: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="newest"):
        publish(site, tmp_path / "sites", "newest")
