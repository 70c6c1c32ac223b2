"""MultiRef-v0 as a user of Gymnasium meets it."""

import copy
import json
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env, data_equivalence
from human_like import People
from hypothesis import given
from hypothesis import strategies as st
from terse_speaker import MuteSpeaker, TerseSpeaker
from wordy_speaker import WordySpeaker

import multiref_gym
from multiref_gym.env import MAX_LENGTH, MultiRefEnv
from multiref_gym.errors import UserError
from multiref_gym.game import Action, Context, Game, GameOver
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.tangrams import Atlas, TangramSet, load_tangrams
from multiref_gym.window import captioned

TERSE = "terse_speaker:TerseSpeaker"
IMAGES = ("board", "tangrams", None)
REWARDS = ("success", "progress")


def make(**options: Any) -> gym.Env:
    return gym.make("MultiRef-v0", **{"speaker": TERSE, "image": None, **options})


def clicks(*positions: int, size: int = 10) -> np.ndarray:
    action = np.zeros(size, np.int8)
    action[list(positions)] = 1
    return action


def play(env: gym.Env, seed: int, steps: int = 25) -> list[Any]:
    """Plays random clicks over several games and returns all that the environment said."""
    rng = np.random.default_rng(seed)
    transitions: list[Any] = [env.reset(seed=seed)]
    for _ in range(steps):
        transitions.append(env.step(clicks(*rng.permutation(10)[: rng.integers(3)])))
        if transitions[-1][2]:
            transitions.append(env.reset())
    return transitions


