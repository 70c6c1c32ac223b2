"""Many games at once are the same games as one at a time, however they are divided, and their records are true."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from terse_speaker import TerseSpeaker

from multiref_gym.agents.listeners.baselines import ErringListener, OracleListener, RandomListener
from multiref_gym.agents.listeners.small.listener import SmallListener
from multiref_gym.agents.play import new_games, play
from multiref_gym.agents.workers import divided_into
from multiref_gym.episode import Episode
from multiref_gym.errors import UserError
from multiref_gym.formats import read_interactions, write_games
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.game import MAX_TURNS, Action, Game
from multiref_gym.interaction import Interaction
from multiref_gym.listener import ROUNDING, Decision, Listener, View
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.tangrams import load_tangrams

FIGURES = load_tangrams("figures")
NOTHING = Action()
seeds = st.integers(0, 10_000)


class ClickyListener:
    """Clicks any number of tangrams, or none."""

    def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
        clicks = [np.flatnonzero(rng.random(10) < 0.2).tolist() for rng in rngs]
        actions = [Action.clicking(clicked, view.selected) for clicked, view in zip(clicks, views, strict=True)]
        return [Decision(action, -1.0, str(action)) for action in actions]


def decision(action: Any = NOTHING, log_prob: Any = -1.0, text: Any = "") -> Any:
    return Decision(action, log_prob, text)


class Answering:
    """A listener that answers the same whatever it is asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> Any:
        return self.answer


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "returned None: allowed is a list"),
        ("A", "returned 'A': allowed is a list"),
        ((decision() for _ in range(1)), "allowed is a list"),
        ([], "returned 0 decisions for 1 games"),
        ([decision()] * 2, "returned 2 decisions for 1 games"),
        ([None], "None: allowed is a Decision"),
        (["select A"], "'select A': allowed is a Decision"),
        ([NOTHING], "allowed is a Decision"),
        *[
            ([decision(log_prob=log_prob)], "log_prob=.* allowed is a finite number of at most 0")
            for log_prob in (np.nan, -np.inf, np.inf, 0.5, 2 * ROUNDING, "-1", True, np.array([-1.0]))
        ],
        ([decision(text=None)], "text=None"),
        ([decision("select A")], "action='select A'"),
        ([decision(Action({0}))], "allowed is an Action"),  # type: ignore[arg-type]
        ([decision(Action([0]))], "allowed is an Action"),  # type: ignore[arg-type]
        ([decision(Action(frozenset("A")))], "allowed is an Action"),  # type: ignore[arg-type]
        ([decision(Action(frozenset({True})))], "allowed is an Action"),
        ([decision(Action(frozenset({1.0})))], "allowed is an Action"),  # type: ignore[arg-type]
        ([decision(Action(frozenset({10})))], "no such position"),
        ([decision(Action(deselect=frozenset({3})))], "D cannot be deselected"),
    ],
)
def test_a_listener_that_decides_wrongly_is_told_what_it_did(answer: Any, message: str) -> None:
    (game,) = started(0, [0])
    with pytest.raises(UserError, match=f"^listener test_play:Answering.*{message}"):
        play(Answering(answer), [game])
    assert game.game.turn == 0


def test_a_wrong_decision_in_one_game_leaves_the_others_as_they_were() -> None:
    games = started(0, range(2))
    with pytest.raises(UserError, match="allowed is a Decision"):
        play(Answering([decision(), None]), games)
    assert [game.game.turn for game in games] == [0, 0]


@pytest.mark.parametrize("error", [KeyError("x"), SystemExit(0)])
def test_a_listener_that_fails_is_named_and_its_error_is_the_cause(error: BaseException) -> None:
    class Failing:
        def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
            raise error

    with pytest.raises(UserError, match=rf"Failing failed: {type(error).__name__}: .* \(test_play.py, line") as refused:
        play(Failing(), started(0, [0]))
    assert refused.value.__cause__ is error


