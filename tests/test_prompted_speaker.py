"""Speakers that are language models: what they are shown and say, behind an endpoint and on this machine."""

from __future__ import annotations

import copy
import pickle
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import gymnasium
import numpy as np
import pytest
from acting import games_of
from human_like import write_games as write_games_of_people
from hypothesis import given
from hypothesis import strategies as st
from running import run
from stub_endpoint import Body, Reply, completion, failure, in_turn, said, serving
from tiny_vlm import TEXT, randomise
from transformers import LlamaConfig, LlamaForCausalLM

from multiref_gym import cli
from multiref_gym.agents.evaluation import dialogue_statistics
from multiref_gym.agents.listeners.baselines import OracleListener, RandomListener
from multiref_gym.agents.listeners.lm.random_model import byte_tokenizer
from multiref_gym.agents.play import new_games, play
from multiref_gym.agents.speakers.habits import in_words as habits_in_words
from multiref_gym.agents.speakers.prompt import names_letter, read_utterance
from multiref_gym.agents.speakers.prompted import ATTEMPTS, PromptedSpeaker
from multiref_gym.commands.process import ANSWERS
from multiref_gym.errors import UserError
from multiref_gym.formats import read_interactions, write_games
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.game import Action, Context, Game
from multiref_gym.interaction import Interaction
from multiref_gym.messages import Part
from multiref_gym.simulators.named import speaker_of
from multiref_gym.simulators.population import adversarial, population
from multiref_gym.tangrams import load_tangrams
from multiref_gym.utterance import MAX_LENGTH, checked, is_utterance

FIGURES = load_tangrams("figures")
Write = Callable[[str, int], str]


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("OPENAI_MODEL", raising=False)
    monkeypatch.delenv(ANSWERS, raising=False)


class Writer:
    """Stands in for a model: writes what a function of the prompt and the seed says, and keeps what it was shown."""

    name, usage = "the writer", {"requests": 7}

    def __init__(self, write: Write = lambda prompt, seed: f"the bird of {seed}", sees: bool = False) -> None:
        self.sees, self.tally = sees, Counter[str]()
        self.shown: list[list[Part]] = []
        self.together: list[int] = []
        self._write = write

    def write(self, prompts: Sequence[Sequence[Part]], seeds: Sequence[int]) -> list[tuple[str, str]]:
        self.shown += map(list, prompts)
        self.together.append(len(prompts))
        return [(self._write(text_of(prompt), seed), "") for prompt, seed in zip(prompts, seeds, strict=True)]


def text_of(prompt: Sequence[Part]) -> str:
    return "".join(part.get("text", "<picture>") for part in prompt)


def speaker(write: Write, **options: Any) -> PromptedSpeaker:
    return PromptedSpeaker(FIGURES, Writer(write, **options))


def opened(speaking: PromptedSpeaker, seed: int = 0) -> str:
    [game] = games_of(FIGURES, 1, seed, lambda: speaking)
    return game.utterance


def played(writer: Writer, numbers: Sequence[int]) -> list[Interaction]:
    make = partial(PromptedSpeaker, FIGURES, writer)
    return play(RandomListener(), new_games(FIGURES, numbers, make, np.random.SeedSequence(0)))


def test_the_model_knows_the_game_as_a_person_does() -> None:
    writer = Writer()
    ids = ("bird-0014", "cat-0096", "camel-0012", "house-0126")
    looks = {id: FIGURES[id].descriptions[0] for id in ids}
    game = Game(Context(ids, ids, frozenset(ids[:2])))
    speaking = PromptedSpeaker(FIGURES, writer)
    first = speaking.start(game, np.random.default_rng(0))
    game.apply(Action(frozenset({1, 3})))
    second = speaking.reply(Action(frozenset({1, 3})))
    game.apply(Action(deselect=frozenset({3})))
    speaking.reply(Action(deselect=frozenset({3})))
    game.apply(Action())
    speaking.reply(None)

    opening, after_clicks, after_undo, not_understood = map(text_of, writer.shown)
    assert habits_in_words(next(one for one in population() if one.name == speaking.name)) in opening
    mine, others = opening.partition("Your targets:")[2].split("The others, which must not be selected:")
    assert (mine.count("\n- "), others.count("\n- ")) == (2, 2)
    assert all((looks[id] in mine) and (looks[id] not in others) for id in ids[:2])
    assert "selected)" not in opening
    assert f"- {looks['cat-0096']} (selected)\n" in after_clicks
    assert f"- {looks['house-0126']} (selected, which is wrong)\n" in after_clicks
    assert f"You: {first}\nThe listener selected one of your targets and one of the others.\n" in after_clicks
    just = after_clicks.partition("The listener has just selected:\n")[2]
    assert f"- {looks['cat-0096']} (your target)\n" in just
    assert f"- {looks['house-0126']}\n" in just
    assert f"You: {second}\nThe listener deselected one of the others.\n" in after_undo
    assert f"The listener has just deselected:\n- {looks['house-0126']}\n" in after_undo
    assert "The listener did nothing, as it did not understand.\n" in not_understood


