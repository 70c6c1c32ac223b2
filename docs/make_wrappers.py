"""Draws the moving pictures of the environment and its wrappers, for their pages.

    python docs/make_wrappers.py

Each shows a real game: the board on one side, and what the wrapper changes on the other. The player is mostly right.
Seeds are fixed, so the pictures are the same each time. All wrappers play one game. It has six tangrams instead of ten,
so that letters are large enough for a phone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cyclopts
import gymnasium
import numpy as np
from drawing import GREY, NEGATIVE, POSITIVE, THEMES, Sheet, Theme, font, lines_of, write_gif
from PIL import Image

import multiref_gym  # noqa: F401  # Gymnasium then knows the environment
from multiref_gym.agents.listeners.baselines import ErringListener
from multiref_gym.env import MultiRefEnv
from multiref_gym.episode import Episode
from multiref_gym.game import LETTERS, Action
from multiref_gym.tangrams import load_tangrams, shared_atlas
from multiref_gym.vector_env import MultiRefVectorEnv
from multiref_gym.vocabulary import PADDING, UNKNOWN, Vocabulary, words_of
from multiref_gym.wrappers import (
    ChatObservation,
    DiscreteClick,
    EncodeUtterance,
    ImplicitReward,
    TangramObservation,
    TextAction,
    vector,
)

Env = gymnasium.Env[Any, Any]

FOLDER = Path(__file__).parent / "pictures"
SEED, PLAYER, ENVIRONMENT_SEED, VECTOR_SEED = 56, 10, 20, 0
"""Chosen so that the games are short, and mistakes are seen and put right."""
MISTAKES = 0.3
"""How often the player selects a wrong tangram."""
SIZE, GAMES, STEPS = 6, 6, 5
"""The tangrams in a game of a wrapper, the games that are played at once, and the steps of those."""
SMALL: dict[str, Any] = {"image": None, "context_size": SIZE, "targets": (3, 3), "reward": "progress"}

WIDTH, HEIGHT, MARGIN, PAD = 960, 500, 28, 18
SILHOUETTE = 118
LARGE, TEXT, NOTE = 28, 24, 23
REWARD, MESSAGE_LINE, THUMBNAIL = 90, 28, 48
EDGE, SMALLER = 24, 20
"""Of many games at once: the margin, and the size of letters."""
COLOURS = {1.0: POSITIVE, 0.0: GREY, -1.0: NEGATIVE}
"""Of decoded rewards."""
SAID, DONE, PART, LAST = 1500, 1300, 350, 5000
"""For how many milliseconds a new utterance, a new action, a part of one, and the last picture are shown."""


# Games.


@dataclass(frozen=True, slots=True)
class Moment:
    """A game after `reset` or a `step`.

    Attributes:
        utterance: The speaker's last utterance.
        selected: The selected positions.
        sent: The action that was sent to the wrapper; None after `reset`.
        action: What it did, as a text.
        observation: What came back.
        reward: The reward.
        info: The info.
    """

    utterance: str
    selected: frozenset[int]
    sent: Any
    action: str
    observation: Any
    reward: float
    info: dict[str, Any]


def play(env: Env, send: Callable[[Action], Any], seed: int, player: int) -> list[Moment]:
    """Plays a game.

    Args:
        env: The environment in its wrapper.
        send: Returns an action in the form that the wrapper takes.
        seed: Of the game.
        player: Of the player's mistakes.
    """
    game, rng = multiref_of(env), np.random.default_rng(player)
    observation, info = env.reset(seed=seed)
    moments = [Moment(game.utterance, frozenset(), None, "", observation, 0.0, info)]
    over = False
    while not over:
        sent = send(chosen(game.episode, rng))
        observation, reward, over, _, info = env.step(sent)
        done = info["clicks"][-1]
        moments.append(Moment(game.utterance, game.game.selected, sent, done, observation, float(reward), info))
    return moments


def multiref_of(env: Env) -> MultiRefEnv:
    """Returns the environment inside its wrappers."""
    assert isinstance(env.unwrapped, MultiRefEnv)
    return env.unwrapped


def chosen(game: Episode, rng: np.random.Generator) -> Action:
    """Returns the player's next action."""
    [decision] = ErringListener([game], MISTAKES).act([game.view], [rng])
    assert decision.action is not None
    return decision.action


