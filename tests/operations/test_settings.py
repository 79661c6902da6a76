"""What an operator writes wrongly is said in a sentence that shows no secret."""

import os
import ssl
import subprocess
import sys
from pathlib import Path

import certifi
import msgspec
import pytest

from server.__main__ import main
from server.foundation.database import tortoise_config
from server.foundation.settings import SECRETS, Settings, load_settings
from tests.operations.test_operations import problems_of
from tests.servers import PRODUCTION

SECRET = "Geheim-8472"
DEMO = {"LINLI_ENV": "demo"}


@pytest.mark.parametrize(
    ("name", "url", "told"),
    [
        ("DATABASE_URL", f"postgresql://linli:{SECRET}/x@db/linli", "%2F for /"),
        ("DATABASE_URL", f"postgresql://linli:{SECRET}#x@db/linli", "%23 for #"),
        ("DATABASE_URL", f"postgresql://linli:{SECRET}?x@db/linli", "%3F for ?"),
        ("DATABASE_URL", f"postgresql://linli:{SECRET}@x@db/linli", "%40 for @"),
        ("DATABASE_URL", f"postgresql://linli:{SECRET}[x@db/linli", "%5B for ["),
        ("DATABASE_URL", f"postgresql://linli:{SECRET}%x@db/linli", "%25 for %"),
        ("DATABASE_URL", f"postgresql://linli:{SECRET} x@db/linli", "a space is %20"),
        ("DATABASE_URL", f"postgresql://linli:{SECRET}@db:{SECRET}/linli", "port cannot be read"),
        ("DATABASE_URL", f"postgresql://linli:{SECRET}@db:99999/linli", "port cannot be read"),
        ("DATABASE_URL", f"linli:{SECRET}@db/linli", "must start with postgresql://"),
        ("DATABASE_URL", f"asyncpg://linli:{SECRET}@db/linli", "must start with postgresql://"),
        ("DATABASE_URL", f"postgresql://linli:{SECRET}@a,b/linli", "several hosts"),
        ("DATABASE_URL", f"postgresql://linli:{SECRET}@db/linli?pool_size=5", "not known (pool_size)"),
        ("DATABASE_URL", f"postgresql://linli:{SECRET}@db/linli?{SECRET}=5", "not known (…)"),
        ("DATABASE_URL", f"postgresql://linli:{SECRET}@db/linli?sslmode=full", "sslmode must be one of"),
        ("DATABASE_URL", f"postgresql://linli:{SECRET}@db/linli?sslmode=verify-full&sslrootcert=/nowhere", "no file"),
        ("REDIS_URL", f"redis://:{SECRET}/x@cache/0", "%2F for /"),
        ("REDIS_URL", f"redis://:{SECRET}@cache/zero", "database's number"),
        ("REDIS_URL", f"redis://:{SECRET}@cache/0?timeout=5", "not known (timeout)"),
        ("REDIS_URL", f"redis+sentinel://:{SECRET}@a,b/0", "Sentinel and Cluster are not supported"),
        ("REDIS_URL", f"rediss+cluster://:{SECRET}@a/0", "Sentinel and Cluster are not supported"),
        ("REDIS_URL", f"redis://:{SECRET}@a,b/0", "several hosts"),
        ("LINLI_PUBLIC_URL", "https://linli.example.cn/api", "no path"),
        ("LINLI_PUBLIC_URL", "https://linli.example.cn?a=b", "not known (a)"),
        ("LINLI_PUBLIC_URL", f"https://linli:{SECRET}@linli.example.cn", "no user"),
        ("LINLI_PUBLIC_URL", "https://", "must name a host"),
        ("LINLI_PUBLIC_URL", "https://邻里", "must name a host"),
        ("LINLI_PUBLIC_URL", "linli.example.cn", "must start with https://"),
        ("S3_ENDPOINT", f"https://key:{SECRET}@s3.example.cn", "no user"),
        ("WECHAT_API_BASE", "ftp://api.weixin.qq.com", "must start with https://"),
    ],
)
def test_a_url_that_cannot_be_meant(name: str, url: str, told: str) -> None:
    problems = problems_of(DEMO | {"S3_BUCKET": "pictures", name: url})
    assert [problem.partition(":")[0] for problem in problems] == [name]
    assert told in problems[0]
    assert SECRET not in problems[0]


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "postgresql://linli:p%40ss%2Fw%23%3F%25@db:6432/linli?sslmode=require"),
        ("DATABASE_URL", f"postgresql://linli:x@[::1]/linli?sslmode=verify-full&sslrootcert={__file__}"),
        ("DATABASE_URL", "postgresql://linli@/linli?host=/run/postgresql&port=5433"),
        ("REDIS_URL", "rediss://linli:p%40ss@cache:6380/2?ssl_ca_certs=/etc/ssl/ca.pem"),
        ("REDIS_URL", "unix:///run/valkey.sock"),
        ("LINLI_PUBLIC_URL", "https://linli.example.cn:8443/"),
        ("S3_ENDPOINT", "http://127.0.0.1:9000/storage"),
    ],
)
def test_a_url_that_can(name: str, url: str) -> None:
    settings = load_settings(DEMO | {"S3_BUCKET": "pictures", name: url})
    assert url in msgspec.structs.astuple(settings)


def test_a_database_of_ones_own_is_not_silently_the_demos() -> None:
    problems = problems_of({"DATABASE_URL": "postgresql://linli@db/linli"})
    assert problems == ["LINLI_ENV: say production, or demo, where DATABASE_URL is given"]


