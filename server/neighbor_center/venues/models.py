"""Venues and what they offer.

People think in Shanghai wall-clock: opening rules are weekdays and minutes after midnight there (opening/models.py).
What is booked is an exact instant (bookings/models.py).
"""

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.migrations.constraints import CheckConstraint

from server.foundation.database import Model, PointField, SqlIndex, foreign_key
from server.foundation.words import Worded


class VenueKind(Worded):
    NEIGHBOR_CENTER = "neighbor_center", "邻里中心"
    SERVICE_CENTER = "service_center", "党群服务中心"
    STATION = "station", "党群服务站"
    READING_ROOM = "reading_room", "城市书房"


class VenueState(Worded):
    """A closed venue is shown no longer and takes no bookings."""

    OPEN = "open", "开放"
    CLOSED = "closed", "已关闭"


class Accessibility(Worded):
    """What a venue has for people who need it (无障碍环境建设法)."""

    RAMP = "ramp", "坡道"
    LIFT = "lift", "电梯"
    TOILET = "toilet", "无障碍卫生间"
    PARKING = "parking", "无障碍停车位"
    WHEELCHAIR = "wheelchair", "轮椅"
    TACTILE_PAVING = "tactile_paving", "盲道"
    LOW_COUNTER = "low_counter", "低位服务台"
    HEARING_AID = "hearing_aid", "助听设备"
    SIGN_LANGUAGE = "sign_language", "手语服务"
    NURSING_ROOM = "nursing_room", "母婴室"


class Venue(Model):
    """A place people go to: neighbor center 邻里中心, service center 党群服务中心, station, reading room 城市书房.

    `address` is public. `location` is gcj02. `opening` is what a sign on the door says; what can be booked when comes
    from the services' rules. `accessibility` holds codes of Accessibility.
    """

    organization = foreign_key("Organization")
    organization_id: str
    kind = fields.CharEnumField(VenueKind, max_length=16)
    name = fields.CharField(max_length=60)
    address = fields.CharField(max_length=120)
    location = PointField()
    phone = fields.CharField(max_length=20, default="")
    opening = fields.CharField(max_length=200, default="")
    facilities = fields.CharField(max_length=500, default="")
    accessibility = ArrayField(element_type="text", default=list)
    picture_ids = ArrayField(element_type="uuid", default=list)
    state = fields.CharEnumField(VenueState, max_length=8, default=VenueState.OPEN)
    version = fields.IntField(default=1)

    class Meta:
        table = "venue"
        indexes = [
            SqlIndex(name="venue_organization", columns="organization_id, id"),
            SqlIndex(name="venue_location", columns="location", method="gist", where="state = 'open'"),
        ]


class ServiceKind(Worded):
    """The policy's five kinds of service (section 2), one-stop counters (section 15), rooms, and the rest."""

    FAMILY_MEDICINE = "family_medicine", "家庭医疗"
    DAY_CARE = "day_care", "日间照料"
    EARLY_EDUCATION = "early_education", "亲子早教"
    SPORTS = "sports", "运动休闲"
    MENDING = "mending", "裁缝修补"
    COUNTER = "counter", "一站式窗口"
    ROOM = "room", "活动室"
    OTHER = "other", "其他"


class ServiceMode(Worded):
    """`home_visit` is 预约上门."""

    AT_VENUE = "at_venue", "到场"
    HOME_VISIT = "home_visit", "上门"


class WhoMayBook(Worded):
    """`residents` are those whose community lies in the venue's organization, or the other way round."""

    ANYONE = "anyone", "所有人"
    RESIDENTS = "residents", "本地居民"
    MEMBERS = "members", "党员"


class ServiceState(Worded):
    OFFERED = "offered", "提供中"
    ENDED = "ended", "已停止"


class Service(Model):
    """What a venue offers, and the terms of booking it.

    `minutes` is a slot's length, `buffer_minutes` the pause after it, `capacity` its places. A room has no slots: there
    `minutes` and `longest_minutes` bound a booking, and one party has it to itself. `price` is 分, as information only;
    `documents` is what to bring.

    Limits are per person and service: bookings open at a time, on one day, in one month, how many days ahead (a new day
    is released at `released_at` minutes after midnight), until how many minutes before the start one may book
    (`book_until_minutes`, 0: until it begins) and cancel or move (`cancel_until_minutes`). `max_repeats` is how often a
    repeating booking may repeat (0: not at all). A request that needs approval is promised an answer within
    `answer_within_hours`.

    A home visit is made within `area_ids` (organizations; without any, the venue's own), and `travel_minutes` lie
    between two visits.
    """

    venue = foreign_key("Venue")
    venue_id: str
    kind = fields.CharEnumField(ServiceKind, max_length=24)
    name = fields.CharField(max_length=40)
    description = fields.CharField(max_length=1000, default="")
    minutes = fields.SmallIntField()
    buffer_minutes = fields.SmallIntField(default=0)
    longest_minutes = fields.SmallIntField(null=True)
    capacity = fields.SmallIntField(default=1)
    max_party_size = fields.SmallIntField(default=1)
    may_wait = fields.BooleanField(default=True)
    who_may_book = fields.CharEnumField(WhoMayBook, max_length=16, default=WhoMayBook.ANYONE)
    needs_approval = fields.BooleanField(default=False)
    mode = fields.CharEnumField(ServiceMode, max_length=16, default=ServiceMode.AT_VENUE)
    max_open_per_person = fields.SmallIntField(default=3)
    max_per_day = fields.SmallIntField(default=1)
    max_per_month = fields.SmallIntField(null=True)
    max_repeats = fields.SmallIntField(default=0)
    days_ahead = fields.SmallIntField(default=14)
    released_at = fields.SmallIntField(default=0)
    book_until_minutes = fields.IntField(default=0)
    cancel_until_minutes = fields.SmallIntField(default=120)
    answer_within_hours = fields.SmallIntField(default=24)
    travel_minutes = fields.SmallIntField(default=0)
    area_ids = ArrayField(element_type="uuid", default=list)
    documents = ArrayField(element_type="text", default=list)
    price = fields.IntField(default=0)
    state = fields.CharEnumField(ServiceState, max_length=8, default=ServiceState.OFFERED)
    version = fields.IntField(default=1)

    class Meta:
        table = "service"
        constraints = [
            CheckConstraint(check="minutes BETWEEN 5 AND 720", name="service_minutes"),
            CheckConstraint(check="buffer_minutes BETWEEN 0 AND 240", name="service_buffer"),
            CheckConstraint(check="capacity >= 1 AND max_party_size BETWEEN 1 AND capacity", name="service_capacity"),
            CheckConstraint(check="(kind = 'room') = (longest_minutes IS NOT NULL)", name="service_room_has_longest"),
            CheckConstraint(check="kind <> 'room' OR mode = 'at_venue'", name="service_room_is_at_venue"),
            CheckConstraint(
                check="mode = 'home_visit' OR (travel_minutes = 0 AND cardinality(area_ids) = 0)",
                name="service_travels_only_to_homes",
            ),
        ]
        indexes = [SqlIndex(name="service_venue", columns="venue_id, id")]