def bits(action: Action) -> np.ndarray:
    """Returns the clicks of a game of six tangrams, int8 (6,)."""
    return action.bits(SIZE)


def one_click(action: Action) -> int:
    """Returns the first click of an action: what is wrong is deselected first."""
    return min(action.deselect or action.select)


# What all pictures of wrappers show.


@dataclass(frozen=True, slots=True)
class Frame:
    """How far a game has come in one frame.

    Attributes:
        said: The number of the moment whose utterance is shown.
        done: The number of actions that are shown.
        time: For how many milliseconds the frame is shown.
        part: How much of what is new is shown.
    """

    said: int
    done: int
    time: int
    part: float = 1.0


def frames_of(moments: Sequence[Moment]) -> Iterator[Frame]:
    """Yields two frames for each turn: after the speaker has spoken, and after the listener has acted."""
    last = len(moments) - 1
    for number in range(last):
        yield Frame(number, number, SAID)
        yield Frame(number, number + 1, DONE)
    yield Frame(last, last, LAST)


def typed_frames_of(moments: Sequence[Moment]) -> Iterator[Frame]:
    """Yields more frames, in which the listener is still typing."""
    for frame in frames_of(moments):
        if frame.done > frame.said:
            yield from (Frame(frame.said, frame.said, PART, part) for part in (0.4, 0.8))
        yield frame


def dealt_frames_of(moments: Sequence[Moment]) -> Iterator[Frame]:
    """Yields more frames, in which the tangrams appear one by one."""
    yield from (Frame(0, 0, PART, number / SIZE) for number in range(SIZE))
    yield from frames_of(moments)


Panel = Callable[[Sheet, Sequence[Moment], Frame], None]
"""Draws what a wrapper changes into the right half of a sheet."""

ATLAS = shared_atlas(load_tangrams("figures"), SILHOUETTE)
LEFT = MARGIN + ATLAS.board_shape(SIZE)[1] + 24 + PAD
RIGHT, TOP = WIDTH - MARGIN - PAD, MARGIN + PAD
"""With `LEFT`, where a panel begins and ends."""


def scene(moments: Sequence[Moment], order: tuple[str, ...], frame: Frame, theme: Theme) -> Sheet:
    """Draws the board on the left, below it what the speaker says, and an empty card on the right."""
    sheet = Sheet(WIDTH, HEIGHT, theme)
    board = ATLAS.listener_board(order, moments[frame.done].selected)
    sheet.paste(MARGIN, MARGIN, board)
    bottom, right = MARGIN + board.shape[0], MARGIN + board.shape[1]
    sheet.box((MARGIN, bottom + 16, right, HEIGHT - MARGIN), theme.card, theme.line)
    sheet.write(MARGIN + PAD, bottom + 26, "speaker", NOTE, theme.faint)
    for number, line in enumerate(lines_of(quoted(moments[frame.said].utterance), LARGE, right - MARGIN - 2 * PAD)):
        sheet.write(MARGIN + PAD, bottom + 54 + 34 * number, line, LARGE)
    sheet.box((LEFT - PAD, MARGIN, RIGHT + PAD, HEIGHT - MARGIN), theme.card, theme.line)
    return sheet


def quoted(utterance: str) -> str:
    """Returns an utterance in quotation marks."""
    return f"“{utterance}”" if utterance else "(nothing)"