@pytest.fixture
def context() -> Context:
    ids = load_tangrams("figures").split("test").ids[:10]
    return Context(speaker_order=ids[::-1], listener_order=ids, targets=frozenset(ids[:3]))


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("reward", REWARDS)
def test_passes_the_checker_without_a_warning(image: str | None, reward: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygame", reason="the checker tries every render mode; 'human' needs the extra")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setitem(MultiRefEnv.metadata, "render_fps", 1000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(make(image=image, reward=reward).unwrapped)


@pytest.mark.parametrize("image", IMAGES)
def test_observations_are_in_the_space_and_stay_as_they_were(image: str | None) -> None:
    env = make(image=image)
    said = play(env, seed=3)
    kept = copy.deepcopy(said)
    play(env, seed=4)
    assert data_equivalence(said, kept, exact=True)
    assert all(transition[0] in env.observation_space for transition in said)
    assert ("image" in said[0][0]) == (image is not None)


def test_board_frames_the_selection() -> None:
    env = make(image="board")
    board = env.reset(seed=0)[0]["image"]
    assert (env.step(clicks(0))[0]["image"] != board).any()
    assert (env.step(clicks(0))[0]["image"] == board).all()


def test_a_board_that_changed_is_the_board_drawn_anew() -> None:
    env = make(image="board", max_turns=20).unwrapped
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(15):
        board = env.step(clicks(*rng.permutation(10)[: rng.integers(5)]))[0]["image"]
        assert (board == env.atlas.listener_board(env.game.context.listener_order, env.game.selected)).all()


def test_tangrams_are_in_the_listeners_order(context: Context) -> None:
    env = make(image="tangrams")
    images = env.reset(options={"game": context})[0]["image"]
    turned = Context(context.speaker_order, context.listener_order[::-1], context.targets)
    assert images.shape == (10, 64, 64)
    assert (env.reset(options={"game": turned})[0]["image"] == images[::-1]).all()


@pytest.mark.parametrize(("image", "shape"), [("board", (99, 186, 3)), ("tangrams", (10, 32, 32))])
def test_images_are_as_large_as_asked(image: str, shape: tuple[int, ...]) -> None:
    env = make(image=image, image_size=32)
    observation, _ = env.reset(seed=0)
    assert observation["image"].shape == shape
    assert env.step(clicks(0))[0] in env.observation_space


@given(seed=st.integers(0, 2**31))
def test_same_seed_same_episodes_whatever_else_is_played(seed: int) -> None:
    alone = play(make(), seed)
    env, other = make(), make()
    play(env, seed + 1, steps=7)
    interleaved: list[Any] = [env.reset(seed=seed)]
    other.reset(seed=seed)
    rng = np.random.default_rng(seed)
    for _ in range(25):
        action = clicks(*rng.permutation(10)[: rng.integers(3)])
        interleaved.append(env.step(action))
        if interleaved[-1][2]:
            interleaved.append(env.reset())
        if other.step(clicks())[2]:
            other.reset()
    assert data_equivalence(alone, interleaved, exact=True)


def test_chance_is_the_environments_own() -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002 (that the global generator is left alone)
    first = make().reset(seed=1)[0]
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    assert not data_equivalence(first, make().reset(seed=2)[0])


@given(data=st.data())
def test_nothing_that_an_agent_sees_depends_on_the_targets(data: st.DataObject) -> None:
    ids = load_tangrams("figures").ids[:6]
    seen = []
    some = st.frozensets(st.sampled_from(ids), min_size=1)
    played = data.draw(st.lists(st.lists(st.integers(0, 5), unique=True), max_size=9))
    for targets in (data.draw(some), data.draw(some)):
        env = make(speaker=MuteSpeaker, context_size=6, image="tangrams")
        transitions = [env.reset(options={"game": Context(ids, ids, targets)})]
        for action in played:
            observation, _, over, _, info = env.step(clicks(*action, size=6))
            if over:
                break
            transitions.append((observation, info))
        seen.append(transitions)
    shared = min(map(len, seen))
    assert data_equivalence(seen[0][:shared], seen[1][:shared], exact=True)


@given(data=st.data())
def test_progress_adds_up_to_the_last_overlap_and_success_pays_once(data: st.DataObject) -> None:
    envs = {reward: make(reward=reward) for reward in REWARDS}
    seed = data.draw(st.integers(0, 99))
    for env in envs.values():
        env.reset(seed=seed)
    game = envs["progress"].unwrapped.game
    total = 0.0
    while not game.over:
        wrong = list(game.selected ^ game.targets)
        action = clicks(*data.draw(st.lists(st.sampled_from(wrong), max_size=3)))
        _, progress, over, truncated, info = envs["progress"].step(action)
        _, success, *_ = envs["success"].step(action)
        total += progress
        assert success == float(info["success"])
        assert not truncated
        assert over == (info["success"] or info["turn"] == 10)
    assert total == pytest.approx(len(game.selected & game.targets) / len(game.selected | game.targets))


def test_info_logs_what_was_clicked(context: Context) -> None:
    env = make()
    assert env.reset(options={"game": context})[1] == {"success": False, "turn": 0, "clicks": []}
    env.step(clicks(6, 0))
    env.step(clicks())
    env.step(clicks(6, 1))
    observation, reward, terminated, _, info = env.step(clicks(2))
    assert info == {"success": True, "turn": 4, "clicks": ["select A G", "", "deselect G select B", "select C"]}
    assert (reward, terminated, observation["utterance"], observation["turn"]) == (1.0, True, "thanks", 4)
    assert observation["selected"].tolist() == [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]


def test_speaker_hears_the_empty_action_and_the_answer_that_was_none(context: Context) -> None:
    speaker = TerseSpeaker(load_tangrams("figures"))
    env = make(speaker=lambda tangrams: speaker)
    env.reset(options={"game": context})
    assert env.step(clicks())[0]["utterance"].startswith("no")
    observation, _, _, _, info = env.step(None)
    assert observation["utterance"] == "what?"
    assert info["turn"] == 2
    assert speaker.heard == [Action(), None]


def test_a_game_ends_after_the_last_turn_and_takes_no_further_action() -> None:
    env = make(max_turns=2)
    env.reset(seed=0)
    assert not env.step(clicks())[2]
    assert env.step(clicks())[2]
    with pytest.raises(GameOver):
        env.step(clicks())
    env.reset()
    env.step(clicks())


def test_plays_a_given_game_and_leaves_it_alone(context: Context) -> None:
    env = make()
    given_game = Game(context, max_turns=3)
    env.reset(options={"game": given_game})
    assert env.unwrapped.game.context == context
    for turn in range(3):
        assert env.step(clicks(9))[2] == (turn == 2)
    assert given_game.turn == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"context": 1}, "allowed is {'game'"),
        ({"game": 7}, "a Context or a Game"),
        ({"game": Context(("x", "y"), ("x", "y"), frozenset("x"))}, "context_size=10"),
        ({"game": Context(tuple("abcdefghij"), tuple("abcdefghij"), frozenset("a"))}, "'a', which is not in figures"),
    ],
)
def test_refuses_other_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make().reset(options=options)


