"""Behind PgBouncer in transaction mode, where no connection is a process's own from one transaction to the next."""

import asyncio
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx
import pytest

import server.operations
from server.embedded.processes import die_with_parent
from server.foundation.settings import Settings
from tests.builders import create_community, create_resident
from tests.clients import Api
from tests.servers import Server, free_port

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")


@pytest.fixture
def pooled_url(settings: Settings) -> Iterator[str]:
    """The test's database through a pooler with four connections."""
    parts = urlsplit(settings.database_url)
    port, folder = free_port(), parse_qs(parts.query)["host"][0]
    config = settings.data_dir / "pgbouncer.ini"  # which another user may read
    text = (Path(server.operations.__file__).parent / "deploy" / "pgbouncer.ini").read_text()
    for ours, theirs in (
        ("host=127.0.0.1", f"host={folder} user={parts.username}"),
        ("listen_port = 6432", f"listen_port = {port}"),
        ("auth_type = scram-sha-256", "auth_type = any"),
        ("auth_file = /etc/pgbouncer/userlist.txt\n", ""),
        ("default_pool_size = 40", "default_pool_size = 4"),
    ):
        assert ours in text
        text = text.replace(ours, theirs)
    config.write_text(text)
    owner = pwd.getpwnam("nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name)
    if PGBOUNCER is None:
        pytest.skip("pgbouncer is not installed")
    pooler = subprocess.Popen(
        [PGBOUNCER, config], user=owner.pw_uid, group=owner.pw_gid, extra_groups=[], preexec_fn=die_with_parent()
    )
    try:
        yield f"postgresql://{parts.username}@127.0.0.1:{port}{parts.path}"
    finally:
        pooler.terminate()
        pooler.wait()


async def test_a_server_behind_a_pooler(api: Api, settings: Settings, tmp_path: Path, pooled_url: str) -> None:
    residents = [await create_resident(api, await create_community()) for _ in range(12)]
    with Server(settings, tmp_path, DATABASE_URL=pooled_url, LINLI_DATABASE_STATEMENTS="0") as one:
        await one.start()
        async with httpx.AsyncClient(base_url=one.url, timeout=20) as client:
            door = Api(client)

            async def live(me: Api, number: int) -> None:
                mine = door.as_(me.token)
                for turn in range(5):
                    seen = await mine.get("/me")
                    name = f"邻居{number}-{turn}"
                    await mine.patch("/me", {"version": seen["version"], "nickname": name})
                    assert (await mine.get("/me"))["nickname"] == name
                    await mine.get("/wishes")

            await asyncio.gather(*(live(me, number) for number, me in enumerate(residents)))
            assert (await client.get("/readyz")).json()["database"] == "ok"
        assert {line["level"] for line in one.lines} <= {"info", "warning"}


async def test_several_migrate_at_once_through_a_pooler(settings: Settings, tmp_path: Path, pooled_url: str) -> None:
    """And the lock is gone with each of them, although the pooler keeps the connections."""
    direct = await asyncpg.connect(settings.database_url)
    environment = Server(
        settings,
        tmp_path,
        DATABASE_URL=urlsplit(pooled_url)._replace(path="/pooled").geturl(),
        LINLI_DATABASE_STATEMENTS="0",
    ).environment
    command = (sys.executable, "-m", "server", "migrate")
    pipe = asyncio.subprocess.PIPE
    try:
        await direct.execute("CREATE DATABASE pooled TEMPLATE template0 ENCODING 'UTF8'")
        started = [
            await asyncio.create_subprocess_exec(*command, env=environment, stdout=pipe, stderr=pipe) for _ in range(2)
        ]
        said = await asyncio.wait_for(asyncio.gather(*(process.communicate() for process in started)), 120)
        assert [process.returncode for process in started] == [0, 0], said
        assert sorted(out.decode().startswith("applied 0001") for out, _ in said) == [False, True]
        assert await direct.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
    finally:
        await direct.execute("DROP DATABASE IF EXISTS pooled WITH (FORCE)")
        await direct.close()


async def test_a_check_through_a_pooler(settings: Settings, tmp_path: Path, pooled_url: str, migrated: None) -> None:
    """And another after it, which meets the connections of the first."""
    environment = Server(settings, tmp_path, DATABASE_URL=pooled_url, LINLI_DATABASE_STATEMENTS="0").environment
    for _ in range(2):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "server", "check", env=environment, stdout=asyncio.subprocess.PIPE
        )
        said = (await asyncio.wait_for(process.communicate(), 60))[0].decode()
        assert [line.split()[0] for line in said.splitlines() if "  wrong  " in line] == ["wechat"], said
