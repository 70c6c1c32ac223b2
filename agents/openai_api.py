"""A small client of endpoints that speak OpenAI's chat-completions protocol.

Several requests are under way at once, and their answers come in the order of the requests. What may pass (a rate
limit, a busy server, a timeout, an answer that is no completion) is tried again, after waits that double. The key is
read from an environment variable and goes nowhere but to the endpoint.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import count
from typing import Any

from multiref_gym.errors import UserError

try:
    import httpx
except ImportError as error:
    raise UserError("httpx talks to endpoints: run `pip install multiref-gym[api]`") from error

KEY, ENDPOINT = "OPENAI_API_KEY", "OPENAI_BASE_URL"
"""The environment variables of the key and, if none is given, the endpoint: those that OpenAI's own clients read."""
OPENAI = "https://api.openai.com/v1"

LONGEST_WAIT = 60.0
"""The most seconds between two attempts, whatever the server asks for."""

REFUSED, BUSY = (401, 403), (408, 429)
"""Answers to a key that is not accepted, and answers that may pass, as those from 500 on may."""


@dataclass(slots=True)
class Usage:
    """What was asked of an endpoint so far.

    Attributes:
        requests: Requests that were answered.
        retries: Further attempts that it took.
        uncounted: Answers that came without token counts; those below do not cover them.
        input_tokens: Tokens of the requests.
        output_tokens: Tokens of the answers.
    """

    requests: int = 0
    retries: int = 0
    uncounted: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def cost(self, input_price: float, output_price: float) -> float:
        """Returns what the tokens cost, given the price of a million tokens of requests and of answers."""
        return (self.input_tokens * input_price + self.output_tokens * output_price) / 1e6

    def add(self, counts: Any) -> None:
        """Counts an answer, given its field `usage`."""
        self.requests += 1
        try:
            read, written = int(counts["prompt_tokens"]), int(counts["completion_tokens"])
        except (KeyError, TypeError, ValueError):
            self.uncounted += 1
        else:
            self.input_tokens += read
            self.output_tokens += written


class _Passing(Exception):
    """What is worth another attempt, after `wait` seconds if the server says how many."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class ChatClient:
    """Asks one model at one endpoint.

    Args:
        model: What the endpoint calls the model.
        endpoint: The address before `/chat/completions`; if None, `OPENAI_BASE_URL` of the environment, or OpenAI's.
        concurrency: Requests under way at once, at most.
        timeout: Seconds for one answer.
        attempts: How often a request is sent, at most.
        backoff: Seconds before the second attempt, about; twice as many before each further one.

    Attributes:
        usage: What was asked so far.

    Raises:
        UserError: If the endpoint is no address, or the key is none.
    """

    def __init__(
        self,
        model: str,
        endpoint: str | None = None,
        *,
        concurrency: int = 8,
        timeout: float = 60.0,
        attempts: int = 6,
        backoff: float = 1.0,
    ) -> None:
        self.model = model
        self.endpoint = _checked(endpoint or os.environ.get(ENDPOINT) or OPENAI)
        self.usage = Usage()
        self._key = os.environ.get(KEY, "").strip()
        # The network library would complain of such a key in words that hold it.
        if not (self._key.isascii() and self._key.isprintable()):
            raise UserError(f"the key in {KEY} has characters that no key has")
        self._concurrency, self._timeout, self._attempts, self._backoff = concurrency, timeout, attempts, backoff
        self._lock = threading.Lock()
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            timeout=httpx.Timeout(timeout, pool=None),
            limits=httpx.Limits(max_connections=concurrency),
        )

    def complete(self, requests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Returns the first choice of the answer to each request, in order.

        Args:
            requests: What is asked: `messages` and other fields of the protocol but `model`.

        Raises:
            UserError: If the endpoint refuses the key or a request, or all attempts at one failed: of the first, in
                time, that this happens to. Nothing else is sent then.
        """
        stop = threading.Event()
        with ThreadPoolExecutor(self._concurrency) as pool:
            futures = [pool.submit(self._ask, request, stop) for request in requests]
            try:
                for future in as_completed(futures):
                    future.result()  # raises as soon as any request fails, wherever it stands
                return [future.result() for future in futures]
            except BaseException:  # an interrupt as well: nobody waits for what is not sent yet
                stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _ask(self, request: Mapping[str, Any], stop: threading.Event) -> dict[str, Any]:
        body = {"model": self.model, **request}
        for attempt in count(1):
            try:
                answer = self._send(body)
            except _Passing as failure:
                if attempt == self._attempts:
                    raise UserError(f"{self.endpoint} {failure}, at attempt {attempt} of {attempt}") from None
                # Doubled and drawn, so that those who were turned away together do not return together.
                pause = self._backoff * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)
                if stop.wait(min(pause if failure.wait is None else failure.wait, LONGEST_WAIT)):
                    break
                with self._lock:
                    self.usage.retries += 1
            else:
                with self._lock:
                    self.usage.add(answer.get("usage"))
                choice: dict[str, Any] = answer["choices"][0]
                return choice
        raise CancelledError

    def _send(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the answer to one attempt, a completion with a choice at least."""
        try:
            status, headers, content = self._post(body)
        except httpx.TimeoutException:
            raise _Passing(f"does not answer within {self._timeout:g} s") from None
        except httpx.RequestError as failure:
            raise _Passing(f"cannot be reached ({self._quoted(str(failure)) or type(failure).__name__})") from None
        if status in REFUSED:
            # What the server says is not told, as it may repeat part of the key.
            told = f"the key in {KEY}" if self._key else f"a request without a key: set {KEY}"
            raise UserError(f"{self.endpoint} refuses {told} (status {status})")
        if status in BUSY or status >= 500:
            raise _Passing(f"answers with status {status}: {self._quoted(_message(content))}", _seconds(headers))
        if status != 200:
            raise UserError(f"{self.endpoint} answers with status {status}: {self._quoted(_message(content))}")
        try:
            answer = json.loads(content)
            answer["choices"][0]["message"].keys()
        except (ValueError, LookupError, TypeError, AttributeError):
            said = self._quoted(content.decode(errors="replace"))
            raise _Passing(f"answers with what is no chat completion: {said}") from None
        return dict(answer)

    def _post(self, body: Mapping[str, Any]) -> tuple[int, httpx.Headers, bytes]:
        deadline = time.monotonic() + self._timeout
        content = b""
        with self._http.stream("POST", f"{self.endpoint}/chat/completions", json=body) as response:
            # httpx gives each read its own time, and some servers keep a line open by sending blanks.
            for chunk in response.iter_bytes():
                content += chunk
                if time.monotonic() > deadline:
                    raise httpx.ReadTimeout("")
        return response.status_code, response.headers, content

    def _quoted(self, text: str) -> str:
        """Returns the beginning of a server's words in one line, without the key."""
        line = " ".join((text.replace(self._key, "[key]") if self._key else text).split())
        return line if len(line) <= 200 else f"{line[:200]}..."


def _checked(endpoint: str) -> str:
    try:
        url = httpx.URL(endpoint)
    except httpx.InvalidURL:
        url = httpx.URL()
    # The address is shown in messages and results, so that it is no place for secrets.
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query:
        raise UserError("the endpoint is no address such as https://HOST/v1, without user, password and query")
    return endpoint.rstrip("/")


def _message(content: bytes) -> str:
    """Returns what a server says of an error."""
    try:
        return str(json.loads(content)["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return content.decode(errors="replace") or "no message"


def _seconds(headers: httpx.Headers) -> float | None:
    """Returns how long the server asks to wait, if it says so in seconds."""
    asked = headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else None
