"""Where a model comes from, what is said if it cannot be had, and the whole RESPECT loop with one."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from acting import act
from safetensors.torch import load_file, save_file
from small_views import FIGURES
from tiny_vlm import configured, tiny_vlm
from transformers import AutoModelForImageTextToText, AutoProcessor

from multiref_gym.agents.decoders.prompted import PromptedDecoder
from multiref_gym.agents.learning.learn import Optimisation
from multiref_gym.agents.learning.respect import SUP, Config, Respect
from multiref_gym.agents.listeners.lm.listener import VlmListener
from multiref_gym.agents.listeners.lm.loading import VlmConfig
from multiref_gym.agents.listeners.weights import saved
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange
from multiref_gym.game import Action
from multiref_gym.listener import View


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a tiny model, to be broken."""
    return Path(shutil.copytree(tiny_vlm("llava"), tmp_path / "model"))


@pytest.fixture
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("huggingface_hub.constants", "transformers.utils.hub"):
        monkeypatch.setattr(f"{module}.HF_HUB_OFFLINE", True, raising=False)


@pytest.mark.usefixtures("_offline")
def test_an_unknown_model_is_refused_in_one_line() -> None:
    with pytest.raises(
        UserError, match=r"cannot load .* vision-language model from 'nobody/such-model': it is no folder"
    ) as refused:
        VlmListener.load(FIGURES, Path("nobody/such-model"))
    assert "\n" not in str(refused.value)


def test_without_a_model_nothing_is_loaded() -> None:
    with pytest.raises(UserError, match="no base of its own"):
        VlmListener.load(FIGURES)


def test_a_folder_without_a_processor_is_refused(folder: Path) -> None:
    for name in ("processor_config.json", "preprocessor_config.json"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises(UserError, match="processor"):
        VlmListener.load(FIGURES, folder)


@pytest.mark.parametrize(
    "error",
    [
        ImportError("\nSmolVLMVideoProcessor requires the Torchvision library but it was not found.\nSee elsewhere."),
        ImportError("Package `num2words` is required to run SmolVLM processor."),
        ValueError("model requires `torchvision` to be installed."),
    ],
)
def test_a_processor_that_needs_more_packages_says_how_to_get_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def from_pretrained(name: str) -> None:
        raise error

    monkeypatch.setattr(AutoProcessor, "from_pretrained", from_pretrained)
    with pytest.raises(UserError, match=r"`pip install 'multiref-gym\[vlm\]'`$") as refused:
        VlmListener.load(FIGURES, folder)
    assert "\n" not in str(refused.value)


def test_a_model_without_a_chat_template_is_refused(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(UserError, match=f"{folder} has no chat template: chat_template.jinja is missing"):
        VlmListener.load(FIGURES, folder)


def test_a_chat_template_whose_answers_begin_otherwise_is_refused(folder: Path) -> None:
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text().replace("ASSISTANT:", "NOW:"))
    with pytest.raises(UserError, match="does not go on from its generation prompt"):
        VlmListener.load(FIGURES, folder)


@pytest.mark.parametrize("template", ["{% for", "{{ raise_exception('roles must alternate') }}"])
def test_a_chat_template_that_fails_is_refused(folder: Path, template: str) -> None:
    (folder / "chat_template.jinja").write_text(template)
    with pytest.raises(UserError, match=f"the chat template of {folder} cannot be applied"):
        VlmListener.load(FIGURES, folder)


def test_a_chat_template_without_images_is_refused(folder: Path) -> None:
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text().replace("<image>", ""))
    with pytest.raises(UserError, match="does not show 10 images"):
        act(VlmListener.load(FIGURES, folder), [View(FIGURES.ids[:10], (), "?", frozenset())], 0)


def test_broken_weights_are_refused(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match="cannot load a vision-language model"):
        VlmListener.load(FIGURES, folder)


def test_weights_of_other_sizes_are_refused(folder: Path) -> None:
    file = folder / "config.json"
    config = json.loads(file.read_text())
    config["text_config"]["intermediate_size"] += 1
    file.write_text(json.dumps(config))
    with pytest.raises(UserError, match="cannot load a vision-language model"):
        VlmListener.load(FIGURES, folder)