def title(sheet: Sheet, name: str, note: str) -> None:
    """Writes the name of a wrapper, and what it does."""
    sheet.write(LEFT, TOP - 4, name, TEXT + 2, code=True)
    sheet.write(LEFT, TOP + 32, note, NOTE, sheet.theme.faint)


# What each wrapper changes.


def implicit_reward(sheet: Sheet, moments: Sequence[Moment], frame: Frame) -> None:
    """Draws each action, the reply to it, and both rewards."""
    title(sheet, "ImplicitReward", "action and reply")
    for right, word in ((RIGHT - REWARD, "reward"), (RIGHT, "true")):
        sheet.write(right, TOP + 32, word, NOTE, sheet.theme.faint, anchor="ra")
    for number, moment in enumerate(moments[1 : frame.done + 1]):
        top = TOP + 72 + 68 * number
        sheet.write(LEFT, top, moment.action, NOTE, sheet.theme.accent)
        if number < frame.said:
            sheet.write(LEFT, top + 27, quoted(moment.utterance), TEXT)
            colour = COLOURS[moment.reward]
            sheet.chip(RIGHT - REWARD, top + 30, signed(moment.reward, 0), colour, NOTE, code=True, anchor="rm")
            sheet.write(RIGHT, top + 30, signed(moment.info["true_reward"], 2), NOTE, code=True, anchor="rm")


def signed(number: float, decimals: int) -> str:
    """Returns a number with its sign, as it is printed."""
    return f"{number:+.{decimals}f}".replace("-", "−") if number else "0"


def text_action(sheet: Sheet, moments: Sequence[Moment], frame: Frame) -> None:
    """Draws each answer that was typed, and what was clicked."""
    title(sheet, "TextAction", "the action is a text")
    for number, moment in enumerate(moments[1:]):
        top = TOP + 70 + 57 * number
        if number < frame.done:
            sheet.write(LEFT, top, f"> {moment.sent}", NOTE, code=True)
            if "invalid_action" in moment.info:
                sheet.write(LEFT + 28, top + 41, "not an action: no click", NOTE, sheet.theme.wrong, anchor="lm")
            else:
                write_bits(sheet, LEFT + 28, top + 41, "clicks", clicked(moment))
        elif number == frame.done and frame.part < 1:
            sheet.write(LEFT, top, f"> {moment.sent[: round(frame.part * len(moment.sent))]}_", NOTE, code=True)


def clicked(moment: Moment) -> set[int]:
    """Returns the positions that an action clicked."""
    return {LETTERS.index(letter) for letter in moment.action.split() if letter in LETTERS}


def write_bits(sheet: Sheet, left: float, middle: float, name: str, ones: Collection[int], size: int = SIZE) -> None:
    """Writes a row of bits after its name, those that are 1 in another colour."""
    sheet.write(left, middle, name, NOTE, sheet.theme.faint, anchor="lm")
    at = left + 108
    for number in range(size):
        one = number in ones
        colour = sheet.theme.accent if one else sheet.theme.faint
        at = sheet.write(at, middle, f"{one:d} ", NOTE, colour, code=True, anchor="lm")


def chat_observation(sheet: Sheet, moments: Sequence[Moment], frame: Frame) -> None:
    """Draws the last messages of the chat."""
    title(sheet, "ChatObservation", "the agent is the assistant")
    messages = moments[frame.done].observation
    if frame.done > frame.said:  # the speaker has not spoken yet
        messages = messages[:-1]
    top, bottom = TOP + 72, HEIGHT - MARGIN - PAD
    while sum(message_height(message) + 8 for message in messages) - 8 > bottom - top:
        messages = messages[1:]
    for message in messages:
        draw_message(sheet, top, message)
        top += message_height(message) + 8


def message_height(message: dict[str, Any]) -> int:
    """Returns the height of a message in pixels."""
    return 16 + MESSAGE_LINE * len(message_lines(message)) + (THUMBNAIL + MESSAGE_LINE if images(message) else 0)


