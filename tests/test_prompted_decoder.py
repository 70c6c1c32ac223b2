"""The prompted decoder: what it asks, and how likely models on this machine and behind an endpoint find the answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from peft import LoraConfig, get_peft_model
from tiny_vlm import TEXT, tiny_vlm
from transformers import (
    AutoModelForImageTextToText,
    AutoTokenizer,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    Qwen3NextConfig,
    Qwen3NextForCausalLM,
)
from transformers import LlamaForCausalLM as Llama

from multiref_gym.agents.decoders.answers import BEGINNING, EndpointModel, WritingModel
from multiref_gym.agents.decoders.prompted import BINARY, TERNARY, EndpointDecoder, Form, PromptedDecoder
from multiref_gym.agents.language_model import LanguageModel
from multiref_gym.agents.listeners.lm.random_model import byte_tokenizer
from multiref_gym.benchmarks.decoders import both_forms
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, Feedback
from multiref_gym.game import Action
from multiref_gym.registry import decoder_of

NEGATIVE, NEUTRAL, POSITIVE = Feedback
SELECT = Action(select=frozenset({6}))
SWAP = Action(select=frozenset({6}), deselect=frozenset({5}))
QUESTIONS = ["the bird?", "is it the house with no chimneys, yes or no?", "undo", "the bird?"]
ANSWERS = ["Negative", "Neutral", "Positive"]
CHATML = (
    "{% for m in messages %}<bos>{{ m['role'] }}\n{{ m['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<bos>assistant\n{% endif %}"
)


def exchange(reply: str, action: Action = SELECT, previous: Action | None = SWAP) -> Exchange:
    return Exchange(previous, "the tall bird", action, reply)


class Reader:
    """Stands in for a model: scores the answers by what the speaker said last."""

    def __init__(self, by_reply: dict[str, Sequence[float]]) -> None:
        self.by_reply = by_reply
        self.questions: list[str] = []
        self.answers: list[str] = []

    def __call__(self, questions: Sequence[str], answers: Sequence[str], opening: str = "") -> NDArray[np.float64]:
        self.questions += questions
        self.answers += answers
        replies = [question.split("\n\n")[1].splitlines()[-1] for question in questions]
        return np.array([self.by_reply[reply.removeprefix("Speaker: ")] for reply in replies])


def test_the_model_reads_the_exchange_in_order() -> None:
    reader = Reader({"no": [-1.0, -2.0], "yes": [-1.0, -2.0]})
    PromptedDecoder(reader).decode([exchange("no"), exchange("yes", previous=None)])
    listing = [question.split("\n\n")[1].splitlines() for question in reader.questions]
    last = ["Speaker: the tall bird", "Listener: select G"]
    assert listing == [
        ["Listener: deselect F select G", *last, "Speaker: no"],
        [*last, "Speaker: yes"],
    ]
    assert reader.answers == ["No", "Yes"]


@pytest.mark.parametrize("form", [BINARY, TERNARY])
def test_the_question_names_the_answers(form: Form) -> None:
    assert all(answer in form.question for answer in form.answers)


def test_the_likeliest_answer_is_decoded() -> None:
    reader = Reader({"yes": [-9.0, -8.0], "no": [-0.1, -8.0], "hm": [-3.0, -3.0]})
    decoder = PromptedDecoder(reader)
    exchanges = [exchange("yes"), exchange("no"), exchange("hm")]
    assert decoder.decode(exchanges) == [POSITIVE, NEGATIVE, NEGATIVE], "what is as likely is not positive"
    np.testing.assert_allclose(decoder.probabilities(exchanges), 1 / (1 + np.exp([-1.0, 7.9, 0.0])))


def test_the_ternary_form_knows_neutral() -> None:
    reader = Reader({"good": [-5.0, -4.0, -1.0], "half": [-5.0, -1.0, -4.0], "bad": [-1.0, -np.inf, -np.inf]})
    decoder = PromptedDecoder(reader, ternary=True)
    exchanges = [exchange(reply) for reply in reader.by_reply]
    assert decoder.decode(exchanges) == [POSITIVE, NEUTRAL, NEGATIVE]
    assert decoder.probabilities(exchanges).round(2).tolist() == [0.94, 0.05, 0.0]


def test_an_action_without_clicks_is_negative_unasked() -> None:
    reader = Reader({"yes": [-9.0, -1.0]})
    decoder = PromptedDecoder(reader)
    assert decoder.decode([exchange("yes", Action()), exchange("yes")]) == [NEGATIVE, POSITIVE]
    assert len(reader.questions) == 1
    assert decoder.probabilities([exchange("yes", Action())]).tolist() == [0.0]
    assert decoder.decode([]) == []


def opinionated(model: Any) -> Any:
    """Gives a model weights that are large enough for answers to differ."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 0.3, generator=torch.Generator().manual_seed(parameter.numel()))
    return model.eval()


