"""What the operator decides, read once from the environment and checked as a whole."""

import base64
import binascii
import ipaddress
import os
import re
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from server.foundation.environment import read_environment
from server.foundation.urls import UrlInvalid, check_database_url, check_endpoint, check_origin, check_redis_url

DEMO_KEY = "demo:" + base64.b64encode(b"linli demo key, not for real use").decode()
DEMO_APPID = "wxdemo0000000000lin"
DEMO_WECHAT_SECRET = "demo-secret"  # noqa: S105 (refused in production)
DEMO_PUSH_TOKEN = "demo-push-token"  # noqa: S105 (refused in production)
DEMO_PUSH_AES_KEY = "LinliDemoAESKeyLinliDemoAESKeyLinliDemoAESK"
WECHAT_API = "https://api.weixin.qq.com"
NO_PROXY = "none"
"""In place of the proxies' addresses: connections come from the callers themselves."""
NO_BUCKET = "folder"
"""In place of the bucket: pictures lie in the data folder, which every server and worker sees."""
PLAIN_PUSHES = "plain"
"""In place of the push key: WeChat pushes without encrypting (明文模式)."""
_PUSH_KEY = re.compile("[A-Za-z0-9]{43}")


class Environment(StrEnum):
    DEMO = "demo"
    TEST = "test"
    PRODUCTION = "production"


