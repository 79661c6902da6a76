"""Pictures belong to what they are attached to; what belongs to nothing vanishes after a day."""

import asyncio
from contextvars import Context
from datetime import timedelta
from pathlib import Path

import pytest

from server.background import sweeps
from server.background.sweeps import RowsFailed
from server.foundation import clock
from server.foundation.database import fetch_value, transaction
from server.foundation.errors import Unavailable
from server.foundation.ids import new_id
from server.foundation.settings import Settings
from server.media import storage
from server.media.uploads import uploading
from server.media.uploads.queries import picture_views
from server.media.uploads.uploading import REMOVE_UNUSED_PICTURES, PictureUnusable, attach_pictures, detach_pictures
from tests.builders import create_community, create_resident
from tests.clients import Api
from tests.media.builders import upload


@pytest.fixture
async def resident(api: Api) -> Api:
    return await create_resident(api, await create_community())


async def count_pictures() -> int:
    found: int = await fetch_value("SELECT count(*) FROM picture")
    return found


def file_of(settings: Settings, picture_id: str) -> Path:
    return settings.data_dir / "media" / "pictures" / f"{picture_id}.jpeg"


def a_day_later() -> None:
    clock.move_clock(timedelta(days=1, minutes=1))


async def test_attached_pictures_stay(resident: Api, settings: Settings) -> None:
    kept, unused = [(await upload(resident))["id"] for _ in range(2)]
    await attach_pictures(resident.person_id, [kept], ("wish", new_id()))
    assert await REMOVE_UNUSED_PICTURES.run() == 0
    a_day_later()
    assert await uploading.REMOVE_UNUSED_PICTURES.lag() == pytest.approx(60, abs=5)
    assert await REMOVE_UNUSED_PICTURES.run() == 1
    assert await uploading.REMOVE_UNUSED_PICTURES.lag() == 0
    assert await REMOVE_UNUSED_PICTURES.run() == 0
    assert list(await picture_views([kept, unused])) == [kept]
    assert file_of(settings, kept).exists()
    assert not file_of(settings, unused).exists()


async def test_attaching_again_changes_nothing(resident: Api) -> None:
    picture_id, subject = (await upload(resident))["id"], ("wish", new_id())
    await attach_pictures(resident.person_id, [picture_id], subject)
    await attach_pictures(resident.person_id, [picture_id], subject)
    await attach_pictures(resident.person_id, [], subject)


async def refused(person_id: str, picture_ids: list[str], positions: list[int]) -> None:
    with pytest.raises(PictureUnusable) as refusal:
        await attach_pictures(person_id, picture_ids, ("wish", new_id()))
    assert [problem.field for problem in refusal.value.errors] == [f"picture_ids.{position}" for position in positions]


async def test_pictures_that_cannot_be_attached(api: Api, resident: Api) -> None:
    other = await create_resident(api, await create_community())
    mine, theirs, used = [(await upload(who))["id"] for who in (resident, other, resident)]
    await attach_pictures(resident.person_id, [used], ("wish", new_id()))
    await refused(resident.person_id, [mine, theirs], [1])
    await refused(resident.person_id, [used, mine], [0])
    await refused(resident.person_id, [new_id()], [0])
    await refused(resident.person_id, [mine, mine], [1])
    # Someone who is refused one has attached none.
    await attach_pictures(resident.person_id, [mine], ("wish", new_id()))


async def test_detached_pictures_vanish_a_day_later(resident: Api) -> None:
    picture_id, subject = (await upload(resident))["id"], ("wish", new_id())
    await attach_pictures(resident.person_id, [picture_id], subject)
    clock.move_clock(timedelta(days=3))
    await detach_pictures([picture_id], ("wish", new_id()))  # not its subject
    await detach_pictures([picture_id], subject)
    assert await REMOVE_UNUSED_PICTURES.run() == 0
    clock.move_clock(timedelta(days=4, minutes=1))
    assert await REMOVE_UNUSED_PICTURES.run() == 1


async def test_attaching_rolls_back_with_the_callers_transaction(resident: Api) -> None:
    picture_id = (await upload(resident))["id"]
    with pytest.raises(RuntimeError):
        async with transaction():
            await attach_pictures(resident.person_id, [picture_id], ("wish", new_id()))
            raise RuntimeError
    assert await fetch_value("SELECT subject_id FROM picture") is None


async def test_a_sweep_that_is_cut_off_goes_on_next_time(
    resident: Api, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    picture_id = (await upload(resident))["id"]
    await upload(resident)
    a_day_later()
    really_delete = storage.delete

    async def fail(key: str) -> None:
        if key.startswith(f"thumbnails/{picture_id}"):
            raise Unavailable()
        await really_delete(key)

    with monkeypatch.context() as patch:
        patch.setattr(storage, "delete", fail)
        with pytest.raises(RowsFailed) as failed:
            await REMOVE_UNUSED_PICTURES.run()
    assert failed.value.done == 1, "the other one is not kept waiting"
    assert await count_pictures() == 1
    # Half of it is gone, so it can no longer be shown or attached.
    assert await picture_views([picture_id]) == {}
    await refused(resident.person_id, [picture_id], [0])
    sweeps.FAILURES.clear()
    assert await REMOVE_UNUSED_PICTURES.run() == 1
    assert await count_pictures() == 0
    assert not (settings.data_dir / "media" / "thumbnails" / f"{picture_id}.jpeg").exists()


async def test_a_picture_that_is_being_attached_is_not_swept(resident: Api, settings: Settings) -> None:
    picture_id, unused = [(await upload(resident))["id"] for _ in range(2)]
    a_day_later()

    async def sweep() -> int:
        return await REMOVE_UNUSED_PICTURES.run()

    async with transaction():
        await attach_pictures(resident.person_id, [picture_id], ("wish", new_id()))
        # In a context of its own, so outside of this transaction: the locked row is passed over.
        assert await asyncio.create_task(sweep(), context=Context()) == 1
    assert await REMOVE_UNUSED_PICTURES.run() == 0
    assert file_of(settings, picture_id).exists()
    assert not file_of(settings, unused).exists()


async def test_attaching_and_sweeping_at_once(resident: Api, settings: Settings) -> None:
    """In either order: a picture that was attached keeps its bytes, and one that was not is gone altogether."""
    ids = [(await upload(resident))["id"] for _ in range(12)]
    a_day_later()

    async def attach(picture_id: str) -> bool:
        try:
            await attach_pictures(resident.person_id, [picture_id], ("wish", new_id()))
        except PictureUnusable:
            return False
        return True

    *attached, _, _ = await asyncio.gather(
        *(attach(picture_id) for picture_id in ids), REMOVE_UNUSED_PICTURES.run(), REMOVE_UNUSED_PICTURES.run()
    )
    while await REMOVE_UNUSED_PICTURES.run():
        pass
    for picture_id, kept in zip(ids, attached, strict=True):
        assert (picture_id in await picture_views([picture_id])) is kept
        assert file_of(settings, picture_id).exists() is kept
