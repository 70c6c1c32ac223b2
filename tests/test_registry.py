"""Names for speakers, listeners, decoders and objectives."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from multiref_gym.agents.decoders.lexical import LexicalDecoder
from multiref_gym.agents.decoders.prompted import EndpointDecoder, PromptedDecoder
from multiref_gym.agents.learning.objectives import new_objective
from multiref_gym.agents.listeners.named import new_listener
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, Feedback
from multiref_gym.formats import write_games
from multiref_gym.game import Action
from multiref_gym.registry import (
    DECODERS,
    LISTENERS,
    OBJECTIVES,
    SPEAKERS,
    UnknownName,
    decoder_of,
    feedback_name,
    new_decoder,
    resolve,
)
from multiref_gym.simulators.named import speaker_of
from multiref_gym.tangrams import load_tangrams

MAKERS: dict[str, Callable[[str], Any]] = {
    "listener": lambda name: new_listener(name, load_tangrams("figures")),
    "speaker": lambda name: speaker_of(name, load_tangrams("figures"))(),
    "decoder": new_decoder,
    "objective": new_objective,
    "format": lambda name: write_games(name, "games", []),
}
"""What makes a part of its name."""
NAMED = {"speaker": SPEAKERS, "listener": LISTENERS, "decoder": DECODERS, "objective": OBJECTIVES}
REJECTED_SWAP = Exchange(None, "the wolf", Action(frozenset({1}), frozenset({2})), "no")


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in NAMED.items() for name in names])
def test_every_registered_name_stands_for_something(kind: str, name: str) -> None:
    assert callable(resolve(kind, NAMED[kind], name))


def test_a_name_may_be_an_entry_point_of_ones_own() -> None:
    assert resolve("decoder", DECODERS, "multiref_gym.agents.decoders.lexical:LexicalDecoder") is LexicalDecoder


@pytest.mark.parametrize("name", ["lexical", "learned"])
def test_a_decoder_is_binary_and_by_option_ternary(name: str) -> None:
    assert new_decoder(name).decode([REJECTED_SWAP]) == [Feedback.NEGATIVE]
    assert new_decoder(name, ternary=True).decode([REJECTED_SWAP]) == [Feedback.NEUTRAL]


class OfModel:
    """A decoder of one's own that is made of a model, and has no ternary form."""

    def __init__(self, model: str) -> None:
        self.model = model

    @classmethod
    def load(cls, model: str) -> OfModel:
        return cls(model)

    def decode(self, exchanges: Sequence[Exchange]) -> list[Feedback]:
        return [Feedback.POSITIVE] * len(exchanges)


@pytest.mark.parametrize(("name", "kind"), [("prompted", PromptedDecoder), ("prompted-api", EndpointDecoder)])
@pytest.mark.parametrize("ternary", [False, True])
def test_a_decoder_that_is_made_of_a_model_is_told_which(
    name: str, kind: type[PromptedDecoder], ternary: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kind, "load", lambda model, ternary=False: OfModel(f"{model}, {ternary}"))
    assert new_decoder(f"{name}:owner/model:of-mine", ternary).model == f"owner/model:of-mine, {ternary}"


def test_so_is_one_of_ones_own() -> None:
    decoder = new_decoder("test_registry:OfModel:owner/model:of-mine")
    assert isinstance(decoder, OfModel)
    assert decoder.model == "owner/model:of-mine"


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("prompted", "decoder 'prompted' needs a model: expected 'prompted:MODEL'"),
        ("calibrated", "decoder 'calibrated' needs a file: expected 'calibrated:FILE'"),
        ("prompted:", "decoder 'prompted:' needs a model: expected 'prompted:MODEL'"),
        ("test_registry:OfModel", "expected 'test_registry:OfModel:MODEL'"),
        (
            "test_registry:OfModel:mine",
            "has no ternary form; these have one: lexical, learned, prompted",
        ),
    ],
)
def test_a_decoder_that_cannot_be_made_so_is_told_in_one_line(name: str, complaint: str) -> None:
    with pytest.raises(UserError) as error:
        decoder_of(name, ternary="mine" in name)
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


def test_the_feedback_of_two_forms_has_two_names() -> None:
    assert feedback_name("prompted:model") == "prompted:model"
    assert feedback_name("prompted:model", ternary=True) == "prompted:model, ternary"


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        (
            "telepathy",
            "unknown decoder 'telepathy': choose from lexical, learned, prompted, prompted-api, calibrated, tuned, or "
            "give 'module:attribute'",
        ),
        ("nowhere.at.all:Decoder", "unknown decoder 'nowhere.at.all:Decoder': No module named 'nowhere'"),
        ("multiref_gym.agents.decoders.lexical:Telepathy", "no attribute 'Telepathy'"),
        ("", "unknown decoder ''"),
        ("lexical-ternary", "unknown decoder 'lexical-ternary': choose from lexical, learned"),
        ("lexical:", "unknown decoder 'lexical:': lexical does not use a model"),
        ("lexical:model", "unknown decoder 'lexical:model': lexical does not use a model"),
        (":Decoder", "unknown decoder ':Decoder'"),
        ("multiref_gym.agents.decoders.lexical:", "unknown decoder 'multiref_gym.agents.decoders.lexical:'"),
    ],
)
def test_an_unknown_name_gets_those_that_are_known(name: str, complaint: str) -> None:
    with pytest.raises(UnknownName) as error:
        new_decoder(name)
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("import math\nmath.no_such_function()\n", "no_such_function' (defective.py, line 2)"),
        ("def f(:\n", "SyntaxError: invalid syntax (defective.py, line 1)"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3 (defective.py, line 2)"),
        ("raise OSError('two\\nlines')\n", "OSError: two lines (defective.py, line 1)"),
    ],
)
@pytest.mark.parametrize(("kind", "make"), MAKERS.items())
def test_a_module_that_fails_is_told_with_the_place(
    kind: str, make: Callable[[str], Any], text: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "defective.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError) as error:
        make("defective:Thing")
    assert str(error.value).startswith(f"{kind} 'defective:Thing' cannot be imported: ")
    assert str(error.value).endswith(complaint)


class Needy:
    """Needs an argument, and can do nothing."""

    def __init__(self, *, needed: int) -> None:
        self.needed = needed


class Idle:
    """Can do nothing, whatever it is given."""

    def __init__(self, *given: object) -> None:
        pass


@pytest.mark.parametrize(("kind", "make"), MAKERS.items())
@pytest.mark.parametrize(
    "name",
    [
        "json:dumps",
        "math:pi",
        "os:getcwd",
        "os:path",
        "sys:exit",
        "test_registry:Needy",
        "test_registry:Idle",
        "multiref_gym.speaker:Speaker",
        "multiref_gym.formats.records:RecordFormat",
        "multiref_gym.game:Action",
        "multiref_gym.feedback:Exchange",
        "json:no",
    ],
)
def test_what_is_no_such_part_is_refused_by_its_name(kind: str, make: Callable[[str], Any], name: str) -> None:
    with pytest.raises(UserError, match=rf"(unknown )?{kind} '{name}'") as error:
        make(name)
    assert "\n" not in str(error.value)


def test_importing_the_package_imports_neither_torch_nor_what_is_to_its_right() -> None:
    code = (
        "import sys, multiref_gym, multiref_gym.registry, multiref_gym.interaction\n"
        "print([m for m in ('torch', 'transformers', 'simulators', 'agents', 'benchmarks') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
