"""A small client for endpoints with OpenAI's chat-completions protocol.

It sends several requests at once and returns their answers in the order of the requests. It tries again after temporary
failures (a rate limit, a busy server, a timeout, a response that is not a completion), with waits that double. A field
that the server does not support is left out from then on. A prompt that the content filter refuses loses only its own
answer. Answers are kept on disk if a file is given; see `multiref_gym.agents.kept_answers`. The key is read from an
environment variable and sent only to the endpoint.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
import warnings
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from multiref_gym.agents import completions
from multiref_gym.agents.kept_answers import Answer, KeptAnswers
from multiref_gym.commands.process import ANSWERS
from multiref_gym.errors import UserError

try:
    import httpx
except ImportError as error:
    raise UserError("httpx talks to endpoints: run `pip install multiref-gym[api]`") from error

KEY, ENDPOINT, MODEL = "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"
"""The environment variables for the key and, if not given otherwise, the endpoint and the model."""
OPENAI = "https://api.openai.com/v1"

LONGEST_WAIT = 60.0
"""The most seconds between two attempts, whatever wait the server asks for."""

LONGEST_ANSWER = 2**24
"""The most bytes of an answer."""

NEEDED = {"model", "messages"}
"""The fields that a request needs."""

REFUSED, BUSY = (401, 403), (408, 409, 425, 429)
"""Statuses for a rejected key, and statuses of temporary failures (besides all from 500 on)."""


@dataclass(slots=True)
class Usage:
    """An endpoint's usage so far.

    Attributes:
        requests: Requests that were answered.
        kept: Those of them whose answers were on disk already.
        retries: Further attempts that were needed.
        filtered: Answers that a content filter withheld.
        uncounted: Answers without token counts; the counts below do not include them.
        input_tokens: Tokens of the requests, whenever they were paid for.
        output_tokens: Tokens of the answers, whenever they were paid for.
        left_out: Fields of the requests that the server does not support.
    """

    requests: int = 0
    kept: int = 0
    retries: int = 0
    filtered: int = 0
    uncounted: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    left_out: list[str] = field(default_factory=list)

    def cost(self, input_price: float, output_price: float) -> float:
        """Returns the cost of the tokens, given the prices of a million input tokens and a million output tokens."""
        return (self.input_tokens * input_price + self.output_tokens * output_price) / 1e6

    def add(self, answer: Answer) -> None:
        """Counts an answer."""
        self.requests += 1
        self.filtered += completions.is_withheld(answer.choice)
        try:
            read, written = int(answer.usage["prompt_tokens"]), int(answer.usage["completion_tokens"])
        except (LookupError, TypeError, ValueError, OverflowError):
            self.uncounted += 1
        else:
            self.input_tokens += read
            self.output_tokens += written


class _Passing(Exception):
    """A failure that may be temporary; retried after `wait` seconds if the server names them.

    `is_completion` says that the response is a completion without an answer.
    """

    def __init__(self, message: str, wait: float | None = None, *, is_completion: bool = False) -> None:
        super().__init__(message)
        self.wait, self.is_completion = wait, is_completion


class _NotTaken(Exception):
    """The server does not support some fields of a request."""

    def __init__(self, fields: Collection[str]) -> None:
        super().__init__()
        self.fields = fields


class ChatClient:
    """Asks one model at one endpoint.

    Args:
        model: The endpoint's name of the model.
        endpoint: The address before `/chat/completions`; if None, `OPENAI_BASE_URL` of the environment, or OpenAI's.
        concurrency: The most requests at once.
        timeout: Seconds for one answer.
        attempts: The most attempts at a request.
        backoff: Seconds before the second attempt, roughly; doubled before each further one.
        answers: The file in which answers are kept and looked up; if None, `MULTIREF_ANSWERS` of the environment, or no
            file.

    Attributes:
        usage: The usage so far.

    Raises:
        UserError: If the endpoint is not an address, the key is invalid, or the file of answers is invalid or cannot be
            written.
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
        answers: Path | None = None,
    ) -> None:
        self.model = model
        self.endpoint = _checked(endpoint or os.environ.get(ENDPOINT) or OPENAI)
        self.usage = Usage()
        self._key = os.environ.get(KEY, "").strip()
        # The network library's error for such a key would contain the key.
        if not (self._key.isascii() and self._key.isprintable()):
            raise UserError(f"the key in {KEY} has characters that no key has")
        self._concurrency, self._timeout, self._attempts, self._backoff = concurrency, timeout, attempts, backoff
        if answers is None and os.environ.get(ANSWERS):
            answers = Path(os.environ[ANSWERS])
        self._kept = None if answers is None else KeptAnswers(answers)
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            timeout=httpx.Timeout(timeout, pool=None),
            limits=httpx.Limits(max_connections=concurrency),
        )

    def complete(self, requests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Returns the first choice of the answer to each request, in order.

        Equal requests get an answer each. The file keeps their answers in the order of the requests, so that they are
        found again regardless of the concurrency.

        Args:
            requests: The requests: `messages` and other fields of the protocol except `model`.

        Raises:
            UserError: If the endpoint refuses the key or a request, all attempts at one failed, or an answer cannot be
                kept; the error is the first in time. Then nothing more is sent; requests under way are finished and
                kept.
        """
        asked: Counter[str] = Counter()
        stop = threading.Event()
        with ThreadPoolExecutor(self._concurrency) as pool:
            futures = []
            try:
                for request in requests:
                    content = json.dumps([self.endpoint, self.model, request], sort_keys=True)
                    name = sha256(content.encode()).hexdigest()
                    number = self._asked[name] + asked[name]
                    asked[name] += 1
                    futures.append(pool.submit(self._ask, request, f"{name}-{number}", stop))
                for future in as_completed(futures):
                    future.result()  # raises as soon as any request fails
            except BaseException as error:  # also at an interrupt: cancel requests that are not sent yet
                stop.set()
                pool.shutdown(cancel_futures=True)
                if self._kept and isinstance(error, UserError):
                    what = f"the answers are in {self._kept.path}; the same command continues from there"
                    raise UserError(f"{error}; {what}") from error
                raise
        self._asked.update(asked)
        return [future.result() for future in futures]

    def _ask(self, request: Mapping[str, Any], name: str, stop: threading.Event) -> dict[str, Any]:
        found = self._kept.get(name) if self._kept else None
        answer = found or self._answer(request, stop)
        if found:
            self._leave_out(found.left_out)
        elif self._kept:
            self._kept.add(name, answer)
        with self._lock:
            self.usage.add(answer)
            self.usage.kept += found is not None
        return answer.choice

    def _answer(self, request: Mapping[str, Any], stop: threading.Event) -> Answer:
        """Returns the endpoint's answer, after as many attempts as needed."""
        attempt = 1
        while True:
            left_out = [name for name in request if name in self.usage.left_out]
            body = {"model": self.model, **{name: value for name, value in request.items() if name not in left_out}}
            try:
                choice, usage = self._send(body)
            except _NotTaken as failure:
                self._leave_out(failure.fields)
            except _Passing as failure:
                if attempt == self._attempts:
                    if failure.is_completion:
                        return Answer(completions.NOTHING, None, left_out)
                    raise UserError(f"{self.endpoint} {failure}, at attempt {attempt} of {attempt}") from None
                # Doubled with random jitter, so that clients that were rejected together do not return together.
                pause = self._backoff * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)
                if stop.wait(min(pause if failure.wait is None else failure.wait, LONGEST_WAIT)):
                    raise CancelledError from None
                attempt += 1
                with self._lock:
                    self.usage.retries += 1
            else:
                return Answer(choice, usage, left_out)

    def _leave_out(self, fields: Collection[str]) -> None:
        """Leaves fields out of all further requests."""
        with self._lock:
            new = sorted(set(fields).difference(self.usage.left_out))
            self.usage.left_out += new
        if new:
            names = ", ".join(map(repr, new))
            warnings.warn(
                f"{self.model} at {self.endpoint} does not take {names}: left out of all requests", stacklevel=2
            )

    def _send(self, body: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        """Makes one attempt, and returns the first choice and the usage in the response."""
        try:
            status, headers, content = self._post(body)
        except httpx.TimeoutException:
            raise _Passing(f"does not answer within {self._timeout:g} s") from None
        except httpx.RequestError as failure:
            raise _Passing(f"cannot be reached ({self._quoted(str(failure)) or type(failure).__name__})") from None
        found = completions.read_json(content)
        error = completions.error_in(found)
        text = content.decode(errors="replace")
        answered = 200 <= status < 300
        if answered and not error and (choice := completions.first_choice(found)):
            return choice, found.get("usage")
        if answered:  # some servers report errors only in the body
            status = completions.status_of(error) or status
        else:
            error = error or {"message": text}
        message = self._quoted(completions.message_of(error) if error else text) or "no message"
        if status in (200, 400, 422) and (fields := completions.refused_fields(error, body.keys() - NEEDED)):
            raise _NotTaken(fields)
        if completions.is_filtered(error, status):
            return completions.withheld(message), None
        if status in REFUSED:
            # The server's words are not shown, because they may repeat part of the key.
            key = f"the key in {KEY}" if self._key else f"a request without a key: set {KEY}"
            raise UserError(f"{self.endpoint} refuses {key} (status {status})")
        if status in BUSY or status >= 500:
            raise _Passing(f"answers with status {status}: {message}", completions.seconds_to_wait(headers))
        if 200 <= status < 300:
            is_completion = isinstance(found, dict) and "choices" in found and not error
            raise _Passing(
                f"answers with something other than a chat completion: {message}", is_completion=is_completion
            )
        if where := headers.get("location"):
            message = f"go to {self._quoted(where)}"
        raise UserError(f"{self.endpoint} answers with status {status}: {message}")

    def _post(self, body: Mapping[str, Any]) -> tuple[int, httpx.Headers, bytes]:
        deadline = time.monotonic() + self._timeout
        content = bytearray()
        address, sent = f"{self.endpoint}/chat/completions", json.dumps(body)
        with self._http.stream("POST", address, content=sent, headers={"Content-Type": "application/json"}) as response:
            # httpx's timeout is for each read, and some servers keep a connection open by sending blanks.
            for chunk in response.iter_bytes():
                content += chunk
                if time.monotonic() > deadline:
                    raise httpx.ReadTimeout("")
                if len(content) > LONGEST_ANSWER:
                    raise _Passing(f"answers with more than {LONGEST_ANSWER} bytes")
        return response.status_code, response.headers, bytes(content)

    def _quoted(self, text: str) -> str:
        """Returns the beginning of a server's message in one line, without the key."""
        line = " ".join((text.replace(self._key, "[key]") if self._key else text).split())
        return line if len(line) <= 200 else f"{line[:200]}..."


def model_of_environment(otherwise: str) -> str:
    """Returns the model named by `OPENAI_MODEL` of the environment.

    Args:
        otherwise: Another way to name a model, for the message: "prompted-api:MODEL".

    Raises:
        UserError: If it names none.
    """
    model = os.environ.get(MODEL, "")
    if not model:
        raise UserError(
            f"no model is named for the endpoint: expected {otherwise}, or the environment variable {MODEL}"
        )
    return model


def _checked(endpoint: str) -> str:
    try:
        url = httpx.URL(endpoint)
    except httpx.InvalidURL:
        url = httpx.URL()
    # The address appears in messages and results, so it must not hold secrets.
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query:
        raise UserError("the endpoint is not an address such as https://HOST/v1, without user, password and query")
    return endpoint.rstrip("/")
