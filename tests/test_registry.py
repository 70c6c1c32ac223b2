"""Names for speakers, listeners and decoders."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from multiref_gym.agents.decoders.lexical import LexicalDecoder
from multiref_gym.registry import DECODERS, LISTENERS, SPEAKERS, UnknownName, resolve

NAMED = {"speaker": SPEAKERS, "listener": LISTENERS, "decoder": DECODERS}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in NAMED.items() for name in names])
def test_every_registered_name_stands_for_something(kind: str, name: str) -> None:
    assert callable(resolve(kind, NAMED[kind], name))


def test_a_name_may_be_an_entry_point_of_ones_own() -> None:
    assert resolve("decoder", DECODERS, "multiref_gym.agents.decoders.lexical:LexicalDecoder") is LexicalDecoder


def test_a_decoder_that_is_made_of_a_model_is_told_which() -> None:
    make = resolve("decoder", DECODERS, "prompted-ternary:owner/model:of-mine")
    assert make.keywords == {"ternary": True, "model": "owner/model:of-mine"}


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        (
            "telepathy",
            "unknown decoder 'telepathy': choose from lexical, lexical-ternary, learned, learned-ternary, "
            "prompted, prompted-ternary, prompted-api, prompted-api-ternary, or give 'module:attribute'",
        ),
        ("nowhere.at.all:Decoder", "unknown decoder 'nowhere.at.all:Decoder': No module named 'nowhere'"),
        ("multiref_gym.agents.decoders.lexical:Telepathy", "no attribute 'Telepathy'"),
        ("", "unknown decoder ''"),
        ("lexical:model", "unknown decoder 'lexical:model': lexical is not made of a model"),
        (":Decoder", "unknown decoder ':Decoder'"),
        ("multiref_gym.agents.decoders.lexical:", "unknown decoder 'multiref_gym.agents.decoders.lexical:'"),
    ],
)
def test_an_unknown_name_gets_those_that_are_known(name: str, complaint: str) -> None:
    with pytest.raises(UnknownName) as error:
        resolve("decoder", DECODERS, name)
    assert complaint in str(error.value)


def test_a_defect_of_a_module_of_ones_own_is_not_taken_for_a_wrong_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "defective_decoder.py").write_text("import math\nmath.no_such_function()\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AttributeError, match="no_such_function"):
        resolve("decoder", DECODERS, "defective_decoder:Decoder")


def test_importing_the_package_imports_neither_torch_nor_what_is_to_its_right() -> None:
    code = (
        "import sys, multiref_gym, multiref_gym.registry, multiref_gym.interaction\n"
        "print([m for m in ('torch', 'transformers', 'simulators', 'agents', 'benchmarks') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