def test_refuses_a_game_that_has_begun_or_is_longer(context: Context) -> None:
    begun = Game(context)
    begun.apply(Action(select=frozenset({9})))
    with pytest.raises(ValueError, match="at turn 1"):
        make().reset(options={"game": begun})
    with pytest.raises(ValueError, match="max_turns=0: allowed is 1 to 10"):
        make().reset(options={"game": Game(context, max_turns=0)})
    with pytest.raises(ValueError, match="max_turns=11: allowed is 1 to 10"):
        make().reset(options={"game": Game(context, max_turns=11)})


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"tangrams": 3}, "tangrams=3"),
        ({"tangrams": "cats"}, "cats"),
        ({"split": "validation"}, "validation"),
        ({"speaker": "parrot"}, "unknown speaker 'parrot'"),
        ({"speaker": 4}, "speaker=4"),
        ({"context_size": 1}, "context_size=1"),
        ({"context_size": 27}, "context_size=27"),
        ({"targets": (5, 3)}, r"targets=\(5, 3\)"),
        ({"targets": (3, 11)}, "context_size=10"),
        ({"targets": 3}, "targets=3"),
        ({"max_turns": 0}, "max_turns=0"),
        ({"max_turns": True}, "max_turns=True"),
        ({"similarity": 1.5}, "similarity=1.5"),
        ({"image": "photo"}, "image='photo'"),
        ({"image_size": 7}, "image_size=7: allowed is an int from 8 to 1024"),
        ({"image_size": 10**6}, "image_size=1000000: allowed is an int from 8 to 1024"),
        ({"max_turns": 10**12}, "max_turns=1000000000000: allowed is an int from 1 to 10000"),
        ({"similarity": True}, "similarity=True"),
        ({"context_size": np.bool_(True)}, "context_size="),
        ({"reward": "dense"}, "reward='dense'"),
        ({"render_mode": "text"}, "render_mode='text'"),
    ],
)
def test_refuses_bad_arguments_in_one_line(argument: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        MultiRefEnv(**{"speaker": TERSE, **argument})
    assert "\n" not in str(error.value)


def test_refuses_a_set_smaller_than_the_context() -> None:
    few = TangramSet("few", load_tangrams("figures").tangrams[:9])
    with pytest.raises(ValueError, match="few has only 9 tangrams"):
        MultiRefEnv(few, split="all", speaker=TERSE)


@pytest.mark.parametrize(
    "action",
    [
        clicks(size=9),
        np.full(10, 2),
        np.full(10, -1),
        np.full(10, np.nan),
        np.zeros(10, complex),
        np.zeros(10, object),
        3,
        "select A",
        [[0] * 10],
        ["a"] * 10,
    ],
)
def test_refuses_actions_that_are_no_clicks(action: Any) -> None:
    env = make()
    env.reset(seed=0)
    with pytest.raises(ValueError, match="10 zeros and ones"):
        env.step(action)
    assert env.unwrapped.game.turn == 0


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.bool_, np.float32, list])
def test_takes_zeros_and_ones_of_any_kind(kind: Any) -> None:
    env = make()
    env.reset(seed=0)
    action = clicks(2, 5)
    assert env.step(action.tolist() if kind is list else action.astype(kind))[4]["clicks"] == ["select C F"]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (None, "None: allowed is a text"),
        (b"a house", "b'a house': allowed is a text"),
        ("a\nb", r"'\\n' in .* one line"),
        ("a\0b", "control characters"),
        ("a \ud83d", "half characters"),
        ("a" * (MAX_LENGTH + 1), "513"),
    ],
)
def test_says_which_utterance_does_not_fit_the_space(said: Any, message: str) -> None:
    class Odd(TerseSpeaker):
        def start(self, game: Game, rng: np.random.Generator) -> Any:
            return said

    with pytest.raises(UserError, match=rf"speaker test_env:.*Odd said .*{message}"):
        make(speaker=Odd).reset(seed=0)


@pytest.mark.parametrize(
    "said", ["the café – “naïve” man’s one…", "a boat 🙂", "a programmer 👩\u200d💻", "猫", "بيت\u200f", "ab\u0301"]
)
def test_people_may_write_any_script_and_emoji(said: str) -> None:
    class Fine(TerseSpeaker):
        def start(self, game: Game, rng: np.random.Generator) -> str:
            return said

    env = make(speaker=Fine)
    assert env.reset(seed=0)[0] in env.observation_space