@pytest.mark.parametrize("sees", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_nothing_that_is_shown_depends_on_letters_or_names_an_id(sees: bool, seed: int) -> None:
    [drawn] = games_of(FIGURES, 1, seed)
    context, rng = drawn.game.context, np.random.default_rng(seed)
    turned = Context(
        context.speaker_order, tuple(np.array(context.listener_order)[rng.permutation(10)]), context.targets
    )
    clicks = [context.listener_order[i] for i in rng.integers(10, size=6)]
    shown = []
    for one in (context, turned):
        writer, game = Writer(lambda prompt, seed: f"number {seed}", sees), Game(one)
        speaking = PromptedSpeaker(FIGURES, writer)
        speaking.start(game, np.random.default_rng(seed))
        for id in clicks:
            if not game.over:
                action = Action.clicking([one.listener_order.index(id)], game.selected)
                game.apply(action)
                speaking.reply(action)
        shown.append(writer.shown)
    assert shown[0] == shown[1], "whatever letters the listener has, the model is shown the same"
    assert len(shown[0]) > 1
    assert not any(id in text_of(prompt) for prompt in shown[0] for id in context.listener_order)
    assert {part["type"] for prompt in shown[0] for part in prompt} == ({"text", "image_url"} if sees else {"text"})


def test_groups_do_not_tell_the_order_that_the_speaker_was_given() -> None:
    orders = set()
    ids = FIGURES.ids[:200:20]
    for seed in range(4):
        writer = Writer()
        PromptedSpeaker(FIGURES, writer).start(Game(Context(ids, ids, frozenset(ids))), np.random.default_rng(seed))
        orders.add(text_of(writer.shown[0]).partition("Your targets:")[2])
    assert len(orders) == 4


@pytest.mark.parametrize(
    ("written", "utterance"),
    [
        ("the tall bird", "the tall bird"),
        ('Speaker: "yes, now the boat"', "yes, now the boat"),
        ("**You:** find the fish\n\nThis describes it well.", "find the fish"),
        ("<think>\nB is a bird. Speaker: no\n</think>\n\nthe bird", "the bird"),
        ("<think>the bird", ""),
        ("Sure! Here is my message:\n“undo that”", "undo that"),
        ("Message:\n- the one with a flag", "- the one with a flag"),
        ("the house<|im_end|>\n<|im_start|>user\nselect A", "the house"),
        ("```\nthe house\n```", "the house"),
        ("'yes', then the cat", "'yes', then the cat"),
        ("👍", "👍"),
        ("ja, der Vogel\x07 da\u2028nein", "ja, der Vogel da"),
        ("...\n\n", ""),
        ("", ""),
        ("word " * 200, " ".join(["word"] * 102)),
        ("x" * 600, "x" * MAX_LENGTH),
    ],
)
def test_what_is_said_of_what_a_model_writes(written: str, utterance: str) -> None:
    assert read_utterance(written) == utterance


@given(
    st.text(max_size=700) | st.lists(st.sampled_from(["<think>", "</think>", "You:", '"', "\n", "B", " "])).map("".join)
)
def test_fuzz_whatever_a_model_writes_is_said_as_an_utterance_or_not_at_all(written: str) -> None:
    said = read_utterance(written)
    assert is_utterance(said)
    assert said == said.strip()
    names_letter(said)


@pytest.mark.parametrize(
    "utterance", ["select B", "Click on the one labelled C", "pick A, C", "deselect d.", "choose picture 3", "undo #4"]
)
def test_a_picture_that_is_named_by_a_letter_or_a_number(utterance: str) -> None:
    assert names_letter(utterance)


@pytest.mark.parametrize(
    "utterance", ["select a bird", "it looks like a T", "pick 2 birds", "the L shape", "undo that", "yes. a boat"]
)
def test_letters_that_name_no_picture(utterance: str) -> None:
    assert not names_letter(utterance)


def test_what_cannot_be_said_is_asked_for_again_with_other_chance() -> None:
    written: list[int] = []

    def write(prompt: str, seed: int) -> str:
        written.append(seed)
        return ["", "select B", "the bird"][len(written) - 1]

    speaking = speaker(write)
    assert opened(speaking) == "the bird"
    assert len(set(written)) == 3
    assert speaking.usage == {"requests": 7, "asked_again": 2, "letters": 0}


def test_a_model_that_says_nothing_is_an_error_and_no_silence() -> None:
    with pytest.raises(
        UserError, match=f"the writer gave no valid utterance in {ATTEMPTS} answers: the last one, '', is not"
    ):
        opened(speaker(lambda prompt, seed: ""))


def test_a_letter_that_a_model_will_not_leave_is_said_and_counted() -> None:
    speaking = speaker(lambda prompt, seed: "select B")
    assert opened(speaking) == "select B"
    assert speaking.usage == {"requests": 7, "asked_again": ATTEMPTS - 1, "letters": 1}


def test_what_is_said_in_a_game_does_not_depend_on_the_games_beside_it() -> None:
    def write(prompt: str, seed: int) -> str:
        return f"the bird of {seed}" if seed % 3 else ""  # so that some are asked again

    writer = Writer(write)
    together = played(writer, range(6))
    assert together == [game for number in range(6) for game in played(Writer(write), [number])]
    assert writer.together[0] == 6, "all games are opened at once"
    assert len(writer.together) < sum(len(game.turns) for game in together) / 2
    assert len({game.speaker for game in together}) > 1
    assert {game.closing for game in together} == {""}, "a game that is over needs no remark"


def test_a_speaker_that_extends_another_one_is_asked_itself() -> None:
    class Polite(PromptedSpeaker):
        def reply(self, action: Action | None) -> str:
            return f"please, {super().reply(action)}"

    writer = Writer(lambda prompt, seed: "the bird")
    games = new_games(FIGURES, range(3), partial(Polite, FIGURES, writer), np.random.SeedSequence(0))
    replies = {turn.utterance for game in play(RandomListener(), games) for turn in game.turns[1:]}
    assert replies == {"please, the bird"}


@pytest.mark.parametrize(("said", "told"), [(["hi"], r"said \['hi'\] in 2 games: allowed"), (None, "said None in 2")])
def test_a_class_that_does_not_speak_in_all_of_its_games_is_told(said: Any, told: str) -> None:
    class Own:
        name = "own"

        def start(self, game: Game, rng: np.random.Generator) -> str:
            raise NotImplementedError

        def reply(self, action: Action | None) -> str:
            raise NotImplementedError

        @staticmethod
        def start_all(*of_games: Any) -> Any:
            return said

        @staticmethod
        def reply_all(*of_games: Any) -> Any:
            raise NotImplementedError

    with pytest.raises(UserError, match=rf"speaker test_prompted_speaker:\S*Own {told}"):
        new_games(FIGURES, range(2), Own, np.random.SeedSequence(0))


def test_no_oracle_listens_to_a_model() -> None:
    games = games_of(FIGURES, 1, make_speaker=lambda: PromptedSpeaker(FIGURES, Writer()))
    with pytest.raises(UserError, match="the writer does not report the action that it wants, so no oracle can listen"):
        play(OracleListener(games), games)


def test_personas_are_told_in_words() -> None:
    people = {one.name: habits_in_words(one) for one in (*population(), *adversarial())}
    assert len(set(people.values())) > 0.8 * len(people)
    assert "misjudge" in people["wrong00"]
    assert '"well done"' in people["sarcastic00"] or '"oh great"' in people["sarcastic00"]
    writer = Writer()
    with pytest.raises(UserError, match="no personas"):
        PromptedSpeaker(FIGURES, writer, [])
    speaking = PromptedSpeaker(FIGURES, writer, adversarial()[:1])
    opened(speaking)
    assert speaking.name == adversarial()[0].name


def speaking_of(body: Body) -> Reply:
    """Says something that depends on what it was asked and with which seed."""
    assert said(body).endswith("You:")
    return completion(f"You: the bird of {body['seed']}")


def simulated(out: str, *more: str) -> list[str]:
    return ["simulate", "--games", "4", "--listener", "random", "--speaker", "api:tiny", "--out", out, *more]


@pytest.fixture
def endpoint_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Any]:
    def named(endpoint: Any) -> Any:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        return endpoint

    return named


