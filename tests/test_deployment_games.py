"""Games over HTTP: each turn counts once, whatever is sent how often, and no other game is anybody's business."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from deployed import JSON, Deployed, a_key, deployed, form, play_on, say, setup_in
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update

from multiref_gym.agents.deployment.slots import Plan, shown, take
from multiref_gym.agents.deployment.tables import State, games, open_database, rounds, slots, turns


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Deployed]:
    with deployed(setup_in(tmp_path / "run")) as there:
        yield there


def rows(there: Deployed, what: Any) -> list[Any]:
    with there.site.database.transaction() as connection:
        return list(connection.execute(what))


def test_a_game_is_played_to_its_end(there: Deployed) -> None:
    browser, scene = there.begin()
    assert (scene["state"], scene["turn"], scene["mine"]) == ("draft", 0, True)
    assert len(scene["cells"]) == 10
    assert 3 <= sum(cell["target"] for cell in scene["cells"]) <= 5
    assert not any(cell["letter"] for cell in scene["cells"])
    ended = play_on(browser, scene)
    assert ended["state"] in ("won", "lost")
    assert len(ended["lines"]) == ended["turn"] <= 10
    assert not ended["mine"]


def test_what_changed_is_marked(there: Deployed) -> None:
    browser, scene = there.begin()
    after = say(browser, scene).json()
    clicked = {cell["picture"] for cell in after["cells"] if cell["click"]}
    assert clicked == {*after["lines"][0]["selected"], *after["lines"][0]["deselected"]}
    assert {cell["picture"] for cell in after["cells"] if cell["selected"]} == set(after["lines"][0]["selected"])


def test_the_same_key_twice_gives_the_same_answer_and_one_row(there: Deployed) -> None:
    browser, scene = there.begin()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: say(browser, scene), range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({str(answer.json()["lines"]) for answer in answers}) == 1
    assert len(rows(there, select(turns))) == 1


def test_the_same_turn_with_two_keys_is_one_success_and_one_conflict(there: Deployed) -> None:
    browser, scene = there.begin()
    said = ["the left one", "the right one"]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda text: say(browser, scene, text, key=a_key()), said))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    [kept] = rows(there, select(turns))
    assert kept.utterance == said[[answer.status_code for answer in answers].index(200)]


def test_the_key_of_another_utterance_is_a_conflict(there: Deployed) -> None:
    browser, scene = there.begin()
    assert say(browser, scene).status_code == 200
    assert say(browser, scene, "something else").status_code == 409


def test_somebody_elses_game_and_a_guessed_one_are_not_found(there: Deployed) -> None:
    browser, scene = there.begin()
    other, theirs = there.begin()
    for game in (theirs["game"], "A" * 16, "%2e%2e", "0"):
        assert browser.get(f"/game/{game}").status_code == 404
        assert browser.post(f"/game/{game}/say", data=form(scene)).status_code == 404
        assert browser.post(f"/game/{game}/leave", data=form(scene)).status_code == 404
        assert there.browser().get(f"/game/{game}").status_code == 404
    assert not rows(there, select(turns))
    assert say(other, theirs).status_code == 200


def test_each_system_plays_each_context_once_and_they_differ_by_one_game(there: Deployed) -> None:
    players = [there.begin() for _ in range(6)]
    systems = []
    for browser, scene in players:
        assert say(browser, scene).status_code == 200
        systems = [row.system for row in rows(there, select(slots).where(slots.c.game_id.is_not(None)))]
        counts = Counter(systems)
        assert abs(counts["A"] - counts["B"]) <= 1
    assert Counter(systems) == {"A": 3, "B": 3}
    assert there.browser(**JSON).post("/begin").status_code == 503


@given(order=st.lists(st.tuples(st.booleans(), st.integers(0, 99)), max_size=60))
@settings(max_examples=30)
def test_systems_are_in_balance_though_people_begin_in_any_order(order: list[tuple[bool, int]]) -> None:
    plan, now = Plan(("A", "B"), None, 0), 1000.0
    with TemporaryDirectory() as folder:
        database = open_database(Path(folder, "deployment.db"))
        with database.transaction(write=True) as connection:
            connection.execute(insert(rounds).values(number=0, state="open", opened_at=now))
            looking: list[tuple[int, int]] = []

            def begin(which: int) -> None:
                id, context = looking.pop(which % len(looking))
                connection.execute(update(games).where(games.c.id == id).values(state=State.OPEN))
                assert take(connection, plan, 0, context, id)

            for number, (looks, which) in enumerate(order, 1):
                if looks or not looking:
                    context = shown(connection, plan, 0, 0, now)
                    assert context is not None
                    row = {"id": number, "public_id": str(number), "round": 0, "context": context, "drafted_at": now}
                    row |= dict.fromkeys(("speaker_order", "listener_order", "targets"), "[]")
                    connection.execute(insert(games).values(row | {"state": State.DRAFT}))
                    looking.append((number, context))
                else:
                    begin(which)
            for _ in range(len(looking)):
                begin(0)
            counts = Counter(connection.scalars(select(slots.c.system).where(slots.c.game_id.is_not(None))))
        database.close()
    assert abs(counts["A"] - counts["B"]) <= 1


def test_who_merely_looks_takes_no_place(there: Deployed) -> None:
    for _ in range(20):
        there.begin()
    assert not rows(there, select(slots).where(slots.c.game_id.is_not(None)))


def test_of_two_who_look_at_the_last_place_the_second_is_given_another_game(tmp_path: Path) -> None:
    with deployed(setup_in(tmp_path, contexts=1, systems=("A",))) as there:
        (first, one), (second, two) = there.begin(), there.begin()
        assert say(first, one).status_code == 200
        answer = say(second, two)
        assert answer.status_code == 409
        assert "begun" in answer.json()["error"]
        assert second.get("/play").status_code == 503


def test_the_place_of_a_game_that_was_left_is_played_again(there: Deployed) -> None:
    browser, scene = there.begin()
    say(browser, scene)
    left = browser.post(f"/game/{scene['game']}/leave", data=form(scene))
    assert left.json()["state"] == "abandoned"
    [place] = rows(there, select(slots).where(slots.c.attempt == 1))
    assert place.game_id is None
    players = [there.begin() for _ in range(6)]
    assert all(say(*player).status_code == 200 for player in players)


def test_a_game_ends_whose_player_does_not_come_back(tmp_path: Path) -> None:
    with deployed(setup_in(tmp_path, patience=60.0)) as there:
        browser, scene = there.begin()
        say(browser, scene)
        [row] = rows(there, select(turns))
        with there.site.database.transaction(write=True) as connection:
            assert there.site.rules.end_overdue(connection, row.answered_at + 59) == 0
            assert there.site.rules.end_overdue(connection, row.answered_at + 61) == 1
        assert browser.get(f"/game/{scene['game']}").json()["state"] == "abandoned"
        assert say(browser, browser.get(f"/game/{scene['game']}").json()).status_code == 409


def test_a_closed_round_is_in_the_store_and_in_public_rows(there: Deployed) -> None:
    players = [there.begin() for _ in range(6)]
    ended = [play_on(browser, say(browser, scene).json()) for browser, scene in players]
    there.rounds.tick()
    with there.site.database.transaction() as connection:
        assert connection.scalar(select(func.count()).select_from(games).where(games.c.state == State.OPEN)) == 0
    from multiref_gym.formats import read_games
    from multiref_gym.store import InteractionStore

    with InteractionStore(there.setup.out / "interactions.db", create=False) as store:
        kept = [game for system in "AB" for game in store.interactions(system, 0)]
    assert len(kept) == 6
    assert {game.game_id: game.success for game in kept} == {one["game"]: one["state"] == "won" for one in ended}
    read, _ = read_games(there.setup.out / "rounds" / "A-0.jsonl")
    assert [game.interaction.game_id for game in read] == [game.game_id for game in kept[:3]]
    times = (there.setup.out / "rounds" / "A-0.times.csv").read_text().splitlines()
    assert len(times) == 1 + sum(len(game.turns) for game in kept[:3])


def test_words_that_are_none_are_refused_and_kept_in_the_box(there: Deployed) -> None:
    browser, scene = there.begin()
    assert say(browser, scene, "   ").status_code == 422
    assert say(browser, scene, "x" * 513).status_code == 422
    page = there.browser()
    page.cookies = browser.cookies
    answer = page.post(f"/game/{scene['game']}/say", data=form(scene, "é" * 513))
    assert answer.status_code == 422
    assert "é" * 513 in answer.text
    assert not rows(there, select(turns))


def test_a_whole_game_needs_no_script(there: Deployed) -> None:
    import re

    browser = there.browser()
    page = browser.post("/begin").text
    for _ in range(10):
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
        action = re.search(r'action="(/game/[\w-]+/say)"', page)
        if action is None:
            break
        page = browser.post(action.group(1), data=fields | {"text": "the one like a house"}).raise_for_status().text
    assert rows(there, select(games).where(games.c.state.in_((State.WON, State.LOST))))


def test_turns_of_many_are_answered_together(there: Deployed) -> None:
    players = [there.begin() for _ in range(6)]
    barrier = threading.Barrier(6)

    def at_once(player: Any) -> int:
        barrier.wait()
        return int(say(*player).status_code)

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(at_once, players)) == [200] * 6
