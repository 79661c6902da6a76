"""Announcements from draft to everybody's inbox: one person writes, another one sends."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any

import msgspec

from server.announcements import messages
from server.announcements.audience import count_audience, next_persons
from server.announcements.models import Announcement, AnnouncementAudience, AnnouncementState
from server.announcements.queries import StaffAnnouncementView, get_staff_announcement
from server.background.sweeps import due_sweep
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.bounds import RequiredText
from server.foundation.database import transaction
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotAllowed, NotFound, Refusal, WrongState
from server.foundation.ids import Id
from server.media.uploads.uploading import attach_pictures, change_pictures
from server.notifications.telling import notify
from server.organizations.access import GRID_WORKERS, WORKERS, holds_role, require_role, role_holders
from server.organizations.models import AREA_LEVELS, Level, Organization, RoleKind

BATCH = 200
"""Persons told in one transaction."""


class SecondPersonNeeded(Refusal):
    """What staff write is not checked by WeChat, so somebody else reads it first."""

    code, title, status = "second_person_needed", "须由另一位工作人员核对后发送", 409


class NobodyToTell(Refusal):
    code, title, status = "nobody_to_tell", "该范围内没有可以通知的人", 409


class AnnouncementText(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What people read, and who reads it. `urgent` (typhoon, water cut): also at night, and with the last accept."""

    title: Annotated[RequiredText, msgspec.Meta(max_length=30)]
    text: Annotated[RequiredText, msgspec.Meta(max_length=2000)]
    audience: AnnouncementAudience = AnnouncementAudience.RESIDENTS
    urgent: bool = False
    picture_ids: Annotated[list[Id], msgspec.Meta(max_length=9)] = []


async def create_announcement(actor_id: str, organization_id: str, words: AnnouncementText) -> StaffAnnouncementView:
    """A draft; of a grid, its grid workers write too. Those who may send it are told that it is to be read and sent.
    Raises NotAllowed, InvalidFields where the organization has no residents of its own (a building, a unit) or is
    closed, PictureUnusable."""
    await require_role(actor_id, organization_id, GRID_WORKERS)
    _check(words)
    async with transaction():
        organization = await Organization.get(id=organization_id)
        if organization.closed_at or organization.level not in (*AREA_LEVELS, Level.GRID):
            raise InvalidFields.of("organization_id", "请选择网格、社区、街道、区或市")
        announcement = await Announcement.create(
            organization_id=organization_id, written_by_id=actor_id, **msgspec.structs.asdict(words)
        )
        await attach_pictures(actor_id, words.picture_ids, ("announcement", announcement.id))
        await _audit("create_announcement", actor_id, announcement)
        await _ask_to_send(announcement)
        return await get_staff_announcement(actor_id, announcement.id)


async def change_announcement(
    actor_id: str, announcement_id: str, version: int, words: AnnouncementText
) -> StaffAnnouncementView:
    """Other words of a draft. Where that makes others the ones to send it, they are told. Raises NotFound,
    EditedMeanwhile, WrongState once it is being sent, PictureUnusable."""
    _check(words)
    async with transaction():
        announcement = await _lock(actor_id, announcement_id, GRID_WORKERS)
        _require_draft(announcement, version)
        others_send = announcement.written_by_id != actor_id or words.urgent > announcement.urgent
        subject = ("announcement", announcement.id)
        await change_pictures(actor_id, announcement.picture_ids, words.picture_ids, subject)
        announcement.update_from_dict(msgspec.structs.asdict(words))
        announcement.written_by_id = actor_id
        announcement.version += 1
        await announcement.save()
        await _audit("change_announcement", actor_id, announcement)
        if others_send:
            await _ask_to_send(announcement)
        return await get_staff_announcement(actor_id, announcement_id)


