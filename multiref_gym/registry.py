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

SPEAKERS = {"scripted": "simulators.scripted:ScriptedSpeaker"}
LISTENERS = {
    "random": "agents.baselines:RandomListener",
    "oracle": "agents.baselines:OracleListener",
    "erring": "agents.baselines:ErringListener",
    "retrieval": "agents.retrieval:RetrievalListener",
    "small": "agents.small.listener:SmallListener",
    "ppo": "agents.ppo.listener:PPOListener",
    "vlm": "agents.vlm.listener:VlmListener",
    "api": "agents.api_listener:ApiListener",
}
DECODERS = {
    "lexical": "agents.lexical:LexicalDecoder",
    "lexical-ternary": "agents.lexical:ternary_lexical_decoder",
    "learned": "agents.learned_decoder:LearnedDecoder",
    "learned-ternary": "agents.learned_decoder:ternary_learned_decoder",
    "prompted": "agents.prompted_decoder:prompted_decoder",
    "prompted-ternary": "agents.prompted_decoder:ternary_prompted_decoder",
    "prompted-api": "agents.prompted_decoder:endpoint_decoder",
    "prompted-api-ternary": "agents.prompted_decoder:ternary_endpoint_decoder",
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
