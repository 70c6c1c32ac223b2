"""Games as data sets of Minari, and back."""

from __future__ import annotations

import importlib
import math
import subprocess
import sys
import uuid
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from acting import games_of
from hypothesis import given, settings
from hypothesis import strategies as st
from running import run
from strategies import interactions, utterances

from multiref_gym.agents.listeners.baselines import RandomListener
from multiref_gym.agents.play import play
from multiref_gym.env import MultiRefEnv
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback, ground_truth
from multiref_gym.formats import read_games, write_games
from multiref_gym.formats.logged_game import BadGame, LoggedGame
from multiref_gym.game import Action, Context
from multiref_gym.interaction import Interaction, Turn
from multiref_gym.registry import feedback_name
from multiref_gym.simulators.replay import ReplaySpeaker
from multiref_gym.store import InteractionStore
from multiref_gym.tangrams import load_tangrams
from multiref_gym.vocabulary import Vocabulary, encode

minari = pytest.importorskip("minari", reason="Minari is an extra")
parquet = pytest.importorskip("pyarrow.parquet", reason="Minari stores with it")
from multiref_gym.formats.minari import Minari, decoder_of  # noqa: E402 (it needs Minari)

NAME = "multiref/games-v0"
UNKNOWN = Context(tuple("abcdefghij"), tuple("abcdefghij"), frozenset("ab"))
NOTHING = Turn("and now?", Action())


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the data sets of a test."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    return tmp_path / "minari"


def played(number: int, size: int = 10, round: int = 0) -> list[Interaction]:
    """Games of a random listener with the scripted speaker."""
    started = games_of(load_tangrams("figures"), number, number, size=size, name=f"random-{round}")
    return play(RandomListener(), started, policy="random", round=round)


@pytest.fixture(scope="module")
def games() -> list[Interaction]:
    """Games lost, one left after its first turn, one won by a person in one turn."""
    lost = played(3)
    left, first = replace(lost[0], game_id="left", turns=lost[0].turns[:1]), lost[1].turns[0]
    clicks = Action(select=lost[1].targets, deselect=frozenset())
    won = replace(lost[1], game_id="won", turns=(Turn(first.utterance, clicks),), closing="", policy="Ann")
    return [*lost, left, won]


def logged(games: list[Interaction], feedback: list[list[Feedback]] | None = None) -> list[LoggedGame]:
    return [LoggedGame(game, labels=tuple(feedback[i]) if feedback else ()) for i, game in enumerate(games)]


def feedback_on(games: list[Interaction]) -> list[list[Feedback]]:
    rng = np.random.default_rng(0)
    return [[Feedback(int(value)) for value in rng.integers(-1, 2, len(game.turns) - 1)] for game in games]


def test_games_and_feedback_come_back_as_they_went_in(games: list[Interaction]) -> None:
    written = logged(games, feedback_on(games))
    write_games(Minari(image=None, decoder="lexical"), NAME, written)
    read, _ = read_games(NAME, "minari")
    assert read == written
    assert [game.place for game in read] == [f"{NAME}, episode {number}" for number in range(len(games))]
    assert decoder_of(NAME) == "lexical"


@given(interactions(utterances))
@settings(max_examples=10)
def test_any_game_of_the_environment_comes_back(game: Interaction) -> None:
    name = f"multiref/{uuid.uuid4().hex}-v0"
    write_games(Minari(image=None), name, [LoggedGame(game)])
    assert read_games(name, "minari")[0] == [LoggedGame(game)]


@given(st.text(max_size=9) | st.from_regex(r"(\w+/)?[\w.-]*-v\d*"))
@settings(max_examples=50)
def test_any_name_is_one_of_a_data_set_or_none(name: str) -> None:
    with pytest.raises(UserError, match=r"is not a name of a Minari data set|there is no Minari data set"):
        read_games(name, "minari")


