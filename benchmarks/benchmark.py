"""Replays logged games turn by turn, and measures how listeners would have acted."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from multiref_gym.agents.commands.options import LOGGED, PartsOptions, PricedListenerOptions, usage_texts
from multiref_gym.agents.evaluation.offline import ask_divided, logged_turns
from multiref_gym.agents.evaluation.offline_report import reported, sheets
from multiref_gym.agents.learning.learned_from import RESULTS, LearnedFrom
from multiref_gym.agents.listeners.named import new_listener
from multiref_gym.agents.workers import ThisProcess
from multiref_gym.commands.export import say_skipped
from multiref_gym.commands.options import Count, Natural, TangramsName, make_folder, named
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.formats import FORMATS, read_games
from multiref_gym.formats.logged_game import LoggedGame, fingerprint
from multiref_gym.game import CONTEXT_SIZE
from multiref_gym.listener import Listener
from multiref_gym.provenance import write_results
from multiref_gym.registry import DECODERS, LISTENERS, feedback_name, new_decoder
from multiref_gym.tangrams import TangramSet, drawn_tangrams

NAMED = 3
"""The most speakers that a message names."""


@dataclass(frozen=True, kw_only=True)
class Benchmark(PricedListenerOptions, PartsOptions):
    """Replays logged games turn by turn, and measures how a listener would have acted.

    Other listeners can be compared on the same turns; intervals of differences are over speakers.

    Attributes:
        games: Games or `turn` rows: JSON Lines, JSON, Parquet, or the id of a data set on the Hugging Face hub.
        tangrams: figures or kilogram:PATH; tangrams must have pictures.
        ternary: The decoder also returns neutral.
        against: A listener to compare with: another --model of the same listener, or the name of another listener.
        apart: Refuse games of speakers that a listener learned from.
        batch: The number of turns at once.
        seed: Seeds all randomness.
        skip_bad: Leave out malformed games, and list them.
        out: The folder for results.json; without it, nothing is written.
    """

    games: str
    format: Annotated[str | None, named(FORMATS, "The format of --games, if it is not to be guessed: ")] = None
    tangrams: TangramsName = "figures"
    decoder: Annotated[
        str, named(DECODERS | {LOGGED: ""}, "The decoder of the feedback; logged takes the games' own labels: ")
    ] = "lexical"
    ternary: bool = False
    against: tuple[str, ...] = ()
    apart: bool = False
    batch: Count = 32
    seed: Natural = 0
    skip_bad: bool = False
    out: Path | None = None

    def run(self, screen: Screen) -> None:
        """Measures the listener, prints the figures and, if a folder is given, writes them.

        Raises:
            UserError: If a game is bad, the listener or the decoder cannot be made or cannot act on logged games, or
                the folder has results of another configuration.
        """
        tangrams = drawn_tangrams(self.tangrams)
        if self.ternary and self.decoder == LOGGED:
            raise UserError(f"--ternary needs a decoder, not the labels of --decoder {LOGGED}")
        decoder = None if self.decoder == LOGGED else new_decoder(self.decoder, self.ternary)
        games, bad = read_games(
            self.games, self.format, tangrams=tangrams, context_size=CONTEXT_SIZE, skip_bad=self.skip_bad
        )
        asked = {name: getattr(self, name) for name in ("listener", "model", "endpoint", "tangrams", "batch", "seed")}
        config = {"games": fingerprint(games), "decoder": feedback_name(self.decoder, self.ternary), **asked}
        config["against"] = list(self.against)
        path = self.out and self.out / "results.json"
        if path:
            _check_folder(path, config)
        learned = {
            name: _learned(name, games, self.apart)
            for name in (self.model, *self.against)
            if name and name not in LISTENERS
        }
        turns = logged_turns(games, decoder)
        listener: Listener | None = None
        with self.chosen_workers(self.listener) as workers:
            loads = [self.listener_of(tangrams), *(self._other(name, tangrams) for name in self.against)]
            if isinstance(workers, ThisProcess):  # report a bad one before any is asked
                made = [load() for load in loads]
                listener = made[0]
                loads = [partial(_same, each) for each in made]
            report = partial(screen.report, "turns", total=len(turns))
            answers, *others = (ask_divided(workers, load, turns, self.seed, self.batch, report) for load in loads)
        by_other = dict(zip(self.against, others, strict=True))
        results = {
            **{"config": config, "file": self.games, **reported(turns, answers, by_other)},
            "learned_from": learned,
            "skipped": len(bad),
            "usage": getattr(listener, "usage", None),
        }
        results = write_results(path, results)
        _show(results, screen)
        say_skipped(bad, screen)
        if self.out:
            screen.say(f"results.json is in {self.out}")

    def _other(self, name: str, tangrams: TangramSet) -> Callable[[], Listener]:
        """Returns a callable that makes a listener to compare with: another policy, or another kind by name."""
        if name in LISTENERS:
            return partial(new_listener, name, tangrams)
        return replace(self, model=name).listener_of(tangrams)


def _same(listener: Listener) -> Listener:
    return listener


def _learned(model: str, games: Sequence[LoggedGame], apart: bool) -> dict[str, int] | None:
    """Returns the numbers of games and of their speakers that a policy learned from; None if its folder has no record.

    Raises:
        UserError: If they must be kept apart, and the policy learned from some or has no record.
    """
    learned = LearnedFrom.of(model)
    if learned is None:
        if apart:
            raise UserError(f"--apart: {model} does not record what it learned from, in a file {RESULTS}")
        return None
    learned_games, speakers = learned.shared(games)
    if apart and speakers:
        names = [name or "one without a name" for name in sorted(speakers)]
        named = ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
        raise UserError(f"--apart: {model} learned from {len(speakers)} speakers of these games: {named}")
    return {"games": learned_games, "speakers": len(speakers)}


def _check_folder(path: Path, config: dict[str, Any]) -> None:
    """Makes the folder of the results, or checks that it has results of the same configuration, which are replaced.

    Raises:
        UserError: If the configuration differs (the message names the first such field), the file has no results, or
            the folder cannot be written to.
    """
    make_folder(path.parent)
    if not path.exists():
        return
    try:
        earlier = json.loads(path.read_text(encoding="utf-8"))["config"]
        changed = [field for field in config if earlier.get(field, []) != config[field]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} holds no results of `multiref benchmark`: choose another --out") from error
    if changed:
        field = changed[0]
        raise UserError(
            f"{path}, field 'config.{field}': results of another configuration, {earlier.get(field)!r} and not "
            f"{config[field]!r}: choose another --out"
        )


def _show(results: dict[str, Any], screen: Screen) -> None:
    config, counts = results["config"], results["counts"]
    name = config["listener"] if config["model"] is None else f"{config['listener']}, {config['model']}"
    notes = [
        f"decoder {config['decoder']}: {counts['rewarded']} actions rewarded, {counts['corrected']} corrected",
        f"{counts['turns'] - counts['replies']} turns without feedback",
        counts["without_clicks"] and f"{counts['without_clicks']} actions without clicks, not scored",
        counts["impossible"]
        and f"{counts['impossible']} actions impossible for this listener, so no mean log-probability",
        *(
            f"{model} learned from {count['games']} of these games, and from {count['speakers']} of their speakers"
            for model, count in results["learned_from"].items()
            if count
        ),
    ]
    extra = [
        (f"ms a turn, in batches of {config['batch']}", f"{results['milliseconds']:.2f}"),
        *usage_texts(results["usage"]).items(),
    ]
    for sheet in sheets(results, name, extra, "; ".join(filter(None, notes))):
        screen.show(sheet)
