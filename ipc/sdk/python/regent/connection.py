"""One connection to the agent. It checks who listens before it sends a byte."""

from __future__ import annotations

import ctypes
import http.client
import os
import pwd
import socket
import stat
import struct
import sys
from typing import Optional

from .errors import NotReachable, UntrustedListener

DEFAULT_SOCKET = "/run/regent/agent.sock"
USER = "regent"  # the user of the installed daemon

_AT_SECURE = 23  # getauxval(3)


def is_privileged() -> bool:
    """Reports whether this process has rights beyond those of its user."""
    if os.getuid() != os.geteuid() or os.getgid() != os.getegid():
        return True
    if not sys.platform.startswith("linux"):
        return False
    try:
        getauxval = ctypes.CDLL(None).getauxval
    except (OSError, AttributeError):
        return False
    getauxval.argtypes, getauxval.restype = [ctypes.c_ulong], ctypes.c_ulong
    return bool(getauxval(_AT_SECURE))


def socket_path(given: Optional[str]) -> str:
    """Returns the socket: the given one, else REGENT_SOCKET, else the installed one.

    A privileged process ignores REGENT_SOCKET: its user could name any socket.
    """
    if given:
        return given
    named = os.environ.get("REGENT_SOCKET", "")
    return named if named and not is_privileged() else DEFAULT_SOCKET


class Connection(http.client.HTTPConnection):
    """An HTTP/1.1 connection over the socket of the agent."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("regent", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(self.timeout)
        try:
            sock.connect(self._path)
            check_listener(sock, self._path)
        except UntrustedListener:
            sock.close()
            raise
        except OSError as err:
            sock.close()
            raise NotReachable(_advice(self._path, err)) from err
        self.sock = sock


def _advice(path: str, err: OSError) -> str:
    if isinstance(err, FileNotFoundError):
        return f"{path} does not exist; start regentd: systemctl start regentd"
    if isinstance(err, ConnectionRefusedError):
        return f"no program listens at {path}; start regentd: systemctl start regentd"
    if isinstance(err, PermissionError):
        return f"this user cannot connect to {path}; check its mode and your sandbox"
    return f"cannot connect to {path}: {err}; run: regent doctor"


def check_listener(sock: socket.socket, path: str) -> None:
    """Raises UntrustedListener if neither root nor the daemon's user listens.

    At a socket that is not the installed one, the user of this process is trusted too.
    """
    uid = _listener(sock)
    if uid is None:
        return
    if _is_unmapped(uid):
        if path == DEFAULT_SOCKET and _is_protected(path):
            return
        raise UntrustedListener(
            f"nothing was sent to {path}: this user namespace does not show who listens; "
            f"mount /run/regent into the sandbox"
        )
    if uid == 0 and _is_system_root():
        return
    if path != DEFAULT_SOCKET and uid == os.geteuid():
        return
    try:
        if pwd.getpwnam(USER).pw_uid == uid:
            return
    except KeyError:
        pass
    raise UntrustedListener(
        f"nothing was sent to {path}: user {uid} listens there, not the agent; "
        f"ask an administrator which program that is"
    )


def _listener(sock: socket.socket) -> Optional[int]:
    """Returns the user who listens, by the kernel: unix(7), SO_PEERCRED."""
    if not hasattr(socket, "SO_PEERCRED"):
        raise UntrustedListener("this system does not say who listens at a socket")
    cred = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3I", cred)[1])


def _uid_map() -> "list[tuple[int, int, int]]":
    with open("/proc/self/uid_map", encoding="ascii") as f:
        rows = [tuple(int(n) for n in line.split()) for line in f]
    return [(r[0], r[1], r[2]) for r in rows if len(r) == 3]


def _is_system_root() -> bool:
    """Reports whether uid 0 here is uid 0 of the namespace above."""
    return any(inside == 0 and outside == 0 for inside, outside, _ in _uid_map())


def _is_unmapped(uid: int) -> bool:
    """Reports whether uid stands for users that have no number in this namespace."""
    with open("/proc/sys/kernel/overflowuid", encoding="ascii") as f:
        if uid != int(f.read()):
            return False
    return not any(first <= uid < first + count for first, _, count in _uid_map())


def _is_protected(path: str) -> bool:
    """Reports whether only the root of this namespace can change the socket's place."""
    at = os.path.realpath(path)
    if at != path and os.path.realpath(os.path.dirname(path)) + "/agent.sock" != at:
        return False
    while True:
        s = os.lstat(at)
        if s.st_uid != 0 and not _is_unmapped(s.st_uid):
            return False
        if not stat.S_ISSOCK(s.st_mode) and s.st_mode & 0o022 and not s.st_mode & stat.S_ISVTX:
            return False
        if at == "/":
            return True
        at = os.path.dirname(at)
