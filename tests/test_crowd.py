"""A simulated crowd: how a speaker follows a game over HTTP, and what a browser takes for a fault of the server."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
from PIL import Image

from multiref_gym.errors import UserError
from multiref_gym.game import Action, Context, Game
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.tangrams import TangramSet, load_tangrams
from multiref_gym.tangrams.render import silhouette

pytest.importorskip("h11")

from multiref_gym.agents.deployment.connections import Answer, Connections
from multiref_gym.agents.deployment.crowd import Crowd, CrowdResult, CrowdSettings
from multiref_gym.agents.deployment.following import Memory, Mistake, Recogniser, Speaking

FIGURES = load_tangrams("figures")
TEN = TangramSet("ten", FIGURES.tangrams[::200][:10])


def png(tangram: str, size: int = 64, noise: int = 0) -> bytes:
    pixels = silhouette(FIGURES[tangram], size).astype(int)
    pixels += np.random.default_rng(0).integers(-noise, noise + 1, pixels.shape)
    file = BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


@dataclass
class FakeServer:
    """A server of one game for each browser, whose listener does what the speaker meant, but one click a turn.

    `fail` may replace an answer: it is given the number of the request, and the answer.
    """

    fail: Callable[[int, str, Answer], Answer] = lambda number, path, answer: answer
    requests: int = 0
    games: dict[str, Game] = field(default_factory=dict)
    lines: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        await asyncio.sleep(0)
        self.requests += 1
        self.asked[path] += 1
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        return self.fail(self.requests, path, self._answer(path, headers.get("cookie", ""), form))

    def _answer(self, path: str, cookie: str, form: dict[str, str]) -> Answer:
        parts = path.strip("/").split("/")
        if path == "/begin":
            return Answer(303, {"location": "/go", "set-cookie": f"multiref={self.requests}; Path=/"}, b"")
        if path == "/play":
            id = f"game{len(self.games)}"
            self.games[id] = Game(Context(TEN.ids, TEN.ids, frozenset(TEN.ids[2:5])))
            self.lines[id] = []
            return Answer(303, {"location": f"/game/{id}"}, b"")
        if parts[0] == "tangrams":
            return Answer(200, {}, png(TEN.ids[int(parts[1][1])]))
        id, status = parts[1], 200
        if parts[2:] == ["say"]:
            game, turn = self.games[id], int(form["turn"])
            if turn == game.turn and not game.over:
                self._take(game, id, form)
            elif self.keys.get((id, form["key"])) != form["text"]:
                status = 409
        return Answer(status, {}, json.dumps(self.scene(id)).encode())

    def _take(self, game: Game, id: str, form: dict[str, str]) -> None:
        self.keys[id, form["key"]] = form["text"]
        chosen = min(game.targets - game.selected)
        game.apply(Action(frozenset({chosen})))
        line = {"utterance": form["text"], "answered": True, "selected": [f"p{chosen}"], "deselected": []}
        self.lines[id].append(line)

    def scene(self, id: str) -> dict[str, Any]:
        game = self.games[id]
        cells = [
            {"picture": f"p{place}", "selected": place in game.selected, "target": place in game.targets}
            for place in range(10)
        ]
        state = "won" if game.success else "open" if game.turn else "draft"
        told = {"game": id, "role": "speaker", "state": state, "turn": game.turn, "max_turns": 10, "token": "t"}
        return {**told, "cells": cells, "lines": self.lines[id], "mine": not game.over, "key": f"key-{self.requests}"}


def played(server: FakeServer, turns: list[dict[str, Any]] | None = None, **settings: Any) -> CrowdResult:
    async def play() -> CrowdResult:
        return await Crowd(
            send=server.send,
            settings=CrowdSettings(**{"browsers": 2, "games": 3, **settings}),
            recognise=Recogniser(TEN),
            make_speaker=lambda: ScriptedSpeaker(FIGURES),
            on_turn=lambda turn: None if turns is None else turns.append(turn),
        ).play()

    return asyncio.run(play())


def test_a_tangram_is_known_by_its_picture_even_if_that_was_drawn_a_little_differently() -> None:
    recognise = Recogniser(TEN)
    assert [recognise(png(id)) for id in TEN.ids] == list(TEN.ids)
    assert [recognise(png(id, noise=3)) for id in TEN.ids] == list(TEN.ids)


def test_another_tangram_is_not_taken_for_one_of_these() -> None:
    with pytest.raises(UserError, match="other tangrams: name them by --tangrams"):
        Recogniser(TEN)(png(FIGURES.ids[100]))


def test_whole_games_are_played_and_each_picture_is_downloaded_once() -> None:
    server, turns = FakeServer(), list[dict[str, Any]]()
    result = played(server, turns)
    assert (result.games, result.won, result.turns, result.mistakes) == (3, 3, 9, [])
    assert len(result.latencies) == 9
    assert all(server.asked[f"/tangrams/p{place}.png"] == 1 for place in range(10))
    said = {(turn["game"], turn["turn"]): turn["utterance"] for turn in turns}
    lines = {(id, n): line["utterance"] for id, lines in server.lines.items() for n, line in enumerate(lines)}
    assert said == lines
    assert {id for turn in turns for id in turn["selected"]} == set(TEN.ids[2:5])


def test_the_same_is_said_with_the_same_seed() -> None:
    def said(seed: int) -> dict[str, list[str]]:
        server = FakeServer()
        played(server, seed=seed, browsers=1)
        return {id: [line["utterance"] for line in lines] for id, lines in server.lines.items()}

    assert said(1) == said(1) != said(2)


def test_double_clicks_count_once_and_of_second_tabs_one_is_refused() -> None:
    result = played(FakeServer(), games=10, double_clicks=0.5, second_tabs=0.5)
    assert result.mistakes == []
    assert (result.turns, result.double_clicks + result.conflicts_wanted) == (30, 30)
    assert result.double_clicks > 0 < result.conflicts_wanted
    assert result.conflicts == 0


def test_a_turn_is_sent_again_after_the_server_took_it_and_fell_silent() -> None:
    def fail(number: int, path: str, answer: Answer) -> Answer:
        if path.endswith("say") and number % 2:
            raise ConnectionResetError
        return answer

    result = played(FakeServer(fail), browsers=1, games=1)
    assert (result.won, result.turns, result.mistakes) == (1, 3, [])
    assert result.retries > 0


def test_a_server_that_stays_away_is_a_mistake() -> None:
    def fail(number: int, path: str, answer: Answer) -> Answer:
        raise ConnectionRefusedError("nobody there")

    result = played(FakeServer(fail), browsers=1, patience=0.3)
    assert result.mistakes == ["browser 0: POST /begin: not answered for 0.3 s: nobody there"]


def test_a_browser_that_has_no_game_for_long_ends() -> None:
    def fail(number: int, path: str, answer: Answer) -> Answer:
        return Answer(503, {"retry-after": "0.1"}, b"{}") if path == "/play" else answer

    result = played(FakeServer(fail), idle=0.2)
    assert (result.games, result.mistakes, result.busy) == (0, [], 0)


def test_a_game_that_others_have_begun_is_not_counted() -> None:
    def fail(number: int, path: str, answer: Answer) -> Answer:
        return Answer(409, {}, b'{"error": "taken"}') if path == "/game/game0/say" else answer

    result = played(FakeServer(fail), browsers=1)
    assert (result.games, result.taken, result.conflicts, result.mistakes) == (3, 1, 1, [])


def loses_a_line(scene: dict[str, Any]) -> None:
    del scene["lines"][0]


def changes_a_line(scene: dict[str, Any]) -> None:
    scene["lines"][0]["utterance"] = "something else"


def doubles_a_line(scene: dict[str, Any]) -> None:
    scene["lines"].append(scene["lines"][0])


def changes_an_answer(scene: dict[str, Any]) -> None:
    scene["lines"][0]["selected"] = ["p9"]


def selects_more(scene: dict[str, Any]) -> None:
    scene["cells"][9]["selected"] = True


def moves_a_target(scene: dict[str, Any]) -> None:
    scene["cells"][9]["target"] = True


def ends_too_soon(scene: dict[str, Any]) -> None:
    scene["state"], scene["mine"] = "won", False


def asks_nobody(scene: dict[str, Any]) -> None:
    scene["mine"] = False


def counts_wrongly(scene: dict[str, Any]) -> None:
    scene["turn"] += 1


FAULTS = (
    *(loses_a_line, changes_a_line, doubles_a_line, changes_an_answer, selects_more),
    *(moves_a_target, ends_too_soon, asks_nobody, counts_wrongly),
)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_scene_that_contradicts_what_was_acknowledged_is_a_mistake(fault: Callable[[dict[str, Any]], None]) -> None:
    def fail(number: int, path: str, answer: Answer) -> Answer:
        if not path.startswith("/game/") or not (scene := answer.json())["lines"]:
            return answer
        fault(scene)
        return Answer(answer.status, {}, json.dumps(scene).encode())

    result = played(FakeServer(fail), browsers=1)
    assert len(result.mistakes) == 1
    assert "turn" in result.mistakes[0]


def test_two_answers_to_a_double_click_are_a_mistake() -> None:
    def fail(number: int, path: str, answer: Answer) -> Answer:
        if path.endswith("say") and number % 2:
            return Answer(200, {}, json.dumps(answer.json() | {"token": "another"}).encode())
        return answer

    [mistake] = played(FakeServer(fail), browsers=1, double_clicks=1.0).mistakes
    assert "a double click had two answers" in mistake


def test_a_second_tab_that_is_taken_as_well_is_a_mistake() -> None:
    def fail(number: int, path: str, answer: Answer) -> Answer:
        return Answer(200, {}, answer.body) if answer.status == 409 else answer

    [mistake] = played(FakeServer(fail), browsers=1, second_tabs=1.0).mistakes
    assert "2 of 2 forms were taken" in mistake


def test_a_speaker_makes_up_for_what_it_missed() -> None:
    server = FakeServer()
    played(server, browsers=1, games=1)
    seen, rng = server.scene("game0"), np.random.default_rng
    began = {**seen, "lines": seen["lines"][:1]}
    late = Speaking(began, TEN.ids, ScriptedSpeaker(FIGURES), rng(0))
    there = Speaking({**seen, "lines": []}, TEN.ids, ScriptedSpeaker(FIGURES), rng(0))
    there.hear(began)
    assert late.utterance == there.utterance


def test_a_memory_begins_with_what_is_there() -> None:
    server = FakeServer()
    played(server, browsers=1, games=1)
    scene = server.scene("game0")
    memory = Memory(scene)
    with pytest.raises(Mistake, match="other utterances"):
        memory.check(scene | {"lines": [], "turn": 0})


@pytest.mark.parametrize(
    "url", ["", "localhost:8000", "ftp://x", "http://", "http://x/path", "http://x:port", "http://["]
)
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="no URL"):
        Connections(url)


def test_connections_read_answers_in_parts_and_open_another_after_the_server_closed_one() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n{"a"\r\n3\r\n:1}\r\n0\r\n\r\n')
        writer.close()

    async def ask() -> list[Any]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        connections = Connections(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        answers = []
        for _ in range(2):
            answers.append((await connections.send("GET", "/", {}, b"")).json())
            await asyncio.sleep(0.05)
        connections.close()
        server.close()
        return answers

    assert asyncio.run(ask()) == [{"a": 1}, {"a": 1}]