def test_games_that_nobody_decoded_come_back_without_feedback(games: list[Interaction]) -> None:
    write_games("minari", NAME, logged(games))
    assert read_games(NAME, "minari")[0] == logged(games)
    assert decoder_of(NAME) == ""


@pytest.mark.parametrize("image", ["tangrams", "board", None])
def test_an_episode_is_what_the_environment_shows(games: list[Interaction], image: str | None) -> None:
    feedback = feedback_on(games)
    write_games(Minari(image=image, decoder="lexical"), NAME, logged(games, feedback))
    data = minari.load_dataset(NAME)
    for game, decoded, episode in zip(games, feedback, data.iterate_episodes(), strict=True):
        env = MultiRefEnv(speaker=lambda _, game=game: ReplaySpeaker(game), split="all", image=image)
        seen = [env.reset(options={"game": game.context})[0]]
        for number, turn in enumerate(game.turns):
            assert set(np.flatnonzero(episode.actions[number])) == turn.action.clicks
            observation, reward, terminated, *_ = env.step(episode.actions[number])
            seen.append(observation)
            ended = (episode.rewards[number], episode.terminations[number])
            assert ended == (reward, terminated)
        seen[-1]["utterance"] = game.closing
        for key in data.observation_space:
            np.testing.assert_array_equal(episode.observations[key], [observation[key] for observation in seen])
        assert image is None or episode.observations["image"].dtype == np.uint8
        assert episode.truncations.tolist() == [False] * (len(game.turns) - 1) + [not terminated]
        log_probs = [math.nan, *(math.nan if turn.log_prob is None else turn.log_prob for turn in game.turns)]
        np.testing.assert_array_equal(episode.infos["log_prob"], log_probs)
        np.testing.assert_array_equal(episode.infos["feedback"], [math.nan, *decoded, math.nan])


def test_the_environment_of_a_data_set_can_be_recovered(games: list[Interaction]) -> None:
    write_games("minari", NAME, logged(games))
    data = minari.load_dataset(NAME)
    env = data.recover_environment()
    assert env.observation_space.keys() == data.observation_space.keys()
    assert env.action_space == data.action_space
    for episode in data.iterate_episodes():
        for step in range(len(episode.rewards) + 1):
            observation = {key: values[step] for key, values in episode.observations.items()}
            assert observation in data.observation_space
            assert observation in env.observation_space
    assert env.reset(seed=0)[0] in env.observation_space


def test_the_games_of_a_data_set_can_be_played_in_its_environment(games: list[Interaction]) -> None:
    ids = load_tangrams("figures").split("test").ids[:10]
    unseen = Context(ids[::-1], ids, frozenset(ids[:3]))
    other = replace(games[0], game_id="unseen", context=unseen)
    write_games(Minari(image=None), NAME, logged([*games, other]))
    env = minari.load_dataset(NAME).recover_environment()
    for game in (*games, other):
        assert env.reset(seed=0, options={"game": game.context})[0] in env.observation_space


def test_the_environment_of_a_data_set_has_as_many_targets_as_its_games(games: list[Interaction]) -> None:
    context = games[0].context
    few = replace(games[0], game_id="few", context=replace(context, targets=frozenset(sorted(context.targets)[-1:])))
    write_games(Minari(image=None), NAME, [LoggedGame(few)])
    spec = minari.load_dataset(NAME).spec.env_spec
    assert spec is not None
    assert spec.kwargs["targets"] == [1, 5]


