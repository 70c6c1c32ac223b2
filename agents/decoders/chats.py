"""Makes decoders of chats by their names; a decoder of the game can be tried on chats, too."""

from __future__ import annotations

from collections.abc import Sequence

from multiref_gym.conversation import ChatDecoder, ChatExchange, Verdict
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, FeedbackDecoder, decoded, probabilities
from multiref_gym.game import Action
from multiref_gym.registry import decoder_of, made

OF_THE_GAME = ("lexical", "learned")
"""Decoders that were made for the game."""
OUT_OF_PLACE = (
    "{} was made for the game, where a speaker who judges nothing is content; in chats it returns positive too often: "
    "use prompted:MODEL or tuned:FOLDER there"
)
"""The warning about them."""

ANSWERED = Action(select=frozenset({0}))
"""The action that stands for an answer: something was done."""


class ReadAsGame:
    """Uses a decoder of the game on chats: an answer counts as a select.

    Args:
        decoder: The decoder.
    """

    def __init__(self, decoder: FeedbackDecoder) -> None:
        self._decoder = decoder

    def decode_chats(self, exchanges: Sequence[ChatExchange]) -> list[Verdict]:
        """Returns a verdict on each answer, in order."""
        in_game = [Exchange(None, exchange.request, ANSWERED, exchange.reply) for exchange in exchanges]
        feedback = decoded(self._decoder, in_game)
        likely: Sequence[float | None] = [None] * len(in_game)
        if hasattr(self._decoder, "probabilities"):
            likely = probabilities(self._decoder, in_game).tolist()
        return list(map(Verdict, feedback, likely))


def new_chat_decoder(name: str, ternary: bool = False) -> ChatDecoder:
    """Makes a decoder of chats, or a decoder of the game that reads chats.

    Args:
        name: A name as in `multiref_gym.registry.decoder_of`.
        ternary: Whether to make its ternary form.

    Raises:
        UserError: If there is no such decoder, it cannot read chats, or it cannot be made.
    """
    make = decoder_of(name, ternary)
    if name.partition(":")[0] == "calibrated":
        raise UserError(f"decoder {name!r} was calibrated on the game: use prompted:MODEL or tuned:FOLDER for chats")
    if name in OF_THE_GAME:
        return ReadAsGame(made("decoder", name, make))
    return made("decoder of chats", name, make)  # type: ignore[no-any-return]
