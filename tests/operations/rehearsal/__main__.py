"""python3 dev.py rehearse: a new city from the README alone, on this machine, and a table of what came of it.

Two servers of two processes and two workers behind nginx and HAProxy with TLS, PgBouncer, PostgreSQL without superuser
rights, Valkey with a password and an ACL, and S3 (moto), all of it with certificates of a CA that the city makes.
WeChat is the simulator, which production reaches as the real one, through HTTPS_PROXY. It takes some minutes, and needs
nginx, haproxy, pgbouncer, openssl and a PostgreSQL of the machine's own (PG_BIN).
"""

import argparse
import asyncio
import base64
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from server.demo.stage import Person, Stage, TourFailed
from server.embedded.processes import Embedded, EmbeddedFailed
from server.foundation.settings import RATE_GROUPS
from tests.operations.rehearsal.authority import Authority
from tests.operations.rehearsal.city import ROOT, City, StepFailed, backup, install, release, run
from tests.operations.rehearsal.load import Load
from tests.operations.rehearsal.machines import DEPLOY, PASSWORD, USER, Machines, listening, what_is_missing
from tests.servers import PRODUCTION

NGINX, HAPROXY, POSTGRES, POOLER, VALKEY, STORE, WECHAT, ELSEWHERE = 1, 2, 3, 4, 5, 6, 7, 8
SERVERS = (11, 12)
MOTO = "moto[server,s3]==5.2.5"
MANAGER_PHONE, MANAGER = "13900000001", "王小明"
DIVISIONS = ROOT / "server" / "demo" / "weihai-divisions.csv"
MIGRATION = """
from tortoise import migrations
from tortoise.migrations.operations import RunSQL

class Migration(migrations.Migration):
    dependencies = [("linli", "{last}")]
    initial = False
    operations = [RunSQL("ALTER TABLE person ADD COLUMN rehearsed_at timestamptz", "")]
"""


