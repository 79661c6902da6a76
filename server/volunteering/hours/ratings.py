"""Both sides rate after real attendance: the volunteer the shift, the leader or staff the volunteer, once each."""

import msgspec

from server.accounts.queries import describe_persons, require_dependant
from server.foundation import clock
from server.foundation.database import IntegrityError, fetch_one, transaction, violates
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page, fetch_struct_page
from server.foundation.rating import NewRating, Rating
from server.foundation.typed import require_no_number
from server.moderation.models import Verdict
from server.moderation.verdicts import submit_for_check, verdict_of
from server.notifications.telling import notify
from server.organizations.access import READERS, holds_role, require_another
from server.places.models import PlaceState
from server.volunteering.access import ORGANIZERS, require_leader_or_staff
from server.volunteering.hours import messages
from server.volunteering.hours.errors import AlreadyRated, NotAttended, RatingClosed
from server.volunteering.hours.models import ShiftRating, Side
from server.volunteering.hours.rules import RATE_WITHIN
from server.volunteering.models import Shift, SignUp
from server.volunteering.queries import require_visible_shift
from server.volunteering.steps import audit_sign_up, get_shift

CHECKED = "shift_rating"
"""The kind of thing that the content check knows ratings by."""


class RatingView(Rating, kw_only=True):
    """A rating; `nickname` is the writer's."""

    id: Id
    side: Side
    nickname: str


class RatingTotals(msgspec.Struct):
    """How a shift is rated: the average of all stars, and how many ratings that are."""

    average_stars: float | None
    rating_count: int
    ratings: Page[RatingView]


class MyRatingView(Rating, kw_only=True):
    """What leaders said of oneself after a shift."""

    id: Id
    shift_id: Id
    title: str


async def rate_shift(caller_id: str, sign_up_id: str, rating: NewRating) -> RatingView:
    """The volunteer's rating of a shift that they, or somebody they look after, were really at; the same twice is the
    same.

    Raises NotFound, NotAttended, RatingClosed, AlreadyRated.
    """
    async with transaction():
        sign_up = await SignUp.get_or_none(id=sign_up_id)
        if sign_up is None:
            raise NotFound()
        await require_dependant(caller_id, sign_up.person_id)
        return await _rate(caller_id, await get_shift(sign_up.shift_id), sign_up, Side.VOLUNTEER, rating)


async def rate_volunteer(actor_id: str, sign_up_id: str, rating: NewRating) -> RatingView:
    """The leader's or staff's rating of somebody who was really there. Raises as rate_shift, OwnMatter."""
    async with transaction():
        sign_up = await SignUp.get_or_none(id=sign_up_id)
        if sign_up is None:
            raise NotFound()
        shift = await get_shift(sign_up.shift_id)
        await require_leader_or_staff(actor_id, shift)
        require_another(actor_id, sign_up.person_id)
        return await _rate(actor_id, shift, sign_up, Side.LEADER, rating)


async def list_shift_ratings(person_id: str, shift_id: str, page: PageQuery) -> RatingTotals:
    """What volunteers say of a shift, for everybody who sees its activity. Raises NotFound."""
    await require_visible_shift(person_id, shift_id)
    return await _ratings(shift_id, Side.VOLUNTEER, page)


async def list_volunteer_ratings(person_id: str, shift_id: str, page: PageQuery) -> RatingTotals:
    """What was said of a shift's volunteers, for its leader and staff. Raises NotFound."""
    await require_leader_or_staff(person_id, await get_shift(shift_id), (*READERS, *ORGANIZERS))
    return await _ratings(shift_id, Side.LEADER, page)


