"""What the simulated platform thinks of texts and pictures: it goes by marked words.

【违规】 is risky, 【广告】 risky as an advertisement, 【复核】 wants review; anything else passes. A picture is judged
by the verdict set for the next picture at /admin/picture-verdicts, or by its colour: mostly red is risky, mostly yellow
wants review. That survives what a server does to a picture before it shows it.
"""

import asyncio
import io
import ipaddress
from typing import Any
from urllib.parse import urlsplit

import httpx
from PIL import Image

from server.wechat.simulator.pushes import PushSender
from server.wechat.simulator.state import State

MARKS = {"【违规】": ("risky", 20006), "【广告】": ("risky", 10001), "【复核】": ("review", 21000)}
_PICTURE_LIMIT = 10 * 1024 * 1024


def check_content(text: str) -> tuple[str, int]:
    """suggest and label of a text."""
    for mark, verdict in MARKS.items():
        if mark in text:
            return verdict
    return "pass", 100


async def check_media(state: State, pushes: PushSender, openid: str, url: str, trace_id: str) -> None:
    """Download the picture as the platform does, and push the verdict."""
    content = await _download(pushes.pool, url)
    if content is None:
        pushes.picture_checked(openid, trace_id, None, errcode=-1008)
        return
    pushes.picture_checked(openid, trace_id, await asyncio.to_thread(_judge_picture, state, content))


def _judge_picture(state: State, content: bytes) -> tuple[str, int]:
    for verdict in state.picture_verdicts:
        verdict.times -= 1
        if verdict.times <= 0:
            state.picture_verdicts.remove(verdict)
        return verdict.suggest, verdict.label
    try:
        with Image.open(io.BytesIO(content)) as picture:
            picture.draft("RGB", (64, 64))
            red, green, blue = picture.convert("RGB").resize((1, 1), Image.Resampling.BOX).tobytes()
    except (OSError, ValueError, Image.DecompressionBombError):
        return "review", 21000
    if red > 180 and blue < 90:
        return ("risky", 20002) if green < 90 else ("review", 21000) if green > 160 else ("pass", 100)
    return "pass", 100


async def _download(pool: httpx.AsyncClient, url: str) -> bytes | None:
    """The picture's bytes; from this machine only, since a demo has no business elsewhere."""
    if not _is_loopback(urlsplit(url)):
        return None
    try:
        async with asyncio.timeout(10), pool.stream("GET", url) as response:
            if response.status_code != 200:
                return None
            content = b""
            async for part in response.aiter_bytes():
                content += part
                if len(content) > _PICTURE_LIMIT:
                    return None
            return content
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
        return None


def _is_loopback(address: Any) -> bool:
    if address.scheme not in ("http", "https") or not address.hostname:
        return False
    if address.hostname == "localhost" or address.hostname.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(address.hostname).is_loopback
    except ValueError:
        return False
