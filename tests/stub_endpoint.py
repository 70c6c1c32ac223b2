"""A server on this machine that speaks the chat-completions protocol, well or badly, as a test tells it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What the server sends: a status, a body and headers; if it stalls, blanks in place of the end."""

    body: Body | bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    stalls: bool = False


def completion(
    content: Any, tokens: tuple[int, int] | None = (100, 5), logprobs: Any = None, finish: Any = "stop", **message: Any
) -> Reply:
    """A chat completion; `tokens` are those of the request and of the answer, `message` its further fields."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content} | message, "finish_reason": finish}
    body: Body = {"object": "chat.completion", "choices": [choice | {"logprobs": logprobs}]}
    if tokens:
        body["usage"] = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    return Reply(body)


def failure(status: int, message: str, **headers: str) -> Reply:
    """An error in the form of the protocol."""
    return Reply({"error": {"message": message, "type": "error"}}, status, headers)


class Server(ThreadingHTTPServer):
    """A server that a hundred clients can connect to at once."""

    daemon_threads = True
    request_queue_size = 128


class Endpoint:
    """The server: its address, and what it was asked.

    Attributes:
        url: The address before `/chat/completions`.
        bodies: The requests, as they came.
        keys: Their `Authorization` headers, None where there was none.
        most_at_once: How many requests were being answered at once, at most.
    """

    def __init__(self, answer: Callable[[Body], Reply]) -> None:
        self.bodies: list[Body] = []
        self.keys: list[str | None] = []
        self.most_at_once = 0
        self._answer = answer
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._at_once = 0
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                endpoint._handle(self)

            def log_message(self, *args: object) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        """Stops the server and lets go of those that wait."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        with self._lock:
            self.bodies.append(body)
            self.keys.append(handler.headers["Authorization"])
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        reply = self._answer(body) if handler.path == "/v1/chat/completions" else failure(404, "no such path")
        with self._lock:  # before the answer is out, as the next request may be here right after
            self._at_once -= 1
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        try:
            handler.send_response(reply.status)
            for name, value in reply.headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.send_header("Content-Length", str(10**6 if reply.stalls else len(content)))
            handler.end_headers()
            blanks = 500 if reply.stalls else 0  # for ten seconds, so that nobody waits for ever
            while blanks and not self._closing.wait(0.02):
                handler.wfile.write(b" ")
                blanks -= 1
            handler.wfile.write(content)
        except OSError:  # the client has gone
            handler.close_connection = True


@contextmanager
def serving(answer: Callable[[Body], Reply]) -> Iterator[Endpoint]:
    """Serves while a test runs; `answer` is called from several threads."""
    endpoint = Endpoint(answer)
    try:
        yield endpoint
    finally:
        endpoint.close()


def in_turn(*replies: Reply) -> Callable[[Body], Reply]:
    """Answers with one reply after the other, and with the last from then on."""
    left, lock = list(replies), threading.Lock()

    def answer(body: Body) -> Reply:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return answer


def said(body: Body) -> str:
    """The text of the last message of a request."""
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else content[-1]["text"]
