"""Short names for the parts that a user chooses. Each stands for an entry-point string, so nothing is imported unasked.

An unlisted name may itself be an entry-point string: `--listener mypackage.module:MyListener`. If a decoder or a
speaker uses a model, the model follows a colon: `--decoder prompted:MODEL`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from inspect import Parameter, signature
from typing import Any

from multiref_gym.errors import UserError
from multiref_gym.feedback import FeedbackDecoder
from multiref_gym.parts import error_text, is_own
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
"""The methods that each kind of part must have."""


class UnknownName(UserError):
    """The name is not registered; the message lists the registered names."""


def resolve(kind: str, names: Mapping[str, str], name: str) -> Any:
    """Imports the object behind a name.

    Args:
        kind: The kind of part ("speaker"), for the error message.
        names: The registered names and their entry-point strings.
        name: A registered name, or an entry-point string `module:attribute`.

    Raises:
        UnknownName: If the name is neither, or its object cannot be called.
        UserError: If importing a module from outside this package fails.
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
        raise UserError(f"{kind} {name!r} cannot be imported: {error_text(error)}") from error
    if not hasattr(found, attribute):
        raise UnknownName(f"unknown {kind} {name!r}: module {module!r} has no attribute {attribute!r}")
    make = getattr(found, attribute)
    if not callable(make) or getattr(make, "_is_protocol", False):
        raise UnknownName(f"unknown {kind} {name!r}: allowed is a class or a function, not {make!r:.60}")
    return make


def made(kind: str, name: str, make: Callable[..., Any], *args: Any, **given: Any) -> Any:
    """Makes a part by a call, and checks that it has the methods of its kind.

    Args:
        kind: The kind of part: a key of `METHODS`.
        name: The user's name for it, for the error message.
        make: Makes the part.
        args: Positional arguments of `make`.
        given: Keyword arguments of `make`.

    Raises:
        UserError: If the result lacks a method of its kind, or if a part from outside this package cannot be made.
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
        raise UserError(f"{kind} {name!r} cannot be made: {error_text(error)}") from error


def check_part(kind: str, name: str, part: object) -> None:
    """Raises UserError if a part lacks a method of its kind; see `made` for the arguments."""
    if missing := [method for method in METHODS[kind] if not callable(getattr(part, method, None))]:
        raise UserError(f"{kind} {name!r} does not fit: {type(part).__name__} has no method {missing[0]!r}")


def decoder_of(name: str, ternary: bool = False) -> Callable[..., FeedbackDecoder]:
    """Returns a callable that makes a decoder.

    A decoder with a function `load` is made by `load(model)`, any other by a plain call. If the decoder has a ternary
    form, the call gets `ternary`. If `load` has a default model, no model need be named.

    Args:
        name: A registered name or an entry-point string; with `:MODEL` after it if the decoder uses a model.
        ternary: Whether neutral is a possible answer.

    Raises:
        UnknownName: If there is no such decoder, or it does not use a model.
        UserError: If it needs a model, or has no ternary form; also as in `resolve`.
    """
    make, load = _named("decoder", DECODERS, name)
    make = load or make
    if not ternary:
        return make
    if not has_ternary_form(make):
        raise UserError(f"decoder {name!r} has no ternary form; these have one: {', '.join(DECODERS)}")
    return partial(make, ternary=True)


def speaker_maker(name: str) -> Callable[..., Speaker]:
    """Returns a callable that makes a speaker from a `TangramSet`.

    A speaker with a function `load` uses a model: `load(model)` returns the callable, and its speakers share the model.

    Args:
        name: A registered name or an entry-point string; with `:MODEL` after it if the speaker uses a model.

    Raises:
        UnknownName: If there is no such speaker, or it does not use a model.
        UserError: If it needs a model; also as in `resolve` and `made`.
    """
    make, load = _named("speaker", SPEAKERS, name)
    return _called("speaker", name, load) if load else make


def is_language_model(speaker: str) -> bool:
    """Whether a name stands for a speaker that is a language model."""
    return SPEAKERS.get(speaker.partition(":")[0], "").startswith("multiref_gym.agents.speakers.")


def _named(kind: str, names: Mapping[str, str], name: str) -> tuple[Callable[..., Any], Callable[..., Any] | None]:
    """Returns the object behind a name and, if it uses a model, its function `load` bound to the model."""
    colons = 1 if name.partition(":")[0] in names else 2
    parts = name.split(":", colons)
    listed, model = ":".join(parts[:colons]), [part for part in parts[colons:] if part]
    make = resolve(kind, names, listed)
    load = getattr(make, "load", None)
    if load is None:
        if parts[colons:]:
            raise UnknownName(f"unknown {kind} {name!r}: {listed} does not use a model")
        return make, None
    first = next(iter(signature(load).parameters.values()), None)
    if not model and (first is None or first.default is Parameter.empty):
        what = first.name if first else "model"
        raise UserError(f"{kind} {name!r} needs a {what}: expected '{listed}:{what.upper()}'")
    return make, partial(load, *model)


def has_ternary_form(make: Callable[..., FeedbackDecoder]) -> bool:
    """Whether a decoder can return neutral as well."""
    try:
        return "ternary" in signature(make).parameters
    except ValueError:  # objects not written in Python may not show their parameters
        return False


def new_decoder(name: str, ternary: bool = False) -> FeedbackDecoder:
    """Makes a decoder by its name; see `decoder_of` and `made` for names and errors."""
    return made("decoder", name, decoder_of(name, ternary))  # type: ignore[no-any-return]


def feedback_name(decoder: str, ternary: bool = False) -> str:
    """Returns the name of a decoder's feedback in a store: its two forms have different names."""
    return f"{decoder}, ternary" if ternary else decoder
