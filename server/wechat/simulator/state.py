"""What the simulated platform knows, and its snapshot on disk."""

import base64
import contextlib
import itertools
import os
import secrets
import threading
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from server.foundation import clock

CODE_LIFE = timedelta(minutes=5)
TOKEN_LIFE = timedelta(seconds=7200)
TOKEN_OVERLAP = timedelta(minutes=5)
OUTBOX_LIMIT = 50_000
_FILE = "wechat-simulator.json"


class Person(msgspec.Struct):
    openid: str
    nickname: str
    phone_number: str
    session_key: str
    active_at: datetime
    unionid: str = ""


class Code(msgspec.Struct):
    """A login or phone code: it works once, within five minutes."""

    kind: str
    openid: str
    expires_at: datetime
    used: bool = False


class Message(msgspec.Struct):
    """A subscribe message that the platform has accepted."""

    number: int
    msgid: str
    openid: str
    template_id: str
    template: str
    title: str
    fields: list[tuple[str, str]]
    """What the person reads: label and value, in the template's order."""
    data: dict[str, str]
    page: str
    miniprogram_state: str
    lang: str
    sent_at: datetime


class AccessToken(msgspec.Struct):
    value: str
    expires_at: datetime


class Saved(msgspec.Struct):
    """The part that outlives a restart."""

    persons: dict[str, Person] = {}
    codes: dict[str, Code] = {}
    grants: dict[str, int] = {}
    outbox: list[Message] = []
    stable: AccessToken | None = None
    tokens: dict[str, AccessToken] = {}
    forced: list[datetime] = []
    messages_sent: int = 0


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Something that goes wrong on purpose, on the next `times` calls of `path` (every path where it is empty)."""

    path: str = ""
    errcode: int | None = None
    errmsg: str = "injected fault"
    status: int | None = None
    garbage: bool = False
    """Answer with something that is not JSON."""
    latency: float = 0
    disconnect: bool = False
    when: str = "before"
    """`before` or `after` the platform has done what was asked."""
    times: int = 1
    """-1: for ever."""
    probability: float = 1


class Pushes(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How pushes go out."""

    enabled: bool = True
    url: str = ""
    """Empty: the server's own /wechat/push."""
    format: str = "json"
    encrypted: bool = True
    duplicates: int = 0
    delay_seconds: float = 0
    retry_pause_seconds: float = 1


