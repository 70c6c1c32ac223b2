"""Pages: each is one file without scripts or links, so you can send it to anybody and open it anywhere."""

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
    """Returns a page; its values are escaped.

    Args:
        template: The name of a file in `templates`.
        **values: The values that the template uses.
    """
    return _TEMPLATES.get_template(template).render(values) + "\n"
