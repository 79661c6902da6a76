"""PostgreSQL's data with our schema: made once, copied by every test process, until a migration changes."""

import asyncio
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache"
"""What tests keep for their next run."""


def copy_template(folder: Path) -> None:
    """Put the data into this folder."""
    CACHE.mkdir(exist_ok=True)
    made_from = [*sorted((ROOT / "migrations").glob("*.py")), ROOT / "requirements.lock"]
    key = hashlib.sha256(b"".join(file.read_bytes() for file in made_from) + os.environ.get("PG_BIN", "").encode())
    template = CACHE / f"schema-{key.hexdigest()[:16]}"
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            for old in CACHE.glob("schema-*"):
                shutil.rmtree(old)
            new = CACHE / "schema-new"
            subprocess.run([sys.executable, "-m", "tests.template", new], check=True, cwd=ROOT)
            new.rename(template)
        subprocess.run(["cp", "-a", f"{template}/.", folder], check=True)


def _make(folder: Path) -> None:
    from server.embedded.postgres import start_postgres
    from server.foundation import schema
    from server.foundation.settings import Environment, Settings
    from server.wiring import wire

    wire()
    folder.mkdir()
    postgres = start_postgres(folder, durable=False)
    settings = Settings(environment=Environment.TEST, data_dir=folder, database_url=postgres.url)
    asyncio.run(schema.migrate(settings))
    postgres.stop()


if __name__ == "__main__":
    _make(Path(sys.argv[1]))
