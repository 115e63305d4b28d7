"""The adapter of the Python library for the conformance cases."""

import os
import pathlib
import sys
import threading
from typing import Callable, List, Optional

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from regent import RegentError, Token, TokenSource  # noqa: E402


class Adapter:
    def __init__(self) -> None:
        self.source = TokenSource("cad")
        self.last: Optional[Token] = None

    def line(self, ask: Callable[[], Token]) -> str:
        try:
            token = self.last = ask()
        except RegentError as err:
            return f"error {err.code} {err.retry_after or 0}"
        return f"token {token.access_token} {token.instance} {token.generation}"

    def threads(self, n: int, ask: Callable[[], Token]) -> str:
        lines: List[str] = []
        all_threads = [threading.Thread(target=lambda: lines.append(self.line(ask))) for _ in range(n)]
        for t in all_threads:
            t.start()
        for t in all_threads:
            t.join()
        return lines[0] if len(set(lines)) == 1 else "mixed " + " | ".join(lines)

    def fork(self) -> str:
        r, w = os.pipe()
        if os.fork() == 0:
            os.write(w, self.line(self.source.token).encode())
            os._exit(0)
        os.close(w)
        with os.fdopen(r) as answer:
            text = answer.read()
        os.wait()
        return text

    def run(self, command: str) -> str:
        verb, _, rest = command.partition(" ")
        seen = self.last
        if verb == "open":
            self.source = TokenSource(rest)
            return "ok"
        if verb == "token":
            return self.line(lambda: self.source.token(int(rest)))
        if verb == "replace" and seen:
            return self.line(lambda: self.source.replace(seen))
        if verb == "threads":
            return self.threads(int(rest), self.source.token)
        if verb == "threads-replace" and seen:
            return self.threads(int(rest), lambda: self.source.replace(seen))
        if verb == "fork":
            return self.fork()
        if verb == "show":
            return f"show {self.last}" if repr(self.last).find("T1SECRET") < 0 else "show repr"
        return "skip this adapter does not know " + verb


def main() -> None:
    adapter = Adapter()
    for line in sys.stdin:
        print(adapter.run(line.strip()), flush=True)


if __name__ == "__main__":
    main()