def test_a_model_too_large_for_the_memory_is_told_in_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def to(self: torch.nn.Module, device: str) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")

    monkeypatch.setattr(torch.nn.Module, "to", to)
    with pytest.raises(UserError, match=r"cannot load a vision-language model .*: CUDA out of memory"):
        VlmListener.load(FIGURES, folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"vlm\.json: not JSON"),
        ("[]", r"vlm\.json: input should be an object, got \[\]"),
        ('{"model": "x", "colour": "red"}', "field 'colour': unknown; allowed is model, device, .*rank"),
        ('{"rank": 8}', "field 'model': missing"),
    ],
)
def test_settings_that_are_none_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "vlm.json").write_text(text)
    with pytest.raises(UserError, match=message):
        VlmListener.load(FIGURES, tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("model", 7, "input should be a valid string"),
        ("device", "cudaa", "expected null or a device that PyTorch finds here"),
        ("device", "cuda:99", "expected null or a device that PyTorch finds here"),
        ("dtype", "bf16", "input should be 'bfloat16', 'float16' or 'float32'"),
        ("attention", "", "string should have at least 1 character"),
        ("four_bit", "yes", "input should be a valid boolean"),
        ("rank", 0, "input should be greater than 0"),
        ("rank", True, "input should be a valid integer"),
        ("alpha", 1.5, "input should be a valid integer"),
        ("dropout", "x", "input should be a valid number"),
        ("dropout", 1, "input should be less than 1"),
        ("layers", "(", "expected null or a regular expression"),
        ("played_at_once", 0, "input should be greater than 0"),
        ("kept_gib", -1, "input should be greater than or equal to 0"),
        ("trained_at_once", None, "input should be a valid integer"),
    ],
)
def test_a_setting_with_a_value_that_is_not_allowed_is_named(
    tmp_path: Path, field: str, value: object, allowed: str
) -> None:
    (tmp_path / "vlm.json").write_text(json.dumps({"model": "x", field: value}))
    with pytest.raises(UserError) as refused:
        VlmListener.load(FIGURES, tmp_path)
    told = str(refused.value)
    assert told.startswith(f"{tmp_path / 'vlm.json'}, field '{field}': {allowed}")
    assert told.endswith(f", got {value!r}")
    with pytest.raises(UserError, match=f"field '{field}': "):
        VlmConfig(**{"model": "x", field: value})  # type: ignore[arg-type]


def test_a_model_is_found_beside_the_settings_that_name_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "vlm.json").write_text(json.dumps({"model": f"../{folder.name}"}))
    monkeypatch.chdir("/")
    VlmListener.load(FIGURES, base).save(tmp_path / "policy")
    assert VlmConfig.of(tmp_path / "policy").model == str(folder)


def test_an_adapter_of_another_base_is_refused(tmp_path: Path) -> None:
    VlmListener.load(FIGURES, tiny_vlm("idefics2")).save(tmp_path)
    configured(tmp_path, "gemma3")
    with pytest.raises(UserError, match="does not fit"):
        VlmListener.load(FIGURES, tmp_path)


def test_a_policy_without_its_weights_is_not_played_as_its_base(tmp_path: Path) -> None:
    VlmListener.load(FIGURES, tiny_vlm("idefics2")).save(tmp_path)
    weights = tmp_path / "adapter_model.safetensors"
    there = load_file(weights)
    name = min(there)
    for damaged, complaint in (
        ({key: there[key] for key in there if key != name}, f"{name} is missing there"),
        (there | {name: torch.full_like(there[name], torch.nan)}, f"{name} has a number that is not finite"),
        ({}, "is missing there"),
    ):
        save_file(damaged, weights)
        with pytest.raises(UserError, match=f"{weights} .*{complaint}"):
            VlmListener.load(FIGURES, tmp_path)
    weights.unlink()
    with pytest.raises(UserError, match=f"{weights} cannot be read: No such file"):
        VlmListener.load(FIGURES, tmp_path)


def test_a_policy_that_lacks_a_file_is_not_played_as_its_base(tmp_path: Path) -> None:
    listener = VlmListener.load(FIGURES, tiny_vlm("idefics2"))
    listener.save(tmp_path / "whole")
    with saved(tmp_path / "with digests") as unfinished:
        listener.save(unfinished)
    for whole in (tmp_path / "whole", tmp_path / "with digests"):
        for gone, complaint in (
            (("adapter_model.safetensors", "adapter_config.json"), "adapter_model.safetensors cannot be read|missing"),
            (("adapter_config.json",), "adapter_config.json: No such file|missing"),
            (("vlm.json",), "vlm.json is missing"),
        ):
            policy = Path(shutil.copytree(whole, tmp_path / "policy"))
            for name in gone:
                (policy / name).unlink()
            with pytest.raises(UserError, match=complaint):
                VlmListener.load(FIGURES, policy)
            shutil.rmtree(policy)


def test_an_adapter_is_not_played_by_other_settings(tmp_path: Path) -> None:
    VlmListener.load(FIGURES, tiny_vlm("idefics2")).save(tmp_path)
    configured(tmp_path, alpha=99)
    with pytest.raises(UserError, match=r"adapter_config.json, field 'lora_alpha': 8, but 99 by vlm.json beside it"):
        VlmListener.load(FIGURES, tmp_path)


