"""What the demo's communities did over the year before: wishes that came true, activities, bookings, complaints.

Written row by row, since it lies in the past, where no verb leads; each row is one that could have come about. The same
city has the same year each time.
"""

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from server.accounts.models import Consent, ConsentKind, Person, PersonOrigin
from server.announcements.models import Announcement, AnnouncementAudience, AnnouncementState
from server.demo.titles import ACTIVITIES, NOTICES, WISHES
from server.figures.months import month_of, months_on
from server.foundation import clock
from server.foundation.crypto import keyring
from server.foundation.database import Model, fetch, transaction
from server.foundation.dates import instant, today
from server.foundation.ids import new_id
from server.neighbor_center.bookings.models import Booking, Slot
from server.neighbor_center.feedback.models import ANSWER_CONTEXT, COMPLAINT_CONTEXT, Complaint, ComplaintState
from server.places.models import Allotment, Place, PlaceState, Purpose
from server.service_record.models import ServiceEntry
from server.service_record.recording import ensure_default_rules
from server.volunteering.attendance.models import Attendance, AttendanceMethod
from server.volunteering.models import (
    Activity,
    ActivityAudience,
    ActivityKind,
    ActivityState,
    Shift,
    ShiftRole,
    SignUp,
    Visibility,
)
from server.wishes.models import ClaimState, ConfirmedAs, Wish, WishAudience, WishClaim, WishKind, WishState

MONTHS = 14
"""This month as far as it has come, and thirteen before: the last whole one has one a year before it."""
_BUSY = {1: 1.4, 2: 1.2, 3: 1.1, 7: 0.8, 8: 0.8, 9: 1.2, 10: 1.1, 12: 1.2}
"""Months in which there is more to do, or less: the New Year, the holidays of summer."""


