"""`python -m server check`, as an operator runs it."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from server.foundation.keys import KeyInUse, check_keys
from server.foundation.settings import Settings
from tests.servers import Server, free_port

Check = Callable[..., Coroutine[Any, Any, tuple[int, dict[str, tuple[str, str]]]]]


@pytest.fixture
def check(settings: Settings, tmp_path: Path) -> Check:
    """Its exit code, and part → (state, the rest with the advice)."""

    async def run(**environ: str) -> tuple[int, dict[str, tuple[str, str]]]:
        environment = Server(settings, tmp_path, **environ).environment
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "server", "check", env=environment, stdout=asyncio.subprocess.PIPE
        )
        text = (await process.communicate())[0].decode()
        assert ":secret" not in text
        found: dict[str, tuple[str, str]] = {}
        part = ""
        for line in text.splitlines():
            if line.startswith(" "):
                found[part] = (found[part][0], f"{found[part][1]} {line.strip()}")
                continue
            part, state, rest = re.split("  +", line, maxsplit=2)
            found[part] = (state, rest)
        return process.returncode or 0, found

    return run


@pytest.fixture
async def other_database(settings: Settings) -> AsyncIterator[Callable[[str], Coroutine[Any, Any, str]]]:
    """Make an empty database with these options; its address."""
    connection = await asyncpg.connect(settings.database_url)

    async def create(options: str) -> str:
        await connection.execute(f"CREATE DATABASE to_check TEMPLATE template0 {options}")
        return urlunsplit(urlsplit(settings.database_url)._replace(path="/to_check"))

    yield create
    await connection.execute("DROP DATABASE IF EXISTS to_check WITH (FORCE)")
    await connection.execute("DROP ROLE IF EXISTS to_check")
    await connection.close()


def states(found: dict[str, tuple[str, str]]) -> dict[str, str]:
    return {part: state for part, (state, _) in found.items()}


async def test_a_deployment_that_is_right_but_for_wechat(check: Check, migrated: None) -> None:
    code, found = await check()
    assert code == 1
    assert found.pop("wechat")[0] == "wrong", "the tests' WeChat listens nowhere"
    parts = ["settings", "database", "encoding", "rights", "extensions", "connections", "clock", "migrations", "keys"]
    assert states(found) == dict.fromkeys([*parts, "cache", "store", "disk"], "ok") | {
        "connections": found["connections"][0]
    }


async def test_everything_away_is_told_part_by_part(check: Check, tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    (tmp_path / "media").touch()
    code, found = await check(
        DATABASE_URL=f"postgresql://linli:secret@{nowhere}/linli",
        REDIS_URL=f"redis://:secret@{nowhere}/0",
        S3_BUCKET="pictures",
        S3_ENDPOINT=f"http://{nowhere}",
        S3_REGION="any",
        S3_ACCESS_KEY_ID="id",
        S3_SECRET_ACCESS_KEY="secret",
    )
    assert code == 1
    assert states(found) == {"settings": "ok", "disk": "ok"} | dict.fromkeys(
        ["database", "cache", "store", "wechat"], "wrong"
    )
    assert "nothing answers at DATABASE_URL" in found["database"][1]
    assert "is the bucket there" in found["store"][1]


async def test_a_data_folder_that_is_made_later_and_one_that_cannot_be(check: Check, tmp_path: Path) -> None:
    store = {"S3_BUCKET": "pictures", "S3_ENDPOINT": f"http://127.0.0.1:{free_port()}", "S3_REGION": "any"}
    _, found = await check(LINLI_DATA_DIR=str(tmp_path / "not" / "yet"), **store)
    assert found["disk"][0] == "ok"
    assert not (tmp_path / "not").exists()
    _, found = await check(LINLI_DATA_DIR="/proc/linli", **store)  # where root cannot write either
    assert found["disk"] == ("wrong", "LINLI_DATA_DIR cannot be written to → make it a folder of this user's")


async def test_a_database_that_is_not_there(check: Check, settings: Settings) -> None:
    url = urlunsplit(urlsplit(settings.database_url)._replace(path="/absent"))
    _, found = await check(DATABASE_URL=url)
    assert found["database"] == (
        "wrong",
        "InvalidCatalogNameError → there is no such database: createdb -O USER -E UTF8 DATABASE",
    )


async def test_a_database_to_be_migrated(check: Check, other_database: Any) -> None:
    url = await other_database("ENCODING 'UTF8'")
    _, found = await check(DATABASE_URL=url)
    assert found["extensions"] == ("ok", "migrate will create ltree, btree_gist, pg_trgm")
    assert found["migrations"][0] == "wrong"
    assert found["migrations"][1].endswith("missing → python -m server migrate")


async def test_a_database_of_another_encoding(check: Check, other_database: Any) -> None:
    url = await other_database("ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER libc")
    _, found = await check(DATABASE_URL=url)
    assert found["encoding"] == ("wrong", "LATIN1 → createdb -E UTF8")


async def test_a_user_without_rights(check: Check, other_database: Any, settings: Settings) -> None:
    url = await other_database("ENCODING 'UTF8'")
    owner = await asyncpg.connect(url)
    await owner.execute("CREATE ROLE to_check LOGIN")
    await owner.close()
    _, found = await check(DATABASE_URL=url.replace("//linli@", "//to_check@"))
    assert found["rights"] == ("wrong", "no CREATE in the schema → GRANT CREATE, USAGE ON SCHEMA public TO the user")
    assert found["extensions"][0] == "wrong"


async def test_other_keys(check: Check, app: object) -> None:
    await check_keys()
    key = "other:" + "QUFB" * 10 + "QUE="
    _, found = await check(LINLI_KEYS=key)
    assert found["keys"][0] == "wrong"
    # It only looks: a database that knows no keys yet is not told those of whoever asks.
    await KeyInUse.all().delete()
    _, found = await check(LINLI_KEYS=key)
    assert found["keys"][0] == "ok"
    assert await KeyInUse.all().count() == 0


@pytest.mark.parametrize(
    "command",
    [
        ["migrate"],
        ["worker"],
        ["create-manager", "--phone", "13800000000", "--name", "王小明", "--organization", "3710"],
    ],
    ids=lambda command: command[0],
)
async def test_a_sentence_where_there_was_a_traceback(command: list[str], settings: Settings, tmp_path: Path) -> None:
    url = urlunsplit(urlsplit(settings.database_url)._replace(path="/absent"))
    environment = Server(settings, tmp_path, DATABASE_URL=url).environment
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server", *command, env=environment, stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(process.communicate(), 30)
    sentence = "The database cannot be used: there is no such database: createdb -O USER -E UTF8 DATABASE"
    assert (process.returncode, said.decode().splitlines()) == (1, [sentence])


async def test_a_user_that_may_not_migrate(other_database: Any, settings: Settings, tmp_path: Path) -> None:
    url = await other_database("ENCODING 'UTF8'")
    owner = await asyncpg.connect(url)
    await owner.execute("CREATE ROLE to_check LOGIN")
    await owner.close()
    environment = Server(settings, tmp_path, DATABASE_URL=url.replace("//linli@", "//to_check@")).environment
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server", "migrate", env=environment, stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    assert said.decode().startswith("The database cannot be used: the user of DATABASE_URL lacks a right")


async def test_a_database_of_another_encoding_is_not_migrated(
    other_database: Any, settings: Settings, tmp_path: Path
) -> None:
    url = await other_database("ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER libc")
    environment = Server(settings, tmp_path, DATABASE_URL=url).environment
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server", "migrate", env=environment, stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(process.communicate(), 30)
    sentence = "The database cannot be used: its encoding is LATIN1: createdb -O USER -E UTF8 -T template0 DATABASE"
    assert (process.returncode, said.decode().strip()) == (1, sentence)
    owner = await asyncpg.connect(url)
    assert await owner.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await owner.close()


MANAGER = ["create-manager", "--phone", "13800000000", "--name", "王小明", "--organization", "3710"]
COMMANDS = [
    ["worker"],
    MANAGER,
    ["end-queued-messages"],
    ["reencrypt"],
    ["import-organizations", "server/demo/weihai-divisions.csv"],
]


async def say(settings: Settings, folder: Path, *command: str, **environ: str) -> tuple[int | None, str]:
    """What a command ends with and says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "server", *command),
        env=Server(settings, folder, **environ).environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, said.decode().splitlines()[-1]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
