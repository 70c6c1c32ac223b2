"""A game is the same alone and among others, whatever the others do."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from numpy.typing import NDArray
from vector_games import clicks_of, make, random_clicks
from wordy_speaker import WordySpeaker

from multiref_gym.env import MultiRefEnv
from multiref_gym.game import Context, Game
from multiref_gym.tangrams import load_tangrams

GAMES, SLOTS = 1000, 25
OF_VECTORS = {"autoreset_mode", "utterance_bytes"}
SETTINGS: list[dict[str, Any]] = [
    {"autoreset_mode": "SameStep"},
    {"autoreset_mode": "NextStep", "utterance_bytes": 48, "reward": "progress", "max_turns": 3},
    {"autoreset_mode": "Disabled", "similarity": 0.7, "split": "dev"},
    {"autoreset_mode": "SameStep", "image": "board", "max_turns": 5},
    {"autoreset_mode": "NextStep", "image": "board", "utterance_bytes": 9},
    {"autoreset_mode": "SameStep", "image": "tangrams", "utterance_bytes": 2048, "similarity": 1.0},
    {"autoreset_mode": "Disabled", "image": "tangrams", "reward": "progress"},
    {"autoreset_mode": "SameStep", "speaker": WordySpeaker, "utterance_bytes": 40, "reward": "progress"},
    {"autoreset_mode": "NextStep", "speaker": WordySpeaker, "image": "board"},
    {"autoreset_mode": "Disabled", "speaker": WordySpeaker, "max_turns": 4},
    {"autoreset_mode": "SameStep", "context_size": 26, "targets": (1, 26), "max_turns": 40},
    {"autoreset_mode": "NextStep", "context_size": 2, "targets": (1, 2), "max_turns": 1},
]


def scalar(options: dict[str, Any]) -> MultiRefEnv:
    """Returns the environment of one game that a vector environment has many of."""
    return MultiRefEnv(**{"image": None, **{key: options[key] for key in options.keys() - OF_VECTORS}})


def some_clicks(rng: np.random.Generator, env: MultiRefEnv) -> NDArray[np.int8]:
    """Clicks something that is still to be clicked, or anything."""
    size = len(env.game.context.listener_order)
    clicks = random_clicks(rng, size)
    if rng.random() < 0.7:
        clicks[list(env.game.selected ^ env.game.targets)] |= rng.random() < 0.6
    return clicks


def as_bytes(text: str, length: int | None) -> Any:
    return text if length is None else np.frombuffer(text.encode()[:length].ljust(length, b"\0"), np.uint8)


class Slots:
    """Single environments, and what a vector environment of the same games says in their places."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.mode, self.bytes = options["autoreset_mode"], options.get("utterance_bytes")
        self.envs = make(SLOTS, **options)
        self.scalars = [scalar(options) for _ in range(SLOTS)]
        self.ended = np.zeros(SLOTS, np.bool_)
        self.won = 0

    def reset(self, seed: int) -> None:
        said = self.envs.reset(seed=seed)
        for i, env in enumerate(self.scalars):
            self._check(i, env.reset(seed=seed + i), said)

    def step(self, clicks: NDArray[np.int8]) -> int:
        """Takes a step and returns how many games have ended."""
        said = self.envs.step(clicks)
        for i, env in enumerate(self.scalars):
            if self.ended[i]:
                self._check(i, env.reset(), said, (0.0, False))
                continue
            observation, reward, over, _, info = env.step(clicks[i])
            self.won += info["success"]
            if not over or self.mode != "SameStep":
                self._check(i, (observation, info), said, (reward, over))
                continue
            observation["utterance"] = as_bytes(observation["utterance"], self.bytes)
            final = said[-1]["final_info"]
            assert data_equivalence(said[-1]["final_obs"][i], observation, exact=True)
            assert (final["success"][i], final["turn"][i]) == (info["success"], info["turn"])
            assert final["clicks"][i].tolist() == clicks_of(info["clicks"], clicks.shape[1])
            self._check(i, env.reset(), said, (reward, True))
        terminated = said[2]
        assert not said[3].any()
        if self.mode == "SameStep":
            assert data_equivalence(said[-1].get("_final_obs", np.zeros(SLOTS, np.bool_)), terminated, exact=True)
        elif self.mode == "NextStep":
            self.ended = terminated
        elif terminated.any():
            again = self.envs.reset(options={"reset_mask": terminated})
            for i in np.flatnonzero(terminated):
                self._check(i, self.scalars[i].reset(), again)
        return int(terminated.sum())

    def _check(self, i: int, expected: Any, said: Any, earned: tuple[float, bool] | None = None) -> None:
        (observation, info), infos = expected, said[-1]
        assert {*said[0]} == {*observation}
        for key, value in observation.items():
            value = as_bytes(value, self.bytes) if key == "utterance" else value
            assert np.array_equal(said[0][key][i], value), key
        assert (infos["success"][i], infos["turn"][i], infos["_turn"][i]) == (info["success"], info["turn"], True)
        assert infos["clicks"][i].tolist() == clicks_of(info["clicks"], infos["clicks"].shape[1])
        assert earned is None or (said[1][i], said[2][i]) == earned