class Year:
    """The rows of a year in one community, in the order in which they can be written."""

    def __init__(self, community_id: str, staff_id: str, number: int) -> None:
        self.community_id, self.staff_id = community_id, staff_id
        self.draw = random.Random(f"{number}")  # noqa: S311 (a demo's)
        self.size = (1.0, 0.7, 1.3)[number % 3]
        self.people: list[Person] = []
        self.rows: list[Model] = []

    def moment(self, day: date) -> datetime:
        """Some time of the day at which offices are open."""
        return instant(day, self.draw.randrange(9 * 60, 17 * 60))

    def people_come(self, month: date, number: int) -> None:
        for _ in range(number):
            at = self.moment(month + timedelta(days=self.draw.randrange(28)))
            nickname = self.draw.choice("王李张刘陈杨赵孙周吴") + self.draw.choice(("阿姨", "叔叔", "老师", "师傅"))
            person = Person(
                id=new_id(),
                created_at=at,
                origin=PersonOrigin.WALK_IN,
                nickname=nickname,
                shown_nickname=nickname,
                community_id=self.community_id,
            )
            self.people.append(person)
            self.rows.append(person)
            if self.draw.random() < 0.4:
                self.rows.append(
                    Consent(person_id=person.id, kind=ConsentKind.VOLUNTEER_TERMS, text_version="1", given_at=at)
                )

    def wish(self, posted: datetime) -> None:
        title, kind, audience = self.draw.choice(WISHES)
        wisher, claimer = self.draw.sample(self.people, 2)
        claimed = posted + timedelta(hours=self.draw.randrange(4, 200))
        done = claimed + timedelta(hours=self.draw.randrange(24, 240))
        confirmed = done + timedelta(hours=self.draw.randrange(1, 48))
        # What came to nothing is forgotten after half a year.
        is_old = posted < clock.now() - timedelta(days=140)
        is_done = confirmed < clock.now() and (is_old or self.draw.random() < 0.85)
        wish = Wish(
            id=new_id(),
            created_at=posted,
            author_id=wisher.id,
            beneficiary_id=wisher.id,
            community_id=self.community_id,
            state=WishState.FULFILLED if is_done else WishState.EXPIRED,
            kind=WishKind(kind),
            audience=WishAudience(audience),
            title=title,
            text=f"{title}，谢谢热心的邻居。",
            place="小区附近",
            wished_by=(posted + timedelta(days=30)).date(),
            submitted_at=posted,
            published_at=posted,
            first_published_at=posted,
            first_claimed_at=claimed if is_done else None,
            fulfilled_at=done if is_done else None,
            changed_at=confirmed if is_done else posted + timedelta(days=31),
        )
        if not is_done and wish.changed_at and wish.changed_at > clock.now():
            return  # Nobody knows yet what becomes of it.
        self.rows.append(wish)
        if is_done:
            self.rows.append(
                WishClaim(
                    wish_id=wish.id,
                    created_at=claimed,
                    claimer_id=claimer.id,
                    state=ClaimState.FULFILLED,
                    due_at=claimed + timedelta(days=14),
                    reported_at=done,
                    confirmed_at=confirmed,
                    confirmed_by_id=wisher.id,
                    confirmed_as=ConfirmedAs.WISHER,
                    rating=self.draw.choice((5, 5, 5, 4, 4, 3, None)),
                )
            )
            self._served(claimer.id, "wish_fulfilled", "wish", wish.id, 0, 10, done, confirmed)

    def shift(self, day: date, kind: ActivityKind) -> None:
        starts_at = instant(day, 9 * 60)
        ends_at = starts_at + timedelta(hours=2)
        if ends_at + timedelta(hours=3) > clock.now():
            return
        capacity = self.draw.choice((8, 10, 12, 20))
        published = starts_at - timedelta(days=7)
        activity = Activity(
            id=new_id(),
            created_at=published,
            organizer_id=self.community_id,
            area_id=self.community_id,
            kind=kind,
            title=self.draw.choice(ACTIVITIES[kind]),
            text="由社区组织，欢迎居民参加。",
            place_name="社区活动室",
            audience=ActivityAudience.EVERYONE,
            visibility=Visibility.COMMUNITY,
            state=ActivityState.FINISHED,
            starts_at=starts_at,
            ends_at=ends_at,
            created_by_id=self.staff_id,
            edited_by_id=self.staff_id,
            published_at=published,
            ended_at=ends_at,
        )
        shift = Shift(
            id=new_id(),
            created_at=published,
            activity_id=activity.id,
            starts_at=starts_at,
            ends_at=ends_at,
            sign_up_opens_at=published,
            sign_up_closes_at=starts_at - timedelta(hours=1),
            cancel_until=starts_at - timedelta(hours=12),
            closed_at=ends_at + timedelta(hours=2),
            absences_settled_at=ends_at + timedelta(hours=2),
        )
        allotment, role = self._allotment(Purpose.SHIFT_ROLE, capacity, starts_at, published), new_id()
        allotment.subject_id = role
        self.rows += [activity, shift, allotment]
        self.rows.append(
            ShiftRole(id=role, created_at=published, shift_id=shift.id, name="参加", allotment_id=allotment.id)
        )
        for number, person in enumerate(self._some(self.draw.randrange(capacity // 2, capacity + 1)), 1):
            comes = self.draw.random() < 0.88
            signed_up = published + timedelta(hours=number)
            place = self._place(allotment, person.id, number, signed_up, comes=comes)
            sign_up = SignUp(
                id=new_id(),
                created_at=signed_up,
                place_id=place.id,
                shift_role_id=role,
                shift_id=shift.id,
                person_id=person.id,
                signed_up_by_id=person.id,
            )
            self.rows += [place, sign_up]
            if comes:
                self.rows.append(
                    Attendance(
                        created_at=starts_at,
                        sign_up_id=sign_up.id,
                        sign_in_at=starts_at,
                        sign_in_method=AttendanceMethod.CODE,
                        sign_out_at=ends_at,
                        sign_out_method=AttendanceMethod.CODE,
                    )
                )
                minutes = 120 if kind is ActivityKind.VOLUNTEER else 0
                rule = "shift_attended" if minutes else "event_attended"
                self._served(person.id, rule, "sign_up", sign_up.id, minutes, minutes // 6 or 2, starts_at, ends_at)

    def slot(self, service: Any, day: date) -> None:
        starts_at = instant(day, self.draw.choice((9, 10, 14, 15)) * 60)
        if starts_at + timedelta(days=2) > clock.now():
            return
        slot_id, booked = new_id(), starts_at - timedelta(days=3)
        allotment = self._allotment(Purpose.SLOT, service["capacity"], starts_at, booked)
        allotment.subject_id = slot_id
        ends_at = starts_at + timedelta(minutes=service["minutes"])
        self.rows.append(allotment)
        self.rows.append(
            Slot(
                id=slot_id,
                created_at=booked,
                service_id=service["id"],
                starts_at=starts_at,
                ends_at=ends_at,
                allotment_id=allotment.id,
            )
        )
        for number, person in enumerate(self._some(self.draw.randrange(1, service["capacity"] + 1)), 1):
            place = self._place(allotment, person.id, number, booked, comes=self.draw.random() < 0.9)
            self.rows += [
                place,
                Booking(
                    created_at=booked,
                    slot_id=slot_id,
                    place_id=place.id,
                    person_id=person.id,
                    booked_by_id=person.id,
                    walk_in=self.draw.random() < 0.15,
                    starts_at=starts_at,
                    settled_at=ends_at,
                ),
            ]

    def complaint(self, venue_id: str, at: datetime) -> None:
        answered = at + timedelta(hours=self.draw.randrange(6, 90))
        if answered > clock.now():
            return
        self.rows.append(
            Complaint(
                created_at=at,
                venue_id=venue_id,
                person_id=self.draw.choice(self.people).id,
                text=keyring().encrypt("等候时间有点长", COMPLAINT_CONTEXT),
                state=ComplaintState.ANSWERED,
                is_upheld=self.draw.random() < 0.3,
                answer=keyring().encrypt("已增加窗口，谢谢您的意见。", ANSWER_CONTEXT),
                answer_by=at + timedelta(days=3),
                answered_by_id=self.staff_id,
                answered_at=answered,
            )
        )

    def notice(self, at: datetime) -> None:
        if at > clock.now():
            return
        self.rows.append(
            Announcement(
                created_at=at,
                organization_id=self.community_id,
                audience=AnnouncementAudience.RESIDENTS,
                title=self.draw.choice(NOTICES),
                text="请相互转告。",
                state=AnnouncementState.SENT,
                written_by_id=self.staff_id,
                sent_by_id=self.staff_id,
                sent_at=at,
                finished_at=at,
            )
        )

    def _some(self, number: int) -> list[Person]:
        return self.draw.sample(self.people, min(number, len(self.people)))

    def _allotment(self, purpose: Purpose, capacity: int, starts_at: datetime, at: datetime) -> Allotment:
        return Allotment(id=new_id(), created_at=at, purpose=purpose, capacity=capacity, starts_at=starts_at)

    def _place(self, allotment: Allotment, person_id: str, number: int, at: datetime, *, comes: bool) -> Place:
        allotment.taken, allotment.last_number = allotment.taken + 1, number
        return Place(
            id=new_id(),
            created_at=at,
            allotment_id=allotment.id,
            person_id=person_id,
            state=PlaceState.ATTENDED if comes else PlaceState.NO_SHOW,
            number=number,
            confirmed_at=at,
        )

    def _served(
        self,
        person_id: str,
        rule: str,
        kind: str,
        source_id: str,
        minutes: int,
        points: int,
        occurred_at: datetime,
        known_at: datetime,
    ) -> None:
        self.rows.append(
            ServiceEntry(
                created_at=known_at,
                person_id=person_id,
                rule=rule,
                rule_version=1,
                source_kind=kind,
                source_id=source_id,
                minutes=minutes,
                points=points,
                occurred_at=occurred_at,
                organization_id=self.community_id,
            )
        )


async def fill_history(community_ids: Sequence[str], staff_id: str) -> None:
    """A year of each of these communities, all or nothing."""
    await ensure_default_rules()
    for number, community_id in enumerate(community_ids):
        year = Year(community_id, staff_id, number)
        venues = await fetch("SELECT id FROM venue WHERE organization_id = $1", community_id)
        services = await fetch(
            "SELECT s.id, s.capacity, s.minutes FROM service s JOIN venue v ON v.id = s.venue_id "
            "WHERE v.organization_id = $1 AND s.kind <> 'room'",
            community_id,
        )
        year.people_come(months_on(month_of(today()), -MONTHS), round(60 * year.size))
        for back in range(MONTHS - 1, -1, -1):
            _month(year, months_on(month_of(today()), -back), venues, services)
        async with transaction():
            await _write(year.rows)


def _month(year: Year, month: date, venues: list[Any], services: list[Any]) -> None:
    busy = _BUSY.get(month.month, 1.0) * year.size
    days = [month + timedelta(days=day) for day in range(28) if month + timedelta(days=day) < today()]
    if not days:
        return
    if len(days) == 28:
        year.people_come(month, round(5 * busy))
    share = len(days) / 28
    for _ in range(round(9 * busy * share)):
        year.wish(year.moment(year.draw.choice(days)))
    for _ in range(round(4 * busy * share)):
        year.shift(year.draw.choice(days), year.draw.choice((ActivityKind.VOLUNTEER, ActivityKind.COMMUNITY_EVENT)))
    if year.draw.random() < 0.9:
        year.shift(days[len(days) // 2], ActivityKind.PARTY_DAY)
    taken = set[tuple[str, date]]()
    for _ in range(round(20 * busy * share) if services else 0):
        service, day = year.draw.choice(services), year.draw.choice(days)
        if (service["id"], day) not in taken:
            taken.add((service["id"], day))
            year.slot(service, day)
    for venue in venues:
        for _ in range(year.draw.randrange(4)):
            year.complaint(venue["id"], year.moment(year.draw.choice(days)))
    for _ in range(year.draw.randrange(1, 4)):
        year.notice(year.moment(year.draw.choice(days)))


async def _write(rows: Sequence[Model]) -> None:
    """All rows of one table at once."""
    by_table: dict[Any, list[Any]] = {}
    for row in rows:
        by_table.setdefault(type(row), []).append(row)
    for model in _ORDER:
        await model.bulk_create(by_table.get(model, []), batch_size=1000)


_ORDER: tuple[Any, ...] = (
    *(Person, Consent, Wish, WishClaim, Activity, Shift, Allotment, ShiftRole, Place, SignUp, Attendance),
    *(Slot, Booking, Complaint, Announcement, ServiceEntry),
)
"""What others refer to comes first."""
