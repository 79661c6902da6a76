"""活动回顾: what was, told afterwards in words and photos by those who held it; and past activities for residents.

Words and photos are shown once the content check has passed them, whoever wrote them: no second person reads them.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from server.foundation import clock
from server.foundation.bounds import Version
from server.foundation.database import transaction
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotFound, WrongState
from server.foundation.ids import Id, new_id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.media.uploads.queries import PictureView, in_order, picture_views, thumbnail_address
from server.media.uploads.uploading import change_pictures
from server.moderation.models import Verdict
from server.moderation.verdicts import submit_for_check, texts_from, verdict_of
from server.volunteering.access import may_look, require_organizer
from server.volunteering.models import Activity, ActivityKind, ActivityRecap, ActivityState, Shift
from server.volunteering.queries import AREAS, ORGANIZER, require_visible_activity
from server.volunteering.steps import audit

CHECKED = "activity_recap"
"""The kind of thing that the content check knows them by, and pictures."""

MOST_PICTURES = 18
MOST_SHOWN = 3
"""Photos of a recap in a list."""


class NewRecap(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What stands there from now on. `version` is the one that was read, 0 where there was none; without words and
    photos, nothing is shown any more."""

    version: Version
    text: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    picture_ids: Annotated[list[Id], msgspec.Meta(max_length=MOST_PICTURES)] = []


class RecapView(msgspec.Struct, kw_only=True):
    """A recap. `is_shown`: the content check has passed it, and residents read it."""

    activity_id: Id
    title: str
    text: str
    pictures: list[PictureView]
    written_at: datetime | None
    is_shown: bool
    version: int


class PastActivity(msgspec.Struct, kw_only=True):
    """An activity that is over, in a list. `people` were there; `text` and `thumbnail_urls` (three at most) are the
    recap's, empty where there is none that is shown."""

    id: Id
    kind: ActivityKind
    title: str
    organizer_name: str
    team_name: str | None
    place_name: str
    starts_at: datetime
    ends_at: datetime
    people: int
    has_recap: bool
    text: str
    thumbnail_urls: list[str]


class PastQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    """Of one kind, of one organizer, only those with a recap, where that is asked for."""

    kind: ActivityKind | None = None
    organization_id: Id | None = None
    only_recaps: bool = False


async def write_recap(actor_id: str, activity_id: str, new: NewRecap) -> RecapView:
    """By those who work for the organizer, lead its team or led a shift, once the activity is over. Raises NotFound,
    EditedMeanwhile, InvalidFields, PictureUnusable, WrongState before, and for what was called off."""
    async with transaction():
        activity = await Activity.filter(id=activity_id).select_for_update(no_key=True).get_or_none()
        if activity is None:
            raise NotFound()
        await _require_holder(actor_id, activity)
        if activity.state not in (ActivityState.PUBLISHED, ActivityState.FINISHED) or activity.ends_at > clock.now():
            raise WrongState("活动结束后才能发布回顾")
        recap = await ActivityRecap.get_or_none(activity_id=activity_id)
        if new.version != (recap.version if recap else 0):
            raise EditedMeanwhile()
        text, picture_ids = new.text.strip(), list(dict.fromkeys(new.picture_ids))
        if recap is None and not text and not picture_ids:
            raise InvalidFields.of("text", "请填写文字或上传照片")
        recap = recap or ActivityRecap(id=new_id(), activity_id=activity_id, version=0)
        # What stays may be somebody else's; what is new must be the actor's own.
        await change_pictures(actor_id, recap.picture_ids, picture_ids, (CHECKED, recap.id))
        recap.text, recap.picture_ids, recap.is_shown = text, picture_ids, False
        recap.edited_by_id, recap.edited_at, recap.version = actor_id, clock.now(), recap.version + 1
        await recap.save(force_create=recap.version == 1, force_update=recap.version > 1)
        if text or picture_ids:
            await submit_for_check(
                CHECKED, recap.id, author_id=actor_id, organization_id=activity.organizer_id, picture_ids=picture_ids
            )
        await audit("write_recap", actor_id, activity, pictures=len(picture_ids))
        return await _view(activity, recap)


