"""Replays logged games turn by turn, and measures what a listener would have done in them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from multiref_gym.agents.commands.options import LOGGED, PricedListenerOptions, told_usage
from multiref_gym.agents.evaluation.offline import FIGURES, ask, logged_turns, measure, told
from multiref_gym.agents.evaluation.tables import Sheet
from multiref_gym.commands.export import say_skipped
from multiref_gym.commands.options import Count, Natural, TangramsName, make_folder, named
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.formats import FORMATS, read_games
from multiref_gym.formats.logged_game import fingerprint
from multiref_gym.game import CONTEXT_SIZE
from multiref_gym.provenance import write_results
from multiref_gym.registry import DECODERS, feedback_name, new_decoder
from multiref_gym.tangrams import drawn_tangrams


@dataclass(frozen=True, kw_only=True)
class Benchmark(PricedListenerOptions):
    """Replays logged games turn by turn, and measures what a listener would have done in them.

    Attributes:
        games: Games or `turn` rows: JSON Lines, JSON, Parquet, or the id of a data set of the Hugging Face hub.
        tangrams: figures or kilogram:PATH, all that are drawn.
        ternary: The decoder also answers neutral.
        batch: Turns at once.
        seed: Seeds all chance.
        skip_bad: Leave out bad games, and say which.
        out: The folder that results.json is written to; without it they are not kept.
    """

    games: str
    format: Annotated[str | None, named(FORMATS, "What they are, if not as they look: ")] = None
    tangrams: TangramsName = "figures"
    decoder: Annotated[str, named({**DECODERS, LOGGED: ""}, "What rewards; logged is the games' own labels: ")] = (
        "lexical"
    )
    ternary: bool = False
    batch: Count = 32
    seed: Natural = 0
    skip_bad: bool = False
    out: Path | None = None

    def run(self, screen: Screen) -> None:
        """Measures the listener, prints the figures and, if they are to be kept, writes them.

        Raises:
            UserError: If a game is bad, the listener or the decoder cannot be had or cannot listen to logged games, or
                the folder has results of another configuration.
        """
        tangrams = drawn_tangrams(self.tangrams)
        if self.ternary and self.decoder == LOGGED:
            raise UserError(f"--ternary is for a decoder, not for the labels of --decoder {LOGGED}")
        decoder = None if self.decoder == LOGGED else new_decoder(self.decoder, self.ternary)
        games, bad = read_games(
            self.games, self.format, tangrams=tangrams, context_size=CONTEXT_SIZE, skip_bad=self.skip_bad
        )
        asked = {name: getattr(self, name) for name in ("listener", "model", "endpoint", "tangrams", "batch", "seed")}
        config = {"games": fingerprint(games), "decoder": feedback_name(self.decoder, self.ternary), **asked}
        path = self.out and self.out / "results.json"
        if path:
            _check_folder(path, config)
        turns = logged_turns(games, decoder)
        listener = self.chosen_listener(tangrams)
        report = partial(screen.report, "turns", total=len(turns))
        answers = ask(listener, turns, self.seed, self.batch, report)
        results = {"config": config, "file": self.games, **measure(turns, answers), "skipped": len(bad)}
        results["usage"] = getattr(listener, "usage", None)
        results = write_results(path, results)
        _show(results, screen)
        say_skipped(bad, screen)
        if self.out:
            screen.say(f"results.json is in {self.out}")


def _check_folder(path: Path, config: dict[str, Any]) -> None:
    """Makes the folder of the results, or checks that those there are of this configuration: they are replaced.

    Raises:
        UserError: If they are not, with the first field that differs; if they are no results; or if there is no
            writing there.
    """
    make_folder(path.parent)
    if not path.exists():
        return
    try:
        earlier = json.loads(path.read_text(encoding="utf-8"))["config"]
        changed = [field for field in config if earlier.get(field) != config[field]]
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
    ]
    rows = [
        [heading, told(key, results["figures"][key]), told(key, results["logged"].get(key)).strip("–")]
        for key, heading in FIGURES.items()
    ]
    rows.append([f"ms a turn, in batches of {config['batch']}", f"{results['milliseconds']:.2f}", ""])
    rows += [[name, value, ""] for name, value in told_usage(results["usage"]).items()]
    title = f"{name} on {counts['turns']} turns of {counts['games']} games; in brackets 95 % intervals"
    screen.show(Sheet(title, ["", "", "logged actions"], rows, "; ".join(filter(None, notes))))