@pytest.mark.parametrize("options", SETTINGS, ids=lambda options: ", ".join(map(str, options.values())))
def test_a_thousand_games_are_those_of_the_scalar_environment(options: dict[str, Any]) -> None:
    options = {"image_size": 16, **options}
    slots, rng, games = Slots(options), np.random.default_rng(0), 0
    slots.reset(seed=100)
    while games < GAMES:
        games += slots.step(np.stack([some_clicks(rng, env) for env in slots.scalars]))
    assert 20 < slots.won < games


@pytest.mark.parametrize("speaker", ["scripted", WordySpeaker])
@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_a_game_goes_the_same_way_in_any_batch_and_place(speaker: Any, mode: str) -> None:
    options = {"speaker": speaker, "autoreset_mode": mode, "max_turns": 4, "image": "tangrams", "image_size": 8}
    few, many = make(3, **options), make(50, **options)
    seeds = [7, 1000, 3]
    places = [49, 0, 20]
    others = list(range(5000, 5050))
    for seed, place in zip(seeds, places, strict=True):
        others[place] = seed
    said, among = few.reset(seed=seeds), many.reset(seed=others)
    rng = np.random.default_rng(0)
    for _ in range(30):
        for key in ("selected", "turn", "image"):
            assert np.array_equal(said[0][key], among[0][key][places])
        assert said[0]["utterance"] == tuple(among[0]["utterance"][place] for place in places)
        assert said[-1]["clicks"].tolist() == among[-1]["clicks"][places].tolist()
        clicks = random_clicks(rng, 50, 10)
        said, among = few.step(clicks[places]), many.step(clicks)
        assert [part.tolist() for part in said[1:3]] == [part[places].tolist() for part in among[1:3]]


@pytest.mark.parametrize("speaker", ["scripted", WordySpeaker])
@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_a_given_game_is_played_as_by_the_scalar_environment_and_others_follow(speaker: Any, mode: str) -> None:
    ids = load_tangrams("figures").split("test").ids[:10]
    given = Game(Context(ids[::-1], ids, frozenset(ids[2:5])), max_turns=3)
    options = {"speaker": speaker, "autoreset_mode": mode, "max_turns": 5}
    envs, scalars = make(3, **options), [scalar(options) for _ in range(3)]
    observations = envs.reset(seed=4, options={"game": given})[0]
    expected = [env.reset(seed=4 + i, options={"game": given})[0] for i, env in enumerate(scalars)]
    assert all(env.game.context == given.context for env in scalars)
    ended = [False] * 3
    rng, lengths = np.random.default_rng(0), set()
    for _ in range(25):
        assert observations["utterance"] == tuple(observation["utterance"] for observation in expected)
        clicks = random_clicks(rng, 3, 10)
        observations, _, terminated, _, _ = envs.step(clicks)
        for i, env in enumerate(scalars):
            if ended[i]:
                expected[i], ended[i] = env.reset()[0], False
                continue
            expected[i], _, over, _, info = env.step(clicks[i])
            assert over == terminated[i]
            if over:
                lengths.add(info["turn"])
                expected[i], ended[i] = (env.reset()[0], False) if mode == "SameStep" else (expected[i], True)
    assert {3, 5} <= lengths  # the given game, and those that followed
    assert given.turn == 0


def test_a_given_game_starts_in_the_places_of_a_mask_alone() -> None:
    ids = load_tangrams("figures").ids[:10]
    context = Context(ids, ids, frozenset(ids[:3]))
    envs = make(3, image="tangrams", image_size=8)
    before, _ = envs.reset(seed=0)
    mask = np.array([False, True, False])
    after, _ = envs.reset(options={"reset_mask": mask, "game": context})
    single = gym.make("MultiRef-v0", image="tangrams", image_size=8)
    picture = single.reset(options={"game": context})[0]["image"]
    assert (after["image"][1] == picture).all()
    assert (after["image"][~mask] == before["image"][~mask]).all()
    assert after["utterance"][0] == before["utterance"][0]
    assert after["utterance"][2] == before["utterance"][2]
