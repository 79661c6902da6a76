"""Which embedded servers run on a data folder."""

from pathlib import Path

from server.embedded.postgres import postgres_state, postgres_url, read_postmaster
from server.embedded.processes import wait_until_free
from server.embedded.valkey import answers_ping, valkey_socket, valkey_state, valkey_url


def find_running(data_dir: Path) -> tuple[str | None, str | None]:
    """The URLs (database, cache) of the servers that some process has started on `data_dir`, None where none runs."""
    postmaster = read_postmaster(data_dir.resolve() / "postgres")
    database = postgres_url(postmaster.sockets) if postmaster and postmaster.is_ready and postmaster.is_alive else None
    path = valkey_socket(data_dir)
    return database, valkey_url(path) if path and answers_ping(path) else None


def wait_until_stopped(data_dir: Path) -> None:
    """Return when no embedded server uses `data_dir` any longer. Raises AlreadyRunning where one is there to stay."""
    wait_until_free("PostgreSQL", data_dir, lambda: postgres_state(data_dir))
    wait_until_free("Valkey", data_dir, lambda: valkey_state(data_dir))