async def list_my_ratings(person_id: str, page: PageQuery) -> Page[MyRatingView]:
    """What leaders said of oneself, the latest first."""
    return await fetch_struct_page(
        MyRatingView,
        "SELECT r.id, r.shift_id, a.title, r.stars, CASE WHEN r.text_is_shown THEN r.text ELSE '' END AS text, "
        "r.created_at AS rated_at FROM shift_rating r JOIN sign_up s ON s.id = r.sign_up_id "
        "JOIN shift sh ON sh.id = r.shift_id JOIN activity a ON a.id = sh.activity_id WHERE s.person_id = $1 "
        "AND r.side = 'leader' AND ($2::uuid IS NULL OR r.id < $2) ORDER BY r.id DESC LIMIT $3",
        person_id,
        page=page,
    )


async def settle_rating_check(rating_id: str) -> None:
    """The check of a rating's words has an answer: shown, or not."""
    await ShiftRating.filter(id=rating_id).select_for_update(no_key=True).get_or_none()
    passed = await verdict_of(CHECKED, rating_id) is Verdict.PASSED
    await ShiftRating.filter(id=rating_id).update(text_is_shown=passed)


async def _rate(by_id: str, shift: Shift, sign_up: SignUp, side: Side, rating: NewRating) -> RatingView:
    require_no_number("text", rating.text)
    row = await fetch_one("SELECT state FROM place WHERE id = $1", sign_up.place_id)
    if row is None or row["state"] != PlaceState.ATTENDED:
        raise NotAttended()
    now = clock.now()
    if now > shift.ends_at + RATE_WITHIN:
        raise RatingClosed()
    organizer_id = shift.activity.organizer_id
    # Staff answer for what they write; everybody else's words are checked before they are shown.
    by_staff = side is Side.LEADER and await holds_role(by_id, organizer_id, ORGANIZERS)
    made = ShiftRating(
        sign_up_id=sign_up.id,
        shift_id=shift.id,
        side=side,
        by_id=by_id,
        stars=rating.stars,
        text=rating.text.strip(),
        text_is_shown=by_staff,
    )
    try:
        async with transaction():
            await made.save(force_create=True)
    except IntegrityError as error:
        # Two taps at once: the constraint lets one through, and the other is told the same if it says the same.
        if not violates(error, "shift_rating_once"):
            raise
        made = await ShiftRating.get(sign_up_id=sign_up.id, side=side)
        if (made.stars, made.text) != (rating.stars, rating.text.strip()):
            raise AlreadyRated() from error
        return await _view(made)
    if made.text and not by_staff:
        await submit_for_check(CHECKED, made.id, author_id=by_id, organization_id=organizer_id)
    if side is Side.LEADER:
        await audit_sign_up("rate_volunteer", by_id, shift, sign_up, stars=made.stars)
        await notify(sign_up.person_id, messages.VOLUNTEER_RATED, shift=shift.id, stars=made.stars)
    return await _view(made)


async def _view(rating: ShiftRating) -> RatingView:
    words = await describe_persons([rating.by_id])
    return RatingView(
        id=rating.id,
        side=rating.side,
        stars=rating.stars,
        text=rating.text,
        nickname=words[rating.by_id]["nickname"],
        rated_at=rating.created_at,
    )


async def _ratings(shift_id: str, side: Side, page: PageQuery) -> RatingTotals:
    totals = await fetch_one(
        "SELECT round(avg(stars), 1)::float AS average_stars, count(*) AS rating_count FROM shift_rating "
        "WHERE shift_id = $1 AND side = $2",
        shift_id,
        str(side),
    )
    assert totals
    rows = await fetch_page(
        "SELECT id, side, stars, CASE WHEN text_is_shown THEN text ELSE '' END AS text, by_id, created_at AS rated_at "
        "FROM shift_rating WHERE shift_id = $1 AND side = $2 AND ($3::uuid IS NULL OR id < $3) "
        "ORDER BY id DESC LIMIT $4",
        shift_id,
        str(side),
        page=page,
    )
    words = await describe_persons({row["by_id"] for row in rows.items})
    views = []
    for row in rows.items:
        values = dict(row)
        nickname = words[values.pop("by_id")]["nickname"]
        views.append(RatingView(**values, nickname=nickname))
    return RatingTotals(**totals, ratings=Page(views, rows.next_cursor))