def test_what_people_say_fits_the_space(people: People) -> None:
    space = make().observation_space["utterance"]
    games = people.games.read_text().splitlines()
    tangrams = load_tangrams(f"kilogram:{people.kilogram}")
    said = [utterance for game in games for utterance in json.loads(game)["chat"]]
    said += [description for tangram in tangrams for description in tangram.descriptions]
    assert [text for text in said if text not in space] == []
    env = make(tangrams=tangrams, split="all", speaker="scripted", image="board")
    assert all(observation in env.observation_space for observation, *_ in play(env, 0))


def test_an_environment_is_copied_in_mid_game() -> None:
    env = make(image="board").unwrapped
    env.reset(seed=0)
    env.step(clicks(1))
    twin = pickle.loads(pickle.dumps(env))
    for action in (clicks(2), clicks(), clicks(1)):
        assert data_equivalence(env.step(action), twin.step(action), exact=True)


@pytest.mark.parametrize("speaker", ["scripted", WordySpeaker])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_and_what_was_copied_play_on_by_themselves(speaker: Any, copied: Callable[[Any], Any]) -> None:
    env = make(speaker=speaker).unwrapped
    env.reset(seed=0)
    env.step(clicks(1))
    episode = env.episode  # which is a look at the game as it is
    twin = copied(env)
    before = copy.deepcopy(twin.step(clicks(2, 3)))
    assert twin.game.selected == twin.episode.game.selected == {1, 2, 3}
    assert twin.episode.wanted.clicks
    assert (episode.game.selected, episode.game.turn) == ({1}, 1)
    assert data_equivalence(env.step(clicks(2, 3)), before, exact=True)
    assert (episode.game.selected, episode.game.turn) == ({1, 2, 3}, 2)
    assert env.episode.wanted == twin.episode.wanted
    assert [str(action) for _, action in env.dialogue] == ["select B", "select C D"]


@pytest.mark.parametrize("speaker", ["scripted", TerseSpeaker, WordySpeaker])
def test_the_dialogue_is_what_was_said_and_done_whenever_one_looks(speaker: Any) -> None:
    looking, other = (make(speaker=speaker, max_turns=5).unwrapped for _ in range(2))
    rng = np.random.default_rng(0)
    for _ in range(3):
        said, over = [], False
        observation, _ = looking.reset(seed=2)
        other.reset(seed=2)
        while not over:
            action = None if rng.random() < 0.2 else clicks(*rng.permutation(10)[: rng.integers(3)])
            said.append(observation["utterance"])
            observation, _, over, _, info = looking.step(action)
            other.step(action)
            done = [Action.parse(text) if text else Action() for text in info["clicks"]]
            assert looking.dialogue == list(zip(said, done, strict=True))
            assert looking.episode.utterance == observation["utterance"]
        assert other.dialogue == looking.dialogue
        assert other.episode.not_understood == looking.episode.not_understood
        assert other.episode.interaction().closing == observation["utterance"]
        assert other.episode.interaction().speaker == looking.episode.interaction().speaker != ""


def test_a_pickle_of_an_environment_names_its_tangrams() -> None:
    env = make(image="board", speaker="scripted").unwrapped
    env.reset(seed=0)
    pickled = pickle.dumps(env)
    assert len(pickled) < 2_000_000  # pictures of the game and bounds of the space; the set's are 26 MB
    twin, copied = pickle.loads(pickled), copy.deepcopy(env)
    for other in (twin, copied):
        assert other.tangrams is env.tangrams
        assert other.atlas is env.atlas
    # Where nothing has been drawn yet, as in another process, a board can be redrawn all the same.
    twin.atlas = Atlas(env.tangrams, env.atlas.size)
    assert data_equivalence(env.step(clicks(1)), twin.step(clicks(1)), exact=True)
    assert data_equivalence(env.step(clicks(2)), copied.step(clicks(1)), exact=True) is False


def test_numpys_integers_are_integers() -> None:
    numbers = {"context_size": 8, "targets": (2, 3), "max_turns": 5, "image_size": 16}
    numpys = {name: np.int64(n) if isinstance(n, int) else tuple(map(np.int32, n)) for name, n in numbers.items()}
    one, other = make(**numbers, image="board"), make(**numpys, image="board")
    assert one.observation_space == other.observation_space
    assert data_equivalence(one.reset(seed=3), other.reset(seed=np.int64(3)), exact=True)


@pytest.mark.parametrize("seed", [-1, True, 1.5, "1", np.bool_(True)])
def test_refuses_what_is_no_seed(seed: Any) -> None:
    with pytest.raises(ValueError, match=r"seed=.*allowed is an int of at least 0"):
        make().reset(seed=seed)