async def test_before_the_database_is_migrated(
    command: list[str], other_database: Any, settings: Settings, tmp_path: Path
) -> None:
    url = await other_database("ENCODING 'UTF8'")
    sentence = "The database cannot be used: it has not been migrated: python -m server migrate"
    assert await say(settings, tmp_path, *command, DATABASE_URL=url) == (1, sentence)


@pytest.mark.parametrize("command", [["serve"], *COMMANDS], ids=lambda command: command[0])
async def test_a_user_that_may_not_read(
    command: list[str], other_database: Any, settings: Settings, tmp_path: Path, migrated: None
) -> None:
    owner = await asyncpg.connect(settings.database_url)
    await owner.execute("CREATE ROLE to_check LOGIN")
    await owner.close()
    url = settings.database_url.replace("//linli@", "//to_check@")
    lacking = "The database cannot be used: the user of DATABASE_URL lacks a right: `python -m server check` says which"
    assert await say(settings, tmp_path, *command, DATABASE_URL=url) == (1, lacking)


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_data_folder_that_cannot_be_written_to(
    workers: str, settings: Settings, tmp_path: Path, migrated: None
) -> None:
    """/proc, where root cannot write either."""
    code, said = await say(settings, tmp_path, "serve", LINLI_WORKERS=workers, LINLI_DATA_DIR="/proc/linli")
    assert code == 1
    assert said.startswith("LINLI_DATA_DIR cannot be written to (No such file or directory): make it a folder")
