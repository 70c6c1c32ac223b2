"""Pages: one file each, without scripts or links, so that it can be sent around and opened anywhere."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

_TEMPLATES = Environment(
    loader=PackageLoader("multiref_gym.agents.evaluation"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(template: str, **values: Any) -> str:
    """Returns a page; what is put into it is escaped.

    Args:
        template: The name of a file in `templates`.
        **values: What it asks for.
    """
    return _TEMPLATES.get_template(template).render(values) + "\n"
