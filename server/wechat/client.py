"""wechatpy's client, made asynchronous: one subclass over one pool of httpx connections.

wechatpy's API classes only do `return self._get/_post(...)`, so with `_request` as a coroutine every one of them can be
awaited: `await client.wxa.get_wxa_code(...)`. Paths that start with `/` begin at the host.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx
import msgspec
import structlog
import wechatpy

from server.wechat.errors import NotSent, OutcomeUnknown, TokenStale, WeChatError, error_for
from server.wechat.tokens import Tokens

TIMEOUT_SECONDS = 5.0
CONNECTIONS = 32
KEEPALIVE_SECONDS = 5.0
AWAY_SECONDS = 60.0
"""Between two lines of the log that the platform cannot be reached."""
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)
_JSON = {"content-type": "application/json"}
_PRIVATE_KEYS = ("access_token", "secret", "js_code", "code", "openid", "touser", "session_key", "signature")


log = structlog.get_logger()


class _OnlyWarnings(logging.Filter):
    """Drops httpx's and httpcore's lines about requests: WeChat's addresses hold secrets, tokens and codes."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING


for _name in ("httpx", "httpcore.http11", "httpcore.http2", "httpcore.connection", "httpcore.proxy", "httpcore.socks"):
    logging.getLogger(_name).addFilter(_OnlyWarnings())


class WeChatClient(wechatpy.WeChatClient):
    """Speaks to the platform with a token that is replaced once when the platform calls it stale."""

    def __init__(self, appid: str, secret: str, pool: "Pool", tokens: Tokens) -> None:
        super().__init__(appid, secret, timeout=TIMEOUT_SECONDS)
        self._pool = pool
        self._tokens = tokens

    @property
    def access_token(self) -> str:
        # wechatpy evaluates every property while it constructs the client: only AttributeError passes there.
        raise AttributeError("ask Tokens for the access token: it takes an await")

    async def fetch_access_token(self) -> str:
        return await self._tokens.get()

    async def _request(
        self,
        method: str,
        url_or_endpoint: str,
        *,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        api_base_url: str | None = None,
        result_processor: Callable[[Any], Any] | None = None,
        with_token: bool = True,
        expects_picture: bool = False,
    ) -> Any:
        """Make a call and return its decoded answer (or the picture's bytes). Raises a WeChatError for everything else.

        Only a token that the platform calls stale is followed by a second try: such a call has had no effect. That no
        token could be had says nothing of the call either: it raises NotSent, even where the outcome of fetching the
        token is unknown.
        """
        path = _path_of(url_or_endpoint, api_base_url or self.API_BASE_URL)

        async def attempt(token: str) -> Any:
            query = {**(params or {}), "access_token": token} if token else params
            return await self._pool.call(method, path, params=query, data=data, expects_picture=expects_picture)

        token = await _token_or_not_sent(self._tokens.get()) if with_token else ""
        refused = False
        try:
            answer = await attempt(token)
        except TokenStale:
            if not with_token:
                raise
            refused = True
        if refused:
            answer = await attempt(await _token_or_not_sent(self._tokens.replace(token)))
        return result_processor(answer) if result_processor else answer


async def _token_or_not_sent(fetching: Awaitable[str]) -> str:
    """The token, or NotSent where the platform gave no answer when it was asked for one."""
    try:
        return await fetching
    except OutcomeUnknown as error:
        failure = NotSent(error.errmsg)
    # Outside the except block, as everywhere here: no context may remain.
    raise failure


class Lanes(httpx.AsyncBaseTransport):
    """A pool of transports with one connection each: the last one used is taken first.

    httpx's own pool looks at all its connections and all who wait, several times for each request, which took half of
    the time of sending.
    """

    def __init__(self, verify: ssl.SSLContext | bool, proxy: httpx.Proxy | None) -> None:
        limits = httpx.Limits(max_connections=1, keepalive_expiry=KEEPALIVE_SECONDS)
        self._idle = [httpx.AsyncHTTPTransport(verify=verify, limits=limits, proxy=proxy) for _ in range(CONNECTIONS)]
        self._free = asyncio.Semaphore(CONNECTIONS)  # Fair, which asyncio's queues are not.

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await self._free.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("every connection is busy", request=request) from None
        lane = self._idle.pop()
        try:
            response = await lane.handle_async_request(request)
            await response.aread()
        finally:
            self._idle.append(lane)
            self._free.release()
        return response

    async def aclose(self) -> None:
        for lane in self._idle:
            await lane.aclose()


