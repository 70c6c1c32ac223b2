"""Learning from turns with feedback: it learns, and the same seed learns the same."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from acting import act
from hypothesis import given
from hypothesis import strategies as st
from small_views import FIGURES, tiny_small_listener
from strategies import interactions
from tiny_listener import TinyListener

from multiref_gym.agents.learning.learn import (
    Example,
    Optimisation,
    Scores,
    batches,
    batches_of_games,
    learn,
    scored,
    with_other_distractors,
)
from multiref_gym.agents.learning.objectives import Kto, ScoredTurns, Sup, SupAndUnlikelihood
from multiref_gym.agents.listeners.small.listener import SmallListener
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.game import Action
from multiref_gym.interaction import Interaction
from multiref_gym.listener import View

ONE_STEP = Optimisation(epochs=1)
SOME_STEPS = Optimisation(epochs=10, batch=4, learning_rate=1e-2)
WORDS = ("a bird", "a house", "the boat", "a cat facing left", "some dude", "a fish")
EXAMPLES = [
    Example(View(FIGURES.ids[i : i + 10], (), words, frozenset()), Action(select=frozenset({i})), Feedback.POSITIVE)
    for i, words in enumerate(WORDS)
]


def weights_after(seed: int, examples: list[Example] = EXAMPLES) -> dict[str, torch.Tensor]:
    listener = tiny_small_listener()
    learn(listener, examples, Sup(), SOME_STEPS, seed)
    return dict(listener.model.state_dict())


def log_probs(listener: SmallListener) -> torch.Tensor:
    with torch.inference_mode():
        return listener.score([e.view for e in EXAMPLES], [e.action for e in EXAMPLES]).log_prob


def test_turns_of_a_game_are_in_one_batch_and_games_in_random_order() -> None:
    games = [0, 1, 2] * 3
    found = batches_of_games(games, 3, np.random.default_rng(0))
    assert sorted(np.concatenate(found).tolist()) == list(range(9))
    assert all(len({games[row] for row in batch}) == 1 and len(batch) == 3 for batch in found)
    orders = {
        tuple(batch[0] for batch in batches_of_games(games, 3, np.random.default_rng(seed))) for seed in range(20)
    }
    assert len(orders) == 6
    assert [len(batch) for batch in batches_of_games(games, 4, np.random.default_rng(0))] == [4, 4, 1]


def test_what_was_good_becomes_likely() -> None:
    listener = tiny_small_listener()
    before = log_probs(listener)
    learn(listener, EXAMPLES, Sup(), SOME_STEPS, seed=0)
    assert (log_probs(listener) > before + 1).all()


def test_what_was_not_good_teaches_the_supervised_nothing() -> None:
    bad = [Example(e.view, Action(select=frozenset({9})), Feedback.NEGATIVE) for e in EXAMPLES]
    optimisation = replace(SOME_STEPS, weight_decay=0.0)
    before, listener = tiny_small_listener().model.state_dict(), tiny_small_listener()
    learn(listener, bad, Sup(), optimisation, seed=0)
    assert all(torch.equal(before[name], weights) for name, weights in listener.model.state_dict().items())


def test_with_unlikelihood_what_was_not_good_becomes_unlikely() -> None:
    listener = tiny_small_listener()
    likeliest = act(listener, [e.view for e in EXAMPLES], 0)
    done = [replace(e, action=d.action, weight=0.5) for e, d in zip(EXAMPLES, likeliest, strict=True)]
    bad = [replace(e, feedback=Feedback.NEGATIVE) for e in done]
    before = scored(listener, done).log_prob.exp().mean()
    statistics = learn(listener, bad, SupAndUnlikelihood(), SOME_STEPS, seed=0)[-1]
    assert scored(listener, done).log_prob.exp().mean() < before / 2
    assert statistics["positive_log_prob"] == 0


def test_the_same_seed_gives_the_same_weights_bit_for_bit() -> None:
    first, again, other = weights_after(1), weights_after(1), weights_after(2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_an_interrupted_learning_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    optimisation = replace(SOME_STEPS, epochs=3, other_distractors=0.5)
    kept = tmp_path / "state.safetensors"
    whole, interrupted, resumed = tiny_small_listener(), tiny_small_listener(), tiny_small_listener()
    curve = learn(whole, EXAMPLES, Sup(), optimisation, seed=5, measured=lambda: {"measured": 1.0})

    def interrupt(step: int, steps: int) -> None:
        if step == 2 * steps // 3 + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn(interrupted, EXAMPLES, Sup(), optimisation, 5, interrupt, measured=lambda: {"measured": 1.0}, kept=kept)
    assert not same_weights(whole, interrupted)
    steps: list[int] = []
    went_on = learn(
        resumed, EXAMPLES, Sup(), optimisation, 5, lambda step, _: steps.append(step), measured=dict, kept=kept
    )
    assert same_weights(whole, resumed)
    assert went_on[:2] == curve[:2]
    assert went_on[2] | {"measured": 1.0} == curve[2]
    assert steps == [5, 6]  # of the last epoch alone
    kept.write_bytes(kept.read_bytes()[:-7])
    with pytest.raises(UserError, match="is not a state of this learning"):
        learn(resumed, EXAMPLES, Sup(), optimisation, 5, kept=kept)


def same_weights(one: SmallListener, other: SmallListener) -> bool:
    theirs = other.model.state_dict()
    return all(torch.equal(weights, theirs[name]) for name, weights in one.model.state_dict().items())


def test_other_chance_before_makes_no_difference() -> None:
    first = weights_after(1)
    torch.rand(3)
    np.random.default_rng().random()
    assert all(torch.equal(first[name], weights) for name, weights in weights_after(1).items())


def test_the_global_generator_stays_as_it_was() -> None:
    state = torch.get_rng_state()
    weights_after(5)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_trained_listener_is_ready_to_act() -> None:
    listener = tiny_small_listener()
    learn(listener, EXAMPLES, Sup(), ONE_STEP, seed=0)
    assert not listener.model.training  # no dropout when it acts or scores


@given(interactions(), st.floats(0, 1), st.integers(0, 1000))
def test_only_tangrams_that_play_no_part_give_way(game: Interaction, share: float, seed: int) -> None:
    pool = [f"newcomer-{number}" for number in range(30)]
    for view, turn in zip(game.views(), game.turns, strict=True):
        example = Example(view, turn.action, Feedback.POSITIVE)
        changed = with_other_distractors(example, pool, share, np.random.default_rng(seed))
        assert len(set(changed.view.tangrams)) == len(view.tangrams)
        for position, (old, new) in enumerate(zip(view.tangrams, changed.view.tangrams, strict=True)):
            concerned = view.selected | turn.action.clicks | {p for _, action in view.dialogue for p in action.clicks}
            assert new == old or (position not in concerned and new in pool)
        assert replace(changed, view=view) == example


def test_distractors_give_way_as_often_as_asked() -> None:
    pool = [f"newcomer-{number}" for number in range(1000)]
    for share in (0.0, 0.3, 1.0):
        rng = np.random.default_rng(0)
        changed = [with_other_distractors(EXAMPLES[0], pool, share, rng).view.tangrams for _ in range(200)]
        given_way = np.mean([name in pool for names in changed for name in names])
        assert given_way == pytest.approx(0.9 * share, abs=0.05)


def test_the_objective_sees_who_acted_and_what_is_said_of_it() -> None:
    seen: list[ScoredTurns] = []

    class Watching(Sup):
        def __call__(self, turns: ScoredTurns) -> tuple[torch.Tensor, dict[str, float]]:
            seen.append(turns)
            return -turns.log_prob.mean(), {"turns": float(len(turns.feedback))}

    examples = [replace(EXAMPLES[0], log_prob=-1.5), replace(EXAMPLES[1], feedback=Feedback.NEGATIVE)]
    [statistics] = learn(TinyListener(), examples, Watching(), ONE_STEP, seed=0)
    [turns] = seen
    known = ~turns.behaviour_log_prob.isnan()
    assert turns.behaviour_log_prob[known].tolist() == [-1.5]
    assert turns.feedback[known].tolist() == [1.0]
    assert turns.feedback[~known].tolist() == [-1.0]
    assert statistics == {"loss": pytest.approx(math.log(10)), "turns": 2.0}


def test_a_reference_is_what_unknown_behaviour_and_mismatched_actions_are_compared_with() -> None:
    listener, reference = TinyListener(), TinyListener()
    with torch.no_grad():
        listener.model.bias += torch.linspace(-1, 1, 10)
        reference.model.bias -= torch.linspace(-1, 1, 10)
    batch = [replace(EXAMPLES[0], log_prob=-1.5), EXAMPLES[1], EXAMPLES[2]]
    others = [EXAMPLES[1], EXAMPLES[2], EXAMPLES[0]]
    assert all(other.action.clicks != example.action.clicks for other, example in zip(others, batch, strict=True))

    def log_prob(of: TinyListener, examples: list[Example]) -> torch.Tensor:
        return of.score([e.view for e in examples], [e.action for e in examples]).log_prob

    turns = scored(listener, batch, reference)
    torch.testing.assert_close(turns.log_prob, log_prob(listener, batch))
    torch.testing.assert_close(turns.behaviour_log_prob[1:], log_prob(reference, batch)[1:])
    assert turns.behaviour_log_prob[0] == -1.5
    torch.testing.assert_close(turns.mismatched, log_prob(listener, others) - log_prob(reference, others))
    assert not turns.mismatched.requires_grad
    assert scored(listener, batch).mismatched.isnan().all()


def test_every_step_is_reported() -> None:
    steps: list[tuple[int, int]] = []
    optimisation = Optimisation(epochs=3, batch=4)
    learn(TinyListener(), EXAMPLES, Sup(), optimisation, 0, on_step=lambda step, of: steps.append((step, of)))
    assert steps == [(step, 6) for step in range(1, 7)]  # six examples are two batches


def test_every_epoch_sees_every_example_once() -> None:
    seen: list[str] = []

    class Watched(TinyListener):
        def score(self, views, actions):  # type: ignore[no-untyped-def]
            seen.extend(view.utterance for view in views)
            return super().score(views, actions)

    learn(Watched(), EXAMPLES, Sup(), Optimisation(epochs=2, batch=4), seed=0)
    assert sorted(seen[:6]) == sorted(seen[6:]) == sorted(WORDS)
    assert seen[:6] != seen[6:]


@given(st.lists(st.integers(0, 300), max_size=200), st.integers(1, 20), st.integers(1, 9), st.integers(0, 99))
def test_batches_hold_every_example_once(lengths: list[int], size: int, mixed: int, seed: int) -> None:
    made = batches(lengths, size, np.random.default_rng(seed), mixed)
    assert sorted(index for batch in made for index in batch.tolist()) == list(range(len(lengths)))
    assert len(made) == math.ceil(len(lengths) / size)  # so all are full but one, and none is empty
    assert all(1 <= len(batch) <= size for batch in made)


@given(st.integers(1, 20), st.integers(1, 9), st.integers(0, 99), st.data())
def test_among_the_examples_drawn_together_like_lengths_share_a_batch(
    size: int, mixed: int, seed: int, data: st.DataObject
) -> None:
    lengths = data.draw(st.lists(st.integers(0, 300), min_size=1, max_size=mixed * size))
    made = batches(lengths, size, np.random.default_rng(seed), mixed)
    extents = sorted((min(of), max(of)) for of in ([lengths[index] for index in batch] for batch in made))
    assert all(longest <= shortest for (_, longest), (shortest, _) in itertools.pairwise(extents))


def test_batches_are_padded_little_and_come_in_no_order_of_length() -> None:
    lengths = np.random.default_rng(0).integers(0, 100, 3000)
    made = batches(lengths.tolist(), 10, np.random.default_rng(1))
    padding = sum(int((lengths[batch].max() - lengths[batch]).sum()) for batch in made) / len(lengths)
    assert padding < 10  # in batches drawn at random the longest is by about 40 above the mean
    means = np.array([lengths[batch].mean() for batch in made])
    assert abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 0.2


def test_the_same_generator_gives_the_same_batches() -> None:
    lengths = [len(words) for words in WORDS] * 10
    first, again, other = ([b.tolist() for b in batches(lengths, 4, np.random.default_rng(s))] for s in (1, 1, 2))
    assert first == again != other


def test_nothing_to_learn_from_is_an_error() -> None:
    with pytest.raises(ValueError, match="no examples"):
        learn(TinyListener(), [], Sup(), ONE_STEP, seed=0)


def test_an_objective_without_the_reference_that_it_needs_is_refused_before_the_first_step() -> None:
    listener, steps = TinyListener(), list[int]()
    with pytest.raises(UserError, match=r"^objective Kto compares the policy with a reference, and there is none$"):
        learn(listener, EXAMPLES, Kto(), ONE_STEP, seed=0, on_step=lambda step, of: steps.append(step))
    assert not steps
    assert not any(weights.any() for weights in listener.model.parameters())


@dataclass(frozen=True)
class Odd:
    """Gives what it is made with, a loss that depends on the policy in the place of each number."""

    loss: object
    named: object = field(default_factory=dict)
    needs_reference: bool = False
    negatives: float = 0.0

    def __call__(self, turns: ScoredTurns) -> Any:
        return self.loss * turns.log_prob.mean() if isinstance(self.loss, float) else self.loss, self.named


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (Odd(math.nan), "the loss is nan: allowed is a finite number"),
        (Odd(-math.inf), "the loss is inf: allowed is a finite number"),
        (Odd(1.0, {"share": math.nan}), "the share is nan: allowed is a finite number"),
        (Odd(1.0, {"share": "half"}), "failed: ValueError: "),
        (Odd(1.0, None), "failed: AttributeError: "),
        (Odd("low"), "failed: AttributeError: "),
        (Odd(torch.ones(2)), "failed: RuntimeError: "),
        (Odd(torch.tensor(1.0)), "gives a loss that does not depend on the policy"),
    ],
)
def test_an_objective_that_is_none_is_refused_by_its_name_and_leaves_the_weights(objective: Odd, message: str) -> None:
    listener = TinyListener()
    with pytest.raises(UserError, match=f"^objective test_learn:Odd:? {message}"):
        learn(listener, EXAMPLES, objective, ONE_STEP, seed=0)
    assert not any(weights.any() for weights in listener.model.parameters())


class Unsure(TinyListener):
    """Knows no probability."""

    def score(self, views: Sequence[View], actions: Sequence[Action]) -> Scores:
        return Scores(*(math.nan * values for values in super().score(views, actions)))


class Failing(TinyListener):
    """Cannot say."""

    def score(self, views: Sequence[View], actions: Sequence[Action]) -> Scores:
        raise KeyError("page")


def test_a_listener_without_probabilities_learns_nothing() -> None:
    listener = Unsure()
    with pytest.raises(UserError, match=r"Sup: the loss is nan: allowed is a finite number$"):
        learn(listener, EXAMPLES, Sup(), ONE_STEP, seed=0)
    assert not any(weights.any() for weights in listener.model.parameters())
    with pytest.raises(UserError, match=r"^listener test_learn:Failing failed: KeyError: 'page'"):
        learn(Failing(), EXAMPLES, Sup(), ONE_STEP, seed=0)


@given(interactions())
def test_views_are_what_the_listener_saw_before_it_acted(interaction: Interaction) -> None:
    views = interaction.views()
    assert len(views) == len(interaction.turns)
    for number, (view, turn) in enumerate(zip(views, interaction.turns, strict=True)):
        assert view.tangrams == interaction.context.listener_order
        assert view.utterance == turn.utterance
        assert view.dialogue == tuple((past.utterance, past.action) for past in interaction.turns[:number])
        assert view.selected == interaction.selections[number]
