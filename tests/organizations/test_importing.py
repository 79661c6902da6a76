"""Importing the tree: all of it or nothing, the same file twice changes nothing, and it scales to the country."""

import asyncio
import re
import resource
import time
from pathlib import Path

import pytest

from server.foundation.audit import AuditEntry
from server.foundation.database import fetch
from server.foundation.settings import Settings
from server.organizations.importing import BadRow, FileRefused, Imported, import_file, import_organizations
from server.organizations.models import Level, Organization
from tests.builders import create_organization
from tests.organizations.builders import by_code, checksum, country_rows, csv_of, misplaced, run_command, shuffled

DEMO_CITY = Path("server/demo/weihai-divisions.csv").read_bytes()

NAMES = "code,name,level,parent_code, and perhaps longitude,latitude"
SMALL = (
    "37,威海市,city,",
    "3701,环翠区,district,37",
    "3702,文登区,district,37",
    "370101,竹岛街道,subdistrict,3701",
    "37010101,西门社区,community,370101",
    "37010101-001,第一网格,grid,37010101",
)


async def refused(*rows: str) -> list[BadRow]:
    """Import rows that must be refused; the bad ones. Nothing may have changed."""
    before = await checksum()
    with pytest.raises(FileRefused) as refusal:
        await import_organizations(csv_of(*rows))
    assert await checksum() == before
    return refusal.value.rows


async def test_rows_may_come_in_any_order(app: object) -> None:
    assert await import_organizations(csv_of(*reversed(SMALL))) == Imported(6, 6, 0, 0)
    grid = await by_code("37010101-001")
    assert grid.level is Level.GRID
    assert grid.path.split(".") == [
        (await by_code(code)).id for code in ("37", "3701", "370101", "37010101", "37010101-001")
    ]
    assert await misplaced() == []


async def test_the_demo_city_twice_changes_nothing(app: object) -> None:
    first = await import_organizations(DEMO_CITY)
    assert first == Imported(rows=2849, created=2849, changed=0, moved=0)
    assert await misplaced() == []
    before = await checksum()
    assert await import_organizations(DEMO_CITY) == Imported(2849, 0, 0, 0)
    assert await checksum() == before


async def test_where_a_node_is(app: object) -> None:
    """In two more columns; an empty cell leaves what is known, and a point far from here is refused."""
    head = "code,longitude,latitude,name,level,parent_code\n"
    rows = ["37,,,威海市,city,", "3701,122.12,37.51,环翠区,district,37", "3702,122.05,37.19,文登区,district,37"]
    data = (head + "\n".join(rows)).encode()
    assert await import_organizations(data) == Imported(3, 3, 0, 0)
    assert (await by_code("3701")).location == (122.12, 37.51)
    assert (await by_code("37")).location is None
    assert await import_organizations(data) == Imported(3, 0, 0, 0)
    moved = data.replace(b"122.12,37.51", b"122.13,37.51").replace(b"122.05,37.19", b",")
    assert await import_organizations(moved) == Imported(3, 0, 1, 0)
    assert (await by_code("3701")).location == (122.13, 37.51)
    assert (await by_code("3702")).location == (122.05, 37.19)
    assert await import_organizations(csv_of(*SMALL[:3])) == Imported(3, 0, 0, 0)
    for wrong in (b"37.51,122.12", b"122.12,", b"nan,37", b"east,north", b"1e400,37"):
        with pytest.raises(FileRefused) as refusal:
            await import_organizations(data.replace(b"122.12,37.51", wrong))
        assert [row.line for row in refusal.value.rows] == [3]


async def test_renames_and_new_nodes_update(app: object) -> None:
    await import_organizations(csv_of(*SMALL))
    community = await by_code("37010101")
    done = await import_organizations(
        csv_of(
            "37,威海市,city,",
            "3701,环翠区,district,37",
            "370101,竹岛街道,subdistrict,3701",
            "37010101,西门里社区,community,370101",
            "37010102,塔山社区,community,370101",
        )
    )
    assert done == Imported(rows=5, created=1, changed=1, moved=0)
    renamed = await by_code("37010101")
    assert (renamed.id, renamed.name, renamed.version) == (community.id, "西门里社区", 2)
    assert (await by_code("3702")).name == "文登区", "what the file lacks is left alone"
    assert await misplaced() == []