def test_needs_a_reset_before_a_step() -> None:
    with pytest.raises(ResetNeeded):
        MultiRefEnv(speaker=TERSE).step(clicks())
    for known in ("episode", "game", "dialogue", "utterance"):
        with pytest.raises(ResetNeeded):
            getattr(MultiRefEnv(speaker=TERSE), known)


@pytest.mark.parametrize("fails", ["start", "reply"])
def test_a_game_whose_speaker_failed_does_not_go_on(monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    env = make()
    env.reset(seed=0)

    def no_voice(*_: Any) -> NoReturn:
        raise LookupError("no voice")

    with monkeypatch.context() as patch:
        patch.setattr(TerseSpeaker, fails, no_voice)
        with pytest.raises(UserError, match="speaker terse_speaker:TerseSpeaker failed: LookupError: no voice"):
            env.reset() if fails == "start" else env.step(clicks(1))
    with pytest.raises(ResetNeeded):
        env.step(clicks(2))
    env.reset()
    env.step(clicks(2))


def test_a_step_that_is_refused_changes_nothing() -> None:
    env = make(max_turns=1)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="allowed are 10 zeros and ones"):
        env.step(np.full(10, 2))
    assert env.step(clicks(1))[2]
    for _ in range(2):
        with pytest.raises(GameOver):
            env.step(clicks(1))
    assert env.unwrapped.game.turn == 1


def test_spec_goes_through_json() -> None:
    env = make(targets=(2, 4), reward="progress")
    spec = EnvSpec.from_json(env.spec.to_json())
    assert json.loads(env.spec.to_json())["id"] == "MultiRef-v0"
    assert data_equivalence(play(gym.make(spec), 5), play(env, 5), exact=True)


def test_renders_the_dialogue(context: Context) -> None:
    env = make(render_mode="ansi")
    env.reset(
        options={"game": Context(context.speaker_order, context.listener_order, frozenset([context.listener_order[0]]))}
    )
    env.step(clicks())
    env.step(clicks(0))
    assert env.render().splitlines() == [
        "Speaker: pick A",
        "Listener: (no click)",
        "Speaker: no, pick A",
        "Listener: select A",
        "Speaker: thanks",
    ]


@pytest.mark.parametrize("said", ["", "pick it", "a long story " * 35, "w" * MAX_LENGTH])
def test_renders_a_picture_of_one_shape(said: str) -> None:
    class Sayer(TerseSpeaker):
        def start(self, game: Game, rng: np.random.Generator) -> str:
            return said

    env = make(speaker=Sayer, render_mode="rgb_array")
    observation, _ = make(image="board").reset(seed=0)
    env.reset(seed=0)
    picture = env.render()
    height, width, _ = observation["image"].shape
    assert picture.dtype == np.uint8
    assert (picture[:height, :width] == observation["image"]).all()
    assert picture.shape == (height + height % 2 + 72, width + width % 2, 3)
    assert (picture[height:] < 255).any() == bool(said)


def test_captions_grow_with_the_image() -> None:
    said = "the bird that looks left"
    heights = []
    for board in (np.zeros((160, 320, 3), np.uint8), np.zeros((640, 1280, 3), np.uint8)):
        rows = np.flatnonzero((captioned(board, said)[len(board) :] < 128).any(axis=(1, 2)))
        heights.append(rows.max() - rows.min())
    assert heights[1] == pytest.approx(4 * heights[0], rel=0.15)


@given(size=st.integers(8, 80), tangrams=st.integers(2, 26))
def test_frames_have_even_sides_as_videos_need(size: int, tangrams: int) -> None:
    options = {"context_size": tangrams, "targets": (1, 1), "image_size": size}
    env = make(**options, render_mode="rgb_array")
    env.reset(seed=0)
    height, width, _ = env.render().shape
    assert (height % 2, width % 2) == (0, 0)


