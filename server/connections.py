"""Everything that a process of Linli is connected to, opened and closed together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from server.accounts import consent_texts
from server.background import audit_retention
from server.calendars import feed as calendar_feed
from server.foundation import cache, clock, crypto, database, keys, rates
from server.foundation.replica import watching_replica
from server.foundation.settings import Settings
from server.foundation.skew import watching_skew
from server.media import addresses, storage
from server.media.drawing import fonts
from server.notifications import live
from server.places.rules import use_no_show_rules
from server.wechat import connection as wechat_connection


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[None]:
    """The database, the cache, WeChat, the keys and the clock, for the server, the worker and the commands alike."""
    crypto.use_keys(settings)
    consent_texts.use_texts(settings)
    fonts.use_fonts(settings)
    audit_retention.use_retention(settings)
    use_no_show_rules(settings)
    if not settings.is_production:
        clock.use_movable_clock(settings.data_dir)
    storage.connect(settings)
    addresses.use_base(settings)
    calendar_feed.use_base(settings)
    cache.connect(settings)
    rates.connect(settings)
    wechat_connection.connect(settings)
    try:
        await database.connect(settings)
        await keys.check_keys()
        async with watching_skew(), watching_replica(settings):
            yield
    finally:
        await live.finish_telling()
        await wechat_connection.disconnect()
        await database.disconnect()
        await cache.disconnect()


async def check_first(settings: Settings) -> None:
    """The keys and the connections, before a server's processes begin; a database that is away is waited for. Raises
    KeysWrong."""
    crypto.use_keys(settings)
    await database.wait_until_there(settings)
    try:
        await database.connect(settings)
        await keys.check_keys()
        await database.warn_of_connections(settings)
    finally:
        await database.disconnect()
