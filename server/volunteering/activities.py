"""Activities from draft to end: what organizers and reviewers do with them."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from server.background.sweeps import due_sweep
from server.foundation import clock
from server.foundation.bounds import RequiredText
from server.foundation.database import execute, transaction
from server.foundation.errors import InvalidFields, NotAllowed, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.location import Location
from server.media.uploads.uploading import attach_pictures, change_pictures, copy_pictures
from server.moderation.models import Verdict
from server.moderation.verdicts import refusal_reason, verdict_of
from server.notifications.telling import notify
from server.organizations.access import holds_role, require_another, require_role, role_holders
from server.organizations.models import LEVEL_RANK, Level, Organization
from server.organizations.queries import list_ancestors
from server.teams.models import Team
from server.teams.teams import leads_team
from server.volunteering import messages
from server.volunteering.access import ORGANIZERS, require_organizer
from server.volunteering.attendance.rules import SCAN_AFTER
from server.volunteering.models import Activity, ActivityKind, ActivityState, Shift, ShiftRole, ShiftState, Visibility
from server.volunteering.queries import ActivityView
from server.volunteering.reasons import ACTIVITY, submit_reason
from server.volunteering.shifts.adding import (
    NewRole,
    NewShift,
    check_leaders,
    check_start,
    expand_series,
    insert_shift,
    moved_by,
)
from server.volunteering.shifts.changing import close_shifts
from server.volunteering.shifts.reminders import plan_reminders
from server.volunteering.sign_ups.eligibility import WhoMayCome, check_who
from server.volunteering.sign_ups.party import people_coming, tell_all
from server.volunteering.staff_queries import get_staff_activity
from server.volunteering.steps import (
    audit,
    check_version,
    ensure_not_over,
    lock_activity,
    lock_for_review,
    save_activity,
    submit_texts,
)

MOST_PICTURES = 9

PictureIds = Annotated[list[Id], msgspec.Meta(max_length=MOST_PICTURES)]


class ActivityText(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What people read of an activity."""

    title: Annotated[RequiredText, msgspec.Meta(max_length=60)]
    text: Annotated[RequiredText, msgspec.Meta(max_length=4000)]
    place_name: Annotated[RequiredText, msgspec.Meta(max_length=100)]
    location: Location | None = None
    meeting_point: Annotated[str, msgspec.Meta(max_length=100)] = ""
    contact: Annotated[str, msgspec.Meta(max_length=60)] = ""
    what_to_bring: Annotated[str, msgspec.Meta(max_length=300)] = ""