def test_a_store_goes_through_minari_and_comes_back(games: list[Interaction], tmp_path: Path) -> None:
    store, copy = tmp_path / "store.db", tmp_path / "copy.db"
    later = played(2, round=1)
    with InteractionStore(store) as opened:
        opened.add([*games, *later], "SUP")
        opened.add_feedback("SUP", 0, "lexical", feedback_on(games))
        opened.add_feedback("SUP", 1, "lexical", feedback_on(later))
        opened.add([replace(games[0], game_id="control")], "CONTROL")
    run("export", "--store", store, "--minari", NAME, "--system", "SUP", "--decoder", "lexical", "--image", "none")
    run("import", "--store", copy, "--minari", NAME, "--system", "SUP")
    with InteractionStore(store) as original, InteractionStore(copy) as copied:
        assert copied.interactions() == original.interactions("SUP")
        assert copied.feedback("lexical") == original.feedback("lexical", "SUP")
    with pytest.raises(UserError, match=r"'lexical' has decoded none of .* by: no decoder$"):
        run("export", "--store", store, "--minari", "other-v0", "--system", "CONTROL", "--decoder", "lexical")
    with pytest.raises(UserError, match="there is a Minari data set 'multiref/games-v0' already"):
        run("export", "--store", store, "--minari", NAME, "--image", "none")


def test_minari_is_a_format_like_others(games: list[Interaction], tmp_path: Path) -> None:
    store, copy = tmp_path / "store.db", tmp_path / "copy.db"
    with InteractionStore(store) as opened:
        opened.add(games, "SUP")
        opened.add_feedback("SUP", 0, "lexical", feedback_on(games))
    run("export", "--store", store, "--out", NAME, "--format", "minari", "--decoder", "lexical", "--image", "none")
    run("import", "--store", copy, "--games", NAME, "--format", "minari", "--system", "SUP")
    with InteractionStore(copy) as copied:
        assert copied.interactions("SUP") == games
        assert copied.feedback("lexical", "SUP") == feedback_on(games)


def test_the_feedback_of_the_ternary_form_is_exported_on_demand(games: list[Interaction], tmp_path: Path) -> None:
    neutral = [[Feedback.NEUTRAL] * (len(game.turns) - 1) for game in games]
    with InteractionStore(tmp_path / "store.db") as opened:
        opened.add(games, "SUP")
        opened.add_feedback("SUP", 0, "lexical", feedback_on(games))
        opened.add_feedback("SUP", 0, feedback_name("lexical", ternary=True), neutral)
    for options, feedback in (([], feedback_on(games)), (["--ternary"], neutral)):
        name = f"multiref/forms{len(options)}-v0"
        run("export", "--store", tmp_path / "store.db", "--minari", name, "--decoder", "lexical", *options)
        assert [list(game.labels)[:-1] for game in read_games(name, "minari")[0]] == feedback


