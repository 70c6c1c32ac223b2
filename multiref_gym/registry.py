"""Names for the parts that a user chooses, each an entry-point string, so that nothing is imported unasked.

A name that is not listed may be an entry-point string itself: `--listener mypackage.module:MyListener`. To a
listed one that is made of a model a colon adds which: `--decoder prompted:MODEL`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from inspect import signature
from typing import Any

from multiref_gym.errors import UserError

SPEAKERS = {"scripted": "multiref_gym.simulators.scripted:ScriptedSpeaker"}
LISTENERS = {
    "random": "multiref_gym.agents.listeners.baselines:RandomListener",
    "oracle": "multiref_gym.agents.listeners.baselines:OracleListener",
    "erring": "multiref_gym.agents.listeners.baselines:ErringListener",
    "retrieval": "multiref_gym.agents.listeners.retrieval:RetrievalListener",
    "small": "multiref_gym.agents.listeners.small.listener:SmallListener",
    "ppo": "multiref_gym.agents.listeners.ppo.listener:PPOListener",
    "vlm": "multiref_gym.agents.listeners.vlm.listener:VlmListener",
    "api": "multiref_gym.agents.listeners.api:ApiListener",
}
DECODERS = {
    "lexical": "multiref_gym.agents.decoders.lexical:LexicalDecoder",
    "lexical-ternary": "multiref_gym.agents.decoders.lexical:ternary_lexical_decoder",
    "learned": "multiref_gym.agents.decoders.learned:LearnedDecoder",
    "learned-ternary": "multiref_gym.agents.decoders.learned:ternary_learned_decoder",
    "prompted": "multiref_gym.agents.decoders.prompted:prompted_decoder",
    "prompted-ternary": "multiref_gym.agents.decoders.prompted:ternary_prompted_decoder",
    "prompted-api": "multiref_gym.agents.decoders.prompted:endpoint_decoder",
    "prompted-api-ternary": "multiref_gym.agents.decoders.prompted:ternary_endpoint_decoder",
}


class UnknownName(UserError):
    """A name that nothing is registered under; the message lists those that are."""


def resolve(kind: str, names: Mapping[str, str], name: str) -> Any:
    """Imports what a name stands for.

    Args:
        kind: What is looked for ("speaker"), for the error message.
        names: The registered names and their entry-point strings.
        name: A registered name, alone or as `name:model`, or an entry-point string `module:attribute`.

    Raises:
        UnknownName: If the name is neither.
    """
    listed, colon, argument = name.partition(":")
    if colon and listed in names:
        make = resolve(kind, names, listed)
        if isinstance(make, type) or "model" not in signature(make).parameters:
            raise UnknownName(f"unknown {kind} {name!r}: {listed} is not made of a model")
        return partial(make, model=argument)
    module, _, attribute = names.get(name, name).partition(":")
    if not (module and attribute) or module.startswith("."):
        raise UnknownName(f"unknown {kind} {name!r}: choose from {', '.join(names)}, or give 'module:attribute'")
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        raise UnknownName(f"unknown {kind} {name!r}: {error}") from error
    if not hasattr(found, attribute):
        raise UnknownName(f"unknown {kind} {name!r}: module {module!r} has no attribute {attribute!r}")
    return getattr(found, attribute)
