"""Rules for all requests and responses: their size, frequency and origin, and the rights of a page."""

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
"""The most bytes of a form, far more than the longest utterance or survey."""

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
    """Refuses requests that another site made a browser send, and sends browsers the rights of a page.

    Args:
        app: The application behind it.
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
                # Files that belong to no person are cached, and only requested again to check for changes.
                kept = scope["path"].startswith("/static/")
                headers.setdefault("Cache-Control", "no-cache" if kept else "no-store")
            await send(message)

        if scope["method"] not in ("GET", "HEAD") and _is_foreign(Headers(scope=scope)):
            await PlainTextResponse("this was sent by another site", 403)(scope, receive, send_guarded)
            return
        await self._app(scope, receive, send_guarded)


def _is_foreign(headers: Headers) -> bool:
    """Whether a browser says that another site caused the request."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


async def form_of(request: Request) -> dict[str, str]:
    """Returns the fields of a submitted form; values of a repeated field are joined by blanks.

    Raises:
        HTTPException: If it is too large, however it was sent, or not a form.
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
    """A limit on a person's actions: some at once, and after that a steady rate.

    Args:
        at_once: The number of actions at once.
        per_second: The number that become allowed again each second.
        clock: Returns the time in seconds.
    """

    def __init__(self, at_once: float, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._at_once, self._per_second, self._clock = at_once, per_second, clock
        self._left: dict[str, tuple[float, float]] = {}
        self._lock = Lock()

    def check(self, who: str) -> None:
        """Counts one more action.

        Raises:
            HTTPException: If it is one too many, with the seconds to wait.
        """
        now = self._clock()
        with self._lock:
            if len(self._left) > 10_000:  # entries of long ago are as good as new
                full = self._at_once / self._per_second
                self._left = {name: entry for name, entry in self._left.items() if now - entry[1] < full}
            left, then = self._left.get(who, (self._at_once, now))
            left = min(self._at_once, left + (now - then) * self._per_second)
            if left < 1:
                wait = max(1, round((1 - left) / self._per_second + 0.5))
                raise HTTPException(429, "too-often", headers={"Retry-After": str(wait)})
            self._left[who] = left - 1, now
