"""This process's connection to WeChat, and who its people are there."""

from collections.abc import Awaitable, Callable, Iterable

import httpx

from server.foundation import cache
from server.foundation.settings import Settings
from server.wechat.api import WeChat
from server.wechat.templates import TemplateIds

FindOpenids = Callable[[Iterable[str], str], Awaitable[dict[str, str]]]
FindPerson = Callable[[str, str], Awaitable[str | None]]

_platform: WeChat | None = None
_templates: TemplateIds | None = None
_find_openids: FindOpenids | None = None
_find_person: FindPerson | None = None


def connect(settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> None:
    """Make the client. Nothing is sent yet: a platform that is away must not keep the server from starting.

    `transport` is for tests. Raises ValueError when WECHAT_TEMPLATES cannot be read.
    """
    global _platform, _templates
    _templates = TemplateIds(settings)
    _platform = WeChat(settings, cache.client(), transport)


async def disconnect() -> None:
    global _platform
    if _platform is not None:
        await _platform.aclose()
        _platform = None


def platform() -> WeChat:
    """WeChat. Raises RuntimeError before `connect`."""
    if _platform is None:
        raise RuntimeError("wechat.connection.connect was not called")
    return _platform


def template_ids() -> TemplateIds:
    """The ids of this deployment's subscribe templates. Raises RuntimeError before `connect`."""
    if _templates is None:
        raise RuntimeError("wechat.connection.connect was not called")
    return _templates


def use_identities(find_openids: FindOpenids, find_person: FindPerson) -> None:
    """Be told, by wiring, how persons and openids are found: accounts stand above this layer."""
    global _find_openids, _find_person
    _find_openids, _find_person = find_openids, find_person


async def openid_of(person_id: str) -> str | None:
    """The person's WeChat account in this mini-program; None for someone who never signed in."""
    if _find_openids is None:
        raise RuntimeError("wechat.connection.use_identities was not called")
    return (await _find_openids([person_id], platform().appid)).get(person_id)


async def person_of(openid: str) -> str | None:
    """Whose WeChat account this is; None for one that never signed in."""
    if _find_person is None:
        raise RuntimeError("wechat.connection.use_identities was not called")
    return await _find_person(openid, platform().appid)
