"""Compares the speed of rollouts in verifiers with a plain loop over the same games: `python speed.py --rollouts 100`.

A server on this machine stands in for the model. It answers at once, with a click that depends on the message.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import rich
from aiohttp import web

from multiref_gym.chat_game import ChatGame


def answer(words: str) -> str:
    """Returns a legal click."""
    found = re.search(r"^([A-J ]+) currently selected$", words, re.MULTILINE)
    selected = found[1].split() if found else []
    free = [letter for letter in "ABCDEFGHIJ" if letter not in selected]
    return f"deselect {selected[0]}" if len(selected) > 4 else f"select {free[len(words) % len(free)]}"


async def complete(request: web.Request) -> web.Response:
    """Answers a request of the chat-completions protocol."""
    messages = (await request.json())["messages"]
    message = {"role": "assistant", "content": answer(messages[-1]["content"])}
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    body = {"id": "0", "object": "chat.completion", "created": 0, "model": "stub", "choices": choices, "usage": usage}
    return web.json_response(body)


def serve(listening: socket.socket) -> None:
    """Serves answers in place of a model."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    web.run_app(app, sock=listening, print=None)


def plain(url: str, rollouts: int) -> None:
    """Plays the games one after the other."""
    game = ChatGame()
    with httpx.Client() as client:
        for seed in range(rollouts):
            messages, over = game.reset(seed), False
            while not over:
                body = {"model": "stub", "messages": messages}
                text = client.post(f"{url}/chat/completions", json=body).json()["choices"][0]["message"]["content"]
                _, _, over, _ = game.step(text)
                messages = game.messages


def in_verifiers(url: str, rollouts: int) -> None:
    """Plays the games with verifiers' command."""
    command = [str(Path(sys.executable).with_name("vf-eval")), "multiref", "-m", "stub", "-n", str(rollouts)]
    command += ["--no-push", "--no-rich", "--client.base-url", url, "--client.api-key-var", "NO_KEY"]
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"NO_KEY": "none"}
        subprocess.run([*command, "-o", folder], env=environment, check=True, capture_output=True)
        [file] = Path(folder).rglob("traces.jsonl")
        played = [json.loads(line)["ok"] for line in file.read_text().splitlines()]
        assert played == [True] * rollouts


def seconds(play: Callable[[str, int], None], url: str, rollouts: int) -> float:
    """Returns the seconds that it takes to play."""
    start = time.perf_counter()
    play(url, rollouts)
    return time.perf_counter() - start


def main() -> None:
    """Prints the seconds of both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rollouts", type=int, default=100)
    rollouts = parser.parse_args().rollouts
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        server = multiprocessing.Process(target=serve, args=(listening,), daemon=True)
        server.start()
        ChatGame().reset(0)  # compiles the game, if this machine has not compiled it yet
        loop, start, whole = (
            seconds(play, url, games)
            for play, games in ((plain, rollouts), (in_verifiers, 1), (in_verifiers, rollouts))
        )
        server.terminate()
    rich.print(
        f"{rollouts} rollouts: plain loop {loop:.1f} s, vf-eval {whole:.1f} s, of which {start:.1f} s is its start"
    )
    rich.print(
        f"without its start, vf-eval takes {(whole - start) / loop:.1f} times as long, on {os.cpu_count()} cores"
    )


if __name__ == "__main__":
    main()