def test_numbers_of_numpy_are_numbers_and_what_is_above_0_by_rounding_is_0(tmp_path: Path) -> None:
    class Toggling:
        def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
            clicks = frozenset({np.int64(3)})
            return [decision(Action.clicking(clicks, view.selected), np.float32(ROUNDING / 2)) for view in views]

    games = play(Toggling(), started(0, np.arange(1).tolist()), round=np.int64(2))  # type: ignore[arg-type]
    write_games("jsonl", tmp_path / "games.jsonl", map(LoggedGame, games))
    (game,) = read_interactions(tmp_path / "games.jsonl")
    assert game == games[0]
    assert game.round == 2
    assert {turn.log_prob for turn in game.turns} == {0.0}


@pytest.mark.parametrize("round", [True, 1.5, 2**31, None])
def test_a_round_is_a_whole_number(round: Any) -> None:
    (game,) = started(0, [0])
    with pytest.raises(UserError, match="round="):
        play(RandomListener(), [game], round=round)


class WishfulSpeaker(TerseSpeaker):
    wanted: Any = "A"


@pytest.mark.parametrize(
    ("speaker", "message"),
    [
        (TerseSpeaker, "speaker terse_speaker:TerseSpeaker failed: AttributeError: .*wanted"),
        (WishfulSpeaker, "speaker test_play:WishfulSpeaker wanted a forbidden action: 'A' is not an action"),
    ],
)
def test_an_oracle_hears_only_of_actions(speaker: Any, message: str) -> None:
    games = new_games(FIGURES, [0], partial(speaker, FIGURES), np.random.SeedSequence(0))
    with pytest.raises(UserError, match=message):
        play(OracleListener(games), games)


@pytest.mark.parametrize("name", [None, 3, "a\nb", "\ud800"])
def test_a_speaker_has_a_name_of_one_line(name: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TerseSpeaker, "name", name)
    with pytest.raises(UserError, match="speaker terse_speaker:TerseSpeaker has the name"):
        new_games(FIGURES, [0], partial(TerseSpeaker, FIGURES), np.random.SeedSequence(0))


def test_what_was_said_before_is_no_closing_remark_of_a_speaker_that_fails() -> None:
    class Failing(TerseSpeaker):
        def reply(self, action: Action | None) -> str:
            raise LookupError

    (game,) = new_games(FIGURES, [0], partial(Failing, FIGURES), np.random.SeedSequence(0))
    with pytest.raises(UserError, match="LookupError"):
        game.take(Action(select=game.game.targets))
    assert game.game.over
    assert game.interaction().closing == ""


def started(seed: int, numbers: Sequence[int] = range(5)) -> list[Episode]:
    make_speaker = partial(ScriptedSpeaker, FIGURES)
    return new_games(FIGURES, numbers, make_speaker, np.random.SeedSequence(seed), name="P-3")


def played(listener: Listener, seed: int, count: int = 5) -> list[Interaction]:
    return play(listener, started(seed, range(count)), policy="P", round=3)


@settings(max_examples=15, deadline=None)
@given(seeds, st.sampled_from([RandomListener, ClickyListener]))
def test_a_record_tells_the_game_again(seed: int, listener: type[Listener]) -> None:
    for interaction in played(listener(), seed):
        game = Game(interaction.context)
        for turn, selected in zip(interaction.turns, interaction.selections, strict=False):
            assert not game.over
            assert game.selected == selected
            game.apply(turn.action)
        assert game.over
        assert game.success == interaction.success
        assert game.turn == len(interaction.turns) <= MAX_TURNS


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_the_same_seeds_play_the_same_games(seed: int) -> None:
    assert played(ClickyListener(), seed) == played(ClickyListener(), seed)
    assert played(ClickyListener(), seed) != played(ClickyListener(), seed + 1)


@settings(max_examples=10, deadline=None)
@given(seeds, st.permutations(range(6)), st.integers(0, 6), st.sampled_from([ClickyListener, ErringListener]))
def test_a_game_depends_on_its_own_seed_alone(seed: int, order: list[int], cut: int, kind: type) -> None:
    def run(numbers: Sequence[int]) -> dict[str, Interaction]:
        games = started(seed, numbers)
        listener = kind(games) if kind is ErringListener else kind()
        return {game.game_id: game for game in play(listener, games, policy="P", round=3)}

    together = run(range(6))
    assert run(order) == together
    assert run(order[:cut]) | run(order[cut:]) == together
    assert len(together) == 6