def message_lines(message: dict[str, Any]) -> list[str]:
    """Returns the text of a message in lines. Only the beginning of the rules is shown."""
    *rules, text = (part["text"] for part in message["content"] if part["type"] == "text")
    return [*(f"{told.partition('.')[0]}. …" for told in rules[-1:]), *text.splitlines()]


def images(message: dict[str, Any]) -> list[Image.Image]:
    """Returns the images in a message."""
    return [part["image"] for part in message["content"] if part["type"] == "image"]


def draw_message(sheet: Sheet, top: float, message: dict[str, Any]) -> None:
    """Draws a message, the user's on the left and the assistant's on the right."""
    theme, lines, shown = sheet.theme, message_lines(message), images(message)
    wide = max(*(font(NOTE).getlength(line) + 28 for line in lines), len(shown) * (THUMBNAIL + 10) + 18)
    left, fill = (RIGHT - wide, theme.answer) if message["role"] == "assistant" else (LEFT, theme.paper)
    sheet.box((left, top, left + wide, top + message_height(message)), fill, theme.line)
    top += 8
    for number, image in enumerate(shown):
        at = round(left + 14 + number * (THUMBNAIL + 10))
        sheet.paste(at, round(top + 4), np.array(image.resize((THUMBNAIL, THUMBNAIL))))
        sheet.write(at + THUMBNAIL / 2, top + THUMBNAIL + 18, LETTERS[number], NOTE, theme.faint, anchor="mm")
    top += THUMBNAIL + MESSAGE_LINE if shown else 0
    for number, line in enumerate(lines):
        said = number + 1 == len(lines)
        sheet.write(left + 14, top + MESSAGE_LINE * number + 1, line, NOTE, theme.ink if said else theme.faint)


def encode_utterance(sheet: Sheet, moments: Sequence[Moment], frame: Frame) -> None:
    """Draws the numbers of the utterance, each below its word."""
    title(sheet, "EncodeUtterance", "a number for each word")
    theme, moment = sheet.theme, moments[frame.said]
    words = words_of(moment.utterance)
    for number, id in enumerate(moment.observation["utterance"].tolist()):
        left, top = LEFT + number % 4 * 117, TOP + 74 + number // 4 * 92
        sheet.box((left, top, left + 109, top + 84), theme.paper, theme.line)
        word = words[number] if number < len(words) else ""
        sheet.write(left + 54, top + 21, word, NOTE, theme.faint, anchor="mm")
        colour = {PADDING: theme.faint, UNKNOWN: theme.wrong}.get(id, theme.accent)
        sheet.write(left + 54, top + 57, str(id), LARGE, colour, code=True, anchor="mm")
    sheet.write(LEFT, TOP + 362, "1 is an unknown word, 0 is padding", NOTE, theme.faint)


def discrete_click(sheet: Sheet, moments: Sequence[Moment], frame: Frame) -> None:
    """Draws a key for each number, and what each number did."""
    title(sheet, "DiscreteClick", "the action is one number")
    theme = sheet.theme
    pressed = moments[frame.done].sent if frame.done > frame.said else None
    for number in range(SIZE + 1):
        left, top = LEFT + 67 * number, TOP + 74
        now = number == pressed
        sheet.box((left, top, left + 59, top + 56), theme.accent if now else theme.paper, theme.line)
        sheet.write(left + 30, top + 28, str(number), TEXT, theme.paper if now else theme.ink, code=True, anchor="mm")
        sheet.write(left + 30, top + 74, (*LETTERS[:SIZE], "none")[number], NOTE, theme.faint, anchor="mm")
    for number, moment in enumerate(moments[1 : frame.done + 1]):
        top = TOP + 178 + 36 * number
        at = sheet.write(LEFT, top, f"step({moment.sent})   ", NOTE, code=True)
        sheet.write(at, top, moment.action or "no click", NOTE, theme.accent)