def test_window_names_the_extra_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(gym.error.DependencyNotInstalled, match=r"multiref-gym\[human\]"):
        make(render_mode="human").reset(seed=0)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_vectorised_environments_play_the_scalar_episodes(mode: str) -> None:
    options = {"vector_kwargs": {"shared_memory": False}} if mode == "async" else {}
    envs = gym.make_vec("MultiRef-v0", 2, mode, **options, speaker=TERSE, image="board", max_turns=4)
    scalars = [make(image="board", max_turns=4) for _ in range(2)]
    observations, _ = envs.reset(seed=11)
    expected = [env.reset(seed=11 + i)[0] for i, env in enumerate(scalars)]
    for turn in range(5):
        for i, observation in enumerate(expected):
            for key, value in observation.items():
                assert np.array_equal(observations[key][i], value), (turn, key)
        if turn < 4:
            observations, *_ = envs.step(np.stack([clicks(turn), clicks(9 - turn)]))
            expected = [
                env.step(action)[0] for env, action in zip(scalars, (clicks(turn), clicks(9 - turn)), strict=True)
            ]
    envs.close()


def test_importing_registers_once_and_stays_light() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        multiref_gym.register_envs()
    code = (
        "import sys, multiref_gym, gymnasium; gymnasium.spec('MultiRef-v0'); print(*{'torch', 'PIL'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


class Elsewhere:
    """A scripted speaker within another one, which numbers the tangrams the other way round."""

    def __init__(self, tangrams: TangramSet) -> None:
        self.games: list[Game] = []
        self.speaker = ScriptedSpeaker(TangramSet("reversed", tangrams.tangrams[::-1]))

    def __getattr__(self, name: str) -> Any:
        if name == "speaker":
            raise AttributeError  # not there yet, in a copy
        return getattr(self.speaker, name)

    def start(self, game: Game, rng: np.random.Generator) -> str:
        self.games.append(game)
        return self.speaker.start(game, rng)

    def reply(self, action: Action | None) -> str:
        return f"{self.speaker.reply(action)} {len(self.games)}"


class Alone(ScriptedSpeaker):
    """No other speaker, but asked game by game."""


class Loud(ScriptedSpeaker):
    def start(self, game: Game, rng: np.random.Generator) -> str:
        return super().start(game, rng).upper()

    def reply(self, action: Action | None) -> str:
        return super().reply(action).upper()


def test_a_scripted_speaker_within_another_one_leaves_the_game_alone() -> None:
    env = make(speaker=Elsewhere, image="tangrams").unwrapped
    seen, _ = env.reset(seed=1)
    assert np.array_equal(seen["image"], env.atlas.silhouettes(env.game.context.listener_order))
    for _ in range(2):
        wanted = env.episode.wanted
        assert wanted.select <= env.game.targets
        seen, *_ = env.step(wanted.bits(10))
        assert seen["utterance"].endswith(" 1")
        assert set(np.flatnonzero(seen["selected"])) == env.game.selected


def test_two_scripted_speakers_in_one_game_speak_as_each_does_alone() -> None:
    class Both(ScriptedSpeaker):
        def __init__(self, tangrams: TangramSet) -> None:
            super().__init__(tangrams)
            self.other = ScriptedSpeaker(tangrams)

        def start(self, game: Game, rng: np.random.Generator) -> str:
            said = super().start(game, rng)
            self.other.start(game, np.random.default_rng(0))
            return said

        def reply(self, action: Action | None) -> str:
            self.other.reply(action)
            return super().reply(action)

    assert data_equivalence(play(make(speaker=Both), 1), play(make(speaker=Alone), 1))


def test_what_a_class_derived_from_the_scripted_speaker_says_is_heard() -> None:
    said = [transition[0]["utterance"] for transition in play(make(speaker=Loud), 0)]
    assert any(said)
    assert said == [utterance.upper() for utterance in said]


def test_a_speaker_that_keeps_its_games_has_them_as_they_ended() -> None:
    env = make(speaker=Elsewhere, max_turns=2).unwrapped
    play(env, 0, steps=5)
    assert [game.turn for game in env.episode.speaker.games] == [2, 2, 1]


def test_the_record_of_a_game_names_the_one_who_spoke_in_it() -> None:
    env = make(speaker="scripted").unwrapped
    env.reset(seed=0)
    episode = env.episode
    before = episode.interaction()
    for _ in range(3):
        env.reset()
        assert episode.interaction() == before


def test_who_keeps_the_record_of_a_game_has_it_as_it_ended() -> None:
    env = make(max_turns=2)
    env.reset(seed=0)
    game, episode = env.unwrapped.game, env.unwrapped.episode
    for _ in range(2):
        env.step(clicks(0))
    env.reset()
    env.step(clicks(3))
    assert (game.turn, episode.game.selected, len(episode.dialogue)) == (2, frozenset(), 2)
    assert [turn.utterance for turn in episode.interaction().turns] == [said for said, _ in episode.dialogue]
