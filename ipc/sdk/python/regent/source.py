"""Tokens of one application, cached in memory."""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Optional
from urllib.parse import quote

from .connection import Connection, socket_path
from .errors import Denied, Internal, NoFreeInstance, NotReachable, RegentError, Revoked, error_for

_MAX_REPLY = 1 << 20  # bytes
_RETRY_AFTER = 5.0  # seconds between tries while a valid token is in memory
_TIMEOUT = 45.0  # seconds for one answer: the agent waits up to 30 s for a token


def _now() -> float:
    """Seconds since boot. Time asleep counts; setting the clock does not."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


@dataclass(frozen=True)
class Token:
    """An access token. It does not print itself.

    access_token the value for "Authorization: Bearer"
    instance     for example "cad/1"
    tenant       base URL of the service
    generation   rises by one with each refresh
    """

    access_token: str = field(repr=False)
    application: str
    instance: str
    tenant: str
    generation: int
    _expires: float = field(repr=False)  # by _now()

    @property
    def expires_in(self) -> float:
        """Seconds until the token expires; 0 if it has expired."""
        return max(0.0, self._expires - _now())

    def __str__(self) -> str:
        return "[redacted]"


class TokenSource:
    """Gives valid access tokens of one application. It is safe for threads.

    The agent leases one instance to this process. After a fork the child leases an
    instance of its own.
    """

    def __init__(
        self, application: str, *, instance: str = "", socket: Optional[str] = None
    ) -> None:
        self._application, self._instance = application, instance
        self._path = socket_path(socket)
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._connection: Optional[Connection] = None
        self._token: Optional[Token] = None
        self._ask_at = 0.0

    def token(self, min_ttl: float = 0, *, wait: Optional[float] = None) -> Token:
        """Returns a token that is valid now.

        min_ttl  seconds that the token should still be valid
        wait     seconds to wait for that; None leaves it to the agent

        Many threads that wait cause one request. Raises a RegentError.
        """
        if self._pid != os.getpid():
            self._reset()
        held, now = self._token, _now()
        if held is not None and now < self._ask_at and held._expires - now > min_ttl:
            return held
        with self._lock:
            held, now = self._token, _now()
            if held is not None and now < self._ask_at and held._expires - now > min_ttl:
                return held
            return self._ask(held, min_ttl, wait)

    def _ask(self, held: Optional[Token], min_ttl: float, wait: Optional[float]) -> Token:
        body: Dict[str, Any] = {"application": self._application}
        if self._instance:
            body["instance"] = self._instance
        if min_ttl > 0:
            body["min_ttl"] = int(min_ttl)
        if wait is not None:
            body["wait"] = int(wait)
        began = _now()
        try:
            made = _read_token(self._call("POST", "/v1/token", body), began)
        except RegentError as err:
            final = isinstance(err, (Revoked, Denied, NoFreeInstance))
            if final or held is None or held._expires <= _now():
                self._token = None
                raise
            self._ask_at = min(_now() + _RETRY_AFTER, held._expires)
            return held
        self._token, self._ask_at = made, began + (made._expires - began) * 0.8
        return made

    def replace(self, rejected: Token) -> Token:
        """Reports that the service refused a token with 401, and returns another one.

        The agent does this at most once a minute for an instance; then it is Throttled.
        """
        if self._pid != os.getpid():
            self._reset()
            return self.token()
        with self._lock:
            held = self._token
            if held is not None and held.generation > rejected.generation:
                return held
            number = rejected.instance.rpartition("/")[2]
            path = f"/v1/instances/{quote(rejected.application, safe='')}/{quote(number, safe='')}"
            self._call("POST", path + "/invalidate", {"generation": rejected.generation})
            self._token = None
            return self._ask(None, 0, None)

    def close(self) -> None:
        """Closes the connection. The lease ends with this process."""
        with self._lock:
            self._drop()
            self._token = None

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _call(self, method: str, path: str, body: Dict[str, Any]) -> Dict[str, Any]:
        """Makes a request. A kept connection that the agent has closed is replaced once."""
        kept = self._connection is not None
        try:
            return self._request(method, path, body)
        except (ConnectionError, http.client.BadStatusLine) as err:
            self._drop()
            if not kept:
                raise _ended(err) from err
        try:
            return self._request(method, path, body)
        except (ConnectionError, http.client.BadStatusLine) as err:
            self._drop()
            raise _ended(err) from err

    def _request(self, method: str, path: str, body: Dict[str, Any]) -> Dict[str, Any]:
        if self._connection is None:
            self._connection = Connection(self._path, _TIMEOUT)
        c = self._connection
        try:
            c.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
            reply = c.getresponse()
            whole = reply.chunked or reply.length is not None  # else its header was cut
            text = reply.read(_MAX_REPLY + 1)
            whole = whole and (len(text) > _MAX_REPLY or not reply.length)
        except (ConnectionError, http.client.BadStatusLine):
            raise
        except RegentError:
            self._drop()
            raise
        except (OSError, http.client.HTTPException) as err:
            self._drop()
            raise _ended(err) from err
        if len(text) > _MAX_REPLY or reply.will_close or not whole:
            self._drop()
        if not whole:
            raise _ended(EOFError())
        if len(text) > _MAX_REPLY:
            raise Internal(f"the answer is longer than {_MAX_REPLY} bytes")
        return _read_reply(reply.status, reply.getheader("Content-Type", ""), text)


def _ended(err: Exception) -> NotReachable:
    if isinstance(err, TimeoutError):
        return NotReachable(f"the agent did not answer within {_TIMEOUT:.0f} s; run: regent doctor")
    return NotReachable("the agent closed the connection before it answered; try again")


def _object(text: bytes) -> Dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _read_reply(status: int, kind: str, text: bytes) -> Dict[str, Any]:
    if status == 204:
        return {}
    value = _object(text)
    if status == 200 and value:
        return value
    code = value.get("code")
    if kind == "application/problem+json" and isinstance(code, str) and code:
        after = value.get("retry_after")
        number = after if isinstance(after, int) and after > 0 else None
        raise error_for(code, str(value.get("detail", "")), number, str(value.get("instance", "")))
    raise Internal(f"the answer has status {status} and is not from the agent; run: regent doctor")


def _read_token(value: Dict[str, Any], began: float) -> Token:
    wanted: "tuple[tuple[str, Callable[[Any], bool]], ...]" = (
        ("access_token", lambda v: isinstance(v, str) and v != "" and v.isascii() and v.isprintable() and " " not in v),
        ("expires_in", lambda v: isinstance(v, int) and not isinstance(v, bool) and 0 < v),
        ("instance", lambda v: isinstance(v, str) and v != ""),
        ("application", lambda v: isinstance(v, str)),
        ("tenant", lambda v: isinstance(v, str)),
        ("generation", lambda v: isinstance(v, int) and not isinstance(v, bool)),
    )
    for name, good in wanted:
        if not good(value.get(name)):
            raise Internal(f"the answer has no usable {name}; run: regent doctor")
    life = min(value["expires_in"], 10 * 365 * 24 * 3600)
    return Token(
        value["access_token"], value["application"], value["instance"],
        value["tenant"], value["generation"], began + life,
    )
