"""A game in play together with its speaker and its random generators. All games are played here."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import numpy as np

from multiref_gym.errors import UserError, is_int, require
from multiref_gym.game import Action, Game, InvalidAction, check_action
from multiref_gym.interaction import Interaction, Turn
from multiref_gym.listener import View, recorded_log_prob
from multiref_gym.parts import blame, part_name
from multiref_gym.speaker import Speaker, opened, opened_all, replied, replied_all

_NOTHING = Action()
_NUMBERS = count()


class Episode:
    """A game from the speaker's first utterance to its closing remark.

    Args:
        game: The game, in which no turn was taken.
        speaker: The speaker, who speaks in no other game at the same time.
        rng: The speaker's random generator.
        listener_rng: The listener's random generator; the speaker's if None.
        game_id: The name of the game; if None, a name that no other game of this process has.

    Attributes:
        utterance: The speaker's last utterance; "" if the speaker failed to speak.
        dialogue: The turns so far: each utterance and its action (the empty action if the answer was not understood).
        clicks: The actions as texts.
        not_understood: The number of answers that were not actions.
        misread: Such answers, if their words are known, by turn number: the text, and why it was rejected. Listeners
            may read them; the record of a game does not keep them.

    Raises:
        UserError: As in `multiref_gym.speaker.opened`.
    """

    __slots__ = (
        *("clicks", "dialogue", "game", "game_id", "listener_rng", "misread", "not_understood", "speaker"),
        "utterance",
        "_log_probs",
    )

    def __init__(
        self,
        game: Game,
        speaker: Speaker,
        rng: np.random.Generator,
        listener_rng: np.random.Generator | None = None,
        game_id: str | None = None,
    ) -> None:
        self._begin(game, speaker, game_id)
        self.listener_rng = rng if listener_rng is None else listener_rng
        self.utterance = opened(speaker, game, rng)

    @classmethod
    def begun(
        cls,
        games: Sequence[Game],
        speakers: Sequence[Speaker],
        rngs: Sequence[np.random.Generator],
        listener_rngs: Sequence[np.random.Generator],
        game_ids: Sequence[str],
    ) -> list[Episode]:
        """Begins several games, whose speakers are called together if possible; each argument has one item for each
        game.

        Raises:
            UserError: As in `multiref_gym.speaker.opened`.
        """
        episodes = [cls.watched(*one) for one in zip(games, speakers, game_ids, strict=True)]
        said = opened_all(speakers, games, rngs)
        for episode, listener_rng, utterance in zip(episodes, listener_rngs, said, strict=True):
            episode.listener_rng, episode.utterance = listener_rng, utterance
        return episodes

    @classmethod
    def watched(cls, game: Game, speaker: Speaker, game_id: str | None = None) -> Episode:
        """Returns an episode for a game that is played elsewhere; `note` records its turns."""
        episode = cls.__new__(cls)
        episode._begin(game, speaker, game_id)
        return episode

    def _begin(self, game: Game, speaker: Speaker, game_id: str | None) -> None:
        self.game, self.speaker = game, speaker
        self.game_id = f"game-{next(_NUMBERS)}" if game_id is None else game_id
        self.dialogue: list[tuple[str, Action]] = []
        self.clicks: list[str] = []
        self.not_understood = 0
        self.misread: dict[int, tuple[str, str]] = {}
        self._log_probs: list[float | None] = []

    @property
    def view(self) -> View:
        """All that the listener knows now."""
        game = self.game
        return View(
            *(game.context.listener_order, tuple(self.dialogue), self.utterance, game.selected, self.game_id),
            misread=dict(self.misread),
        )

    @property
    def wanted(self) -> Action:
        """The action that the utterance asks for: only for oracles and evaluation.

        Raises:
            UserError: If the speaker does not give it, or the rules forbid it. The message names the speaker.
        """
        try:
            wanted = self.speaker.wanted
            check_action(wanted, self.game.selected, len(self.game.context.listener_order))
        except InvalidAction as error:
            raise UserError(f"speaker {part_name(self.speaker)} wanted a forbidden action: {error}") from error
        except Exception as error:
            blame("speaker", self.speaker, error)
            raise
        return wanted

    def take(self, action: Action | None, log_prob: float | None = None) -> None:
        """Takes one turn: applies the listener's action, then lets the speaker speak.

        Args:
            action: The action; None stands for an answer that was not an action: nothing is clicked, and the speaker
                hears it.
            log_prob: The action's natural log-probability, None if unknown; recorded by `recorded_log_prob`.

        Raises:
            GameOver: If the game has ended.
            InvalidAction: If the rules forbid the action. The game is unchanged then.
            UserError: If the log-probability is invalid; the game is unchanged then, too. Also as in
                `multiref_gym.speaker.replied`, after the turn was taken.
        """
        self._apply(action, log_prob)
        self.utterance = replied(self.speaker, action)

    @staticmethod
    def take_all(
        episodes: Sequence[Episode], actions: Sequence[Action | None], log_probs: Sequence[float | None]
    ) -> None:
        """Takes one turn in each of several games, whose speakers are called together if possible; see `take`."""
        for episode, action, log_prob in zip(episodes, actions, log_probs, strict=True):
            episode._apply(action, log_prob)
        said = replied_all([episode.speaker for episode in episodes], actions)
        for episode, utterance in zip(episodes, said, strict=True):
            episode.utterance = utterance

    def _apply(self, action: Action | None, log_prob: float | None) -> None:
        recorded = recorded_log_prob(log_prob)
        self.game.apply(_NOTHING if action is None else action)
        self.note(self.utterance, action, recorded)
        self.utterance = ""  # stays empty if the speaker fails: the old utterance is not a reply

    def note(self, utterance: str, action: Action | None, log_prob: float | None = None) -> None:
        """Records a turn that was taken: the utterance and the action."""
        done = _NOTHING if action is None else action
        self.dialogue.append((utterance, done))
        self.clicks.append(str(done))
        if action is None:
            self.not_understood += 1
        self._log_probs.append(log_prob)

    def interaction(self, policy: str = "", round: int = 0) -> Interaction:
        """Returns the record of the game so far.

        Args:
            policy: The name of the listener's policy.
            round: The round of deployment.

        Raises:
            UserError: If the round is not an int.
        """
        require("round", round, "an int", is_int(round, -(2**31), 2**31 - 1))
        said_and_done = zip(self.dialogue, self._log_probs, strict=True)
        turns = tuple(Turn(utterance, action, log_prob) for (utterance, action), log_prob in said_and_done)
        closing = self.utterance if self.game.over else ""
        return Interaction(self.game_id, self.game.context, turns, self.speaker.name, policy, int(round), closing)
