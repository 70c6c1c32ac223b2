"""What the operator of a deployment sees and does: counts, games as they come, failures, exports, rounds, erasure."""

from __future__ import annotations

from starlette.routing import BaseRoute

from multiref_gym.agents.deployment.app import Site
from multiref_gym.agents.deployment.rounds import Rounds


def routes(site: Site, rounds: Rounds | None) -> list[BaseRoute]:
    """Returns the routes of the operator's pages."""
    return []