def test_a_model_behind_an_endpoint_speaks_whole_games(
    endpoint_of: Callable[[Any], Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    two = threading.Barrier(2)

    def answer(body: Body) -> Reply:
        if len(endpoint.bodies) <= 2:
            two.wait(30)  # for another game, which is asked for at the same time
        return speaking_of(body)

    with serving(answer) as endpoint:
        endpoint_of(endpoint)
        assert cli.main(simulated("games.jsonl", "--speaker-prices", "2", "10")) == 0
        asked = len(endpoint.bodies)
        assert cli.main(simulated("again.jsonl")) == 0
        monkeypatch.setenv("OPENAI_MODEL", "tiny")
        assert cli.main([*simulated("unnamed.jsonl"), "--speaker", "api"]) == 0
    games = read_interactions(Path("games.jsonl"))
    assert games == read_interactions(Path("again.jsonl")) == read_interactions(Path("unnamed.jsonl"))
    assert asked == sum(len(game.turns) for game in games), "one request a turn"
    assert {game.speaker for game in games} <= {one.name for one in population()}
    assert all(turn.utterance.startswith("the bird of ") for game in games for turn in game.turns)
    told = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("speaker: "))
    cost = f"{(100 * 2 + 5 * 10) * asked / 1e6:.4g}"
    assert told.startswith(f"speaker: requests: {asked}, kept: 0, retries: 0")
    assert told.endswith(f"asked again: 0, letters: 0, cost: {cost}")


def test_a_run_that_broke_off_asks_nothing_twice(endpoint_of: Callable[[Any], Any]) -> None:
    valid = threading.Event()

    def answer(body: Body) -> Reply:
        return speaking_of(body) if valid.is_set() or len(endpoint.bodies) < 15 else failure(401, "expired")

    with serving(speaking_of) as endpoint:
        endpoint_of(endpoint)
        run(*simulated("whole.jsonl"))
        needed = len(endpoint.bodies)
    with serving(answer) as endpoint:
        endpoint_of(endpoint)
        with pytest.raises(UserError, match="the same command continues from there"):
            run(*simulated("games.jsonl"))
        refused = len(endpoint.bodies) - len(Path("games.jsonl.answers").read_text().splitlines())
        valid.set()
        run(*simulated("games.jsonl"))
        assert len(endpoint.bodies) - refused == needed
    assert read_interactions(Path("games.jsonl")) == read_interactions(Path("whole.jsonl"))


def test_a_model_that_sees_is_shown_pictures(endpoint_of: Callable[[Any], Any]) -> None:
    with serving(in_turn(completion("the bird"))) as endpoint:
        endpoint_of(endpoint)
        env = gymnasium.make("MultiRef-v0", speaker="api-pictures:tiny", image=None, max_turns=2)
        observation, _ = env.reset(seed=0)
        env.step(np.eye(10, dtype=np.int8)[0])
    assert observation["utterance"] == "the bird"
    kinds = [[part["type"] for part in body["messages"][0]["content"]] for body in endpoint.bodies]
    assert [of.count("image_url") for of in kinds] == [10, 11], "what was clicked is shown again"


def test_games_of_a_vector_environment_are_asked_for_together(endpoint_of: Callable[[Any], Any]) -> None:
    two = threading.Barrier(2)

    def answer(body: Body) -> Reply:
        two.wait(30)
        return speaking_of(body)

    with serving(answer) as endpoint:
        endpoint_of(endpoint)
        envs = gymnasium.make_vec("MultiRef-v0", 2, speaker="api:tiny", image=None)
        envs.reset(seed=0)
        observations, *_ = envs.step(np.zeros((2, 10), np.int8))
    assert len(set(observations["utterance"])) == 2


def test_a_speaker_goes_to_another_process_by_the_name_of_its_model(endpoint_of: Callable[[Any], Any]) -> None:
    with serving(speaking_of) as endpoint:
        endpoint_of(endpoint)
        make = speaker_of("api:tiny", FIGURES)
        [one], [other] = (games_of(FIGURES, 1, make_speaker=made) for made in (make, pickle.loads(pickle.dumps(make))))
        assert one.utterance == other.utterance
        env = gymnasium.make("MultiRef-v0", speaker="api:tiny", image=None)
        env.reset(seed=0)
        twin, nothing = copy.deepcopy(env), np.zeros(10, np.int8)
        assert env.step(nothing)[0]["utterance"] == twin.step(nothing)[0]["utterance"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (
            ["--speaker", "api"],
            "no model is named for the endpoint: expected api:MODEL, or the environment variable",
        ),
        (["--speaker", "llm"], "speaker 'llm' needs a model: expected 'llm:MODEL'"),
        (["--speaker", "llm:."], "cannot load the language model '.'"),
        (["--speaker", "scripted:tiny"], "scripted does not use a model"),
        (["--speaker", "apis:tiny"], "unknown speaker 'apis:tiny'"),
        (["--speaker-prices", "1", "2"], "--speaker-prices do not apply to --speaker scripted"),
    ],
)
def test_a_speaker_that_cannot_be_had(words: list[str], complaint: str) -> None:
    with pytest.raises(UserError) as refused:
        run("simulate", "--games", "1", "--listener", "random", "--out", "games.jsonl", *words)
    assert complaint in str(refused.value)


