"""Names for the parts that a user chooses, each an entry-point string, so that nothing is imported unasked.

A name that is not listed may be an entry-point string itself: `--listener mypackage.module:MyListener`. To a
decoder or a speaker that is made of a model a colon adds which: `--decoder prompted:MODEL`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from inspect import Parameter, signature
from typing import Any

from multiref_gym.errors import UserError
from multiref_gym.feedback import FeedbackDecoder
from multiref_gym.parts import is_own, told
from multiref_gym.speaker import Speaker

SPEAKERS = {
    "scripted": "multiref_gym.simulators.scripted:ScriptedSpeaker",
    "api": "multiref_gym.agents.speakers.api:ApiSpeaker",
    "api-pictures": "multiref_gym.agents.speakers.api:SeeingSpeaker",
    "llm": "multiref_gym.agents.speakers.llm:LocalSpeaker",
}
LISTENERS = {
    "random": "multiref_gym.agents.listeners.baselines:RandomListener",
    "oracle": "multiref_gym.agents.listeners.baselines:OracleListener",
    "erring": "multiref_gym.agents.listeners.baselines:ErringListener",
    "retrieval": "multiref_gym.agents.listeners.retrieval:RetrievalListener",
    "small": "multiref_gym.agents.listeners.small.listener:SmallListener",
    "ppo": "multiref_gym.agents.listeners.ppo.listener:PPOListener",
    "vlm": "multiref_gym.agents.listeners.lm.listener:VlmListener",
    "llm": "multiref_gym.agents.listeners.lm.listener:LlmListener",
    "api": "multiref_gym.agents.listeners.api:ApiListener",
}
DECODERS = {
    "lexical": "multiref_gym.agents.decoders.lexical:LexicalDecoder",
    "learned": "multiref_gym.agents.decoders.learned:LearnedDecoder",
    "prompted": "multiref_gym.agents.decoders.prompted:PromptedDecoder",
    "prompted-api": "multiref_gym.agents.decoders.prompted:EndpointDecoder",
    "calibrated": "multiref_gym.agents.decoders.calibrated:CalibratedDecoder",
    "tuned": "multiref_gym.agents.decoders.tuned:TunedDecoder",
}
OBJECTIVES = {
    "sup": "multiref_gym.agents.learning.objectives:Sup",
    "rl": "multiref_gym.agents.learning.objectives:Reinforce",
    "kto": "multiref_gym.agents.learning.objectives:Kto",
}
METHODS = {
    "speaker": ("start", "reply"),
    "listener": ("act",),
    "decoder": ("decode",),
    "decoder of chats": ("decode_chats",),
    "objective": ("__call__",),
    "format": ("read", "write"),
}
"""What a part must be able to do, by its kind."""


class UnknownName(UserError):
    """A name that nothing is registered under; the message lists those that are."""


def resolve(kind: str, names: Mapping[str, str], name: str) -> Any:
    """Imports what a name stands for.

    Args:
        kind: What is looked for ("speaker"), for the error message.
        names: The registered names and their entry-point strings.
        name: A registered name, or an entry-point string `module:attribute`.

    Raises:
        UnknownName: If the name is neither, or stands for nothing that can be called.
        UserError: If a module that is not of this package fails when it is imported.
    """
    module, _, attribute = names.get(name, name).partition(":")
    if not (module and attribute) or module.startswith("."):
        raise UnknownName(f"unknown {kind} {name!r}: choose from {', '.join(names)}, or give 'module:attribute'")
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        raise UnknownName(f"unknown {kind} {name!r}: {error}") from error
    except (Exception, SystemExit) as error:
        if isinstance(error, UserError) or module.startswith("multiref_gym."):
            raise
        raise UserError(f"{kind} {name!r} cannot be imported: {told(error)}") from error
    if not hasattr(found, attribute):
        raise UnknownName(f"unknown {kind} {name!r}: module {module!r} has no attribute {attribute!r}")
    make = getattr(found, attribute)
    if not callable(make) or getattr(make, "_is_protocol", False):
        raise UnknownName(f"unknown {kind} {name!r}: allowed is what makes one by a call, not {make!r:.60}")
    return make


def made(kind: str, name: str, make: Callable[..., Any], *args: Any, **given: Any) -> Any:
    """Makes a part by a call, and checks that it is one.

    Args:
        kind: What is made: a key of `METHODS`.
        name: What the user calls it, for the error message.
        make: What makes it.
        args: What that is given.
        given: The same, by name.

    Raises:
        UserError: If it is no such part; or if it cannot be made so, and is not of this package.
    """
    part = _called(kind, name, make, *args, **given)
    check_part(kind, name, part)
    return part


def _called(kind: str, name: str, make: Callable[..., Any], *args: Any, **given: Any) -> Any:
    try:
        return make(*args, **given)
    except (Exception, SystemExit) as error:
        refused = isinstance(error, TypeError) and error.__traceback__.tb_next is None  # type: ignore[union-attr]
        if isinstance(error, UserError) or (is_own(make) and not refused):  # it takes other arguments, or is abstract
            raise
        raise UserError(f"{kind} {name!r} cannot be made: {told(error)}") from error


def check_part(kind: str, name: str, part: object) -> None:
    """Raises UserError if a part cannot do what its kind must; see `made` for the arguments."""
    if missing := [method for method in METHODS[kind] if not callable(getattr(part, method, None))]:
        raise UserError(f"{kind} {name!r} is none: {type(part).__name__} has no method {missing[0]!r}")


def decoder_of(name: str, ternary: bool = False) -> Callable[..., FeedbackDecoder]:
    """Returns what makes a decoder.

    A decoder with a function `load` is made of a model by it, any other by a call; one that has a ternary form takes
    `ternary` there. Where `load` has a default model, none need be named.

    Args:
        name: A registered name or an entry-point string; with `:MODEL` after it if the decoder is made of a model.
        ternary: Whether neutral is to be an answer.

    Raises:
        UnknownName: If there is no such decoder, or it is not made of a model.
        UserError: If it needs a model, or has no ternary form, or as `resolve` does.
    """
    make, load = _named("decoder", DECODERS, name)
    make = load or make
    if not ternary:
        return make
    if not has_ternary_form(make):
        raise UserError(f"decoder {name!r} has no ternary form; these have one: {', '.join(DECODERS)}")
    return partial(make, ternary=True)


def speaker_maker(name: str) -> Callable[..., Speaker]:
    """Returns what makes a speaker of a `TangramSet`.

    A speaker with a function `load` is made of a model: given that, the function returns what makes the speakers, which
    share the model.

    Args:
        name: A registered name or an entry-point string; with `:MODEL` after it if the speaker is made of a model.

    Raises:
        UnknownName: If there is no such speaker, or it is not made of a model.
        UserError: If it needs a model, or as `resolve` and `made` do.
    """
    make, load = _named("speaker", SPEAKERS, name)
    return _called("speaker", name, load) if load else make


def is_language_model(speaker: str) -> bool:
    """Whether a name is that of a speaker that is a language model."""
    return SPEAKERS.get(speaker.partition(":")[0], "").startswith("multiref_gym.agents.speakers.")


def _named(kind: str, names: Mapping[str, str], name: str) -> tuple[Callable[..., Any], Callable[..., Any] | None]:
    """Returns what a name stands for and, if it is made of a model, its function `load`, given the model."""
    colons = 1 if name.partition(":")[0] in names else 2
    parts = name.split(":", colons)
    listed, model = ":".join(parts[:colons]), [part for part in parts[colons:] if part]
    make = resolve(kind, names, listed)
    load = getattr(make, "load", None)
    if load is None:
        if parts[colons:]:
            raise UnknownName(f"unknown {kind} {name!r}: {listed} is not made of a model")
        return make, None
    first = next(iter(signature(load).parameters.values()), None)
    if not model and (first is None or first.default is Parameter.empty):
        what = first.name if first else "model"
        raise UserError(f"{kind} {name!r} is made of a {what}: expected '{listed}:{what.upper()}'")
    return make, partial(load, *model)


def has_ternary_form(make: Callable[..., FeedbackDecoder]) -> bool:
    """Whether a decoder can be made to answer neutral as well."""
    try:
        return "ternary" in signature(make).parameters
    except ValueError:  # some of what is not written in Python tells nothing of its parameters
        return False


def new_decoder(name: str, ternary: bool = False) -> FeedbackDecoder:
    """Makes a decoder by its name; see `decoder_of` and `made` for names and errors."""
    return made("decoder", name, decoder_of(name, ternary))  # type: ignore[no-any-return]


def feedback_name(decoder: str, ternary: bool = False) -> str:
    """Returns the name under which a decoder's feedback is stored: the two forms of one decoder are two in a store."""
    return f"{decoder}, ternary" if ternary else decoder
