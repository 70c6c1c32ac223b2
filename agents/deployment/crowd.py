"""A simulated crowd: scripted speakers that play whole games with a server, as people in browsers would.

It tests, measures and rehearses a deployment without people. Each browser of the crowd remembers everything that the
server acknowledged, and no later response may contradict it: the server may be killed and restarted at any moment. The
crowd's words depend only on the seed and on the responses.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import numpy as np

from multiref_gym.agents.completions import seconds_to_wait
from multiref_gym.agents.deployment.connections import UNREACHABLE, Answer, Connections
from multiref_gym.agents.deployment.following import PLAYED, PLAYS, Memory, Mistake, Recogniser, Scene, Speaking
from multiref_gym.errors import UserError
from multiref_gym.speaker import Speaker
from multiref_gym.tangrams import TangramSet

Send = Callable[[str, str, Mapping[str, str], bytes], Awaitable[Answer]]
"""Sends a request: its method, path, headers and body."""

SECOND_TAB = "this was said in the second tab"
PAUSE = 0.25
"""Seconds between two attempts, unless the server says how long to wait."""


@dataclass(frozen=True, kw_only=True)
class CrowdSettings:
    """The settings of a crowd.

    Attributes:
        browsers: The number of browsers.
        games: The number of games that they play together.
        seed: Seeds all randomness.
        thinking: Mean seconds before a speaker speaks.
        double_clicks: The share of turns that are sent twice at once, with the same key.
        second_tabs: The share of turns for which something else is sent at once, with another key.
        patience: Seconds for which an unanswered request is repeated.
        idle: Seconds for which a browser waits for a game.
    """

    browsers: int = 8
    games: int = 100
    seed: int = 0
    thinking: float = 0.0
    double_clicks: float = 0.0
    second_tabs: float = 0.0
    patience: float = 60.0
    idle: float = 120.0


@dataclass
class CrowdResult:
    """The outcome of a crowd's games.

    Attributes:
        games: Games that were played to their end.
        won: Those of them that were won.
        unfinished: Games that the server ended early.
        taken: Games that others had begun first.
        turns: Acknowledged turns.
        seconds: From the first turn to the last answer.
        cpu_seconds: The crowd's own processor time.
        latencies: Seconds from sending a turn to its answer, including failed attempts and waits.
        double_clicks: Turns that were sent twice.
        conflicts_wanted: Responses 409 to second tabs.
        conflicts: Responses 409 to anything else.
        busy: Responses 429 and 503, except those that say that there is no game now.
        server_errors: Other responses from 500 on.
        retries: Repeated requests.
        mistakes: Descriptions of everything that was wrong or lost.
    """

    games: int = 0
    won: int = 0
    unfinished: int = 0
    taken: int = 0
    turns: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    double_clicks: int = 0
    conflicts_wanted: int = 0
    conflicts: int = 0
    busy: int = 0
    server_errors: int = 0
    retries: int = 0
    mistakes: list[str] = field(default_factory=list)

    @property
    def turns_per_second(self) -> float:
        """The number of acknowledged turns in a second."""
        return self.turns / self.seconds if self.seconds else 0.0

    def latency(self, percent: float) -> float:
        """Returns the seconds within which this share of the turns was answered; NaN if there were none."""
        return float(np.percentile(self.latencies, percent)) if self.latencies else float("nan")


@dataclass(eq=False, kw_only=True)
class Crowd:
    """Browsers that play with one server; see `play`.

    Attributes:
        send: Sends requests to it.
        settings: The settings of the crowd.
        recognise: Returns the tangram in a picture.
        make_speaker: Makes the speaker of one game.
        on_game: Called with the number of games so far.
        on_turn: Called with each acknowledged turn: its game, number, key, utterance, and clicks.
        result: The outcome of the games so far.
    """

    send: Send
    settings: CrowdSettings
    recognise: Callable[[bytes], str]
    make_speaker: Callable[[], Speaker]
    on_game: Callable[[int], None] = lambda games: None
    on_turn: Callable[[dict[str, Any]], None] = lambda turn: None
    result: CrowdResult = field(default_factory=CrowdResult)

    def __post_init__(self) -> None:
        self.tangrams, self.lock = dict[str, str](), asyncio.Lock()
        self.left: int = self.settings.games
        self.began: tuple[float, float] | None = None

    async def play(self) -> CrowdResult:
        """Plays the games. A browser ends when no game is left or available, or at the first mistake.

        Raises:
            UserError: If the server plays another game than this crowd.
        """
        await asyncio.gather(*(Browser(self, number).play_on() for number in range(self.settings.browsers)))
        if self.began is not None:
            began, cpu = self.began
            self.result.seconds, self.result.cpu_seconds = time.monotonic() - began, time.process_time() - cpu
        return self.result


class Browser:
    """One of the crowd's browsers.

    Args:
        crowd: The crowd.
        number: Its number.
    """

    def __init__(self, crowd: Crowd, number: int) -> None:
        self._crowd, self._settings, self._result = crowd, crowd.settings, crowd.result
        self._number, self._cookie = number, ""

    async def play_on(self) -> None:
        """Plays game after game."""
        played = 0
        try:
            answer = await self._ask("POST", "/begin", {})
            if answer.status != 303:
                raise UserError(f"the server lets nobody in without a link: {answer.status} {answer.error}")
            self._cookie = answer.headers["set-cookie"].partition(";")[0]
            while self._crowd.left > 0:
                self._crowd.left -= 1
                path = await self._next_game()
                if path is None:
                    return
                rng = np.random.SeedSequence(self._settings.seed, spawn_key=(self._number, played))
                if await self._play(path, *map(np.random.default_rng, rng.spawn(2))):
                    played += 1
                    self._crowd.on_game(self._result.games + self._result.unfinished)
                else:
                    self._crowd.left += 1
        except Mistake as mistake:
            self._result.mistakes.append(f"browser {self._number}: {mistake}")

    async def _next_game(self) -> str | None:
        """Returns the path of a game, None if there was none for too long."""
        ends = time.monotonic() + self._settings.idle
        while True:
            answer = await self._ask("GET", "/play", busy=(429,))
            path = answer.headers.get("location", "")
            if answer.status == 303 and path.startswith("/game/"):
                return path
            if answer.status != 503:
                raise UserError(f"the server has no game for speakers without a link: {answer.status} {path}")
            if time.monotonic() > ends:
                return None
            await asyncio.sleep(seconds_to_wait(answer.headers) or PAUSE)

    async def _play(self, path: str, chance: np.random.Generator, habits: np.random.Generator) -> bool:
        """Plays a game to its end; returns False if the game was gone."""
        scene = await self._scene(path)
        if scene["role"] != "speaker":
            raise UserError(f"this crowd speaks, and the server wants a {scene['role']}")
        memory = Memory(scene)
        ids = [await self._tangram(cell["picture"]) for cell in scene["cells"]]
        speaking = Speaking(scene, ids, self._crowd.make_speaker(), chance)
        scene = await self._answered(path, scene, memory)
        while scene["state"] in PLAYS:
            speaking.hear(scene)
            if self._settings.thinking:
                await asyncio.sleep(habits.exponential(self._settings.thinking))
            said = await self._say(path, scene, speaking.utterance, memory, habits)
            if said is None:
                self._result.taken += 1
                return False
            scene = said
        memory.check(await self._scene(path))
        self._result.games += scene["state"] in PLAYED
        self._result.won += scene["state"] == "won"
        self._result.unfinished += scene["state"] not in PLAYED
        return True

    async def _say(
        self, path: str, scene: Scene, utterance: str, memory: Memory, habits: np.random.Generator
    ) -> Scene | None:
        """Returns the game after a turn; None if others have begun it."""
        form = {"token": scene["token"], "key": scene["key"], "turn": str(scene["turn"]), "text": utterance}
        habit, forms = habits.random() - self._settings.double_clicks, [form]
        is_twice, is_elsewhere = habit < 0, 0 <= habit < self._settings.second_tabs
        if is_twice:
            forms.append(form)
            self._result.double_clicks += 1
        elif is_elsewhere:
            tab = await self._scene(path)
            memory.check(tab)
            forms.append(form | {"key": tab["key"], "text": SECOND_TAB})
        began = time.monotonic()
        self._crowd.began = self._crowd.began or (began, time.process_time())
        answers = await asyncio.gather(*(self._ask("POST", f"{path}/say", one) for one in forms))
        statuses = Counter(answer.status for answer in answers)
        where = f"{path}, turn {scene['turn']}"
        if set(statuses) - {200, 409}:
            raise Mistake(f"{where}: {', '.join(f'{a.status} {a.error}' for a in answers)}")
        wanted = 1 if is_elsewhere and statuses[200] else 0
        self._result.conflicts_wanted += wanted * statuses[409]
        self._result.conflicts += (1 - wanted) * statuses[409]
        if not statuses[200] and (now := answers[0].json()).get("state") not in PLAYS:
            return now if "state" in now else None
        if statuses[200] != len(forms) - is_elsewhere:
            raise Mistake(f"{where}: {statuses[200]} of {len(forms)} forms were taken: {answers[-1].error}")
        acknowledged = next(one for one, answer in zip(forms, answers, strict=True) if answer.status == 200)
        memory.said.append(acknowledged["text"])
        self._result.turns += 1
        scenes = sorted((answer.json() for answer in answers), key=lambda scene: scene["turn"])
        for one in scenes:
            memory.check(one)
        first, last = scenes[0], scenes[-1]
        if is_twice and first["turn"] == last["turn"] and first | {"key": ""} != last | {"key": ""}:
            raise Mistake(f"{where}: a double click had two answers")
        line = last["lines"][-1]
        clicks = {
            name: sorted(self._crowd.tangrams[picture] for picture in line[name]) for name in ("selected", "deselected")
        }
        turn = {"game": last["game"], "turn": scene["turn"], "key": acknowledged["key"], "utterance": line["utterance"]}
        self._crowd.on_turn(turn | clicks | {"answered": line["answered"], "state": last["state"]})
        last = await self._answered(path, last, memory)
        self._result.latencies.append(time.monotonic() - began)
        return last

    async def _answered(self, path: str, scene: Scene, memory: Memory) -> Scene:
        """Returns a game when its last turn is answered."""
        ends = time.monotonic() + self._settings.patience
        while scene["state"] in PLAYS and not scene["mine"]:
            if time.monotonic() > ends:
                raise Mistake(
                    f"{path}, turn {scene['turn']}: the listener did nothing for {self._settings.patience:g} s"
                )
            await self._ask("GET", f"{path}/changed?seen={scene['state']}-{scene['turn']}-1")
            scene = await self._scene(path)
            memory.check(scene)
        return scene

    async def _scene(self, path: str) -> Scene:
        answer = await self._ask("GET", path)
        scene: Scene = answer.json()
        if answer.status != 200 or "cells" not in scene:
            raise Mistake(f"{path}: {answer.status} {answer.error}")
        return scene

    async def _tangram(self, picture: str) -> str:
        """Returns the id of the tangram in a picture, which is downloaded once."""
        async with self._crowd.lock:
            if picture not in self._crowd.tangrams:
                answer = await self._ask("GET", f"/tangrams/{picture}.png")
                if answer.status != 200:
                    raise Mistake(f"picture {picture}: {answer.status} {answer.error}")
                # In a thread, because the first call draws all tangrams, which takes seconds.
                self._crowd.tangrams[picture] = await asyncio.to_thread(self._crowd.recognise, answer.body)
        return self._crowd.tangrams[picture]

    async def _ask(
        self, method: str, path: str, form: Mapping[str, str] | None = None, busy: Sequence[int] = (429, 503)
    ) -> Answer:
        """Repeats a request until a server with time answers it. Raises Mistake if that takes too long."""
        headers, body = {"cookie": self._cookie} if self._cookie else {}, b""
        if form is not None:
            headers["content-type"], body = "application/x-www-form-urlencoded", urlencode(form).encode()
        ends = time.monotonic() + self._settings.patience
        while True:
            try:
                answer = await self._crowd.send(method, path, headers, body)
                if answer.status not in busy and (answer.status < 500 or answer.status == 503):
                    return answer
                self._result.busy += answer.status in busy
                self._result.server_errors += answer.status not in busy
                problem, wait = f"{answer.status} {answer.error}", seconds_to_wait(answer.headers)
            except UNREACHABLE as error:
                problem, wait = str(error) or type(error).__name__, None
            if time.monotonic() > ends:
                raise Mistake(f"{method} {path}: not answered for {self._settings.patience:g} s: {problem}")
            self._result.retries += 1
            await asyncio.sleep(wait or PAUSE)


async def crowd(
    url: str,
    settings: CrowdSettings,
    tangrams: TangramSet,
    make_speaker: Callable[[], Speaker],
    *,
    on_game: Callable[[int], None] = lambda games: None,
    on_turn: Callable[[dict[str, Any]], None] = lambda turn: None,
) -> CrowdResult:
    """Has a crowd play with a server; see `Crowd` for the arguments and the errors.

    Args:
        url: The server's address.
        settings: The settings of the crowd.
        tangrams: The server's tangrams.
        make_speaker: Makes the speaker of one game.
        on_game: See `Crowd`.
        on_turn: See `Crowd`.
    """
    connections = Connections(url)
    try:
        send, recognise = connections.send, Recogniser(tangrams)
        return await Crowd(
            send=send,
            settings=settings,
            recognise=recognise,
            make_speaker=make_speaker,
            on_game=on_game,
            on_turn=on_turn,
        ).play()
    finally:
        connections.close()


def run_crowd(*given: Any, **named: Any) -> CrowdResult:
    """Has a crowd play with a server, as `crowd` does, outside of an event loop."""
    return asyncio.run(crowd(*given, **named))