def test_the_small_listener_plays_the_same_games_however_they_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = SmallListener.load(FIGURES)

    def run(numbers: Sequence[int]) -> list[Interaction]:
        return sorted(play(listener, started(1, numbers)), key=lambda game: game.game_id)

    together = run(range(24))
    assert len({turn.log_prob for game in together for turn in game.turns}) > 24
    assert run(range(23, -1, -1)) == together
    assert run(range(12)) + run(range(12, 24)) == together
    for size in (1, 5):
        monkeypatch.setattr("multiref_gym.agents.listeners.small.listener.PLAYED_AT_ONCE", size)
        assert run(range(24)) == together
    listener.model.double()
    assert run(range(24)) == together


class Counting(ClickyListener):
    """Takes down who is asked together."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
        if not views[0].dialogue:
            self.asked.append([view.game_id for view in views])
        return super().act(views, rngs)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 50), st.integers(1, 60), st.integers(1, 30), st.one_of(st.none(), st.integers(1, 20)))
def test_games_are_divided_in_order_and_blocks_stay_together(
    first: int, games: int, parts: int, block: int | None
) -> None:
    numbers = range(first, first + games)
    divided = divided_into(numbers, parts, block)
    assert [number for part in divided for number in part] == [*numbers]
    assert 1 <= len(divided) <= parts
    assert all(len(part) > 0 for part in divided)
    assert all((part.start - first) % (block or 1) == 0 for part in divided)
    blocks = [-(-len(part) // (block or 1)) for part in divided]
    assert max(blocks) - min(blocks) <= 1


def test_who_says_nothing_of_it_plays_games_in_blocks_that_do_not_depend_on_the_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("multiref_gym.agents.play.BLOCK", 4)
    whole, parts = Counting(), Counting()
    together = play(whole, started(1, range(10)))
    divided = [game for part in divided_into(range(10), 2, 4) for game in play(parts, started(1, part))]
    assert together == divided
    assert whole.asked == parts.asked
    assert [len(block) for block in whole.asked] == [4, 4, 2]


def test_what_was_said_and_done_is_on_record() -> None:
    (game,) = started(1, [4])
    heard: list[View] = []

    class Recorder(RandomListener):
        def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
            heard.extend(views)
            return super().act(views, rngs)

    (interaction,) = play(Recorder(), [game], policy="P", round=3)
    assert heard == interaction.views()
    assert [view.utterance for view in heard] == [turn.utterance for turn in interaction.turns]
    assert [view.selected for view in heard] == interaction.selections[:-1]
    assert heard[-1].dialogue == tuple((turn.utterance, turn.action) for turn in interaction.turns[:-1])
    assert all(turn.log_prob == pytest.approx(-np.log(10)) for turn in interaction.turns)
    assert (interaction.game_id, interaction.policy, interaction.round) == ("P-3-0004", "P", 3)
    assert interaction.speaker == game.speaker.name
    assert interaction.closing == game.utterance


def test_an_answer_that_was_no_action_is_heard_as_such() -> None:
    class Mumbling:
        def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
            return [Decision(None, None, "um") for _ in views]

    (game,) = started(0, [0])
    (interaction,) = play(Mumbling(), [game])
    assert all(turn.action == Action() for turn in interaction.turns)
    assert "select or deselect" in interaction.turns[1].utterance
    assert game.not_understood == MAX_TURNS


def test_progress_counts_the_games_that_are_over() -> None:
    over: list[int] = []
    play(RandomListener(), started(0), on_turn=over.append)
    assert over == sorted(over)
    assert over[-1] == 5
    assert len(over) == MAX_TURNS


def test_no_games_are_no_interactions() -> None:
    assert play(RandomListener(), []) == []


def test_understanding_wins_and_chance_hardly_ever_does() -> None:
    understood = started(7, range(150))
    games = play(OracleListener(understood), understood)
    # A speaker's slips cost a turn or, at the worst, the game.
    assert np.mean([game.success for game in games]) > 0.98
    assert np.mean([len(game.turns) <= len(game.targets) for game in games]) > 0.8
    assert sum(game.success for game in played(RandomListener(), 7, 150)) <= 5