def llama(length: int = 2048) -> tuple[Any, Any]:
    words = byte_tokenizer()
    return opinionated(Llama(LlamaConfig(**TEXT, vocab_size=len(words), max_position_embeddings=length))), words


def chatting_llama() -> tuple[Any, Any]:
    model, words = llama()
    words.chat_template = CHATML
    return model, words


def gpt2() -> tuple[Any, Any]:
    # Its positions are absolute, so that padding may shift them, and there is no token to pad with.
    words = byte_tokenizer()
    words.pad_token = None
    return opinionated(
        GPT2LMHeadModel(GPT2Config(vocab_size=len(words), n_positions=512, n_embd=32, n_layer=2, n_head=4))
    ), words


def seeing(architecture: str) -> tuple[Any, Any]:
    folder = tiny_vlm(architecture)
    model = AutoModelForImageTextToText.from_pretrained(folder)
    return model.eval(), AutoTokenizer.from_pretrained(folder)


PROMPTS: dict[str, tuple[Callable[[], tuple[Any, Any]], str]] = {
    "llama": (llama, "{}\nAnswer: "),
    "llama that chats": (chatting_llama, "<bos>user\n{}</s>\n<bos>assistant\n"),
    "gpt2": (gpt2, "{}\nAnswer: "),
    "idefics2": (partial(seeing, "idefics2"), "User: {}<end_of_utterance>\nAssistant: "),
    "gemma3": (
        partial(seeing, "gemma3"),
        "<bos><start_of_turn>user\n{}<end_of_turn>\n<start_of_turn>model\n",
    ),
}


@torch.inference_mode()
def one_by_one(model: Any, words: Any, texts: Sequence[str]) -> NDArray[np.float64]:
    """The log-probabilities of whole texts, each on its own and without padding."""
    totals = []
    for text in texts:
        tokens = torch.tensor([words(text, add_special_tokens=False).input_ids])
        log_probs = torch.log_softmax(model(input_ids=tokens).logits[0, :-1].float(), dim=-1)
        totals.append(float(log_probs.gather(1, tokens[0, 1:, None]).sum()))
    return np.array(totals)


@pytest.mark.parametrize("name", PROMPTS)
@pytest.mark.parametrize("answers", [["No", "Yes"], ANSWERS])
def test_answers_have_the_odds_of_the_texts_that_end_in_them(name: str, answers: list[str]) -> None:
    make, prompt = PROMPTS[name]
    model, words = make()
    found = LanguageModel(model, words, batch_size=3)(QUESTIONS, answers)
    assert found.shape == (len(QUESTIONS), len(answers))
    for question, row in zip(QUESTIONS, found, strict=True):
        expected = one_by_one(model, words, [prompt.format(question) + answer for answer in answers])
        np.testing.assert_allclose(row - row[0], expected - expected[0], atol=1e-4)
    assert np.ptp(found[:, 0] - found[:, 1]) > 0.1, "or nothing is tested"


def sliding() -> tuple[Any, Any]:
    # Half of its layers see 8 tokens back, fewer than an opening has.
    words = byte_tokenizer()
    layers = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 8, "query_pre_attn_scalar": 8}
    return opinionated(Gemma3ForCausalLM(Gemma3TextConfig(**TEXT | layers, vocab_size=len(words)))), words


def recurrent() -> tuple[Any, Any]:
    # One of its layers keeps a state in place of keys and values.
    words = byte_tokenizer()
    heads = {"linear_num_value_heads": 2, "linear_num_key_heads": 2, "head_dim": 8, "mlp_only_layers": [0, 1]}
    layers = {"layer_types": ["linear_attention", "full_attention"], **heads}
    return opinionated(Qwen3NextForCausalLM(Qwen3NextConfig(**TEXT | layers, vocab_size=len(words)))), words


OTHERS = {"sliding": sliding, "recurrent": recurrent}


