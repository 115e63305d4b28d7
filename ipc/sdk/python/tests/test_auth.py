"""RegentAuth against a pretended Cloud LM that refuses the first token."""

import asyncio
import http.server
import pathlib
import sys
import threading
import unittest
from typing import List

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import httpx  # noqa: E402
import requests  # noqa: E402

import regent.httpx  # noqa: E402
import regent.requests  # noqa: E402
from regent import Token, TokenSource  # noqa: E402
from regent.source import _now  # noqa: E402


class Source(TokenSource):
    """Has tokens of its own, and counts how often one was replaced."""

    def __init__(self) -> None:
        super().__init__("cad")
        self.replaced = 0

    def token(self, min_ttl: float = 0, *, wait: "float | None" = None) -> Token:
        return Token(f"T{self.replaced}", "cad", "cad/1", "https://a", self.replaced, _now() + 60)

    def replace(self, rejected: Token) -> Token:
        self.replaced += 1
        return self.token()


class Service(http.server.BaseHTTPRequestHandler):
    seen: List[str] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.seen.append(f"{self.headers['Authorization']} {body.decode()}")
        refused = self.headers["Authorization"] == "Bearer T0"
        self.send_response(401 if refused else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


class RepeatsOnce(unittest.TestCase):
    def setUp(self) -> None:
        Service.seen = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def tearDown(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def check(self, status: int, source: Source) -> None:
        self.assertEqual(status, 200)
        self.assertEqual(Service.seen, ["Bearer T0 x", "Bearer T1 x"])
        self.assertEqual(source.replaced, 1)

    def test_requests(self) -> None:
        source = Source()
        self.check(requests.post(self.url, data="x", auth=regent.requests.RegentAuth(source)).status_code, source)

    def test_httpx(self) -> None:
        source = Source()
        with httpx.Client(auth=regent.httpx.RegentAuth(source), trust_env=False) as client:
            self.check(client.post(self.url, content="x").status_code, source)

    def test_httpx_async(self) -> None:
        source = Source()

        async def ask() -> int:
            async with httpx.AsyncClient(auth=regent.httpx.RegentAuth(source), trust_env=False) as client:
                return (await client.post(self.url, content="x")).status_code

        self.check(asyncio.run(ask()), source)

    def test_a_stream_is_not_repeated(self) -> None:
        source = Source()
        reply = requests.post(self.url, data=iter([b"x"]), auth=regent.requests.RegentAuth(source))
        self.assertEqual(reply.status_code, 401)
        self.assertEqual(source.replaced, 0)


if __name__ == "__main__":
    unittest.main()