async def send_announcement(actor_id: str, announcement_id: str, version: int) -> StaffAnnouncementView:
    """Begin to tell everybody. Raises NotFound, EditedMeanwhile, WrongState unless a draft, NobodyToTell,
    SecondPersonNeeded for who wrote it, and NotAllowed where it is urgent and the caller no manager."""
    async with transaction():
        announcement = await _lock(actor_id, announcement_id)
        _require_draft(announcement, version)
        if announcement.written_by_id == actor_id:
            raise SecondPersonNeeded()
        if announcement.urgent and not await holds_role(actor_id, announcement.organization_id, (RoleKind.MANAGER,)):
            raise NotAllowed("紧急通知须由管理员发送")
        counts = await count_audience(announcement.organization_id, announcement.audience)
        if not counts.people:
            raise NobodyToTell()
        announcement.state = AnnouncementState.SENDING
        announcement.sent_by_id, announcement.sent_at = actor_id, clock.now()
        announcement.expected = counts.people
        announcement.version += 1
        await announcement.save()
        await _audit("send_announcement", actor_id, announcement, people=counts.people)
        return await get_staff_announcement(actor_id, announcement_id)


async def withdraw_announcement(actor_id: str, announcement_id: str) -> StaffAnnouncementView:
    """Stop it: who has not been told will not be, nothing more goes to WeChat, and inboxes show it as gone. Raises
    NotFound, WrongState where it was withdrawn already."""
    async with transaction():
        announcement = await _lock(actor_id, announcement_id)
        if announcement.state is AnnouncementState.WITHDRAWN:
            raise WrongState()
        announcement.state, announcement.withdrawn_at = AnnouncementState.WITHDRAWN, clock.now()
        announcement.version += 1
        await announcement.save()
        await _audit("withdraw_announcement", actor_id, announcement, told=announcement.told)
        return await get_staff_announcement(actor_id, announcement_id)


async def _tell_next_persons(row: Any) -> int:
    """Tell the next batch of persons; how many, and 1 for a last batch that is empty. The messages and how far it has
    come commit together, so everybody is told once, wherever a worker dies."""
    announcement = await Announcement.get(id=row["id"])
    persons = await next_persons(announcement.organization_id, announcement.audience, announcement.told_through, BATCH)
    event = messages.URGENT_ANNOUNCEMENT if announcement.urgent else messages.ANNOUNCEMENT
    await notify(persons, event, announcement=announcement.id, at=announcement.sent_at)
    announcement.told += len(persons)
    if persons:
        announcement.told_through = persons[-1]
    if len(persons) < BATCH:
        announcement.state, announcement.finished_at = AnnouncementState.SENT, clock.now()
    await announcement.save(update_fields=["told", "told_through", "state", "finished_at"])
    return max(len(persons), 1)


TELL_NEXT_PERSONS = due_sweep(
    "announcements_send",
    timedelta(seconds=2),
    rows="announcement",
    where="state = 'sending'",
    due="sent_at",
    order="urgent DESC, sent_at",
    do=_tell_next_persons,
    # Between two batches, a more urgent one may have come.
    batch=1,
)


def _check(words: AnnouncementText) -> None:
    for field in ("title", "text"):
        if not getattr(words, field).strip():
            raise InvalidFields.of(field, "不能为空")


def _require_draft(announcement: Announcement, version: int) -> None:
    if announcement.state is not AnnouncementState.DRAFT:
        raise WrongState()
    if announcement.version != version:
        raise EditedMeanwhile()


async def _lock(actor_id: str, announcement_id: str, kinds: Iterable[RoleKind] = WORKERS) -> Announcement:
    """The announcement, locked against the sweep and other staff. Raises NotFound for who does not work there."""
    announcement = await Announcement.filter(id=announcement_id).select_for_update(no_key=True).first()
    if announcement is None or not await holds_role(actor_id, announcement.organization_id, kinds):
        raise NotFound()
    return announcement


async def _ask_to_send(announcement: Announcement) -> None:
    """Tell those who may send it, and are nearest: never its writer, and of what is urgent managers only."""
    kinds = (RoleKind.MANAGER,) if announcement.urgent else WORKERS
    senders = await role_holders(announcement.organization_id, kinds, besides=announcement.written_by_id)
    await notify(senders, messages.TO_SEND, announcement=announcement.id)


async def _audit(action: str, actor_id: str, announcement: Announcement, **details: Any) -> None:
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("announcement", announcement.id),
        organization_id=announcement.organization_id,
        **details,
    )
