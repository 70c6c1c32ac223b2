"""Offline behaviour cloning: learns from a run's games to repeat the listeners' actions that got positive feedback.

    multiref export --store runs/respect-0/interactions.db --system SUP --decoder lexical --minari multiref/sup-v0
    python docs/examples/behaviour_cloning.py multiref/sup-v0

Only the names of the arrays are specific to multiref-gym: `image`, `utterance` and `selected` in observations, and
`feedback` in the infos.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

import minari
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from rich.console import Console
from torch import Tensor, nn

from multiref_gym.vocabulary import Vocabulary, encode

LENGTH, WORDS = 32, 1000
WIDTH, EPOCHS, BATCH, RATE = 128, 12, 64, 2e-3
SEED = 0
HELD_OUT = 10
"""One episode in this many is held out for testing."""

Steps = tuple[Tensor, Tensor, Tensor, Tensor]
"""Silhouettes, uint8 (n, 10, 64, 64); words, int64 (n, LENGTH); selection and clicks, float32 (n, 10) each."""


class Policy(nn.Module):
    """Scores each tangram with the same weights, by its picture, the utterance and whether it is selected."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(words, WIDTH, mode="mean", padding_idx=0)
        self.pictures = nn.Sequential(nn.Linear(256, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH))
        self.score = nn.Sequential(nn.Linear(3 * WIDTH + 1, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 1))

    def forward(self, images: Tensor, words: Tensor, selected: Tensor) -> Tensor:
        """Returns the log-odds of a click on each tangram, (n, 10)."""
        ink = 1 - F.avg_pool2d(images.float(), 4).flatten(2) / 255
        pictures = self.pictures(ink)
        said = self.words(words)[:, None].expand_as(pictures)
        scores: Tensor = self.score(torch.cat([pictures, said, pictures * said, selected[:, :, None]], 2))
        return scores.squeeze(2)


def good_steps(episodes: Iterable[minari.EpisodeData], vocabulary: Vocabulary) -> Steps:
    """Returns the steps with positive feedback: the observation before each action, and the action."""
    images, words, selected, clicks = [], [], [], []
    for episode in episodes:
        # The feedback on action t is in the infos at t + 1, as if `step` had returned it; its observation is at t.
        for t in np.flatnonzero(episode.infos["feedback"][1:] == 1):
            images.append(episode.observations["image"][t])
            words.append(encode(episode.observations["utterance"][t], LENGTH, vocabulary))
            selected.append(episode.observations["selected"][t])
            clicks.append(episode.actions[t])
    if not clicks:
        raise SystemExit("no action has positive feedback: was the data set exported with --decoder?")
    images, words = torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(words)).long()
    return images, words, torch.from_numpy(np.stack(selected)).float(), torch.from_numpy(np.stack(clicks)).float()


def learn(steps: Steps, words: int) -> Policy:
    """Returns a policy that is trained on the clicks of these steps."""
    torch.manual_seed(SEED)
    policy = Policy(words)
    optimiser = torch.optim.AdamW(policy.parameters(), RATE)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(steps[0])).split(BATCH):
            images, said, selected, clicks = (array[batch] for array in steps)
            loss = F.binary_cross_entropy_with_logits(policy(images, said, selected), clicks)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return policy.eval()


@torch.no_grad()
def agreement(policy: Policy, steps: Steps) -> tuple[float, float]:
    """Returns how often the tangram with the highest score was clicked, and how often a random tangram was."""
    images, said, selected, clicks = steps
    best = policy(images, said, selected).argmax(1, keepdim=True)
    return clicks.gather(1, best).mean().item(), clicks.mean().item()


def main(name: str) -> float:
    """Learns from nine episodes in ten of a data set, and returns the agreement on the others."""
    data = minari.load_dataset(name)
    held_out = data.episode_indices % HELD_OUT == 0
    utterances = (said for episode in data for said in episode.observations["utterance"])
    vocabulary = Vocabulary.of(utterances, WORDS)
    training, test = (
        good_steps(data.iterate_episodes(data.episode_indices[which]), vocabulary) for which in (~held_out, held_out)
    )
    agreed, chance = agreement(learn(training, len(vocabulary)), test)
    Console().print(
        f"{len(training[0])} steps learned; in {len(test[0])} others, the tangram with the highest score was clicked "
        f"{agreed:.1%} of the time, and a random one {chance:.1%}",
        highlight=False,
    )
    return agreed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("name", help="a Minari data set, made by `multiref export --minari --decoder`")
    main(parser.parse_args().name)