def test_a_misspelt_name_is_refused() -> None:
    problems = problems_of({"LINLI_WORKRES": "4", "LINLI_QUITE_OTHER": "1", "WECHAT_SECRETS": SECRET})
    assert problems == [
        "LINLI_QUITE_OTHER: there is no such setting",
        "LINLI_WORKRES: there is no such setting; is LINLI_WORKERS meant?",
        "WECHAT_SECRETS: there is no such setting; is WECHAT_SECRET meant?",
    ]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("LINLI_WORKERS", "1000"),
        ("LINLI_AUDIT_DAYS", "1000000000"),
        ("LINLI_SESSION_DAYS", "1000000000"),
        ("LINLI_DATABASE_POOL", "100000"),
        ("LINLI_DRAIN_SECONDS", "86400"),
        ("LINLI_GRACEFUL_SECONDS", "86400"),
    ],
)
def test_absurd_numbers_are_refused(name: str, number: str) -> None:
    (problem,) = problems_of({name: number})
    assert problem.startswith(f"{name}: must be ")


def test_pictures_in_a_folder_are_said_to_be_meant() -> None:
    """A picture that one server keeps in a folder of its own would be 404 at the next."""
    (problem,) = problems_of({name: text for name, text in PRODUCTION.items() if name != "S3_BUCKET"})
    assert problem.startswith("S3_BUCKET: production needs one, or folder ")
    assert load_settings(PRODUCTION).bucket == ""
    assert load_settings(PRODUCTION | {"S3_BUCKET": "pictures"}).bucket == "pictures"
    (problem,) = problems_of(PRODUCTION | {"S3_ENDPOINT": "https://s3.example.cn"})
    assert problem == "S3_BUCKET: S3_ENDPOINT is given without it"


# Secrets from files


def test_every_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    wanted = PRODUCTION | {
        "DATABASE_URL": f"postgresql://linli:{SECRET}@db/linli",
        "DATABASE_REPLICA_URL": f"postgresql://linli:{SECRET}@replica/linli",
        "REDIS_URL": f"redis://:{SECRET}@cache/0",
        "LINLI_INDEX_KEY": PRODUCTION["LINLI_KEYS"],
        "S3_BUCKET": "pictures",
        "S3_ACCESS_KEY_ID": "id",
        "S3_SECRET_ACCESS_KEY": SECRET,
    }
    environ = {name: text for name, text in wanted.items() if name not in SECRETS}
    for name in SECRETS:
        (tmp_path / name).write_text(f"{wanted[name]}\n")
        environ[f"{name}_FILE"] = str(tmp_path / name)
    assert load_settings(environ) == load_settings(wanted)


def test_a_file_that_cannot_be_read_or_is_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    environ = {
        "REDIS_URL_FILE": str(tmp_path / "absent"),
        "WECHAT_SECRET_FILE": str(tmp_path / "empty"),
        "LINLI_KEYS_FILE": str(tmp_path / "binary"),
        "LINLI_METRICS_TOKEN": SECRET,
        "LINLI_METRICS_TOKEN_FILE": str(tmp_path / "empty"),
        "S3_SECRET_ACCESS_KEY_FILE": f"https://{SECRET}",
        "LINLI_PORT_FILE": str(tmp_path / "empty"),
    }
    assert sorted(problems_of(environ)) == [
        f"LINLI_KEYS_FILE: {tmp_path}/binary is not text",
        "LINLI_METRICS_TOKEN_FILE: LINLI_METRICS_TOKEN is given too",
        "LINLI_PORT_FILE: there is no such setting; is LINLI_PORT meant?",
        f"REDIS_URL_FILE: {tmp_path}/absent cannot be read: No such file or directory",
        "S3_SECRET_ACCESS_KEY_FILE: what it names cannot be read: No such file or directory",
        f"WECHAT_SECRET_FILE: {tmp_path}/empty is empty",
    ]


# Commands


@pytest.mark.parametrize("command", ["demo", "prepare-demo", "simulator", "tour"])
def test_a_real_city_gets_no_demo_people(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in (PRODUCTION | {"DATABASE_URL": "postgresql://127.0.0.1:1/x"}).items():
        monkeypatch.setenv(name, text)
    assert main([command]) == 2
    assert capsys.readouterr().err == "LINLI_ENV is production: this command is for demo and staging only.\n"


def test_a_process_says_what_is_wrong_without_the_password() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "server", "migrate"],
        env={"PATH": os.environ["PATH"], "LINLI_ENV": "test", "DATABASE_URL": f"postgresql://linli:{SECRET}#1@db/x"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("The settings cannot be used:\n  - DATABASE_URL: ")
    assert SECRET not in done.stderr


@pytest.mark.parametrize(("mode", "checks_name"), [("verify-full", True), ("verify-ca", False)])
def test_the_database_is_believed_by_the_citys_own_ca(mode: str, checks_name: bool) -> None:
    url = f"postgresql://linli:x@db/linli?sslmode={mode}&sslrootcert={certifi.where()}"
    context = tortoise_config(Settings(database_url=url))["connections"]["default"]["credentials"]["ssl"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname is checks_name
    assert context.cert_store_stats()["x509_ca"] > 0


def test_the_server_and_the_simulator_have_a_port_each() -> None:
    told = problems_of(DEMO | {"LINLI_PORT": "8001"})
    assert told == ["LINLI_PORT: 8001 is WECHAT_SIMULATOR_PORT too; the two need a port each"]
    assert load_settings(DEMO | {"LINLI_PORT": "8001", "WECHAT_SIMULATOR_PORT": "8002"}).port == 8001
    assert load_settings(DEMO | {"LINLI_PORT": "8001", "WECHAT_API_BASE": "https://api.weixin.qq.com"}).port == 8001