class Rehearsal:
    def __init__(self, folder: Path, environments: Path) -> None:
        self.folder, self.environments = folder, environments
        self.rows: list[tuple[str, float, str]] = []
        self.machines = Machines(folder, Authority(folder / "authority"))

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[list[str]]:
        """Whatever is put into the list stands in the table."""
        sys.stdout.write(f"{title} …\n")
        sys.stdout.flush()
        found: list[str] = []
        began = time.monotonic()
        yield found
        self.rows.append((title, time.monotonic() - began, ", ".join(found)))
        sys.stdout.write(f"    {', '.join(found)}\n")

    async def play(self) -> None:
        """All steps. Raises StepFailed, TourFailed or EmbeddedFailed."""
        with self.step("install from the lock") as found:
            venv = self.environments / "linli"
            self.python = install(venv, "--require-hashes", "-r", DEPLOY / "requirements.lock")
            size = sum(path.stat().st_size for path in venv.rglob("*") if path.is_file())
            count = len(list(venv.glob("lib/python*/site-packages/*.dist-info")))
            found.append(f"{count} packages, {size / 1e6:.0f} MB")
        with self.step("the machines around it") as found:
            self.program = release(self.folder / "release-1")
            await self._prepare_machines()
            found.append("PostgreSQL, PgBouncer, Valkey, S3, nginx, HAProxy, all with TLS")
        await self._play_staging()
        city = await self._found_city()
        await self._keep_city_going(city)
        await self._move_city(city)
        with self.step("errors in the logs") as found:
            errors = city.errors()
            found.append(f"{len(errors)}")
            for line in errors[:5]:
                sys.stdout.write(f"    {line[:400]}\n")

    async def _prepare_machines(self) -> None:
        machines = self.machines
        self.cluster = machines.start_postgres("postgres", POSTGRES)
        self.pooler = await machines.start_pgbouncer(POOLER, POSTGRES)
        self.valkey = await machines.start_valkey(VALKEY)
        moto = install(self.environments / "moto", MOTO)  # of its own: it wants another python-dateutil than Linli
        self.store = await machines.start_store(moto.with_name("moto_server"), STORE)
        self.nginx, self.haproxy = await machines.start_balancers((NGINX, HAPROXY), SERVERS)
        os.environ["SSL_CERT_FILE"] = str(machines.authority.certificate)  # of our own clients, too

    def _create_database(self, cluster: Embedded, name: str) -> None:
        """As PostgreSQL's superuser does it for the city's role, which is none."""
        sockets = cluster.url.partition("host=")[2].partition("&")[0]
        options = [f"--host={sockets}", "--username=linli"]
        exists = run(["psql", *options, "-XAtc", f"SELECT 1 FROM pg_roles WHERE rolname = '{USER}'", "linli"])
        if not exists.strip():
            role = f"CREATE ROLE {USER} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '{PASSWORD}'"
            run(["psql", *options, "-Xqc", role, "linli"])
        run(["createdb", *options, "-O", USER, "-E", "UTF8", "-T", "template0", name])

    def environ(self, database: str, cache: int, bucket: str) -> dict[str, str]:
        """What every process of a deployment has."""
        return {
            "DATABASE_URL": f"{self.pooler}/{database}",
            "LINLI_DATABASE_STATEMENTS": "0",
            "LINLI_DATABASE_POOL": "5",
            "REDIS_URL": self.valkey.replace("/0?", f"/{cache}?"),
            "S3_BUCKET": bucket,
            "S3_ENDPOINT": self.store,
            "S3_REGION": "any",
            "S3_ACCESS_KEY_ID": "id",
            "S3_SECRET_ACCESS_KEY": "secret",
            "SSL_CERT_FILE": str(self.machines.authority.certificate),
            "LINLI_PUBLIC_URL": self.nginx,
            "LINLI_TRUSTED_PROXIES": "127.0.0.0/8",
            "LINLI_DRAIN_SECONDS": "4",
            "LINLI_KEYS": "k1:" + base64.b64encode(os.urandom(32)).decode(),
            "LINLI_RATE_LIMITS": ",".join(f"{group}=1000000/1000000" for group in RATE_GROUPS),
        }

    async def _make_bucket(self, name: str) -> None:
        async with httpx.AsyncClient() as client:
            (await client.put(f"{self.store}/{name}")).raise_for_status()

    async def _start_simulator(self, name: str, environ: dict[str, str]) -> str:
        """Host and port of a WeChat that pushes to the city."""
        address, port = self.machines.address(WECHAT), "8001" if name == "staging" else "8002"
        self.machines.start(
            f"{name}-wechat",
            [self.python, "-m", "server", "simulator"],
            {
                "PATH": os.environ["PATH"],
                "LINLI_ENV": "demo",
                "LINLI_DATA_DIR": str(self.folder / "data" / f"{name}-wechat"),
                "LINLI_HOST": address,
                "WECHAT_SIMULATOR_PORT": port,
            }
            | environ,
            cwd=self.program,
        )
        await listening(address, int(port))
        return f"{address}:{port}"

    async def _play_staging(self) -> None:
        with self.step("staging: the tour through nginx") as found:
            self._create_database(self.cluster, "staging")
            await self._make_bucket("staging")
            shared = {
                "LINLI_ENV": "demo",
                "LINLI_DATA_DIR": str(self.folder / "data" / "staging"),
                "LINLI_PUBLIC_URL": self.nginx,
                "SSL_CERT_FILE": str(self.machines.authority.certificate),
            }
            wechat = await self._start_simulator("staging", shared)
            environ = self.environ("staging", 1, "staging") | shared | {"WECHAT_API_BASE": f"http://{wechat}"}
            staging = City("staging", self.machines, self.python, self.program, environ, SERVERS)
            await asyncio.to_thread(staging.command, "prepare-demo")
            await staging.start()
            said = await asyncio.to_thread(staging.command, "tour", "--server", self.nginx)
            await staging.stop()
            found.append(f"{said.count(chr(10003))} steps as they should be")

    async def _found_city(self) -> City:
        machines = self.machines
        self._create_database(self.cluster, "city")
        self._create_database(self.cluster, "city_check")
        await self._make_bucket("city")
        wechat = {name: value for name, value in PRODUCTION.items() if name.startswith("WECHAT_")}
        simulator = await self._start_simulator(
            "city", wechat | {"LINLI_PUBLIC_URL": self.nginx, "SSL_CERT_FILE": str(machines.authority.certificate)}
        )
        proxy = await machines.start_wechat(WECHAT, simulator)
        self.simulator = f"http://{simulator}"
        environ = self.environ("city", 2, "city") | wechat
        environ |= {"LINLI_ENV": "production", "LINLI_METRICS_TOKEN": "of-the-city", "HTTPS_PROXY": proxy}
        city = City(
            "city", machines, self.python, self.program, environ | {"NO_PROXY": machines.address(STORE)}, SERVERS
        )
        self.direct = {"DATABASE_URL": machines.database_url(POSTGRES, "city"), "LINLI_DATABASE_STATEMENTS": "200"}
        with self.step("check, before anything") as found:
            said = await asyncio.to_thread(city.command, "check", code=1)
            found.append(f"wrong: {', '.join(_wrong(said))}")
            if _wrong(said) != ["migrations"]:
                raise StepFailed(said)
        with self.step("migrate, through the pooler") as found:
            said = await asyncio.to_thread(city.command, "migrate")
            found.append(f"{said.count('applied')} migrations")
        with self.step("check, and once more past the pooler") as found:
            for changed in ({}, self.direct):
                said = await asyncio.to_thread(city.command, "check", changed=changed)
            found.append(f"{said.count('  ok  ')} parts are right")
        with self.step("import-organizations") as found:
            said = await asyncio.to_thread(city.command, "import-organizations", DIVISIONS)
            found.append(said.strip().splitlines()[-1])
        with self.step("create-manager") as found:
            options = ("--phone", MANAGER_PHONE, "--name", MANAGER, "--organization", "3710")
            found.append((await asyncio.to_thread(city.command, "create-manager", *options)).strip())
        with self.step("serve and worker") as found:
            found.append(f"2 servers of 2 processes and 2 workers ready after {await city.start():.1f} s")
        with self.step("the first manager signs in") as found:
            self.manager = await self._sign_in(MANAGER, MANAGER_PHONE)
            roles = (await self.manager.get("/me"))["roles"]
            found.append(f"{roles[0]['kind']} of {roles[0]['organization_name']}")
        return city

    async def _sign_in(self, name: str, phone: str) -> Person:
        api = httpx.AsyncClient(base_url=self.nginx, timeout=30)
        wechat = httpx.AsyncClient(base_url=self.simulator, timeout=30)
        stage = Stage(api, wechat, lambda _: None)
        made = await stage.wechat("POST", "persons", {"nickname": name, "phone_number": phone})
        person = Person(stage, name, made["openid"], phone)
        await person.sign_in()
        await person.agree("privacy", "sensitive_data")
        code = (await stage.wechat("POST", f"persons/{person.openid}/phone-code", {}))["code"]
        await person.put("/me/phone", {"code": code})
        await person.put("/me/details", {"real_name": name})
        return person

    async def _keep_city_going(self, city: City) -> None:
        people = [await self._sign_in(f"李{'一二三四五六七八'[number]}", f"1390000010{number}") for number in range(8)]
        with self.step("rolling restart under load") as found:
            load = Load(people, (self.nginx, self.haproxy))
            async with load.running():
                await city.restart()
            await self._tell(load, found)
        with self.step("rolling upgrade under load") as found:
            newer = release(self.folder / "release-2")
            last = max(path.stem for path in (newer / "migrations").glob("0*.py"))
            (newer / "migrations" / "9001_rehearsed.py").write_text(MIGRATION.format(last=last))
            load = Load(people, (self.nginx, self.haproxy))
            async with load.running():
                city.program = newer
                found.append((await asyncio.to_thread(city.command, "migrate")).strip())
                await asyncio.sleep(5)  # the balancers look meanwhile
                await city.restart()
            await self._tell(load, found)

    async def _tell(self, load: Load, found: list[str]) -> None:
        kept = await load.kept(self.nginx)
        found.append(f"{len(load.failed)} of {load.total} requests failed, slowest {load.slowest:.1f} s")
        found.append(f"{load.answers['PATCH'] + load.answers['POST']} writes, {len(load.people) - kept} lost")
        if load.failed or kept < len(load.people):
            raise StepFailed(f"failed: {load.failed[:10]}")

    async def _move_city(self, city: City) -> None:
        machines = self.machines
        with self.step("backup, restored to prove it") as found:
            url = self.direct["DATABASE_URL"]
            check_url = machines.database_url(POSTGRES, "city_check")
            dump = await asyncio.to_thread(backup, city.environ, self.folder, url, check_url)
            found.append(f"{dump.stat().st_size / 1e6:.1f} MB")
        before = await self.manager.get("/me/details")
        await city.stop()
        with self.step("restore on another host") as found:
            cluster = machines.start_postgres("elsewhere", ELSEWHERE)
            self._create_database(cluster, "city")
            url = machines.database_url(ELSEWHERE, "city")
            restore: list[str | Path] = [
                "pg_restore",
                "--exit-on-error",
                "--single-transaction",
                "--no-owner",
                f"--dbname={url}",
                dump,
            ]
            await asyncio.to_thread(run, restore)
            environ = city.environ | {"DATABASE_URL": url, "REDIS_URL": self.valkey.replace("/0?", "/3?")}
            moved = City("moved", machines, self.python, city.program, environ, SERVERS)
            found.append((await asyncio.to_thread(moved.command, "migrate")).strip())
            await asyncio.to_thread(moved.command, "check")
            found.append((await asyncio.to_thread(moved.command, "end-queued-messages")).strip().split(";")[0])
            await moved.start()
            if await self.manager.get("/me/details") != before:
                raise StepFailed("the manager's details are not what they were")
            found.append("the manager is still signed in and has the same name")
            await moved.stop()


