"""Authentication for the library requests.

    session.get(url, auth=RegentAuth("cad"))
"""

from __future__ import annotations

from typing import Any, Union

import requests
import requests.auth

from .errors import RegentError
from .source import Token, TokenSource


class RegentAuth(requests.auth.AuthBase):
    """Sends the token. After a 401 it replaces the token and repeats the request once,
    if its body can be sent again."""

    def __init__(self, source: Union[str, TokenSource], min_ttl: float = 0) -> None:
        self.source = TokenSource(source) if isinstance(source, str) else source
        self.min_ttl = min_ttl

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        token = self.source.token(self.min_ttl)
        request.headers["Authorization"] = "Bearer " + token.access_token

        def repeat(reply: requests.Response, **options: Any) -> requests.Response:
            return self._repeat(reply, token, options)

        request.register_hook("response", repeat)  # type: ignore[no-untyped-call]
        return request

    def _repeat(self, reply: requests.Response, token: Token, options: Any) -> requests.Response:
        body = reply.request.body
        if reply.status_code != 401 or not (body is None or isinstance(body, (str, bytes))):
            return reply
        try:
            token = self.source.replace(token)
        except RegentError:
            return reply  # the service's answer says more than the agent's
        _ = reply.content  # its connection is free again
        reply.close()
        again = reply.request.copy()
        again.hooks = {"response": []}
        again.headers["Authorization"] = "Bearer " + token.access_token
        made = reply.connection.send(again, **options)
        made.history.append(reply)
        made.request = again
        return made
