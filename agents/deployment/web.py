"""What all requests and answers have in common: what may be sent, how often, from where, and what a browser may do."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 64 * 1024
"""Bytes of a form, far more than the longest utterance or survey has."""

MOST_FIELDS = 200

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Refuses what another site has a browser send, and tells browsers what a page may do.

    Args:
        app: What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                # What is not of anybody is kept, and asked for only whether it has changed.
                kept = scope["path"].startswith("/static/")
                headers.setdefault("Cache-Control", "no-cache" if kept else "no-store")
            await send(message)

        if scope["method"] not in ("GET", "HEAD") and _is_foreign(Headers(scope=scope)):
            await PlainTextResponse("this was sent by another site", 403)(scope, receive, send_guarded)
            return
        await self._app(scope, receive, send_guarded)


def _is_foreign(headers: Headers) -> bool:
    """Whether a browser says that another site had it send something."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


async def form_of(request: Request) -> dict[str, str]:
    """Returns the fields of the form that was sent; of a field that comes twice the values are joined by blanks.

    Raises:
        HTTPException: If it is too large, however it was sent, or no form.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise HTTPException(413, "too-large")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise HTTPException(400, "incomplete-form") from error
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields[name] = f"{fields[name]} {value}" if name in fields else value
    return fields


class Limit:
    """How often somebody may do something: so many times at once, and after that at a steady rate.

    Args:
        at_once: How many times.
        per_second: How many become allowed again in a second.
        clock: Tells the time in seconds.
    """

    def __init__(self, at_once: float, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._at_once, self._per_second, self._clock = at_once, per_second, clock
        self._left: dict[str, tuple[float, float]] = {}
        self._lock = Lock()

    def check(self, who: str) -> None:
        """Counts one more time.

        Raises:
            HTTPException: If it is once too often, with the seconds after which it is not.
        """
        now = self._clock()
        with self._lock:
            if len(self._left) > 10_000:  # who has not been here for long may do all again
                full = self._at_once / self._per_second
                self._left = {name: entry for name, entry in self._left.items() if now - entry[1] < full}
            left, then = self._left.get(who, (self._at_once, now))
            left = min(self._at_once, left + (now - then) * self._per_second)
            if left < 1:
                wait = max(1, round((1 - left) / self._per_second + 0.5))
                raise HTTPException(429, "too-often", headers={"Retry-After": str(wait)})
            self._left[who] = left - 1, now