class SettingsInvalid(Exception):
    """The environment cannot be used; `problems` lists every reason, one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One deployment's settings. Sizes are bytes, times are seconds, unless the name says otherwise."""

    environment: Environment = Environment.DEMO
    data_dir: Path = Path(".data")
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    public_url: str = ""
    debug: bool = False
    log_level: str = "info"

    database_url: str = ""
    database_replica_url: str = ""
    database_pool: int = 10
    database_statements: int = 200
    redis_url: str = ""

    keys: str = DEMO_KEY
    index_key: str = ""
    cipher: str = "aes-gcm"

    s3_bucket: str = ""
    s3_endpoint: str = ""
    s3_region: str = ""
    s3_access_key_id: str = ""
    s3_secret_access_key: str = ""

    wechat_api_base: str = ""
    wechat_appid: str = DEMO_APPID
    wechat_secret: str = DEMO_WECHAT_SECRET
    wechat_push_token: str = DEMO_PUSH_TOKEN
    wechat_push_aes_key: str = DEMO_PUSH_AES_KEY
    wechat_templates: str = ""
    wechat_miniprogram_state: str = "formal"
    simulator_port: int = 8001

    trusted_proxies: tuple[str, ...] = ()
    metrics_token: str = ""
    session_days: int = 30
    audit_days: int = 730
    drain_seconds: int = 0
    graceful_seconds: int = 15
    no_show_rules: str = ""
    rate_limits: str = ""
    consent_texts: Path = Path()
    fonts: Path = Path()

    @property
    def is_production(self) -> bool:
        return self.environment is Environment.PRODUCTION

    @property
    def bucket(self) -> str:
        """The bucket for pictures; empty for the data folder."""
        return "" if self.s3_bucket == NO_BUCKET else self.s3_bucket

    @property
    def proxies(self) -> tuple[str, ...]:
        """Addresses and networks whose X-Forwarded-For is believed."""
        return () if self.trusted_proxies == (NO_PROXY,) else self.trusted_proxies

    @property
    def public_base(self) -> str:
        """Where phones and WeChat reach this server, without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def wechat_base(self) -> str:
        """The WeChat platform, or the simulator that stands in for it."""
        if self.wechat_api_base:
            return self.wechat_api_base.rstrip("/")
        if self.is_production:
            return WECHAT_API
        return f"http://{self.host}:{self.simulator_port}"


_NAMED_AS_THEY_ARE = ("database_url", "database_replica_url", "redis_url", "s3_", "wechat_")
ENVIRONMENT_NAMES = {
    name: name.upper() if name.startswith(_NAMED_AS_THEY_ARE) else f"LINLI_{name.upper()}"
    for name in Settings.__struct_fields__
} | {"environment": "LINLI_ENV", "simulator_port": "WECHAT_SIMULATOR_PORT"}
"""Field → environment variable. The README's configuration table is checked against this."""
SECRETS = (
    *(
        "DATABASE_URL",
        "DATABASE_REPLICA_URL",
        "REDIS_URL",
        "LINLI_KEYS",
        "LINLI_INDEX_KEY",
        "LINLI_METRICS_TOKEN",
        "S3_ACCESS_KEY_ID",
    ),
    *("S3_SECRET_ACCESS_KEY", "WECHAT_SECRET", "WECHAT_PUSH_TOKEN", "WECHAT_PUSH_AES_KEY"),
)
"""What may stand in a file instead: NAME_FILE names it."""


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from `environ`. Raises SettingsInvalid with every problem at once."""
    problems: list[str] = []
    texts = read_environment(environ, ENVIRONMENT_NAMES.values(), SECRETS, problems)
    if "DATABASE_URL" in texts and "LINLI_ENV" not in texts:
        problems.append("LINLI_ENV: say production, or demo, where DATABASE_URL is given")
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(Settings):
        name = ENVIRONMENT_NAMES[field.name]
        text = texts.get(name, "")
        if not text:
            continue
        raw: object = tuple(part.strip() for part in text.split(",")) if field.name == "trusted_proxies" else text
        try:
            values[field.name] = Path(text) if field.type is Path else msgspec.convert(raw, field.type, strict=False)
        except msgspec.ValidationError as error:
            problems.append(f"{name}: {error}")
    settings = Settings(**values)  # type: ignore[arg-type]
    problems += _check_values(settings)
    if settings.is_production:
        problems += _check_production(settings)
    if problems:
        raise SettingsInvalid(problems)
    return settings


def parse_keys(text: str) -> dict[str, bytes]:
    """`id:base64,id:base64` → id → 32 bytes; the first is the one that new data are encrypted with."""
    keys: dict[str, bytes] = {}
    for part in text.split(","):
        key_id, _, encoded = part.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not key_id or len(key) != 32:
            raise ValueError("each key is id:base64 of 32 random bytes")
        if key_id in keys:
            raise ValueError(f"the key id {key_id} is given twice")
        keys[key_id] = key
    return keys


def parse_index_key(text: str) -> tuple[str, bytes] | None:
    """One key, as LINLI_KEYS has them; None for an empty text."""
    if not text:
        return None
    keys = parse_keys(text)
    if len(keys) != 1:
        raise ValueError("there is one index key, id:base64")
    return next(iter(keys.items()))


def parse_templates(text: str) -> dict[str, str]:
    """`name=id,name=id` → name → id. Which names there are is for server/wechat/templates.py to know."""
    ids: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, separator, template_id = (piece.strip() for piece in part.partition("="))
        if not separator or not name or not template_id:
            raise ValueError(f"{part} is not name=id")
        if name in ids:
            raise ValueError(f"{name} is given twice")
        if template_id in ids.values():
            raise ValueError(f"{template_id} is given to two templates")
        ids[name] = template_id
    return ids


NO_SHOW_PURPOSES = ("shift_role", "slot", "post")
"""What no-shows are counted for, each by itself (see server.places.models.Purpose)."""


def parse_no_show_rules(text: str) -> dict[str, tuple[int, int, int]]:
    """`shift_role=2/90/30,slot=3/90/30`: purpose → which no-show, within how many days, blocks for how many."""
    rules: dict[str, tuple[int, int, int]] = {}
    for name, (to_block, within_days, block_days) in _parse_figures(text, NO_SHOW_PURPOSES, "shift_role=2/90/30"):
        if not (1 <= to_block <= 100 and 1 <= within_days <= 3650 and 0 <= block_days <= 3650):
            raise ValueError("needs 1 to 100 no-shows within 1 to 3650 days, and a block of at most 3650 days")
        rules[name] = (to_block, within_days, block_days)
    return rules


RATE_GROUPS = ("read", "write", "reviewed", "finding", "drawing", "codes", "sign_in", "pictures")
"""What requests are counted by (see server.foundation.rates.Group)."""


def parse_rate_limits(text: str) -> dict[str, tuple[int, int]]:
    """`read=100/200,codes=20/60`: group → how often a person, and how often an address."""
    rates: dict[str, tuple[int, int]] = {}
    for name, (person, address) in _parse_figures(text, RATE_GROUPS, "read=100/200"):
        if not (1 <= person <= 1_000_000 and 1 <= address <= 1_000_000):
            raise ValueError("needs numbers from 1 to 1000000")
        rates[name] = (person, address)
    return rates


def _parse_figures(text: str, names: tuple[str, ...], example: str) -> Iterator[tuple[str, list[int]]]:
    """Each part of a list like `example`, which has one of `names` and as many figures. Raises ValueError."""
    seen: set[str] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, figures = part.partition("=")
        numbers = figures.split("/")
        has_all = len(numbers) == example.count("/") + 1 and all(map(str.isdecimal, numbers))
        if name not in names or name in seen or not has_all:
            raise ValueError(f"must be like {example}, for {', '.join(names)}, each once")
        seen.add(name)
        yield name, [int(number) for number in numbers]


def _check_values(settings: Settings) -> list[str]:
    wrong = {
        "LINLI_CIPHER: must be aes-gcm or sm4-gcm": settings.cipher not in ("aes-gcm", "sm4-gcm"),
        "LINLI_LOG_LEVEL: must be debug, info, warning or error": settings.log_level
        not in ("debug", "info", "warning", "error"),
        "S3_BUCKET: S3_ENDPOINT is given without it": bool(settings.s3_endpoint) and not settings.bucket,
        "S3_SECRET_ACCESS_KEY: goes together with S3_ACCESS_KEY_ID": bool(settings.s3_access_key_id)
        != bool(settings.s3_secret_access_key),
        f"WECHAT_PUSH_AES_KEY: must have 43 letters and digits, or be {PLAIN_PUSHES}": (
            settings.wechat_push_aes_key != PLAIN_PUSHES and not _PUSH_KEY.fullmatch(settings.wechat_push_aes_key)
        ),
        "WECHAT_MINIPROGRAM_STATE: must be formal, trial or developer": settings.wechat_miniprogram_state
        not in ("formal", "trial", "developer"),
        f"LINLI_FONTS: {settings.fonts} is no folder": bool(settings.fonts.name) and not settings.fonts.is_dir(),
    }
    return [
        *_check_numbers(settings),
        *_check_addresses(settings),
        *(problem for problem, is_wrong in wrong.items() if is_wrong),
        *_check_lists(settings),
    ]


def _check_numbers(settings: Settings) -> list[str]:
    problems = [
        f"{ENVIRONMENT_NAMES[name]}: must be between 1 and 65535"
        for name in ("port", "simulator_port")
        if not 0 < getattr(settings, name) < 65536
    ]
    if settings.port == settings.simulator_port and not (settings.is_production or settings.wechat_api_base):
        problems.append(f"LINLI_PORT: {settings.port} is WECHAT_SIMULATOR_PORT too; the two need a port each")
    problems += [
        f"{ENVIRONMENT_NAMES[name]}: must be between {least} and {most}"
        for name, (least, most) in _RANGES.items()
        if not least <= getattr(settings, name) <= most
    ]
    if settings.audit_days < 184:
        problems.append("LINLI_AUDIT_DAYS: must be at least 184, since logs are kept for six months by law")
    if settings.audit_days > 36_500:
        problems.append("LINLI_AUDIT_DAYS: must be at most 36500")
    return problems


_RANGES = {
    "workers": (1, 64),
    "session_days": (1, 3650),
    "drain_seconds": (0, 600),
    "graceful_seconds": (1, 600),
    "database_pool": (2, 1000),
    "database_statements": (0, 10_000),
}


def _check_addresses(settings: Settings) -> list[str]:
    """What is given of these can be read as an address of its kind."""
    readers: dict[str, tuple[str, Callable[[str], None]]] = {
        "DATABASE_URL": (settings.database_url, check_database_url),
        "DATABASE_REPLICA_URL": (settings.database_replica_url, check_database_url),
        "REDIS_URL": (settings.redis_url, check_redis_url),
        "S3_ENDPOINT": (settings.s3_endpoint, check_endpoint),
        "LINLI_PUBLIC_URL": (settings.public_url, check_origin),
        "WECHAT_API_BASE": (settings.wechat_api_base, check_endpoint),
    }
    problems = []
    for name, (url, check) in readers.items():
        try:
            if url:
                check(url)
        except UrlInvalid as error:
            problems.append(f"{name}: {error}")
    return problems


def _check_lists(settings: Settings) -> list[str]:
    """What has a syntax of its own can be read."""
    problems = []
    readers: dict[str, tuple[Callable[[Any], object], object]] = {
        "LINLI_KEYS": (parse_keys, settings.keys),
        "LINLI_INDEX_KEY": (parse_index_key, settings.index_key),
        "WECHAT_TEMPLATES": (parse_templates, settings.wechat_templates),
        "LINLI_NO_SHOW_RULES": (parse_no_show_rules, settings.no_show_rules),
        "LINLI_RATE_LIMITS": (parse_rate_limits, settings.rate_limits),
    }
    for name, (read, text) in readers.items():
        try:
            read(text)
        except ValueError as error:
            problems.append(f"{name}: {error}")
    for proxy in settings.proxies:
        try:
            ipaddress.ip_network(proxy, strict=False)
        except ValueError:
            problems.append(f"LINLI_TRUSTED_PROXIES: {proxy} is not an address or a network")
    return problems


def _check_production(settings: Settings) -> list[str]:
    """What a demo may do and a city's real deployment may not."""
    unsafe = {
        "LINLI_DEBUG: must be off in production": settings.debug,
        "LINLI_KEYS: production needs keys of its own": settings.keys == DEMO_KEY,
        f"S3_BUCKET: production needs one, or {NO_BUCKET} where all servers and workers share one LINLI_DATA_DIR": (
            not settings.s3_bucket
        ),
        "LINLI_PUBLIC_URL: production needs the https address that WeChat reaches": not settings.public_url.startswith(
            "https://"
        ),
        "WECHAT_API_BASE: production speaks to the real WeChat only": settings.wechat_base != WECHAT_API,
        "WECHAT_APPID: production needs the mini-program's own": settings.wechat_appid == DEMO_APPID,
        "WECHAT_SECRET: production needs the mini-program's own": settings.wechat_secret == DEMO_WECHAT_SECRET,
        "WECHAT_PUSH_TOKEN: production needs a token of its own": settings.wechat_push_token == DEMO_PUSH_TOKEN,
        "WECHAT_PUSH_AES_KEY: production needs a key of its own": settings.wechat_push_aes_key == DEMO_PUSH_AES_KEY,
        # Their signature does not cover what they say.
        "WECHAT_PUSH_AES_KEY: production needs encrypted pushes": settings.wechat_push_aes_key == PLAIN_PUSHES,
        "WECHAT_TEMPLATES: production needs the ids of its subscribe templates": not settings.wechat_templates,
        # Behind a proxy that is not told, everybody would have its address: one caller's limits would be everybody's.
        f"LINLI_TRUSTED_PROXIES: production needs its proxies' addresses, or {NO_PROXY} where there are none": (
            not settings.trusted_proxies
        ),
        "LINLI_METRICS_TOKEN: production needs one: /metrics is on the public listener": not settings.metrics_token,
    }
    return [problem for problem, applies in unsafe.items() if applies]