def test_where_no_language_model_can_speak() -> None:
    with pytest.raises(UserError, match="demonstrations need a speaker that gives its wanted actions, not llm:tiny"):
        run("respect", "--speaker", "llm:tiny", "--out", "run")
    with pytest.raises(UserError, match="people do not wait for a language model to speak"):
        run("serve", "--open", "--role", "listener", "--speaker", "llm:tiny", "--out", "served")


@cache
def tiny_llm() -> Path:
    """Returns a folder with a text model of random weights that reads long prompts."""
    folder, words = Path(mkdtemp(prefix="llm-")), byte_tokenizer()
    model = LlamaForCausalLM(
        LlamaConfig(**TEXT, vocab_size=len(words), max_position_embeddings=1 << 15, eos_token_id=words.eos_token_id)
    )
    randomise(model, 0.1)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def test_a_model_on_this_machine_speaks_the_same_alone_and_beside_others() -> None:
    make = speaker_of(f"llm:{tiny_llm()}", FIGURES)
    seeds = np.random.SeedSequence(0)
    together = new_games(FIGURES, range(2), make, seeds)
    said = [game.utterance for game in together]
    assert all(map(checked, said))
    assert said[0] != said[1]
    assert said == [new_games(FIGURES, [number], make, seeds)[0].utterance for number in range(2)]
    together[0].take(Action(frozenset({0})))
    assert checked(together[0].utterance)
    usage = together[0].speaker.usage  # type: ignore[attr-defined]
    assert usage["requests"] >= 5
    assert 0 < usage["output_tokens"] < usage["input_tokens"]


def test_the_games_of_a_model_are_measured_as_those_of_any_speaker(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sklearn")
    people = write_games_of_people(Path("people.jsonl"))
    things = ("the bird", "no, the boat with a flag", "yes, now the house", "undo that")
    writer = Writer(lambda prompt, seed: things[seed % 4])
    write_games("jsonl", Path("games.jsonl"), map(LoggedGame, played(writer, range(40))))
    monkeypatch.setattr(dialogue_statistics, "RESAMPLES", 50)
    run("bench", "likeness", "--games", "games.jsonl", "--human", people)
    assert "inside the human interval" in capsys.readouterr().out