class NewActivity(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An activity of an organization (a community, a grid, a unit, an area above), or of a team, by its leader."""

    organizer_id: Id | None = None
    team_id: Id | None = None
    kind: ActivityKind
    visibility: Visibility = Visibility.COMMUNITY
    words: ActivityText
    who: WhoMayCome = WhoMayCome()
    picture_ids: PictureIds = []
    shifts: Annotated[list[NewShift], msgspec.Meta(min_length=1, max_length=50)]


async def create_activity(actor_id: str, new: NewActivity) -> ActivityView:
    """A draft with its shifts and their places. Raises NotAllowed, NotFound, InvalidFields, PictureUnusable."""
    organizer_id = await _organizer_of(actor_id, new)
    await check_who(new.who)
    now = clock.now()
    shifts = await expand_series(new.shifts, now)
    async with transaction():
        organizer = await Organization.get(id=organizer_id)
        if organizer.closed_at or organizer.level is Level.BUILDING:
            raise InvalidFields.of("organizer_id", "该组织已停用，或不能主办活动")
        activity = await Activity.create(
            organizer_id=organizer_id,
            team_id=new.team_id,
            area_id=await _area_of(organizer, new.visibility),
            kind=new.kind,
            visibility=new.visibility,
            picture_ids=new.picture_ids,
            starts_at=shifts[0].starts_at,
            ends_at=max(shift.ends_at for shift in shifts),
            created_by_id=actor_id,
            edited_by_id=actor_id,
            **msgspec.structs.asdict(new.words),
            **msgspec.structs.asdict(new.who),
        )
        await attach_pictures(actor_id, new.picture_ids, ("activity", activity.id))
        await check_leaders(actor_id, activity, new.shifts)
        for shift in shifts:
            await insert_shift(activity, shift, now)
        await audit("create_activity", actor_id, activity)
        return await get_staff_activity(actor_id, activity.id)


async def copy_activity(actor_id: str, activity_id: str, starts_at: datetime) -> ActivityView:
    """A new draft like this one, its first shift at `starts_at` and the others as far from it as here.

    Shifts that were cancelled are left out, unless all were. Raises NotFound, InvalidFields.
    """
    original = await Activity.get_or_none(id=activity_id)
    if original is None:
        raise NotFound()
    await require_organizer(actor_id, original)
    shifts = await Shift.filter(activity_id=activity_id).order_by("starts_at", "id")
    kept = [shift for shift in shifts if shift.state is ShiftState.SCHEDULED] or shifts
    check_start("", starts_at, clock.now())
    distance = starts_at - kept[0].starts_at
    new = NewActivity(
        organizer_id=None if original.team_id else original.organizer_id,
        team_id=original.team_id,
        kind=original.kind,
        visibility=original.visibility,
        words=ActivityText(**{name: getattr(original, name) for name in ActivityText.__struct_fields__}),
        who=WhoMayCome(**{name: getattr(original, name) for name in WhoMayCome.__struct_fields__}),
        shifts=[moved_by(await _as_new(shift), distance) for shift in kept],
    )
    # What cannot be is refused before pictures are copied.
    await expand_series(new.shifts, clock.now())
    new.picture_ids = await copy_pictures(actor_id, original.picture_ids)
    return await create_activity(actor_id, new)


async def change_activity(
    actor_id: str,
    activity_id: str,
    version: int,
    words: ActivityText,
    who: WhoMayCome | None = None,
    picture_ids: list[str] | None = None,
) -> ActivityView:
    """Other words, and other rules or pictures where they are given. Rules hold for those who sign up from now on.

    After publication, those who are coming are told of another place, and the reviewers that there is something new to
    read. Raises EditedMeanwhile, InvalidFields, PictureUnusable, WrongState once it has ended, and NotAllowed for a
    team's leader once it is published.
    """
    if who:
        await check_who(who)
    async with transaction():
        activity = await lock_activity(actor_id, activity_id)
        check_version(activity, version)
        ensure_not_over(activity)
        is_published = activity.state is ActivityState.PUBLISHED
        if is_published and not await holds_role(actor_id, activity.organizer_id, ORGANIZERS):
            raise NotAllowed("活动已发布，如需修改请联系社区")
        was_there = _whereabouts(activity)
        activity.update_from_dict(msgspec.structs.asdict(words) | (msgspec.structs.asdict(who) if who else {}))
        if picture_ids is not None:
            # What stays may be somebody else's; what is new must be the actor's own.
            await change_pictures(actor_id, activity.picture_ids, picture_ids, ("activity", activity.id))
            activity.picture_ids = list(dict.fromkeys(picture_ids))
        activity.edited_by_id = actor_id
        activity.version += 1
        await activity.save()
        await audit("change_activity", actor_id, activity)
        if is_published:
            reviewers = await role_holders(activity.area_id)
            await notify([id_ for id_ in reviewers if id_ != actor_id], messages.ACTIVITY_EDITED, activity=activity.id)
            if _whereabouts(activity) != was_there:
                ahead = await Shift.filter(activity_id=activity_id, starts_at__gt=clock.now())
                coming = await people_coming([shift.id for shift in ahead], in_line=True)
                await notify(coming, messages.ACTIVITY_PLACE_CHANGED, activity=activity.id)
        elif activity.state is ActivityState.IN_REVIEW:
            await submit_texts(activity)
        return await get_staff_activity(actor_id, activity_id)


async def submit_activity(actor_id: str, activity_id: str) -> ActivityView:
    """Ask those who work for the area in which it will be seen to publish it. Raises WrongState unless a draft.

    What a team's leader wrote on a phone goes through the content check first.
    """
    async with transaction():
        activity = await lock_activity(actor_id, activity_id)
        if activity.state is not ActivityState.DRAFT:
            raise WrongState()
        activity.state, activity.reason = ActivityState.IN_REVIEW, ""
        await save_activity(activity, "state", "reason")
        await audit("submit_activity", actor_id, activity)
        if activity.team_id:
            await submit_texts(activity)
        else:
            await _tell_reviewers(activity, actor_id)
        return await get_staff_activity(actor_id, activity_id)


async def return_activity(actor_id: str, activity_id: str, reason: str) -> ActivityView:
    """Back to its author with a reason. Raises WrongState unless in review."""
    async with transaction():
        activity = await lock_for_review(actor_id, activity_id)
        activity.state, activity.reason = ActivityState.DRAFT, reason
        await save_activity(activity, "state", "reason")
        await audit("return_activity", actor_id, activity)
        await notify(activity.created_by_id, messages.ACTIVITY_RETURNED, activity=activity.id, at=clock.now())
        return await get_staff_activity(actor_id, activity_id)


async def publish_activity(actor_id: str, activity_id: str, version: int) -> ActivityView:
    """Residents of its area see it and can sign up. Raises EditedMeanwhile, WrongState unless in review and ahead.

    Who publishes must work for the whole area: what a community shows to its subdistrict, the subdistrict publishes.
    And it is a second person, not the one who wrote it (OwnMatter): what staff write, no content check reads.
    """
    async with transaction():
        activity = await lock_for_review(actor_id, activity_id)
        check_version(activity, version)
        require_another(actor_id, activity.created_by_id, activity.edited_by_id)
        if activity.team_id and await verdict_of("activity", activity_id) is not Verdict.PASSED:
            raise WrongState("内容安全检查尚未通过")
        now = clock.now()
        if activity.ends_at <= now:
            raise WrongState("活动时间已过")
        activity.state, activity.published_at, activity.published_by_id = ActivityState.PUBLISHED, now, actor_id
        await save_activity(activity, "state", "published_at", "published_by_id")
        await plan_reminders(await Shift.filter(activity_id=activity_id, state=ShiftState.SCHEDULED))
        await audit("publish_activity", actor_id, activity)
        await notify(activity.created_by_id, messages.ACTIVITY_PUBLISHED, activity=activity.id, at=now)
        return await get_staff_activity(actor_id, activity_id)


async def cancel_activity(actor_id: str, activity_id: str, reason: str) -> ActivityView:
    """Call it off and tell everyone who signed up why. Raises WrongState when it has ended."""
    async with transaction():
        activity = await lock_activity(actor_id, activity_id)
        ensure_not_over(activity)
        now = clock.now()
        activity.state, activity.ended_at, activity.reason = ActivityState.CANCELLED, now, reason
        await save_activity(activity, "state", "ended_at", "reason")
        await submit_reason(ACTIVITY, activity_id, actor_id, activity)
        # What has been held stays as it was: people have hours from it.
        coming = Shift.filter(activity_id=activity_id, state=ShiftState.SCHEDULED, ends_at__gt=now).order_by("id")
        ended = await close_shifts(await coming.select_for_update(no_key=True), "activity_cancelled", reason)
        await audit("cancel_activity", actor_id, activity, sign_ups=len(ended))
        await tell_all(ended, messages.ACTIVITY_CANCELLED, activity=activity.id, at=now)
        return await get_staff_activity(actor_id, activity_id)


async def _finish(row: Any) -> None:
    await execute(
        "UPDATE activity SET state = 'finished', ended_at = $2, version = version + 1 WHERE id = $1",
        row["id"],
        clock.now(),
    )


FINISH_ACTIVITIES = due_sweep(
    "finish_activities",
    timedelta(minutes=1),
    rows="activity",
    where="state = 'published'",
    due="ends_at",
    before=lambda: clock.now() - SCAN_AFTER,
    do=_finish,
    batch=100,
)
"""Published activities whose last codes have run out are finished."""


async def activity_texts(activity_id: str) -> list[str]:
    """What the content check reads of a team's activity."""
    activity = await Activity.get_or_none(id=activity_id)
    if activity is None:
        return []
    names = ("title", "text", "place_name", "meeting_point", "contact", "what_to_bring", "needed_skill")
    roles = await ShiftRole.filter(shift__activity_id=activity_id)
    return [getattr(activity, name) for name in names] + sorted(
        {text for role in roles for text in (role.name, role.needed_skill)}
    )


async def settle_activity_check(activity_id: str) -> None:
    """The content check of a team's activity has an answer: reviewers are told, or it goes back to its author."""
    activity = await Activity.filter(id=activity_id).select_for_update(no_key=True).get_or_none()
    if activity is None or activity.state is not ActivityState.IN_REVIEW:
        return
    match await verdict_of("activity", activity_id):
        case Verdict.PASSED:
            await _tell_reviewers(activity, activity.created_by_id)
        case Verdict.REFUSED:
            activity.state, activity.reason = ActivityState.DRAFT, await refusal_reason("activity", activity_id)
            await save_activity(activity, "state", "reason")
            await audit("refuse_activity_texts", None, activity)
            await notify(activity.created_by_id, messages.ACTIVITY_RETURNED, activity=activity_id, at=clock.now())


async def _organizer_of(actor_id: str, new: NewActivity) -> str:
    """The organization that answers for the activity. Raises NotAllowed, NotFound, InvalidFields."""
    if (new.organizer_id is None) == (new.team_id is None):
        raise InvalidFields.of("organizer_id", "请选择主办组织或团队（二选一）")
    if new.organizer_id:
        await require_role(actor_id, new.organizer_id, ORGANIZERS)
        return new.organizer_id
    if not await leads_team(actor_id, str(new.team_id)):
        raise NotFound()
    community_id: str = (await Team.get(id=new.team_id)).community_id
    return community_id


async def _as_new(shift: Shift) -> NewShift:
    """A shift as it was asked for, with the quotas that it has now."""
    roles = await ShiftRole.filter(shift_id=shift.id).order_by("id").select_related("allotment")
    return NewShift(
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
        roles=[
            NewRole(
                name=role.name,
                capacity=max(role.allotment.capacity, 1),
                may_wait=role.allotment.may_wait,
                needed_skill=role.needed_skill,
            )
            for role in roles
        ],
        sign_up_closes_at=shift.sign_up_closes_at,
        cancel_until=shift.cancel_until,
        leader_id=shift.leader_id,
        minimum=shift.minimum,
        offer_minutes=roles[0].allotment.offer_minutes,
    )


async def _area_of(organizer: Organization, visibility: Visibility) -> str:
    """The organization in whose subtree the activity is seen: the organizer's ancestor of that level, or the nearest
    one above it where the level was skipped; the organizer itself where it stands higher."""
    ancestors = await list_ancestors(organizer.id)
    wanted = LEVEL_RANK[Level(visibility)]
    high_enough = [ancestor for ancestor in ancestors if LEVEL_RANK[Level(ancestor.level)] <= wanted]
    return high_enough[-1].id if high_enough else organizer.id


async def _tell_reviewers(activity: Activity, author_id: str) -> None:
    reviewers = await role_holders(activity.area_id)
    await notify([id_ for id_ in reviewers if id_ != author_id], messages.ACTIVITY_TO_REVIEW, activity=activity.id)


def _whereabouts(activity: Activity) -> tuple[Any, ...]:
    location = activity.location and (activity.location[0], activity.location[1])
    return activity.place_name, location, activity.meeting_point
