"""The live loop: rounds open, close, are learned from, and the next policy plays what begins then."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from deployed import Deployed, deployed, form, play_on, say, setup_in
from sqlalchemy import select

from multiref_gym.agents.deployment import rounds as live_rounds
from multiref_gym.agents.deployment.crowd import CrowdSettings, run_crowd
from multiref_gym.agents.deployment.events import latest, placed
from multiref_gym.agents.deployment.learner import Lesson, compared
from multiref_gym.agents.deployment.policies import Policy
from multiref_gym.agents.deployment.tables import RoundState, arms, games, people, rounds
from multiref_gym.agents.learning.respect import SUP, Config
from multiref_gym.agents.listeners.baselines import RandomListener
from multiref_gym.benchmarks.deployment import ServerProcess
from multiref_gym.errors import UserError
from multiref_gym.formats import read_games
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.store import InteractionStore
from multiref_gym.tangrams import load_tangrams

FIGURES = load_tangrams("figures").split("dev")


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Deployed]:
    with deployed(setup_in(tmp_path / "run", systems=("A",))) as there:
        yield there


def states(there: Deployed) -> dict[int, str]:
    with there.site.database.transaction() as connection:
        return {row.number: row.state for row in connection.execute(select(rounds))}


def test_a_crowd_runs_the_whole_loop(tmp_path: Path) -> None:
    out = tmp_path / "run"
    small = ("--games", "3", "--rounds", "1", "--epochs", "1", "--gate", "2", "--trust")
    with ServerProcess("--respect", str(out), *small) as server:
        settings = CrowdSettings(browsers=6, games=12, idle=100.0)
        result = run_crowd(server.url, settings, FIGURES, lambda: ScriptedSpeaker(FIGURES))
        assert (result.games, result.mistakes) == (12, [])
        ends = time.monotonic() + 100
        while not (out / "report.html").exists() and time.monotonic() < ends:
            time.sleep(0.2)
        assert "round-1" in httpx.get(f"{server.url}/operator", headers=server.operator).text
    assert (out / "curves.png").exists()
    results = json.loads((out / "results.json").read_text())
    assert results["deployed_to"] == "people"
    assert [measured["round"] for measured in results["rounds"]] == [0, 1]
    assert set(results["rounds"][1]["systems"]) == {"SUP", "CONTROL"}
    with InteractionStore(out / "interactions.db", create=False) as store:
        assert store.rounds("SUP") == store.rounds("CONTROL") == [0, 1]
        assert store.has_feedback("SUP", 1, "lexical")
        assert set(results["rounds"][1]["trusted"]) <= {game.speaker for game in store.interactions("SUP", 0)}
        policies = {round: {game.policy for game in store.interactions("SUP", round)} for round in (0, 1)}
        control = {game.policy for game in store.interactions("CONTROL", 1)}
    assert len(policies[0]) == len(policies[1]) == 1
    assert policies[0] != policies[1]
    assert control == policies[0], "the initial policy plays beside the learner"
    read, _ = read_games(out / "rounds" / "SUP-1.jsonl")
    assert len(read) == 3


class AtWork:
    """A process that learns for as long as it is let."""

    exitcode: int | None = None

    def is_alive(self) -> bool:
        return self.exitcode is None

    def kill(self) -> None:
        self.exitcode = 0

    def join(self) -> None:
        pass


def test_games_go_on_while_it_is_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = AtWork()
    monkeypatch.setattr("multiref_gym.agents.deployment.learner.start", lambda lesson: process)
    with deployed(setup_in(tmp_path, contexts=2, systems=("SUP",))) as there:
        there.rounds._every_game = True
        there.rounds._lesson = Lesson(Config(rounds=3, listener="random"), SUP, tmp_path, 0, 0, 0)
        for _ in range(2):
            play_on(*there.begin())
        there.rounds.tick()
        assert states(there) == {0: RoundState.CLOSED, 1: RoundState.OPEN}
        play_on(*there.begin())  # while the policy of round 1 is learned
        process.exitcode = 0
        monkeypatch.setattr(Policy, "load", lambda policy, tangrams: RandomListener())
        there.rounds.tick()
        process.exitcode = None
        play_on(*there.begin())
        there.rounds.tick()
    with (tmp_path / "rounds" / "SUP-1.times.csv").open() as file:
        ages = {row["game_id"]: (int(row["finished"]), int(row["learned"])) for row in csv.DictReader(file)}
    assert sorted(ages.values()) == [(2, 0), (3, 2)], "the first by the old policy, the second by the new one"


def test_the_round_of_another_configuration_is_refused(tmp_path: Path) -> None:
    from multiref_gym.cli import main

    out = tmp_path / "run"
    out.mkdir()
    (out / "config.json").write_text(json.dumps({"format": 2, "version": "0", "command": "serve"}))
    assert main(["serve", "--open", "--port", "0", "--out", str(out)]) == 2


def test_a_new_policy_plays_new_games_and_open_ones_end_with_the_old(there: Deployed) -> None:
    browser, scene = there.begin()
    scene = say(browser, scene).json()
    there.rounds.activate("A", Policy("random"), 1)
    there.rounds.tick()
    ended = play_on(browser, scene)
    other, begun = there.begin()
    say(other, begun)
    with there.site.database.transaction() as connection:
        arm_of = {row.public_id: row.arm_id for row in connection.execute(select(games))}
        first, second = connection.scalars(select(arms.c.id).order_by(arms.c.id))
    assert (arm_of[ended["game"]], arm_of[begun["game"]]) == (first, second)


def test_a_policy_is_rolled_back_in_one_step(there: Deployed) -> None:
    with there.site.database.transaction(write=True) as connection, pytest.raises(UserError, match="no other policy"):
        live_rounds.roll_back(connection, "1")
    there.rounds.activate("A", Policy("random"), 1)
    operator = there.browser(Authorization=f"Bearer {there.site.secrets.operator}")
    assert operator.post("/operator/roll-back", data={"arm": "2"}).status_code == 200
    assert "plays no new games" in operator.post("/operator/roll-back", data={"arm": "2"}).text, "twice is once"
    browser, scene = there.begin()
    say(browser, scene)
    with there.site.database.transaction() as connection:
        assert connection.scalar(select(games.c.arm_id)) == connection.scalar(select(arms.c.id).order_by(arms.c.id))
    assert "no other policy" in operator.post("/operator/roll-back", data={"arm": "1"}).text


def test_an_operator_closes_a_round_whose_open_games_end_first(there: Deployed) -> None:
    done = play_on(*there.begin())
    browser, scene = there.begin()
    scene = say(browser, scene).json()
    operator = there.browser(Authorization=f"Bearer {there.site.secrets.operator}")
    operator.post("/operator/drain")
    assert there.browser(Accept="application/json").post("/begin").status_code == 503
    there.rounds.tick()
    assert states(there) == {0: RoundState.DRAINING}
    ended = play_on(browser, scene)
    there.rounds.tick()
    assert states(there) == {0: RoundState.CLOSED}
    with InteractionStore(there.setup.out / "interactions.db", create=False) as store:
        assert {game.game_id for game in store.interactions("A", 0)} == {done["game"], ended["game"]}


def test_a_round_without_a_game_is_not_closed(there: Deployed) -> None:
    with there.site.database.transaction(write=True) as connection:
        live_rounds.drain(connection)
    there.rounds.tick()
    assert states(there) == {0: RoundState.OPEN}
    with there.site.database.transaction() as connection:
        assert any("stays open" in event.told for event in latest(connection, 5))


def test_a_round_waits_for_the_place_of_a_game_that_was_left(there: Deployed) -> None:
    players = [there.begin() for _ in range(3)]
    ended = [play_on(*player) for player in players[:2]]
    browser, scene = players[2]
    say(browser, scene)
    browser.post(f"/game/{scene['game']}/leave", data=form(scene))
    there.rounds.tick()
    assert states(there) == {0: RoundState.OPEN}
    ended.append(play_on(*there.begin()))
    there.rounds.tick()
    assert states(there) == {0: RoundState.CLOSED}


def test_what_was_deployed_goes_on_after_a_start(tmp_path: Path) -> None:
    setup = setup_in(tmp_path / "run", systems=("A",))
    with deployed(setup) as there:
        browser, scene = there.begin()
        scene = say(browser, scene).json()
        cookies = browser.cookies
    with deployed(setup) as there:
        browser = there.browser(Accept="application/json")
        browser.cookies = cookies
        again = browser.get(f"/game/{scene['game']}").json()
        assert [line["utterance"] for line in again["lines"]] == [line["utterance"] for line in scene["lines"]]
        assert play_on(browser, again)["state"] in ("won", "lost")
        with there.site.database.transaction() as connection:
            assert len(connection.execute(select(arms)).all()) == 1


def test_a_policy_that_does_clearly_worse_does_not_pass() -> None:
    same, worse = np.array([1.0, 0.0] * 20), np.zeros(40)
    assert compared(same, same)["passed"]
    assert compared(same, worse)["passed"], "better is fine"
    assert not compared(worse, same)["passed"]


class Failing:
    """A model that fails until it has been asked often enough."""

    left = 0

    def act(self, views: Any, rngs: Any) -> Any:
        from multiref_gym.agents.listeners.baselines import RandomListener

        if views[0].game_id != "warm-up" and Failing.left:
            Failing.left -= 1
            raise RuntimeError("out of something")
        return RandomListener().act(views, rngs)


@pytest.mark.parametrize(("failures", "state"), [(2, "open"), (9, "failed")])
def test_a_failing_model_is_asked_again_and_then_it_is_said(
    tmp_path: Path, failures: int, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multiref_gym.agents.deployment.answering.PAUSE", 0.01)
    with deployed(setup_in(tmp_path, systems=("A",)), {"A": "test_deployment_rounds:Failing"}) as there:
        browser, scene = there.begin()
        monkeypatch.setattr(Failing, "left", failures)
        after = say(browser, scene).json()
        assert after["state"] == state
        monkeypatch.setattr(Failing, "left", 0)
        with there.site.database.transaction() as connection:
            assert any(event.kind == "model failed" for event in latest(connection, 5))
        if state == "failed":
            assert not after["lines"][0]["answered"], "a failure is no action"
            again, scene = there.begin()
            assert play_on(again, scene)["state"] in ("won", "lost")


def test_a_round_opens_whose_policy_was_deployed_before_the_process_ended(tmp_path: Path) -> None:
    with deployed(setup_in(tmp_path, systems=("SUP",))) as there:
        with there.site.database.transaction(write=True) as connection:
            live_rounds.change(connection, 0, state=RoundState.CLOSED)
        there.rounds.activate("SUP", Policy("random"), 1)
        there.rounds._lesson = Lesson(Config(rounds=2), SUP, tmp_path, 0, 0, 0)
        there.rounds.tick()
        assert states(there) == {0: RoundState.CLOSED, 1: RoundState.OPEN}


def test_a_round_is_closed_once_though_the_process_ended_in_the_middle(
    there: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = [play_on(*there.begin()) for _ in range(3)]
    with monkeypatch.context() as patched:
        patched.setattr(live_rounds, "write_games", lambda *_: (_ for _ in ()).throw(OSError("no room")))
        with pytest.raises(OSError, match="no room"):
            there.rounds.tick()
    assert states(there) == {0: RoundState.CLOSING}
    with there.site.database.transaction() as connection:
        name = connection.scalar(select(people.c.pseudonym))
    operator = there.browser(Authorization=f"Bearer {there.site.secrets.operator}")
    assert "closed round" in operator.post("/operator/erase", data={"person": name}).text
    there.rounds.tick()
    assert states(there) == {0: RoundState.CLOSED}
    with InteractionStore(there.setup.out / "interactions.db", create=False) as store:
        assert {game.game_id for game in store.interactions("A", 0)} == {one["game"] for one in ended}


def test_other_games_than_those_of_the_store_are_not_passed_over(tmp_path: Path) -> None:
    for name in ("one", "other"):
        setup = setup_in(tmp_path / "run", systems=("A",), database=str(tmp_path / f"{name}.db"))
        with deployed(setup) as there:
            for _ in range(3):
                play_on(*there.begin())
            if name == "one":
                there.rounds.tick()
            else:
                with pytest.raises(UserError, match="with other games"):
                    there.rounds.tick()


def test_two_who_have_met_do_not_wait_for_ever(tmp_path: Path) -> None:
    with deployed(setup_in(tmp_path, role="pairs", systems=("HH",), patience=60.0), policies={}) as there:
        first, second = there.browser(Accept="application/json"), there.browser(Accept="application/json")
        first.post("/begin")
        met = second.post("/begin").raise_for_status().json()
        with there.site.database.transaction(write=True) as connection:
            assert there.site.rules.end_overdue(connection, time.time() + 61) == 1
        assert second.get(f"/game/{met['game']}").json()["state"] == "abandoned"


def test_what_is_noted_of_a_failure_quotes_nobody() -> None:
    with pytest.raises(KeyError) as error:
        raise KeyError("what somebody said")
    assert placed(error.value).startswith("KeyError (test_deployment_rounds.py")