@pytest.mark.parametrize("name", [*PROMPTS, *OTHERS])
@pytest.mark.parametrize("answers", [["No", "Yes"], ANSWERS])
def test_with_an_opening_the_texts_are_plain_and_the_odds_are_the_same(name: str, answers: list[str]) -> None:
    model, words = OTHERS[name]() if name in OTHERS else PROMPTS[name][0]()
    opening = "Is it right? the dog: Yes\n\n"
    found = LanguageModel(model, words, batch_size=3)(QUESTIONS, answers, opening)
    start = words.decode(words("").input_ids)  # the special tokens that a text begins with
    for question, row in zip(QUESTIONS, found, strict=True):
        expected = one_by_one(model, words, [f"{start}{opening}{question} {answer}" for answer in answers])
        np.testing.assert_allclose(row - row[0], expected - expected[0], atol=1e-4)
    assert np.ptp(found[:, 0] - found[:, 1]) > 0.1, "or nothing is tested"


@pytest.mark.parametrize("name", [*PROMPTS, *OTHERS])
@torch.inference_mode()
def test_how_a_text_begins_has_the_probability_of_its_first_tokens(name: str) -> None:
    model, words = OTHERS[name]() if name in OTHERS else PROMPTS[name][0]()
    opening, contexts = "Is it right? the dog: Yes\n\n", ["the bird:", "the fish with a hat:", "the bird:", "it:"]
    texts = ["no, the other bird", "yes", "yes, and the house", ""]
    asked = LanguageModel(model, words, batch_size=3)
    found = asked.begins(contexts, texts, opening)
    for context, text, of_text in zip(contexts, texts, found, strict=True):
        before, whole = (words(f"{opening}{context}{more}").input_ids for more in ("", f" {text}\n"))
        start = next((place for place, token in enumerate(before) if token != whole[place]), len(before))
        end = min(start + BEGINNING, len(whole))
        log_probs = torch.log_softmax(model(input_ids=torch.tensor([whole[:end]])).logits[0].float(), dim=-1)
        expected = sum(float(log_probs[place - 1, whole[place]]) for place in range(start, end))
        assert of_text == pytest.approx(expected, abs=1e-4)
    assert np.ptp(found) > 0.1, "or nothing is tested"
    reading = Reading(model)
    np.testing.assert_array_equal(asked.begins(contexts[::-1], texts[::-1], opening), found[::-1])
    assert reading.tokens == 0, "what is known is not asked again"


class Reading:
    """Counts the tokens that a model reads."""

    def __init__(self, model: Any) -> None:
        self.tokens = 0
        model.register_forward_pre_hook(self._count, with_kwargs=True)

    def _count(self, model: Any, args: Any, kwargs: Any) -> None:
        self.tokens += kwargs["input_ids"].numel()


def test_an_opening_is_read_once_and_a_question_once() -> None:
    model, words = llama()
    reading, asked = Reading(model), LanguageModel(model, words)
    opening = "Is it right? the dog: Yes\n\n" * 9
    first = asked(["the bird?"], ["N", "Y"], opening)
    assert reading.tokens >= len(words(opening).input_ids)
    reading.tokens = 0
    asked(["the fish?"], ["N", "Y"], opening)
    assert 0 < reading.tokens < 20
    reading.tokens = 0
    again = asked(["the bird?", "the fish?"], ["N", "Y"], opening)
    assert reading.tokens == 0
    assert again[0].tolist() == first[0].tolist()


def test_answers_of_one_token_are_told_from_others() -> None:
    asked = LanguageModel(*llama())
    assert asked.one_token_each(["N", "Y"])
    assert not asked.one_token_each(["No", "Yes"])


def test_an_answer_of_several_tokens_counts_with_all_of_them() -> None:
    _, words = llama()
    lengths = {len(words(f" {answer}").input_ids) for answer in ANSWERS}
    assert min(lengths) > 1, "the other tests have such answers"
    assert len(lengths) > 1


def test_an_adapter_is_left_out() -> None:
    model, words = llama()
    before = LanguageModel(model, words)(QUESTIONS, ANSWERS)
    adapted = get_peft_model(model, LoraConfig(target_modules=["q_proj", "v_proj"], init_lora_weights=False)).eval()
    text = torch.tensor([words(QUESTIONS[0]).input_ids])
    with torch.inference_mode(), adapted.disable_adapter():
        base = adapted(input_ids=text).logits
    np.testing.assert_allclose(LanguageModel(adapted, words)(QUESTIONS, ANSWERS), before, atol=1e-4)
    with torch.inference_mode():
        assert not torch.allclose(adapted(input_ids=text).logits, base), "it is on again, and does something"


