"""What the tests of organizations start from: files to import, and a check of the whole tree."""

import asyncio
import os
import random
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from server.foundation.database import fetch, fetch_value
from server.foundation.ids import new_id
from server.foundation.settings import Settings
from server.organizations.models import Organization, PartyOrganization

HEADER = "code,name,level,parent_code"


def csv_of(*rows: str) -> bytes:
    """A file with the header and these rows."""
    return "\n".join((HEADER, *rows, "")).encode()


def country_rows(nodes: int) -> Iterator[str]:
    """About the country's proportions, with `nodes` rows: cities, districts, subdistricts, communities, some grids."""
    made = 0

    def row(code: str, name: str, level: str, parent: str) -> str:
        nonlocal made
        made += 1
        return f"{code},{name},{level},{parent}"

    city = 0
    while made < nodes:
        city += 1
        city_code = f"{1000 + city}"
        yield row(city_code, f"第{city}市", "city", "")
        for district in range(1, 10):
            district_code = f"{city_code}{district:02}"
            if made < nodes:
                yield row(district_code, f"{district}号区", "district", city_code)
            for subdistrict in range(1, 14):
                subdistrict_code = f"{district_code}{subdistrict:03}"
                if made < nodes:
                    yield row(subdistrict_code, f"第{subdistrict}街道", "subdistrict", district_code)
                for community in range(1, 15):
                    community_code = f"{subdistrict_code}{community:03}"
                    if made < nodes:
                        yield row(community_code, f"阳光{community}社区居委会", "community", subdistrict_code)
                    if community == 1 and made < nodes:
                        yield row(f"{community_code}-001", "第一网格", "grid", community_code)


def shuffled(rows: Iterable[str]) -> list[str]:
    """The rows in an order in which children come before parents, the same each time."""
    listed = list(rows)
    random.Random(7).shuffle(listed)
    return listed


class Ended(NamedTuple):
    """How a command of the command line ended."""

    code: int
    output: str
    errors: str


async def run_command(settings: Settings, *arguments: str, **others: str) -> Ended:
    """`python -m server …` on the test's database and cache, in a process of its own."""
    environment = {
        **os.environ,
        "LINLI_ENV": "test",
        "LINLI_DATA_DIR": str(settings.data_dir),
        "LINLI_LOG_LEVEL": "error",
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        **others,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "ignore", "-m", "server", *arguments, env=environment, stdout=PIPE, stderr=PIPE
    )
    output, errors = await process.communicate()
    return Ended(process.returncode or 0, output.decode(), errors.decode())


async def by_code(code: str) -> Organization:
    return await Organization.get(code=code)


async def checksum() -> str:
    """A fingerprint of all organizations, every column of every row."""
    value: str = await fetch_value("SELECT md5(string_agg(t::text, '|' ORDER BY t.id)) FROM organization t")
    return value


async def misplaced(table: str = "organization") -> list[str]:
    """The nodes whose path is not their own id below their parent's path (their successor's, once they are closed)."""
    rows = await fetch(
        f"SELECT o.id, o.path, p.path AS above FROM {table} o "
        f"LEFT JOIN {table} p ON p.id = COALESCE(o.successor_id, o.parent_id)"
    )
    return [row["id"] for row in rows if row["path"] != ".".join(filter(None, (row["above"], row["id"])))]


async def create_party(
    name: str = "党支部", *, parent: PartyOrganization | None = None, host: Organization | None = None, place: str = ""
) -> PartyOrganization:
    party_id = new_id()
    return await PartyOrganization.create(
        id=party_id,
        name=name,
        parent=parent,
        path=f"{parent.path}.{party_id}" if parent else party_id,
        host=host,
        place=place,
    )