def test_a_whole_store_goes_through_minari_where_not_all_was_decoded(
    games: list[Interaction], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, copy = tmp_path / "store.db", tmp_path / "copy.db"
    rounds = [[replace(game, round=round, game_id=f"{round}-{game.game_id}") for game in games] for round in (0, 1)]
    mixed = [game for pair in zip(*rounds, strict=True) for game in pair]
    with InteractionStore(store) as opened:
        opened.add(mixed, "SUP")
        opened.add_feedback("SUP", 1, "lexical", feedback_on(games))
        opened.add([replace(game, game_id=f"control-{game.game_id}", round=2) for game in games], "CONTROL")
    run("export", "--store", store, "--minari", NAME, "--decoder", "lexical", "--image", "none")
    decoded = [game.labels for game in logged(games, feedback_on(games))]
    undecoded = [game.labels for game in logged(games)]
    alternating = [labels for pair in zip(undecoded, decoded, strict=True) for labels in pair]
    assert [game.labels for game in read_games(NAME, "minari")[0]] == [*alternating, *undecoded]
    run("import", "--store", copy, "--minari", NAME, "--system", "ALL")
    assert " ".join(capsys.readouterr().out.split()).endswith("feedback of 'lexical' on rounds 1")
    with InteractionStore(copy) as copied:
        assert copied.rounds("ALL") == [0, 1, 2]
        assert [copied.has_feedback("ALL", round, "lexical") for round in (0, 1, 2)] == [False, True, False]
        assert copied.feedback("lexical", "ALL", 1) == feedback_on(games)


def test_a_data_set_has_games_of_one_context_size() -> None:
    write_games(Minari(image=None), NAME, logged(played(2, size=6)))
    assert read_games(NAME, "minari")[0] == logged(played(2, size=6))
    with pytest.raises(BadGame, match=f"{NAME}, episode 0, field 'context': expected 10 tangrams, not 6"):
        read_games(NAME, "minari", context_size=10)
    with pytest.raises(UserError, match=r"one context size, not of \[6, 10\] tangrams"):
        write_games(Minari(image=None), "mixed-v0", logged([*played(1), *played(2, size=6)]))


def test_what_the_environment_could_not_have_played_makes_no_data_set(games: list[Interaction], root: Path) -> None:
    turns = games[0].turns
    strange = replace(games[0], turns=(replace(turns[0], utterance="\n"), *turns[1:]))
    over = replace(games[-1], turns=(*games[-1].turns, *[NOTHING] * 2))
    for bad, message in (
        (strange, r"game 'random-0-0000': .* said '\\n'"),
        (replace(games[0], context=UNKNOWN), "it has 'a', which is not in figures"),
        (over, "game 'won': the game ended"),
    ):
        with pytest.raises(BadGame, match=message):
            write_games("minari", NAME, logged([games[1], bad]))
        assert not (root / NAME).exists()


@pytest.mark.parametrize("image", [None, "tangrams"])
def test_games_of_other_tangrams_make_a_data_set_without_images(games: list[Interaction], image: str | None) -> None:
    bad: list[BadGame] = []
    other = replace(games[1], context=UNKNOWN)
    write_games(Minari(image=image, skip=bad.append), NAME, logged([games[0], other]))
    assert read_games(NAME, "minari")[0] == logged([games[0], other] if image is None else [games[0]])
    assert len(bad) == (0 if image is None else 1)


def test_bad_games_are_left_out_where_it_is_asked_for_and_told(
    games: list[Interaction], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, turns = tmp_path / "store.db", games[0].turns
    strange = replace(games[0], turns=(replace(turns[0], utterance="long" * 1000), *turns[1:]))
    # More turns than any game that is kept, which must not end otherwise for it.
    over = replace(games[-1], turns=(*games[-1].turns, *[NOTHING] * 12))
    with InteractionStore(store) as opened:
        opened.add([strange, games[1]], "SUP")
    export = ("export", "--store", store, "--minari", NAME, "--image", "none")
    with pytest.raises(UserError, match=r"game 'random-0-0000': .* said 4000 characters"):
        run(*export)
    run(*export, "--skip-bad")
    first, second, third = capsys.readouterr().out.splitlines()
    assert (first, second) == (f"1 interactions written to {NAME}", "1 bad games skipped:")
    assert third.startswith("game 'random-0-0000': ")
    assert read_games(NAME, "minari")[0] == [LoggedGame(games[1], system="SUP")]
    write_games(Minari(image=None, skip=lambda error: None), "lost-v0", logged([games[1], over]))
    [episode] = minari.load_dataset("lost-v0").iterate_episodes()
    assert (episode.terminations[-1], episode.truncations[-1]) == (True, False)
    with pytest.raises(BadGame, match="bad-v0: there is no game that the environment could have played"):
        write_games(Minari(image=None, skip=lambda error: None), "bad-v0", logged([strange, over]))


@pytest.mark.parametrize("name", ["games", "no such-v0", "", "../games-v0", "games-v"])
def test_a_name_that_is_none_is_refused(games: list[Interaction], name: str) -> None:
    with pytest.raises(UserError, match="is not a name of a Minari data set"):
        write_games("minari", name, logged(games))
    with pytest.raises(UserError, match="is not a name of a Minari data set"):
        read_games(name, "minari")


@pytest.mark.filterwarnings("ignore::UserWarning:minari")
def test_other_data_sets_are_refused(root: Path) -> None:
    with pytest.raises(UserError, match=f"no Minari data set '{NAME}' in {root}"):
        read_games(NAME, "minari")
    env = gym.make("CartPole-v1")
    observation, _ = env.reset(seed=0)
    steps = [env.step(0) for _ in range(3)]
    episode = minari.data_collector.EpisodeBuffer(
        observations=[observation, *(step[0] for step in steps)],
        actions=[0] * 3,
        rewards=[step[1] for step in steps],
        terminations=[step[2] for step in steps],
        truncations=[step[3] for step in steps],
    )
    minari.create_dataset_from_buffers("cartpole/test-v0", [episode], env=env, data_format="arrow")
    with pytest.raises(UserError, match="was not made by `multiref export --minari`"):
        read_games("cartpole/test-v0", "minari")


def test_clicks_that_do_not_lead_to_the_selection_are_no_game(games: list[Interaction], root: Path) -> None:
    write_games(Minari(image=None), NAME, logged(games))
    [path] = (root / NAME / "data" / "0").glob("*.parquet")
    table = parquet.read_table(path)
    turned = table["actions"].take(list(range(len(table)))[::-1])
    parquet.write_table(table.set_column(table.column_names.index("actions"), "actions", turned), path)
    with pytest.raises(BadGame, match=f"{NAME}, episode 0: the clicks do not lead to what is selected"):
        read_games(NAME, "minari")


@pytest.mark.parametrize("content", ["", "{}"])
def test_a_damaged_data_set_is_named(games: list[Interaction], root: Path, tmp_path: Path, content: str) -> None:
    write_games(Minari(image=None), NAME, logged(games))
    (root / NAME / "data" / "2" / "metadata.json").write_text(content)
    with pytest.raises(UserError, match=f"{NAME}, episode 2"):
        run("import", "--store", tmp_path / "new.db", "--minari", NAME, "--system", "S")
    assert not (tmp_path / "new.db").exists()
    (root / NAME / "data" / "metadata.json").write_text(content)
    with pytest.raises(UserError, match=f"cannot read the Minari data set '{NAME}'"):
        read_games(NAME, "minari")


def test_without_minari_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['minari'] = None\n"
        "from multiref_gym.errors import UserError\n"
        "try: import multiref_gym.formats.minari\n"
        "except UserError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install multiref-gym[minari]" in done.stdout


def test_behaviour_cloning_learns_from_a_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "docs" / "examples"))
    cloning = importlib.import_module("behaviour_cloning")
    monkeypatch.setattr(cloning, "EPOCHS", 100)
    games = played(12)
    feedback = [[ground_truth(turn.action, game.targets) for turn in game.turns[:-1]] for game in games]
    write_games(Minari(decoder="truth"), NAME, logged(games, feedback))
    vocabulary = Vocabulary.of((turn.utterance for game in games for turn in game.turns), 300)
    good = [
        turn
        for game, values in zip(games, feedback, strict=True)
        for turn, value in zip(game.turns, values, strict=False)
        if value == Feedback.POSITIVE
    ]
    steps = cloning.good_steps(minari.load_dataset(NAME), vocabulary)
    _, words, _, clicks = (array.numpy() for array in steps)
    assert [set(np.flatnonzero(row)) for row in clicks] == [turn.action.clicks for turn in good]
    np.testing.assert_array_equal(words, [encode(turn.utterance, cloning.LENGTH, vocabulary) for turn in good])
    agreed, chance = cloning.agreement(cloning.learn(steps, len(vocabulary)), steps)
    assert chance < 0.2
    assert agreed > 0.9
    assert 0 <= cloning.main(NAME) <= 1
    write_games("minari", "undecoded-v0", logged(games))
    with pytest.raises(SystemExit, match="exported with --decoder"):
        cloning.main("undecoded-v0")