def test_a_question_that_is_too_long_is_refused() -> None:
    model, words = llama(length=64)
    with pytest.raises(UserError, match=r"a question of \d+ tokens is too long for the language model, which reads 64"):
        LanguageModel(model, words)(["the bird", "the bird " * 60], ANSWERS)


def test_a_folder_is_loaded_and_decodes(tmp_path: Path) -> None:
    model, words = chatting_llama()
    model.save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    exchanges = [exchange("yes, the house"), exchange("no, undo that", SWAP), exchange("the house", previous=None)]
    for decoder, ternary in zip(both_forms(decoder_of(f"prompted:{tmp_path}")), (False, True), strict=True):
        assert isinstance(decoder, PromptedDecoder)
        expected = PromptedDecoder(LanguageModel(model, words), ternary).probabilities(exchanges)
        np.testing.assert_allclose(decoder.probabilities(exchanges), expected, atol=1e-5)
        assert set(decoder.decode(exchanges)) <= ({NEGATIVE, NEUTRAL, POSITIVE} if ternary else {NEGATIVE, POSITIVE})


def test_an_image_text_model_decodes() -> None:
    decoder = PromptedDecoder.load(str(tiny_vlm("llava")))
    [first, again] = decoder.probabilities([exchange("yes"), exchange("yes")])
    assert first == pytest.approx(again)
    assert 0 < first < 1


def test_the_two_forms_of_a_decoder_share_one_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(LanguageModel, "load", lambda name: loaded.append(name) or Reader({"yes": [-1.0, -2.0]}))
    for _ in both_forms(decoder_of(f"prompted:{tmp_path}")):
        pass
    assert loaded == [str(tmp_path)]


