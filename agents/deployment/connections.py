"""Connections of a simulated crowd to a server: light and fast, because the browsers share the server's cores."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from multiref_gym.errors import UserError

try:
    import h11
except ModuleNotFoundError as error:
    raise UserError("h11 talks to servers: run `pip install multiref-gym[serve]`") from error

LONGEST_ANSWER = 45.0
"""Seconds after which a response counts as lost; a server that waits for a listener answers earlier."""
LONGEST_IDLE = 3.0
"""Seconds after which a connection is not used again, because servers close idle ones (uvicorn after 5 s)."""
CHUNK = 2**16

UNREACHABLE = (OSError, h11.RemoteProtocolError)
"""Errors of `Connections.send` if there is no response, or only half of one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's response.

    Attributes:
        status: The status code.
        headers: The headers, by lower-case name.
        body: The content.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Returns the body as JSON, {} if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return {}

    @property
    def error(self) -> str:
        """The error message in it."""
        found = self.json()
        return str(found.get("error", "")) if isinstance(found, dict) else ""


class Connections:
    """Sends requests to a server, with one connection for each request under way.

    Args:
        url: The server's address.

    Raises:
        UserError: If it is not a server's address.
    """

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise UserError(f"{url!r} is no URL: {error}") from error
        if parts.scheme not in ("http", "https") or not host or parts.path not in ("", "/"):
            raise UserError(f"{url!r} is no URL of a server: expected such as http://127.0.0.1:8000")
        self._safe = ssl.create_default_context() if parts.scheme == "https" else None
        self._host, self._port = host, port or (443 if self._safe else 80)
        self._headers = {"host": parts.netloc, "accept": "application/json"}
        self._idle: list[_Connection] = []

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Returns the response to a request. Raises one of `UNREACHABLE` if there is none."""
        connection = None
        try:
            async with asyncio.timeout(LONGEST_ANSWER):
                connection = await self._taken()
                answer = await connection.send(method, path, {**self._headers, **headers}, body)
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        if connection.can_go_on():
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    async def _taken(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed:
                return connection
            connection.close()
        return _Connection(*await asyncio.open_connection(self._host, self._port, ssl=self._safe))

    def close(self) -> None:
        """Closes the connections."""
        while self._idle:
            self._idle.pop().close()


class _Connection:
    """A connection for one request after another."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._http, self._used = h11.Connection(h11.CLIENT), time.monotonic()

    @property
    def is_closed(self) -> bool:
        """Whether the server has closed it, or may be about to."""
        return self._reader.at_eof() or time.monotonic() - self._used > LONGEST_IDLE

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Returns the response to a request."""
        fields = [*headers.items(), ("content-length", str(len(body)))]
        request: list[h11.Event] = [h11.Request(method=method, target=path, headers=fields), h11.Data(body)]
        self._writer.write(b"".join(self._http.send(event) or b"" for event in [*request, h11.EndOfMessage()]))
        await self._writer.drain()
        status, answered, content = 0, dict[str, str](), bytearray()
        while not isinstance(event := self._http.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(CHUNK))
            elif isinstance(event, h11.Response):
                status = event.status_code
                answered = {name.decode(): value.decode("latin-1") for name, value in event.headers}
            elif isinstance(event, h11.Data):
                content += event.data
            elif isinstance(event, h11.ConnectionClosed):
                raise ConnectionResetError("the server closed the connection")
        return Answer(status, answered, bytes(content))

    def can_go_on(self) -> bool:
        """Prepares for another request; returns whether that is possible."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        self._used = time.monotonic()
        return True

    def close(self) -> None:
        """Closes it."""
        self._writer.close()