class PictureVerdict(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    suggest: str
    label: int = 20002
    times: int = 1


class State:
    """Everything, in memory; `Saved` goes to disk now and then, never while a request waits."""

    def __init__(self, data_dir: Path | None) -> None:
        self._path = data_dir / _FILE if data_dir else None
        self._writing = threading.Lock()
        self.saved = self._load()
        self.message_counts = Counter(message.openid for message in self.saved.outbox)
        self.dirty = False
        self.reset_rules()

    def reset_rules(self) -> None:
        """Forget faults, limits and counters: what a test sets, as against what people have done."""
        self.faults: list[Fault] = []
        self.pushes = Pushes()
        self.picture_verdicts: list[PictureVerdict] = []
        self.limits: dict[str, tuple[int, int]] = {}
        self.calls: Counter[tuple[str, str]] = Counter()
        self.counters: Counter[str] = Counter()
        self.sending: set[str] = set()
        self.sticky_token = ""
        self.pages: list[str] = []
        self.send_seconds = 0.002
        self._traces = itertools.count(1)

    def reset(self) -> None:
        self.saved = Saved()
        self.message_counts = Counter()
        self.dirty = True
        self.reset_rules()

    def create_person(self, openid: str = "", nickname: str = "", phone_number: str = "") -> Person:
        """A person who has WeChat; one who exists keeps what is not given."""
        known = self.saved.persons.get(openid)
        person = known or Person(
            openid=openid or "o" + secrets.token_urlsafe(24)[:27],
            nickname=nickname or f"居民{len(self.saved.persons) + 1}",
            phone_number=phone_number or f"139{secrets.randbelow(10**8):08}",
            session_key=make_session_key(),
            active_at=clock.now(),
        )
        person.nickname = nickname or person.nickname
        person.phone_number = phone_number or person.phone_number
        self.saved.persons[person.openid] = person
        self.dirty = True
        return person

    def create_code(self, kind: str, openid: str) -> str:
        code = "0" + secrets.token_hex(15 if kind == "login" else 31) + "x"
        now = clock.now()
        if len(self.saved.codes) > 1000:
            self.saved.codes = {key: old for key, old in self.saved.codes.items() if old.expires_at > now - CODE_LIFE}
        self.saved.codes[code] = Code(kind, openid, now + CODE_LIFE)
        self.saved.persons[openid].active_at = now
        self.dirty = True
        return code

    def add_grant(self, openid: str, template_id: str) -> int:
        key = f"{openid} {template_id}"
        self.saved.grants[key] = self.saved.grants.get(key, 0) + 1
        self.dirty = True
        return self.saved.grants[key]

    def grants_of(self, openid: str) -> dict[str, int]:
        return {
            key.partition(" ")[2]: count
            for key, count in self.saved.grants.items()
            if count and key.startswith(f"{openid} ")
        }

    def issue_token(self, stable: bool, force: bool = False) -> AccessToken:
        """A new token; the one before it lives five minutes more, or ends at once when forced."""
        now = clock.now()
        old = self.saved.stable
        if stable and old and old.value in self.saved.tokens:
            if force:
                del self.saved.tokens[old.value]
            else:
                old.expires_at = min(old.expires_at, now + TOKEN_OVERLAP)
        token = AccessToken(f"{secrets.randbelow(90) + 10}_{secrets.token_urlsafe(100)}", now + TOKEN_LIFE)
        self.saved.tokens = {key: one for key, one in self.saved.tokens.items() if one.expires_at > now - TOKEN_LIFE}
        self.saved.tokens[token.value] = token
        if stable:
            self.saved.stable = token
        self.counters["tokens_issued"] += 1
        self.dirty = True
        return token

    def revoke_tokens(self, sticky: bool) -> None:
        """End every token. Sticky: the stable endpoint keeps giving the dead one until it is forced."""
        self.sticky_token = self.saved.stable.value if sticky and self.saved.stable else ""
        self.saved.tokens = {}
        if not sticky:
            self.saved.stable = None
        self.dirty = True

    def add_message(self, message: Message) -> None:
        self.saved.outbox.append(message)
        self.message_counts[message.openid] += 1
        if len(self.saved.outbox) > OUTBOX_LIMIT:
            del self.saved.outbox[: OUTBOX_LIMIT // 10]
        self.dirty = True

    def count_call(self, path: str, minute_limit: int, day_limit: int) -> str:
        """Count a call against its limits; returns `minute` or `day` when one is passed, else nothing."""
        minute_limit, day_limit = self.limits.get(path, (minute_limit, day_limit))
        local = clock.shanghai(clock.now())
        minute, day = f"{path} {local:%Y%m%d%H%M}", f"{path} {local:%Y%m%d}"
        if len(self.calls) > 10_000:
            self.calls.clear()
        self.calls["minute", minute] += 1
        self.calls["day", day] += 1
        if self.calls["day", day] > day_limit:
            return "day"
        return "minute" if self.calls["minute", minute] > minute_limit else ""

    def next_trace_id(self) -> str:
        return f"{secrets.token_hex(4)}-{secrets.token_hex(4)}-{next(self._traces):08x}"

    def save(self) -> None:
        """Write the snapshot, whole or not at all."""
        self.write(self.encode())

    def encode(self) -> bytes:
        self.dirty = False
        return msgspec.json.encode(self.saved)

    def write(self, content: bytes) -> None:
        if self._path is None:
            return
        with self._writing:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replacement = self._path.with_name(f"{_FILE}.{os.getpid()}")
            replacement.write_bytes(content)
            replacement.replace(self._path)

    def _load(self) -> Saved:
        if self._path is not None:
            with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
                return msgspec.json.decode(self._path.read_bytes(), type=Saved)
        return Saved()


def make_session_key() -> str:
    return base64.b64encode(secrets.token_bytes(16)).decode()