async def show_recap_to_staff(actor_id: str, activity_id: str) -> RecapView:
    """As it stands, shown or not, for those who see the activity in any state; with version 0 where there is none yet.
    Raises NotFound."""
    activity = await Activity.get_or_none(id=activity_id)
    if activity is None or not await may_look(actor_id, activity):
        raise NotFound()
    return await _view(activity, await ActivityRecap.get_or_none(activity_id=activity_id))


async def get_recap(person_id: str, activity_id: str) -> RecapView:
    """A recap that is shown, for those who see or saw its activity. Raises NotFound."""
    await require_visible_activity(person_id, activity_id)
    recap = await ActivityRecap.get_or_none(activity_id=activity_id, is_shown=True).select_related("activity")
    if recap is None:
        raise NotFound()
    return await _view(recap.activity, recap)


async def list_past_activities(person_id: str, query: PastQuery) -> Page[PastActivity]:
    """What was held where the person lives, the latest first, with photos where there are some."""
    rows = await fetch_page(
        f"SELECT a.id, a.kind, a.title, {ORGANIZER}, a.place_name, a.starts_at, a.ends_at, (SELECT count(*) "
        "FROM sign_up s JOIN place p ON p.id = s.place_id JOIN shift sh ON sh.id = s.shift_id "
        "WHERE sh.activity_id = a.id AND p.state = 'attended') AS people, past.text, past.recap_id IS NOT NULL "
        f"AS has_recap, ARRAY(SELECT i.id FROM unnest(past.picture_ids[:{MOST_SHOWN}]) WITH ORDINALITY wanted(id, n) "
        "JOIN picture i ON i.id = wanted.id AND i.state = 'ready' ORDER BY n) AS pictures FROM ("
        "SELECT a.id, r.id AS recap_id, r.text, r.picture_ids FROM activity a "
        "LEFT JOIN activity_recap r ON r.activity_id = a.id AND r.is_shown "
        "WHERE a.state IN ('published', 'finished') AND a.ends_at <= $2 "
        f"AND a.area_id = ANY(ARRAY({AREAS.format('$1')})) AND ($3::text IS NULL OR a.kind = $3) "
        "AND ($4::uuid IS NULL OR a.organizer_id = $4) AND (NOT $5 OR r.id IS NOT NULL) "
        "AND ($6::timestamptz IS NULL OR (a.ends_at, a.id) < ($6, $7::uuid)) "
        "ORDER BY a.ends_at DESC, a.id DESC LIMIT $8) past JOIN activity a ON a.id = past.id "
        "JOIN organization o ON o.id = a.organizer_id LEFT JOIN team t ON t.id = a.team_id "
        "ORDER BY a.ends_at DESC, a.id DESC",
        person_id,
        clock.now(),
        query.kind and str(query.kind),
        query.organization_id,
        query.only_recaps,
        page=query,
        key={"ends_at": datetime, "id": Id},
    )
    return Page([_past(row) for row in rows.items], rows.next_cursor)


async def settle_recap_check(recap_id: str) -> None:
    """The check of a recap has an answer: shown, or not."""
    await ActivityRecap.filter(id=recap_id).select_for_update(no_key=True).get_or_none()
    passed = await verdict_of(CHECKED, recap_id) is Verdict.PASSED
    await ActivityRecap.filter(id=recap_id).update(is_shown=passed)


TEXTS = {CHECKED: texts_from("SELECT text FROM activity_recap WHERE id = $1")}
"""What the content check reads."""


async def _require_holder(actor_id: str, activity: Activity) -> None:
    """Raises NotFound unless they work for the organizer, lead its team or led a shift."""
    if not await Shift.exists(activity_id=activity.id, leader_id=actor_id):
        await require_organizer(actor_id, activity)


async def _view(activity: Activity, recap: ActivityRecap | None) -> RecapView:
    pictures = await picture_views(recap.picture_ids) if recap else {}
    return RecapView(
        activity_id=activity.id,
        title=activity.title,
        text=recap.text if recap else "",
        pictures=in_order(pictures, recap.picture_ids) if recap else [],
        written_at=recap.edited_at if recap else None,
        is_shown=recap.is_shown if recap else False,
        version=recap.version if recap else 0,
    )


def _past(row: Any) -> PastActivity:
    values = dict(row)
    addresses = [thumbnail_address(picture_id) for picture_id in values.pop("pictures")]
    text = values.pop("text") or ""
    return PastActivity(**values, text=text, thumbnail_urls=[address for address in addresses if address])
