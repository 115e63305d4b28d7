"""Authentication for the library httpx, sync and async.

    client = httpx.Client(auth=RegentAuth("cad"))
"""

from __future__ import annotations

import asyncio
from typing import AsyncGenerator, Generator, Union

import httpx

from .errors import RegentError
from .source import Token, TokenSource


class RegentAuth(httpx.Auth):
    """Sends the token. After a 401 it replaces the token and repeats the request once,
    if its body is in memory."""

    def __init__(self, source: Union[str, TokenSource], min_ttl: float = 0) -> None:
        self.source = TokenSource(source) if isinstance(source, str) else source
        self.min_ttl = min_ttl

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        token = self.source.token(self.min_ttl)
        _put(request, token)
        reply = yield request
        if reply.status_code == 401 and _is_repeatable(request):
            try:
                _put(request, self.source.replace(token))
            except RegentError:
                return  # the service's answer says more than the agent's
            yield request

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        loop = asyncio.get_running_loop()
        token = await loop.run_in_executor(None, self.source.token, self.min_ttl)
        _put(request, token)
        reply = yield request
        if reply.status_code == 401 and _is_repeatable(request):
            try:
                _put(request, await loop.run_in_executor(None, self.source.replace, token))
            except RegentError:
                return
            yield request


def _put(request: httpx.Request, token: Token) -> None:
    request.headers["Authorization"] = "Bearer " + token.access_token


def _is_repeatable(request: httpx.Request) -> bool:
    return isinstance(request.stream, httpx.ByteStream)