def tangram_observation(sheet: Sheet, moments: Sequence[Moment], frame: Frame) -> None:
    """Draws the picture of each tangram, large, and which tangrams are selected."""
    title(sheet, "TangramObservation", "a picture for each tangram")
    pictures = moments[frame.done].observation["tangrams"]
    for number, picture in enumerate(pictures[: round(frame.part * SIZE)]):
        left, top = LEFT + 30 + number % 3 * 147, TOP + 72 + number // 3 * 152
        sheet.write(left + 54, top + 12, f"[{number}]", NOTE - 2, sheet.theme.faint, code=True, anchor="mm")
        sheet.paste(left, top + 30, picture.repeat(3, 0).repeat(3, 1))
    if frame.part == 1:
        write_bits(sheet, LEFT, TOP + 396, "selected", moments[frame.done].selected)


@dataclass(frozen=True, slots=True)
class Picture:
    """How the picture of a wrapper is made.

    Attributes:
        wrap: Makes the wrapper.
        panel: Draws what it changes.
        send: Returns an action in the form that it takes.
        frames: Returns the frames of a game.
    """

    wrap: Callable[[Env], Env]
    panel: Panel
    send: Callable[[Action], Any] = bits
    frames: Callable[[Sequence[Moment]], Iterator[Frame]] = frames_of


def encoding(env: Env) -> Env:
    """Returns an environment that encodes the words of thirty other games."""
    games = (play(env, bits, seed, seed) for seed in range(30))
    vocabulary = Vocabulary.of((moment.utterance for game in games for moment in game), size=300)
    return EncodeUtterance(env, 12, vocabulary)


def answering() -> Callable[[Action], str]:
    """Returns a player that types its actions in several ways. Once it types something else."""
    forms = iter(["{}", "maybe the ship?", "Action: {}", "{}.", "{}", "{}"])
    return lambda action: next(forms).format(action)


PICTURES = {
    "ImplicitReward": Picture(ImplicitReward, implicit_reward),
    "TextAction": Picture(TextAction, text_action, answering(), typed_frames_of),
    "ChatObservation": Picture(ChatObservation, chat_observation),
    "EncodeUtterance": Picture(encoding, encode_utterance),
    "DiscreteClick": Picture(DiscreteClick, discrete_click, one_click),
    "TangramObservation": Picture(lambda env: TangramObservation(env, 36), tangram_observation, frames=dealt_frames_of),
}


def wrapper_frames(picture: Picture) -> Callable[[Theme], Iterator[tuple[Image.Image, int]]]:
    """Plays the game of a wrapper, and returns what draws it in a theme."""
    env = picture.wrap(gymnasium.make("MultiRef-v0", **SMALL))
    moments = play(env, picture.send, SEED, PLAYER)
    order = multiref_of(env).game.context.listener_order

    def drawn(theme: Theme) -> Iterator[tuple[Image.Image, int]]:
        for frame in picture.frames(moments):
            sheet = scene(moments, order, frame, theme)
            picture.panel(sheet, moments, frame)
            yield sheet.image, frame.time

    return drawn


# The environment itself, and many games at once.