def _wrong(said: str) -> list[str]:
    return [line.split()[0] for line in said.splitlines() if line[:1] != " " and "  wrong  " in line]


async def rehearse(folder: Path, environments: Path) -> int:
    rehearsal = Rehearsal(folder, environments)
    code = 0
    try:
        await rehearsal.play()
    except (StepFailed, TourFailed, EmbeddedFailed, TimeoutError) as failure:
        sys.stderr.write(f"\n{failure}\nThe logs are in {folder}.\n")
        code = 1
    finally:
        await asyncio.to_thread(rehearsal.machines.close)
    width = max((len(title) for title, _, _ in rehearsal.rows), default=0)
    sys.stdout.write("\n")
    for title, seconds, found in rehearsal.rows:
        sys.stdout.write(f"{title:{width}}  {seconds:6.1f} s  {found}\n")
    return code


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev.py rehearse", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the folder with the logs")
    parser.add_argument("--environments", type=Path, help="keep what is installed in this folder, and use it again")
    options = parser.parse_args()
    if missing := what_is_missing():
        sys.stderr.write(
            f"The rehearsal needs {', '.join(missing)}, which this machine lacks (on Debian: apt install).\n"
        )
        return 2
    folder = Path(tempfile.mkdtemp(prefix="linli-rehearsal-"))
    folder.chmod(0o755)  # PostgreSQL and PgBouncer are other users
    code = asyncio.run(rehearse(folder, options.environments or folder))
    if code == 0 and not options.keep:
        shutil.rmtree(folder)
    return code


if __name__ == "__main__":
    sys.exit(main())
