"""What those who run Linli rely on: health, metrics, request ids, addresses, settings and logs."""

import asyncio
import contextlib
import io
import json
import logging
import os
import re
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
import structlog
from sanic import Sanic
from sanic.compat import Header

from server.app import may_read_metrics
from server.foundation import cache, schema
from server.foundation.hops import caller_address
from server.foundation.http import as_refusal
from server.foundation.logs import configure_logs
from server.foundation.settings import DEMO_KEY, ENVIRONMENT_NAMES, Settings, SettingsInvalid, load_settings
from server.media import storage
from tests.clients import Api
from tests.servers import PRODUCTION, Server

FROM_MODELS = bool(os.environ.get("LINLI_SCHEMA_FROM_MODELS"))
REQUEST_ID = re.compile(r"[0-9a-f]{24}")


# Health


async def readiness(api: Api) -> tuple[int, dict[str, str]]:
    response = await api.client.get("/readyz")
    return response.status_code, response.json()


async def test_alive(api: Api) -> None:
    assert (await api.client.get("/healthz")).json() == {"status": "ok"}


async def test_balancers_may_ask_with_head(api: Api) -> None:
    for path in ("/healthz", "/readyz"):
        response = await api.client.head(path)
        assert (response.status_code, response.content) in ((200, b""), (503, b""))


GOOD = {"status": "ready", "database": "ok", "keys": "ok", "media": "ok", "cache": "ok"}


@pytest.fixture
def no_missing_migrations(monkeypatch: pytest.MonkeyPatch) -> None:
    if FROM_MODELS:
        give_migrations(monkeypatch)


def give_migrations(
    monkeypatch: pytest.MonkeyPatch, missing: Sequence[str] = (), unknown: Sequence[str] = (), error: Any = None
) -> None:
    async def compare() -> tuple[Sequence[str], Sequence[str]]:
        if error:
            raise error
        return missing, unknown

    monkeypatch.setattr(schema, "compare_migrations", compare)


async def test_ready(api: Api, no_missing_migrations: None) -> None:
    assert await readiness(api) == (200, GOOD)