def test_what_cannot_be_loaded_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    llama()[0].save_pretrained(tmp_path / "mute")
    for name in (str(tmp_path), str(tmp_path / "mute"), str(tmp_path / "missing"), "nobody/has-this-model"):
        with pytest.raises(UserError, match="cannot load the language model") as caught:
            PromptedDecoder.load(name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


def tops(*likeliest: tuple[str, float]) -> dict[str, Any]:
    top = [{"token": token, "logprob": log_prob, "bytes": None} for token, log_prob in likeliest]
    return {"content": [{"token": likeliest[0][0], "logprob": likeliest[0][1], "top_logprobs": top}]}


class TestEndpoint:
    """The decoder behind an endpoint."""

    @pytest.fixture(autouse=True)
    def _environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("httpx")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def scores(self, logprobs: Any, answers: Sequence[str] = ("No", "Yes")) -> list[float]:
        from stub_endpoint import completion, serving

        from multiref_gym.agents.openai_api import ChatClient

        with serving(lambda body: completion("Yes", logprobs=logprobs)) as endpoint:
            [row] = EndpointModel(ChatClient("tiny", endpoint.url, attempts=1))(["well?"], answers)
        return [round(score, 4) for score in row.tolist()]

    def test_decodes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from stub_endpoint import Body, Reply, completion, said, serving

        def answer(body: Body) -> Reply:
            praised = "Speaker: yes" in said(body)
            return completion("?", logprobs=tops(("Yes", -0.1 if praised else -3.0), ("No", -1.5)))

        with serving(answer) as endpoint:
            monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
            decoder = EndpointDecoder.load("tiny")
            assert decoder.decode([exchange("yes"), exchange("no"), exchange("yes")]) == [POSITIVE, NEGATIVE, POSITIVE]
        [body, *_] = endpoint.bodies
        assert {key: body[key] for key in ("model", "max_tokens", "logprobs", "top_logprobs")} == {
            "model": "tiny",
            "max_tokens": 1,
            "logprobs": True,
            "top_logprobs": 20,
        }

    def test_a_question_is_asked_once_and_one_that_is_filtered_is_unclear(self) -> None:
        from stub_endpoint import Body, Reply, completion, failure, said, serving

        from multiref_gym.agents.openai_api import ChatClient

        def answer(body: Body) -> Reply:
            if "Speaker: bad" in said(body):
                return failure(400, "filtered by the content policy")
            return completion("Yes", finish="length", logprobs=tops(("Yes", -0.1), ("No", -1.5)))

        with serving(answer) as endpoint:
            decoder = PromptedDecoder(EndpointModel(ChatClient("tiny", endpoint.url, attempts=1)))
            replies = [exchange(reply) for reply in ("yes", "bad", "yes")]
            with pytest.warns(UserWarning, match="a content filter withheld 1 of 2 answers, which count as unclear"):
                assert decoder.decode(replies) == [POSITIVE, NEGATIVE, POSITIVE]
            assert decoder.probabilities(replies)[1] == 0.5
        assert len(endpoint.bodies) == 2

    def written(self, *texts: str) -> list[list[float]]:
        from stub_endpoint import completion, serving

        from multiref_gym.agents.openai_api import ChatClient

        texts_left = iter(texts)
        with serving(lambda body: completion(next(texts_left))) as endpoint:
            model = WritingModel(ChatClient("tiny", endpoint.url, attempts=1, concurrency=1))
            return model([str(number) for number in range(len(texts))], ["No", "Yes"]).tolist()

    def test_the_first_word_that_is_written_is_the_answer(self) -> None:
        no, yes = [0.0, -np.inf], [-np.inf, 0.0]
        assert self.written("Yes.", " **no**", "<think>No?</think>yes, I think") == [yes, no, yes]

    def test_what_is_written_and_is_no_answer_is_unclear(self) -> None:
        told = "writes 'Nothing', which begins with neither No nor Yes"
        with pytest.warns(UserWarning, match=f"{told}; 1 of 2 answers are like this"):
            assert self.written("Yes", "Nothing") == [[-np.inf, 0.0], [0.0, 0.0]]
        with pytest.raises(UserError, match=told):
            self.written("Nothing")

    def test_an_opening_stands_before_the_question(self) -> None:
        from stub_endpoint import completion, said, serving

        from multiref_gym.agents.openai_api import ChatClient

        with serving(lambda body: completion("Yes", logprobs=tops(("Yes", -0.1), ("No", -1.5)))) as endpoint:
            EndpointModel(ChatClient("tiny", endpoint.url))(["well?"], ["No", "Yes"], "First. ")
        assert said(endpoint.bodies[0]) == "First. well?"

    def test_spellings_of_an_answer_are_added_up(self) -> None:
        likeliest = [("Yes", np.log(0.5)), (" yes", np.log(0.2)), ("YES", np.log(0.1)), ("no", np.log(0.1)), ("", -3.0)]
        assert self.scores(tops(*likeliest)) == [round(np.log(0.1), 4), round(np.log(0.8), 4)]

    def test_the_beginning_of_an_answer_stands_for_it(self) -> None:
        assert self.scores(tops(("Neg", -0.5), ("Pos", -1.0), ("Neut", -2.0), ("Ne", -9.0)), ANSWERS) == [-0.5, -2, -1]

    def test_an_answer_that_is_not_likely_is_impossible(self) -> None:
        assert self.scores(tops(("Yes", -0.1), ("The", -2.0))) == [-np.inf, -0.1]

    @pytest.mark.parametrize(
        ("logprobs", "answers", "told"),
        [
            (None, ["No", "Yes"], "gives no log-probabilities"),
            ({"content": None}, ["No", "Yes"], "gives no log-probabilities"),
            ({"content": []}, ["No", "Yes"], "gives no log-probabilities"),
            ({"content": [{"token": "Yes", "logprob": -0.1}]}, ["No", "Yes"], "gives no log-probabilities"),
            ({"content": [{"top_logprobs": []}]}, ["No", "Yes"], "gives no log-probabilities"),
            ({"content": [{"top_logprobs": ["Yes"]}]}, ["No", "Yes"], "gives no log-probabilities"),
            (tops(("Yes", np.nan), ("No", np.inf)), ["No", "Yes"], "gives no log-probabilities"),
            (
                tops(("The", -0.1), ("A", -1.0)),
                ["No", "Yes"],
                "begins with 'the', and no likely token begins No or Yes",
            ),
            (tops(("Ne", -0.1), ("Pos", -1.0)), ANSWERS, "begins with 'ne', which may become Negative or Neutral"),
        ],
    )
    def test_without_log_probabilities_there_is_no_decoding(self, logprobs: Any, answers: list[str], told: str) -> None:
        with pytest.raises(UserError, match=rf"^tiny at http://\S+ {told}"):
            self.scores(logprobs, answers)
