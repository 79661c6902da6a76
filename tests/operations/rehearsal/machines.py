"""The machines around Linli: each an address of this machine's own network, with the program that runs there."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import server.operations
from server.embedded.postgres import start_postgres
from server.embedded.processes import Embedded, account_for, die_with_parent
from server.embedded.valkey import find_valkey
from tests.operations.rehearsal.authority import Authority
from tests.servers import pipe

DEPLOY = Path(server.operations.__file__).parent / "deploy"
WECHAT = "api.weixin.qq.com"
USER, PASSWORD = "city", "S3cret-of-the-city"
NEEDED = ("nginx", "haproxy", "pgbouncer", "openssl", "postgres")


def what_is_missing() -> list[str]:
    """Programs that the rehearsal needs and this machine lacks. The wheel's PostgreSQL has no TLS: it must be one of
    PG_BIN's or the machine's own."""
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    programs = os.environ.setdefault("PG_BIN", str(packaged[-1]) if packaged else "")
    os.environ["PATH"] = f"{programs}:{os.environ['PATH']}:/usr/sbin:/sbin"
    return [program for program in NEEDED if not shutil.which(program)]


class Machines:
    """All of them; `close` stops what was started, the last first."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.folder, self.authority = folder, authority
        self._network = f"127.{100 + os.getpid() % 100}.0."
        self._to_stop: list[Callable[[], Any]] = []

    def address(self, number: int) -> str:
        return f"{self._network}{number}"

    def close(self) -> None:
        while self._to_stop:
            self._to_stop.pop()()

    def start(
        self,
        name: str,
        command: list[str | Path],
        environ: dict[str, str] | None = None,
        *,
        cwd: Path | None = None,
        user: str = "",
    ) -> subprocess.Popen[bytes]:
        """A program, with a log of its own; it ends with us at the latest."""
        owner = pwd.getpwnam(user) if user and os.geteuid() == 0 else None
        options: dict[str, Any] = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                command, env=environ, cwd=cwd, stdout=log, stderr=log, preexec_fn=die_with_parent(), **options
            )
        self._to_stop.append(lambda: stop(process))
        return process

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def start_postgres(self, name: str, number: int) -> Embedded:
        """A cluster that lets `city` in over TLS with a SCRAM password alone; its superuser comes by the socket."""
        data, address = self.folder / name, self.address(number)
        data.mkdir(mode=0o755)
        account = account_for(data / "postgres")
        certificate, key = self.authority.sign(address)
        if account:
            os.chown(key, account.uid, account.gid)
        hba = data / "pg_hba.conf"
        hba.write_text("local all linli trust\nhostssl all city 127.0.0.0/8 scram-sha-256\n")
        cluster = start_postgres(
            data,
            listen_addresses=address,
            hba_file=str(hba),
            ssl="on",
            ssl_cert_file=str(certificate),
            ssl_key_file=str(key),
            password_encryption="scram-sha-256",
        )
        self._to_stop.append(cluster.stop)
        return cluster

    def database_url(self, number: int, database: str) -> str:
        """Of a cluster itself, whose certificate is looked at."""
        query = f"sslmode=verify-full&sslrootcert={self.authority.certificate}"
        return f"postgresql://{USER}:{PASSWORD}@{self.address(number)}/{database}?{query}"

    async def start_pgbouncer(self, number: int, postgres: int) -> str:
        """In front of a cluster, to which it speaks TLS and SCRAM; the address without the database."""
        address, folder = self.address(number), self.folder / "pgbouncer"
        folder.mkdir(mode=0o755)
        users = folder / "userlist.txt"
        users.write_text(f'"{USER}" "{PASSWORD}"\n')
        config = _changed(
            folder / "pgbouncer.ini",
            "pgbouncer.ini",
            ("host=127.0.0.1", f"host={self.address(postgres)}"),
            ("listen_addr = 127.0.0.1", f"listen_addr = {address}"),
            ("/etc/pgbouncer/userlist.txt", str(users)),
            (";server_tls_sslmode", "server_tls_sslmode"),
            (";server_tls_ca_file = /etc/pgbouncer/ca.pem", f"server_tls_ca_file = {self.authority.certificate}"),
        )
        self.start("pgbouncer", ["pgbouncer", config], user="nobody")
        await listening(address, 6432)
        return f"postgresql://{USER}:{PASSWORD}@{address}:6432"

    async def start_valkey(self, number: int) -> str:
        """With a password and a user who may do what Linli does; the wheel's has no TLS, so HAProxy ends it in front.
        REDIS_URL but for the database."""
        address, folder = self.address(number), self.folder / "valkey"
        folder.mkdir()
        config = folder / "valkey.conf"
        config.write_text(
            f"bind {address}\nport 6379\ndir {folder}\nsave ''\n"
            f"user default off\nuser {USER} on >{PASSWORD} ~* &* +@all -@admin -@dangerous\n"
        )
        self.start("valkey", [find_valkey(), config])
        await listening(address, 6379)
        ends_tls = folder / "haproxy.cfg"
        ends_tls.write_text(
            "defaults\n  mode tcp\n  timeout connect 2s\n  timeout client 1h\n  timeout server 1h\n"
            f"listen valkey\n  bind {address}:6380 ssl crt {self._both(address)}\n  server a {address}:6379\n"
        )
        self.start("valkey-tls", ["haproxy", "-db", "-f", ends_tls])
        await listening(address, 6380)
        return f"rediss://{USER}:{PASSWORD}@{address}:6380/0?ssl_ca_certs={self.authority.certificate}"

    async def start_store(self, moto_server: Path, number: int) -> str:
        """S3 as moto plays it, behind TLS of the city's authority; its endpoint."""
        address = self.address(number)
        certificate, key = self.authority.sign(address)
        self.start("store", [moto_server, "-H", address, "-p", "9000", "-c", certificate, "-k", key])
        await listening(address, 9000)
        return f"https://{address}:9000"

    async def start_balancers(self, numbers: tuple[int, int], servers: tuple[int, int]) -> tuple[str, str]:
        """nginx and HAProxy with our files, in front of the same two servers; where each answers."""
        addresses = tuple(map(self.address, numbers))
        one, other = (f"{self.address(number)}:8000" for number in servers)
        places = (("127.0.0.1:8000", one), ("127.0.0.1:8010", other))
        certificate, key = self.authority.sign(addresses[0])
        nginx = _changed(
            self.folder / "nginx.conf",
            "nginx.conf",
            *places,
            ("/var/log/nginx/error.log", "stderr"),
            ("/var/log/nginx/access.log", str(self.folder / "nginx-access.log")),
            ("/run/nginx.pid", str(self.folder / "nginx.pid")),
            ("listen 443 ssl", f"listen {addresses[0]}:8443 ssl"),
            ("/etc/nginx/linli.pem", str(certificate)),
            ("/etc/nginx/linli.key", str(key)),
        )
        self.start("nginx", ["nginx", "-c", nginx, "-p", self.folder, "-g", "daemon off;"])
        haproxy = _changed(
            self.folder / "haproxy.cfg",
            "haproxy.cfg",
            *places,
            ("log /dev/log local0", "log stdout format raw local0"),
            ("bind :443", f"bind {addresses[1]}:8443"),
            ("/etc/haproxy/linli.pem", str(self._both(addresses[1]))),
        )
        self.start("haproxy", ["haproxy", "-db", "-f", haproxy])
        for address in addresses:
            await listening(address, 8443)
        return f"https://{addresses[0]}:8443", f"https://{addresses[1]}:8443"

    def _both(self, address: str) -> Path:
        """Certificate and key in one file, as HAProxy has them."""
        certificate, key = self.authority.sign(address)
        both = certificate.with_suffix(".both")
        both.write_text(certificate.read_text() + key.read_text())
        return both

    async def start_wechat(self, number: int, simulator: str) -> str:
        """What production takes for the real WeChat: HTTPS_PROXY leads to it, and the city's authority vouches for it.
        Behind it is the simulator. The proxy's address."""
        address = self.address(number)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self.authority.sign(WECHAT))

        async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
            with contextlib.suppress(OSError):
                theirs, ours = await asyncio.open_connection(host, port)
                await asyncio.gather(pipe(reader, ours), pipe(theirs, writer))

        async def end_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            host, _, port = simulator.rpartition(":")
            await join(reader, writer, host, int(port))

        async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(f"CONNECT {WECHAT}:443 ".encode()):
                writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
                writer.close()
                return
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await join(reader, writer, address, 443)

        self._listeners = [  # kept, or they would be collected; they end with our loop
            await asyncio.start_server(end_tls, address, 443, ssl=context),
            await asyncio.start_server(connect, address, 3128),
        ]
        return f"http://{address}:3128"


def stop(process: subprocess.Popen[bytes]) -> None:
    """In good order, or after a while by force."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


async def listening(address: str, port: int, process: subprocess.Popen[bytes] | None = None) -> None:
    """Wait until somebody does. Raises TimeoutError, at once where `process` has ended."""
    deadline = time.monotonic() + 120
    while True:
        try:
            _, writer = await asyncio.open_connection(address, port)
        except OSError:
            if time.monotonic() > deadline or (process and process.poll() is not None):
                raise TimeoutError(f"nobody listens on {address}:{port}") from None
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


def _changed(path: Path, name: str, *changes: tuple[str, str]) -> Path:
    """Our file in `deploy`, with what it says is yours."""
    text = (DEPLOY / name).read_text()
    for ours, theirs in changes:
        if ours not in text:
            raise ValueError(f"{name} no longer has {ours}")
        text = text.replace(ours, theirs)
    path.write_text(text)
    return path
