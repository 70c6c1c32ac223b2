"""One game in play: the game, its speaker and its chance. Whoever plays a game, plays it here."""

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
        game: The game, which nobody has played in.
        speaker: Who speaks in it, and in no other game at the same time.
        rng: All chance of the speaker.
        listener_rng: The chance of the listener, for who asks one for decisions; the speaker's if None.
        game_id: What the game is called; if None, a name that no other game of this process has.

    Attributes:
        utterance: What the speaker said last; "" if it was to speak, and did not.
        dialogue: The turns so far: what was said, and what was done (nothing, where it was not understood).
        clicks: What was done as texts.
        not_understood: How many answers were no action.
        misread: For those whose words are known, by the number of the turn: what was written, and why it was no
            action. Listeners may read it again; the record of a game does not have it.

    Raises:
        UserError: As `multiref_gym.speaker.opened` does.
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
        """Returns games whose speakers are asked together, if they can be; the arguments are those of each.

        Raises:
            UserError: As `multiref_gym.speaker.opened` does.
        """
        episodes = [cls.watched(*one) for one in zip(games, speakers, game_ids, strict=True)]
        said = opened_all(speakers, games, rngs)
        for episode, listener_rng, utterance in zip(episodes, listener_rngs, said, strict=True):
            episode.listener_rng, episode.utterance = listener_rng, utterance
        return episodes

    @classmethod
    def watched(cls, game: Game, speaker: Speaker, game_id: str | None = None) -> Episode:
        """Returns a game that is played elsewhere, in which nothing has been taken down yet."""
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
        """What the listener knows now."""
        game = self.game
        return View(
            *(game.context.listener_order, tuple(self.dialogue), self.utterance, game.selected, self.game_id),
            misread=dict(self.misread),
        )

    @property
    def wanted(self) -> Action:
        """The action that would answer the utterance as it was meant: for oracles and for evaluation alone.

        Raises:
            UserError: If the speaker has none to tell, or one that the rules do not allow. The message names it.
        """
        try:
            wanted = self.speaker.wanted
            check_action(wanted, self.game.selected, len(self.game.context.listener_order))
        except InvalidAction as error:
            raise UserError(f"speaker {part_name(self.speaker)} wanted what it may not: {error}") from error
        except Exception as error:
            blame("speaker", self.speaker, error)
            raise
        return wanted

    def take(self, action: Action | None, log_prob: float | None = None) -> None:
        """Takes one turn: applies the listener's action, then lets the speaker speak.

        Args:
            action: None stands for an answer that was no action: nothing is clicked, and the speaker hears so.
            log_prob: Its natural log-probability, None if nobody knows; kept as `recorded_log_prob` says.

        Raises:
            GameOver: If the game has ended.
            InvalidAction: If the rules forbid the action. The game is unchanged then.
            UserError: If the log-probability is none; the game is unchanged then, too. Or as
                `multiref_gym.speaker.replied` does; the turn has been taken then.
        """
        self._apply(action, log_prob)
        self.utterance = replied(self.speaker, action)

    @staticmethod
    def take_all(
        episodes: Sequence[Episode], actions: Sequence[Action | None], log_probs: Sequence[float | None]
    ) -> None:
        """Takes one turn in each of some games, whose speakers are asked together if they can be; see `take`."""
        for episode, action, log_prob in zip(episodes, actions, log_probs, strict=True):
            episode._apply(action, log_prob)
        said = replied_all([episode.speaker for episode in episodes], actions)
        for episode, utterance in zip(episodes, said, strict=True):
            episode.utterance = utterance

    def _apply(self, action: Action | None, log_prob: float | None) -> None:
        known = recorded_log_prob(log_prob)
        self.game.apply(_NOTHING if action is None else action)
        self.note(self.utterance, action, known)
        self.utterance = ""  # so it stays if the speaker fails: what was said before is no reply

    def note(self, utterance: str, action: Action | None, log_prob: float | None = None) -> None:
        """Takes down a turn that has been taken: what was said, and what was done then."""
        done = _NOTHING if action is None else action
        self.dialogue.append((utterance, done))
        self.clicks.append(str(done))
        if action is None:
            self.not_understood += 1
        self._log_probs.append(log_prob)

    def interaction(self, policy: str = "", round: int = 0) -> Interaction:
        """Returns the record of the game so far.

        Args:
            policy: What the listener's policy is called.
            round: The round of deployment.

        Raises:
            UserError: If the round is no int.
        """
        require("round", round, "an int", is_int(round, -(2**31), 2**31 - 1))
        said_and_done = zip(self.dialogue, self._log_probs, strict=True)
        turns = tuple(Turn(utterance, action, log_prob) for (utterance, action), log_prob in said_and_done)
        closing = self.utterance if self.game.over else ""
        return Interaction(self.game_id, self.game.context, turns, self.speaker.name, policy, int(round), closing)