class Pool:
    """Connections to the platform, a limited number at once, and the one place where an HTTP exchange happens."""

    def __init__(self, base_url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        encrypted = base_url.startswith("https://")
        self._http = httpx.AsyncClient(
            base_url=base_url,
            timeout=TIMEOUT_SECONDS,
            transport=transport or _lanes(base_url, encrypted=encrypted),
            trust_env=False,
        )
        self._said_away_at: float | None = None

    async def aclose(self) -> None:
        await self._http.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        expects_picture: bool = False,
    ) -> Any:
        """One exchange. Every failure is a WeChatError that shows no address and no private value."""
        response = await self._exchange(method, path, params, None if data is None else msgspec.json.encode(data))
        if response.status_code != 200:
            raise OutcomeUnknown(f"{path}: HTTP status {response.status_code}")
        if expects_picture and response.content[:1] != b"{":
            if response.content and response.headers.get("content-type", "").startswith("image/"):
                return response.content
            raise OutcomeUnknown(f"{path}: neither a picture nor JSON")
        return _read_json(response.content, path, _private_values(params, data))

    def _say_away(self, path: str, error: str) -> None:
        """In the log at once, and then now and then."""
        if self._said_away_at is None or time.monotonic() - self._said_away_at >= AWAY_SECONDS:
            self._said_away_at = time.monotonic()
            log.warning("wechat_away", path=path, error=error)

    def _say_there(self) -> None:
        if self._said_away_at is not None:
            self._said_away_at = None
            log.info("wechat_there")

    async def _exchange(
        self, method: str, path: str, params: dict[str, Any] | None, content: bytes | None
    ) -> httpx.Response:
        failure: WeChatError
        try:
            headers = _JSON if content else None
            answer = await self._http.request(method, path, params=params, content=content, headers=headers)
        except httpx.HTTPError as error:
            self._say_away(path, type(error).__name__)
            failure = _failure_of(error, path)
        else:
            self._say_there()
            return answer
        # Raised outside the except block: httpx's exceptions hold the whole request, so not even a context may remain.
        raise failure


def _lanes(base_url: str, *, encrypted: bool) -> Lanes:
    """Through HTTPS_PROXY, believing SSL_CERT_FILE, where these are set; httpx heeds neither once it is given its
    transport. A simulator on this machine is never asked through a proxy."""
    if not encrypted:
        return Lanes(False, None)
    host = urlsplit(base_url).hostname or ""
    found = "" if proxy_bypass(host) else getproxies().get("https", "")
    url = found if "://" in found or not found else f"http://{found}"
    return Lanes(ssl.create_default_context(), httpx.Proxy(url) if url else None)


def _failure_of(error: httpx.HTTPError, path: str) -> WeChatError:
    words = f"{path}: {type(error).__name__}"
    return NotSent(words) if isinstance(error, _NEVER_LEFT) else OutcomeUnknown(words)


def _read_json(content: bytes, path: str, private: list[str]) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        answer = None
    errcode = _as_int(answer.get("errcode", 0)) if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or errcode is None:
        raise OutcomeUnknown(f"{path}: not the JSON of an answer")
    if errcode == 0:
        return answer
    errmsg = str(answer.get("errmsg", ""))
    for value in private:
        errmsg = errmsg.replace(value, "***")
    raise error_for(errcode, f"{path}: {errmsg}")


def _path_of(endpoint: str, api_base_url: str) -> str:
    """The path on the configured host: wechatpy's own API classes name the official host in full."""
    if endpoint.startswith("/"):
        return endpoint
    if endpoint.startswith(("http://", "https://")):
        return urlsplit(endpoint).path
    return urlsplit(api_base_url).path + endpoint


def _private_values(*sent: dict[str, Any] | None) -> list[str]:
    """What the platform may repeat in an errmsg and nobody else should read."""
    return [str(part[key]) for part in sent if part for key in _PRIVATE_KEYS if part.get(key)]


def _as_int(value: object) -> int | None:
    try:
        return int(value)  # type: ignore[call-overload,no-any-return]
    except (TypeError, ValueError):
        return None