async def test_ready_without_the_cache(
    api: Api, no_missing_migrations: None, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    for name in ("_client", "_breaker", "_url"):
        monkeypatch.setattr(cache, name, getattr(cache, name))
    cache.connect(msgspec.structs.replace(settings, redis_url="unix:///nowhere/valkey.sock"))
    assert await readiness(api) == (200, GOOD | {"cache": "unreachable"})


async def test_not_ready_while_migrations_are_missing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    give_migrations(monkeypatch, missing=["0008_a", "0009_b"])
    assert await readiness(api) == (503, GOOD | {"status": "not_ready", "database": "2 migrations missing"})


async def test_not_ready_with_the_database_of_a_newer_program(
    api: Api, app: Sanic[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.ctx, "has_fitted", False)
    give_migrations(monkeypatch, unknown=["9999_later"])
    assert await readiness(api) == (503, GOOD | {"status": "not_ready", "database": "newer"})


async def test_ready_until_its_turn_comes_when_the_database_is_migrated(
    api: Api, app: Sanic[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a balancer that asks would take every server out at once."""
    monkeypatch.setattr(app.ctx, "has_fitted", False)
    give_migrations(monkeypatch)
    assert await readiness(api) == (200, GOOD)
    give_migrations(monkeypatch, unknown=["9999_later"])
    assert await readiness(api) == (200, GOOD | {"database": "newer"})


async def test_not_ready_without_the_database_and_nothing_internal_is_told(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(url: str) -> None:
        raise ConnectionRefusedError("cannot connect to db-7.internal:5432 as linli")

    give_migrations(monkeypatch, error=ConnectionRefusedError("cannot connect to db-7.internal:5432 as linli"))
    monkeypatch.setattr(asyncpg, "connect", refuse)
    assert await readiness(api) == (503, GOOD | {"status": "not_ready", "database": "unreachable"})


async def test_busy_is_not_away(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """While all connections of the pool are in use; a balancer that took every process out would make it an outage."""
    give_migrations(monkeypatch, error=TimeoutError())
    assert await readiness(api) == (200, GOOD | {"database": "busy"})


async def test_an_answer_in_three_seconds_whatever_hangs(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(schema, "compare_migrations", hang)
    monkeypatch.setattr(asyncpg, "connect", hang)
    monkeypatch.setattr(cache, "is_alive", hang)
    monkeypatch.setattr(storage, "why_not_writable", hang)
    began = time.perf_counter()
    status, told = await readiness(api)
    assert time.perf_counter() - began < 3.5
    assert (status, told["database"], told["cache"], told["media"]) == (503, "unreachable", "unreachable", "unknown")


async def test_not_ready_where_nothing_can_be_stored(
    api: Api, no_missing_migrations: None, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(storage, "_store", storage._store)
    storage.connect(msgspec.structs.replace(settings, data_dir=settings.data_dir / "other"))
    folder = settings.data_dir / "other" / "media"
    folder.rmdir()
    folder.write_text("no folder")
    assert await readiness(api) == (503, GOOD | {"status": "not_ready", "media": "unwritable"})


async def test_a_balancer_stops_first(settings: Settings, tmp_path: Path, migrated: None) -> None:
    server = Server(settings, tmp_path, LINLI_DRAIN_SECONDS="2")
    await server.start()
    async with httpx.AsyncClient(base_url=server.url) as client:
        assert server.process
        server.process.send_signal(signal.SIGTERM)
        while (told := (await client.get("/readyz")).json())["status"] == "ready":
            await asyncio.sleep(0.02)
        assert told["status"] == "draining"
        # Whoever was sent here before is still answered.
        assert (await client.get("/api/v1/consent-texts")).status_code == 200
    assert await asyncio.to_thread(server.process.wait, 20) == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConnectionRefusedError("secret host"), "unavailable"),
        (FileNotFoundError("/run/secret.sock"), "unavailable"),
        (TimeoutError(), "unavailable"),
        (asyncpg.ConnectionDoesNotExistError("secret"), "unavailable"),
        (asyncpg.CannotConnectNowError("secret"), "unavailable"),
        (asyncpg.InterfaceError("connection is closed"), "unavailable"),
        (asyncpg.exceptions.DataError("secret"), "internal_error"),
        (asyncpg.UndefinedTableError("secret"), "internal_error"),
        (ValueError("secret"), "internal_error"),
    ],
)
def test_what_goes_wrong_inside_is_told_without_details(error: Exception, code: str) -> None:
    refusal = as_refusal(error)
    assert (refusal.code, refusal.detail, refusal.errors, refusal.facts) == (code, "", [], {})


# Metrics


@pytest.mark.parametrize(
    ("token", "address", "authorization", "may"),
    [
        ("", "127.0.0.1", "", True),
        ("", "::1", "", True),
        ("", "203.0.113.9", "", False),
        ("", "203.0.113.9", "Bearer ", False),
        ("", "", "", False),
        ("right", "203.0.113.9", "Bearer right", True),
        ("right", "127.0.0.1", "", False),
        ("right", "127.0.0.1", "Bearer wrong", False),
        ("right", "127.0.0.1", "Bearer right-and-more", False),
        ("right", "127.0.0.1", "Bearer 令牌", False),
    ],
)
def test_who_may_read_the_metrics(token: str, address: str, authorization: str, may: bool) -> None:
    assert may_read_metrics(Settings(metrics_token=token), address, authorization) is may


async def test_operations_are_counted_by_name(api: Api) -> None:
    await api.refused("GET", "/me", code="not_signed_in")
    await api.client.get("/nothing/here")
    text = (await api.client.get("/metrics")).text
    assert 'linli_requests_total{operation="unknown",status="404"}' in text
    assert "/nothing" not in text


# Request ids


async def test_a_given_request_id_is_kept(api: Api) -> None:
    response = await api.send("GET", "/nothing", headers={"x-request-id": "proxy-id_1234"})
    assert response.headers["x-request-id"] == response.json()["request_id"] == "proxy-id_1234"


@pytest.mark.parametrize("given", ["", "short", "a" * 65, "with space in it", "line%0abreak", "<script>alert"])
async def test_a_malformed_request_id_is_replaced(api: Api, given: str) -> None:
    response = await api.send("GET", "/nothing", headers={"x-request-id": given})
    assert REQUEST_ID.fullmatch(response.headers["x-request-id"])
    assert response.json()["request_id"] == response.headers["x-request-id"]


# The caller's address


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "address"),
    [
        ("203.0.113.9", "", (), "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", (), "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", ("10.0.0.0/8",), "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", ("10.0.0.1",), "10.0.0.2"),
        ("10.0.0.1", "198.51.100.1,, ,10.0.0.2", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "", ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", "1.1.1.1, <script>", ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", "1.1.1.1, unknown, 10.0.0.2", ("10.0.0.0/8",), "10.0.0.1"),
        ("fd00::1", "2001:db8::9", ("fd00::/8",), "2001:db8::9"),
        ("", "198.51.100.1", ("10.0.0.0/8",), ""),
        ("10.0.0.1", "203.0.113.9:4711", ("10.0.0.0/8",), "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, 10.0.0.2:80", ("10.0.0.0/8",), "203.0.113.9"),
        ("10.0.0.1", "[2001:db8::9]:4711", ("10.0.0.0/8",), "2001:db8::9"),
        ("10.0.0.1", "[2001:db8::9]", ("10.0.0.0/8",), "2001:db8::9"),
        ("10.0.0.1", "2001:DB8:0::9", ("10.0.0.0/8",), "2001:db8::9"),
        ("10.0.0.1", "fe80::1%eth0", ("10.0.0.0/8",), "fe80::1"),
        ("10.0.0.1", "::ffff:203.0.113.9", ("10.0.0.0/8",), "203.0.113.9"),
        ("::ffff:10.0.0.1", "203.0.113.9", ("10.0.0.0/8",), "203.0.113.9"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.9:port", ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.9:99999", ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", "1.1.1.1, [2001:db8::9", ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", "1.1.1.1, [2001:db8::9]x", ("10.0.0.0/8",), "10.0.0.1"),
        # HAProxy puts a line of its own below the caller's.
        ("10.0.0.1", "6.6.6.6|198.51.100.1", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6|198.51.100.1|10.0.0.2", ("10.0.0.0/8",), "198.51.100.1"),
    ],
)
def test_the_callers_address(peer: str, forwarded: str, trusted: tuple[str, ...], address: str) -> None:
    """Only what a trusted proxy has added is believed: whatever stands further left, the caller may have made up."""
    headers = Header([("X-Forwarded-For", line) for line in forwarded.split("|") if line])
    request: Any = SimpleNamespace(ip=peer, headers=headers)
    assert caller_address(request, trusted) == address


# Settings


def problems_of(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsInvalid) as invalid:
        load_settings(environ)
    return invalid.value.problems


def test_nothing_need_be_set() -> None:
    assert load_settings({}) == Settings()


def test_all_problems_are_listed_at_once() -> None:
    wrong = {
        "LINLI_ENV": "staging",
        "LINLI_PORT": "http",
        "WECHAT_SIMULATOR_PORT": "70000",
        "LINLI_WORKERS": "0",
        "LINLI_DATABASE_POOL": "1",
        "LINLI_DEBUG": "perhaps",
        "LINLI_LOG_LEVEL": "loud",
        "LINLI_CIPHER": "rot13",
        "LINLI_KEYS": "one:c2hvcnQ=",
        "DATABASE_URL": "mysql://localhost/linli",
        "REDIS_URL": "localhost:6379",
        "WECHAT_PUSH_AES_KEY": "short",
        "WECHAT_TEMPLATES": "wish_progress",
        "LINLI_TRUSTED_PROXIES": "10.0.0.0/8, proxy.internal",
        "LINLI_RATE_LIMITS": "read=many",
    }
    problems = problems_of(wrong)
    assert {problem.partition(":")[0] for problem in problems} == set(wrong)
    assert len(problems) == len(wrong)


def test_a_bucket_needs_all_of_its_settings() -> None:
    wrong = {"S3_ENDPOINT": "oss-cn-qingdao.aliyuncs.com", "S3_ACCESS_KEY_ID": "id"}
    refused = {problem.partition(":")[0] for problem in problems_of(wrong)}
    assert refused == {"S3_ENDPOINT", "S3_BUCKET", "S3_SECRET_ACCESS_KEY"}


def test_production_refuses_what_a_demo_may_do() -> None:
    refused = {problem.partition(":")[0] for problem in problems_of({"LINLI_ENV": "production", "LINLI_DEBUG": "1"})}
    assert refused >= {
        "LINLI_DEBUG",
        "LINLI_KEYS",
        "LINLI_PUBLIC_URL",
        "LINLI_TRUSTED_PROXIES",
        "LINLI_METRICS_TOKEN",
        "WECHAT_APPID",
        "WECHAT_SECRET",
        "WECHAT_PUSH_TOKEN",
        "WECHAT_PUSH_AES_KEY",
        "WECHAT_TEMPLATES",
    }
    assert "WECHAT_API_BASE" not in refused
    plain = problems_of(PRODUCTION | {"WECHAT_PUSH_AES_KEY": "plain"})
    assert plain == ["WECHAT_PUSH_AES_KEY: production needs encrypted pushes"]
    simulated = problems_of({"LINLI_ENV": "production", "WECHAT_API_BASE": "http://127.0.0.1:8001"})
    assert any(problem.startswith("WECHAT_API_BASE") for problem in simulated)


def test_production_takes_safe_settings() -> None:
    assert load_settings(PRODUCTION).is_production
    assert load_settings(PRODUCTION).keys != DEMO_KEY
    assert load_settings(PRODUCTION).proxies == ()
    assert load_settings(PRODUCTION | {"LINLI_TRUSTED_PROXIES": "10.0.0.0/8"}).proxies == ("10.0.0.0/8",)
    mixed = problems_of(PRODUCTION | {"LINLI_TRUSTED_PROXIES": "none, 10.0.0.0/8"})
    assert mixed == ["LINLI_TRUSTED_PROXIES: none is not an address or a network"]


def test_every_setting_has_a_variable() -> None:
    assert set(ENVIRONMENT_NAMES) == {field.name for field in msgspec.structs.fields(Settings)}
    assert len(set(ENVIRONMENT_NAMES.values())) == len(ENVIRONMENT_NAMES)


# Logs


@pytest.fixture
def logged(settings: Settings) -> Iterator[Any]:
    """What is logged, as production would log it: call it with settings for that, and without for the text so far."""

    def start_or_read(other: Settings | None = None) -> str:
        if other:
            with contextlib.redirect_stderr(stream):
                configure_logs(other)
        return stream.getvalue()

    stream = io.StringIO()
    start_or_read(msgspec.structs.replace(settings, log_level="info"))
    yield start_or_read
    configure_logs(settings)


PHONE, OPENID, TOKEN = "13800138000", "oLinli-0123456789abcdefghijk", "TokenTokenTokenTokenTokenTokenTokenTokenTok"


def fail_with(text: str) -> Exception:
    """An exception with a traceback, caused by another, both quoting what they choke on."""
    try:
        try:
            int(f"x{text}")
        except ValueError as cause:
            raise RuntimeError(f"cannot use {text}") from cause
    except RuntimeError as error:
        return error
    raise AssertionError


def test_exceptions_are_logged_without_their_words(logged: Any) -> None:
    structlog.get_logger().error("it_failed", exc_info=fail_with(PHONE))
    line = json.loads(logged())
    assert PHONE not in json.dumps(line)
    assert line["event"] == "it_failed"
    assert "ValueError" in line["exception"]
    assert "RuntimeError" in line["exception"]
    assert "in fail_with" in line["exception"]


def test_groups_of_exceptions_too(logged: Any) -> None:
    structlog.get_logger().error("it_failed", exc_info=ExceptionGroup(PHONE, [fail_with(PHONE), KeyError(OPENID)]))
    text = logged()
    assert PHONE not in text
    assert OPENID not in text
    assert "KeyError" in text


def test_other_libraries_messages_are_cut_down(logged: Any) -> None:
    logging.getLogger("other").warning("calling %s with %s", f"https://host/?phone={PHONE}", TOKEN)
    line = json.loads(logged())
    assert (line["event"], line["logger"], line["level"]) == ("calling %s with %s", "other", "warning")
    # What asyncio says of a task that failed quotes the exception below its first line.
    logging.getLogger("asyncio").error("Task exception was never retrieved\nValueError(%r)", PHONE)
    # Sanic logs some exceptions as the message itself.
    logging.getLogger("sanic.error").error(ValueError(PHONE), exc_info=fail_with(PHONE))
    text = logged()
    assert PHONE not in text
    assert "never retrieved" in text


def test_values_of_personal_keys_are_hidden(logged: Any) -> None:
    structlog.get_logger().info(
        "it_was", phone=PHONE, body={"openid": OPENID, "deep": {"access_token": TOKEN}}, count=3
    )
    text = logged()
    assert not any(secret in text for secret in (PHONE, OPENID, TOKEN))
    assert json.loads(text)["count"] == 3


def test_debugging_shows_everything(settings: Settings, logged: Any) -> None:
    logged(msgspec.structs.replace(settings, debug=True, log_level="info"))
    structlog.get_logger().error("it_failed", exc_info=fail_with(PHONE))
    logging.getLogger("other").warning("calling %s", PHONE)
    assert logged().count(PHONE) >= 3