async def test_moved_nodes_take_their_subtree_along(app: object) -> None:
    await import_organizations(csv_of(*SMALL))
    outside = await create_organization(Level.BUILDING, parent=await by_code("37010101-001"))
    done = await import_organizations(
        csv_of(
            "37,威海市,city,",
            "3703,新区,district,37",
            "370101,竹岛街道,subdistrict,3703",
            "37010102,新社区,community,370101",
        )
    )
    assert done == Imported(rows=4, created=2, changed=1, moved=1)
    assert await misplaced() == []
    await outside.refresh_from_db()
    assert outside.path.split(".")[1] == (await by_code("3703")).id
    assert outside.version == 1, "nothing of the node itself has changed"
    assert (await by_code("370101")).version == 2


async def test_moves_that_lie_inside_one_another(app: object) -> None:
    await import_organizations(csv_of(*SMALL))
    done = await import_organizations(
        csv_of("370101,竹岛街道,subdistrict,3702", "37010101,西门社区,community,3701", "37010101-001,网格,grid,3702")
    )
    assert (done.changed, done.moved) == (3, 3)
    assert await misplaced() == []


async def test_file_onto_an_existing_tree(app: object) -> None:
    city = await create_organization(Level.CITY, code="37", name="威海市")
    done = await import_organizations(csv_of("3701,环翠区,district,37"))
    assert done.created == 1
    assert (await by_code("3701")).path.startswith(f"{city.id}.")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
async def test_encodings(app: object, encoding: str) -> None:
    await import_organizations(csv_of(*SMALL).decode().encode(encoding))
    assert (await by_code("370101")).name == "竹岛街道"


async def test_windows_line_ends_quotes_and_column_order(app: object) -> None:
    text = 'name,code,parent_code,level\r\n"威海市",37,,city\r\n\r\n"区, ""新""", 3701 ,37,district\r\n'
    assert (await import_organizations(text.encode())).rows == 2
    assert (await by_code("3701")).name == '区, "新"'


async def test_every_bad_row_is_listed(app: object) -> None:
    await import_organizations(csv_of(*SMALL))
    closed = await create_organization(Level.DISTRICT, parent=await by_code("37"), code="3709")
    await Organization.filter(id=closed.id).update(closed_at=closed.created_at)
    rows = await refused(
        "37,威海市,city,",
        "3701,,district,37",
        "3703,新区,province,37",
        "3704,四区,district",
        "3704,四区,district,37",
        "370402,街道,subdistrict,9999",
        "370403,街道,subdistrict,3709",
        "3709,九区,district,37",
        "3705,五区,district,370101",
        "3706,六区,district,",
        "3707,七区,city,37",
        f"3708,{'长' * 101},district,37",
        ",无编码,district,37",
        "370101,竹岛街道,grid,3701",
        "370301,街道,subdistrict,3703",
        "3710,坏\x07名,district,37",
    )
    listed = {(row.line, row.problem) for row in rows}
    levels = "city, district, subdistrict, community, grid, building, unit"
    assert listed == {
        (3, "the name is empty"),
        (4, f"the level is province instead of {levels}"),
        (5, "3 columns instead of 4"),
        (6, "the code 3704 is already on line 5"),
        (7, "there is no organization 9999 to be the parent"),
        (9, "the organization 3709 has been closed"),
        (10, "a district cannot lie below the grid 370101"),
        (11, "a district needs a parent_code"),
        (12, "a city cannot lie below the city 37"),
        (13, "the name is longer than 100 characters"),
        (14, "the code is empty"),
        (15, "the community 37010101, which lies below it, cannot lie below a grid"),
        (17, "the name has characters that cannot be shown"),
    }
    assert rows == sorted(rows)


async def test_closed_parent_is_refused(app: object) -> None:
    await import_organizations(csv_of(*SMALL))
    await Organization.filter(code="3702").update(closed_at=(await by_code("3702")).created_at)
    assert await refused("370201,新街道,subdistrict,3702") == [BadRow(2, "the parent 3702 has been closed")]