def environment_frames(theme: Theme) -> Iterator[tuple[Image.Image, int]]:
    """Yields a game of ten tangrams: its board, and below it what `reset` and `step` return and take."""
    env = gymnasium.make("MultiRef-v0")
    moments = play(env, lambda action: action.bits(10), ENVIRONMENT_SEED, ENVIRONMENT_SEED)
    order, atlas = multiref_of(env).game.context.listener_order, shared_atlas(load_tangrams("figures"), 166)
    height, width, _ = atlas.board_shape(len(order))
    left, top = (WIDTH - width) // 2, MARGIN + height + 18
    for frame in frames_of(moments):
        sheet, moment = Sheet(WIDTH, top + 200 + MARGIN, theme), moments[frame.done]
        sheet.paste(left, MARGIN, atlas.listener_board(order, moment.selected))
        sheet.box((left, top, left + width, top + 200), theme.card, theme.line)
        sheet.write(left + PAD, top + 14, "speaker", NOTE, theme.faint)
        sheet.write(left + PAD, top + 44, quoted(moments[frame.said].utterance), LARGE + 4)
        right = left + width - PAD
        if frame.done:
            write_bits(sheet, left + PAD, top + 122, "action", clicked(moment), len(order))
        write_bits(sheet, left + PAD, top + 166, "selected", moment.selected, len(order))
        sheet.write(right, top + 122, f"turn {frame.done}", NOTE, theme.faint, anchor="rm")
        if frame.said == frame.done > 0:
            sheet.write(right, top + 166, f"reward {moment.reward:.0f}", NOTE, theme.faint, anchor="rm")
        yield sheet.image, frame.time


def vector_frames(theme: Theme) -> Iterator[tuple[Image.Image, int]]:
    """Yields six games that are played at once, each with the last utterance and the decoded reward."""
    envs = vector.ImplicitReward(gymnasium.make_vec("MultiRef-v0", GAMES, **SMALL))
    assert isinstance(envs.unwrapped, MultiRefVectorEnv)
    games, rng = envs.unwrapped.games, np.random.default_rng(VECTOR_SEED)
    observations, _ = envs.reset(seed=VECTOR_SEED)
    atlas = shared_atlas(load_tangrams("figures"), 68)
    height, width, _ = atlas.board_shape(SIZE)
    across, down = width + 22, height + 76
    rewards, over = np.zeros(GAMES), np.zeros(GAMES, np.bool_)
    for step in range(STEPS + 1):
        sheet = Sheet(2 * (across + EDGE) + width, 2 * (down + EDGE) + 24, theme)
        sheet.write(EDGE, EDGE - 4, "envs.step(actions)" if step else "envs.reset()", TEXT, code=True)
        told = "each reward is decoded from the reply"
        sheet.write(sheet.image.width - EDGE, EDGE - 2, told, SMALLER, theme.faint, anchor="ra")
        for number in range(GAMES):
            left, top = EDGE + number % 3 * across, EDGE + 40 + number // 3 * down
            selected = observations["selected"][number].nonzero()[0].tolist()
            sheet.paste(left, top, atlas.listener_board(games.game(number).context.listener_order, selected))
            lines = lines_of(quoted(observations["utterance"][number]), SMALLER, width - 52)
            lines[1:] = [f"{lines[1]} …" if len(lines) > 2 else lines[1]] if lines[1:] else []
            for place, line in enumerate(lines):
                sheet.write(left, top + height + 6 + 24 * place, line, SMALLER)
            if step:
                colour = COLOURS[rewards[number]]
                middle = top + height + 22
                sheet.chip(left + width, middle, signed(rewards[number], 0), colour, SMALLER, code=True, anchor="rm")
        yield sheet.image, LAST if step == STEPS else SAID
        actions = np.zeros((GAMES, SIZE), np.int8)
        for number in np.flatnonzero(~over).tolist():  # a new game follows one that is over, whatever the action
            game = games.game(number)
            episode = Episode.watched(game, games.speaker(number, game))
            episode.utterance = observations["utterance"][number]
            actions[number] = bits(chosen(episode, rng))
        observations, rewards, over, _, _ = envs.step(actions)


def main() -> None:
    """Draws the moving pictures of the environment and its wrappers, for their pages."""
    drawn = {name: wrapper_frames(picture) for name, picture in PICTURES.items()}
    drawn |= {"environment": environment_frames, "vector": vector_frames}
    FOLDER.mkdir(exist_ok=True)
    for name, frames in drawn.items():
        for shade, theme in THEMES.items():
            write_gif(FOLDER / f"{name}-{shade}.gif", [*frames(theme)], theme)


if __name__ == "__main__":
    cyclopts.run(main)
