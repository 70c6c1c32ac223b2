"""What hypothesis draws: games that the rules allow."""

from __future__ import annotations

from hypothesis import strategies as st

from multiref_gym.game import MAX_TURNS, Action, Context, Game
from multiref_gym.interaction import Interaction, Turn
from multiref_gym.utterance import CHARSET

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
log_probs = st.none() | st.floats(-100, 0)


@st.composite
def contexts(draw: st.DrawFn) -> Context:
    size = draw(st.integers(3, 10))
    ids = [f"page{i}-{i * i}.png" for i in range(size)]
    targets = draw(st.sets(st.sampled_from(ids), min_size=1, max_size=min(5, size)))
    return Context(tuple(draw(st.permutations(ids))), tuple(draw(st.permutations(ids))), frozenset(targets))


utterances = st.text(CHARSET, max_size=40)


@st.composite
def interactions(draw: st.DrawFn, texts: st.SearchStrategy[str] = texts) -> Interaction:
    """Games of any length, won, lost or left, with actions that may be empty and texts that may hold anything."""
    context = draw(contexts())
    game = Game(context)
    positions = st.integers(0, len(context.listener_order) - 1)
    turns = []
    for _ in range(draw(st.integers(1, MAX_TURNS))):
        action = Action.clicking(draw(st.frozensets(positions, max_size=5)), game.selected)
        turns.append(Turn(draw(texts), action, draw(log_probs)))
        game.apply(action)
        if game.over:
            break
    return Interaction(
        game_id=draw(st.text("abcdef0123456789", min_size=1)),
        context=context,
        turns=tuple(turns),
        speaker=draw(texts),
        policy=draw(texts),
        round=draw(st.integers(0, 9)),
        closing=draw(texts),
    )


def games(min_size: int = 0, max_size: int = 4) -> st.SearchStrategy[list[Interaction]]:
    """Lists of interactions with distinct ids."""
    return st.lists(
        interactions(), min_size=min_size, max_size=max_size, unique_by=lambda interaction: interaction.game_id
    )