async def test_circles_are_named(app: object) -> None:
    rows = await refused("1,市,city,", "2,区,district,3", "3,街道,subdistrict,2", "4,社区,community,4")
    problems = {(row.line, row.problem) for row in rows}
    assert (3, "2 would lie below itself") in problems
    assert (5, "4 would lie below itself") in problems


async def test_a_circle_through_what_the_database_has(app: object) -> None:
    await import_organizations(csv_of(*SMALL))
    rows = await refused("3701,环翠区,district,37010101")
    assert BadRow(2, "3701 would lie below itself") in rows


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (
            b"",
            f"line 1: the file is empty; the first line must name the columns {NAMES}",
        ),
        (
            b"code,name,level\n",
            f"line 1: the first line must name the columns {NAMES}",
        ),
        (b"code,name,level,parent_code\n1,\xff\xff,city,\n", "line 2: the text is neither UTF-8 nor GB18030"),
        (b'code,name,level,parent_code\n1,"a"b,city,\n', "line 2: not a CSV row: ',' expected after '\"'"),
        (b"code,name,level,parent_code\n1,a\x00b,city,\n", "line 2: the name has characters that cannot be shown"),
    ],
)
async def test_files_that_are_no_such_csv(app: object, data: bytes, problem: str) -> None:
    with pytest.raises(FileRefused) as refusal:
        await import_organizations(data)
    assert [f"line {row.line}: {row.problem}" for row in refusal.value.rows] == [problem]


async def test_one_audit_entry_with_the_counts(app: object) -> None:
    await import_organizations(csv_of(*SMALL))
    entry = await AuditEntry.get(action="import_organizations")
    assert entry.actor_id is None
    assert entry.organization_id == (await by_code("37")).id
    assert entry.details == {"rows": 6, "created": 6, "changed": 0, "moved": 0}


async def test_the_command(app: object, settings: Settings, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_bytes(csv_of(*SMALL))
    bad.write_bytes(csv_of("1,,city,", "2,区,zone,1"))
    done, refusal = await asyncio.gather(
        *(run_command(settings, "import-organizations", str(path)) for path in (good, bad))
    )
    assert done.code == 0, done
    assert done.output.startswith("Imported 6 rows in ")
    assert done.output.endswith(" s: 6 new, 0 changed (0 of them moved), 0 as before.\n")
    assert refusal.code == 1
    assert refusal.output == ""
    assert refusal.errors.splitlines() == [
        "line 2: the name is empty",
        "line 3: the level is zone instead of city, district, subdistrict, community, grid, building, unit",
        f"Nothing was imported: 2 problems in {bad}.",
    ]
    assert await Organization.all().count() == 6


async def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert await import_file(Path("missing.csv")) == 1
    assert capsys.readouterr().err == "missing.csv cannot be read: No such file or directory.\n"


async def test_thousands_of_rows_in_any_order(app: object) -> None:
    """The short form of the country's size; how it grows is in test_the_whole_country."""
    data = csv_of(*shuffled(country_rows(5000)))
    began = time.monotonic()
    assert (await import_organizations(data)).created == 5000
    assert time.monotonic() - began < 10
    assert await misplaced() == []
    before = await checksum()
    assert await import_organizations(data) == Imported(5000, 0, 0, 0)
    assert await checksum() == before


@pytest.mark.full
async def test_the_whole_country(app: object) -> None:
    """664,000 nodes in under three minutes and 1 GiB, ours and the database's together."""
    data = csv_of(*shuffled(country_rows(664_000)))
    began = time.monotonic()
    assert (await import_organizations(data)).created == 664_000
    seconds = time.monotonic() - began
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    backend = max([most_memory(row["pid"]) for row in await fetch("SELECT pid FROM pg_stat_activity")])
    assert seconds < 180, f"{seconds:.0f} s"
    assert ours + backend < 2**30, f"{(ours + backend) / 2**20:.0f} MiB"


def most_memory(pid: int) -> int:
    """The most bytes that a process has ever held (Linux)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0
