"""What asking for a place can be refused with."""

from server.foundation.errors import Refusal


class PlacesFull(Refusal):
    """No place is free and there is no waiting (or none was wanted)."""

    code, title, status = "places_full", "名额已满", 409


class PlacesClosed(Refusal):
    """Places of this allotment are no longer given."""

    code, title, status = "places_closed", "已停止接受报名或预约", 409


class OfferExpired(Refusal):
    """The offer's time has passed; the place goes to the next in line."""

    code, title, status = "offer_expired", "保留时间已过，名额已让给下一位", 409


class Blocked(Refusal):
    """The person may take no new places for now; the fact `until` tells how long."""

    code, title, status = "blocked", "因多次爽约，暂时不能报名或预约", 409
