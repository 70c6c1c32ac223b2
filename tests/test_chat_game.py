"""The game for whoever reads messages and writes texts."""

from __future__ import annotations

import base64
import doctest
import io
from typing import Any

import gymnasium as gym
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from multiref_gym import Feedback, chat_game
from multiref_gym.chat_game import ChatGame
from multiref_gym.errors import UserError
from multiref_gym.messages import Message
from multiref_gym.tangrams import load_tangrams
from multiref_gym.wrappers import ChatObservation, ImplicitReward, TextAction

TEXTS = st.lists(
    st.one_of(
        st.sampled_from([f"select {letter}" for letter in "ABCDEFGHIJ"]),
        st.sampled_from(["deselect A", "**Action:** select C and D", "", "no click", "<think>A?", "none of them"]),
        st.text(max_size=20),
    ),
    min_size=10,
    max_size=10,
)


def text_of(message: Message) -> str:
    parts = message["content"]
    return parts if isinstance(parts, str) else "".join(part.get("text", "") for part in parts)


def pictures_of(message: Message) -> list[Image.Image]:
    urls = [part["image_url"]["url"] for part in message["content"] if part["type"] == "image_url"]
    assert all(url.startswith("data:image/png;base64,") for url in urls)
    return [Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) for url in urls]


def test_the_example_of_the_documentation_runs() -> None:
    failed, tried = doctest.testmod(chat_game)
    assert tried
    assert not failed


@pytest.fixture(scope="module")
def env() -> gym.Env[Any, Any]:
    return ImplicitReward(ChatObservation(TextAction(gym.make("MultiRef-v0", image=None))))


@given(seed=st.integers(0, 2**32), texts=TEXTS)
@settings(max_examples=40)
def test_it_is_the_game_of_the_environment(env: gym.Env[Any, Any], seed: int, texts: list[str]) -> None:
    game = ChatGame()
    chat, _ = env.reset(seed=seed)
    [first] = game.reset(seed)
    assert text_of(first).partition("You are")[2] == text_of(chat[-1]).partition("You are")[2]
    for text in texts:
        message, reward, over, info = game.step(text)
        chat, wanted, terminated, _, told = env.step(text)
        assert (text_of(message), reward, over) == (text_of(chat[-1]), wanted, terminated)
        assert info == {"invalid_action": None, **told, "reward_sum": sum(game.rewards)}
        if over:
            break


@given(texts=TEXTS)
def test_what_was_said_never_changes(texts: list[str]) -> None:
    game = ChatGame()
    history = game.reset(7)
    for text in texts:
        message, reward, over, _ = game.step(text)
        history += [{"role": "assistant", "content": text}, message]
        assert game.messages == history
        if over:
            break
    assert game.rewards[-1] == reward


def test_a_seed_is_one_game_whoever_plays_it() -> None:
    def played(game: ChatGame) -> list[Any]:
        return [game.reset(11), *(game.step(f"select {letter}") for letter in "ABC")]

    game = ChatGame(shown="board")
    assert played(game) == played(game) == played(ChatGame(shown="board"))
    assert game.reset(12) != game.reset(11)


def test_tangrams_are_shown_in_pictures_or_in_words() -> None:
    tangrams, board, words = (ChatGame(shown=shown) for shown in ("tangrams", "board", "words"))
    first = tangrams.reset(5)[0]
    order = tangrams.env.game.context.listener_order
    assert len(pictures_of(first)) == 10
    assert [part["text"] for part in first["content"][1:20:2]] == [f"{letter}\n" for letter in "ABCDEFGHIJ"]
    [picture] = pictures_of(board.reset(5)[0])
    assert picture.size == board.env.atlas.board_shape(10)[1::-1]
    lines = words.reset(5)[0]["content"].splitlines()
    figures = load_tangrams("figures")
    assert lines[:10] == [
        f"{letter}: {figures[id].descriptions[0]}" for letter, id in zip("ABCDEFGHIJ", order, strict=True)
    ]
    assert lines[10].startswith("You are the listener")
    assert words.step("select A")[0]["content"].startswith("A currently selected\n")
    assert not any(id in str(game.messages) for game in (tangrams, board, words) for id in order)


def test_a_turn_that_is_not_taken_counts_as_negative() -> None:
    game = ChatGame(values=(-0.5, 0, 1))
    game.reset(2)
    assert game.total_reward == -0.5 * 10
    _, reward, over, _ = game.step("select A")
    assert game.total_reward == reward - 0.5 * 9
    while not over:
        over = game.step("no click")[2]
    assert game.total_reward == sum(game.rewards)


class Failing:
    """A decoder that fails at its second exchange."""

    asked = 0

    def decode(self, exchanges: Any) -> list[Feedback]:
        self.asked += 1
        if self.asked > 1:
            raise UserError("the endpoint is gone")
        return [Feedback.NEUTRAL] * len(exchanges)


def test_what_fails_is_no_reward() -> None:
    game = ChatGame(Failing(), values=(-1, 0.25, 1))
    game.reset(1)
    assert game.step("select A")[1] == 0.25
    with pytest.raises(UserError, match="the endpoint is gone"):
        game.step("select B")
    assert game.rewards == [0.25]
    with pytest.raises(UserError, match=r"call reset\(\) first"):
        game.step("select C")
    assert len(game.reset(1)) == 1


def test_bad_input_is_told_in_one_line() -> None:
    with pytest.raises(UserError, match="shown='sounds': choose from tangrams, board, words"):
        ChatGame(shown="sounds")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="image is not an option of ChatGame"):
        ChatGame(image="board")
    game = ChatGame()
    with pytest.raises(UserError, match=r"call reset\(\) first"):
        game.step("select A")
    with pytest.raises(ValueError, match="seed=-1"):
        game.reset(-1)
    game.reset(0)
    with pytest.raises(UserError, match="text=None: allowed is a text"):
        game.step(None)  # type: ignore[arg-type]
    assert game.step("select A")[2] is False