def test_of_a_model_of_more_layers_than_its_configuration_says_it_is_told(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["num_hidden_layers"] -= 1
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.warns(UserWarning, match=r"weights such as .*layers\.1\..* have no place in the model of its config"):
        VlmListener.load(FIGURES, folder)


def test_a_base_that_is_gone_is_named(tmp_path: Path) -> None:
    (tmp_path / "vlm.json").write_text(json.dumps({"model": f"{tmp_path}/gone"}))
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises(UserError, match=f"there is no folder {tmp_path}/gone"):
            VlmListener.load(FIGURES, path)


def test_a_base_that_lacks_weights_is_not_played_with_others(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = load_file(folder / "model.safetensors")
    name = min(name for name in weights if "language_model" in name)
    save_file({key: weights[key] for key in weights if key != name}, folder / "model.safetensors", {"format": "pt"})
    capsys.readouterr()
    with pytest.raises(UserError, match=r"cannot load a vision-language model from .*: the weights .* are missing"):
        VlmListener.load(FIGURES, folder)
    assert "MISSING" not in capsys.readouterr().err  # no table of transformers beside it


def test_settings_of_a_base_are_those_of_what_is_learned_from_it(tmp_path: Path) -> None:
    listener = VlmListener.load(FIGURES, configured(tmp_path, rank=2, dtype="bfloat16", attention="eager"))
    assert listener.model.config._attn_implementation == "eager"
    kinds = {"lora" in name: values.dtype for name, values in listener.model.named_parameters()}
    assert kinds == {False: torch.bfloat16, True: torch.float32}
    listener.save(tmp_path / "policy")
    settings = json.loads((tmp_path / "policy" / "vlm.json").read_text())
    assert (settings["model"], settings["rank"], settings["dtype"]) == (str(tiny_vlm("idefics2")), 2, "bfloat16")


def test_a_record_holds_the_settings_that_decide_the_outcome(tmp_path: Path) -> None:
    load = lambda **settings: VlmListener.load(FIGURES, configured(tmp_path, **settings)).settings  # noqa: E731
    usual = load()
    assert load(played_at_once=3, kept_gib=1.0, trained_at_once=2, device="cpu") == usual
    for change in ({"rank": 2}, {"alpha": 4}, {"dropout": 0}, {"dora": True}, {"greedy": True}, {"dtype": "bfloat16"}):
        assert load(**change) == usual | change
    assert json.loads(json.dumps(usual)) == usual


def test_a_policy_finds_its_base_from_anywhere(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    VlmListener.load(FIGURES, Path(folder.name)).save(tmp_path / "policy")
    monkeypatch.chdir("/")
    VlmListener.load(FIGURES, tmp_path / "policy")


def test_a_listener_and_a_decoder_of_one_model_load_it_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []

    def counted(name: str, **options: Any) -> Any:
        loaded.append(name)
        return from_pretrained(name, **options)

    from_pretrained = AutoModelForImageTextToText.from_pretrained
    monkeypatch.setattr(AutoModelForImageTextToText, "from_pretrained", counted)
    decoder = PromptedDecoder.load(str(folder))
    exchanges = [Exchange(None, "the bird", Action(select=frozenset({6})), "no, the tall one")]
    before = decoder.probabilities(exchanges)
    listener = VlmListener.load(FIGURES, folder)
    with torch.no_grad():
        for name, weights in listener.model.named_parameters():
            weights += float("lora" in name)
    assert loaded == [str(folder)]
    assert decoder.probabilities(exchanges) == before, "what the listener learns is not the decoder's"


def test_four_bits_without_the_package_say_how_to_get_it(tmp_path: Path) -> None:
    if find_spec("bitsandbytes"):
        pytest.skip("bitsandbytes is installed")
    with pytest.raises(UserError, match=r"pip install 'multiref-gym\[four-bit\]'"):
        VlmListener.load(FIGURES, configured(tmp_path, four_bit=True))


def test_the_whole_loop_runs_and_goes_on_where_it_was(tmp_path: Path) -> None:
    config = Config(
        rounds=1,
        games=3,
        listener="multiref_gym.agents.listeners.lm.listener:VlmListener",
        base=str(tiny_vlm("idefics2")),
    )
    learner = replace(SUP, optimisation=Optimisation(epochs=1, batch=16))
    measures = list(Respect(config, learner, tmp_path / "run").rounds())
    assert [measured["round"] for measured in measures] == [0, 1]
    assert all((tmp_path / "run" / f"round-{r}" / "adapter_model.safetensors").is_file() for r in (0, 1))
    assert list(Respect(config, learner, tmp_path / "run").rounds()) == measures
