"""What a package of server/ gives to others, and takes from them, where an import would go upwards or in a circle.

Each package has a `feature.py` with its one `FEATURE`; `server/wiring.py` lists them all, and brings what is given to
who takes it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from server.foundation.personal_copy import Copied

Call = Callable[..., Awaitable[Any]]
"""Loose, as what it is called with belongs to the layers above; who takes it says it in full."""


class Feature(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One package's part of the whole: data, read once at the start. All but the last two are what it gives."""

    models: Sequence[str] = ()
    """Names of the modules in which its tables are."""
    sweeps: Sequence[Any] = ()
    """Its scheduled work (background/sweeps.py Sweep)."""
    retention: Sequence[Any] = ()
    """Which rows of its tables are forgotten, and when (background/retention.py Rule)."""
    effects: Mapping[str, Any] = {}
    """Outbox kind → how it is carried out (background/outbox.py Effect)."""
    push_handlers: Mapping[type, Call] = {}
    """What WeChat pushes → what is done about it (wechat/push_storage.py)."""
    code_targets: Mapping[str, Call] = {}
    """What mini-program codes are about → what a scanned one stands for (media/mini_codes.py)."""
    texts: Mapping[str, Call] = {}
    """Kind of thing that content checks look at → its texts now (moderation/verdicts.py)."""
    verdicts: Mapping[str, Call] = {}
    """The same kind → told of its verdict (moderation/verdicts.py)."""
    messages: Mapping[str, Any] = {}
    """Name → what people are told of (notifications/events.py Event)."""
    subjects: Mapping[str, Call] = {}
    """Kind of thing that messages tell of → its words, for many ids at once (notifications/rendering.py)."""
    organization_closed: Sequence[Call] = ()
    """What is done when an organization is closed: (its id, its successor's) (organizations/changing.py)."""
    mergers: Sequence[Call] = ()
    """What moves along when two persons turn out to be one: (from, into) (accounts/merging.py)."""
    leavers: Sequence[Call] = ()
    """What becomes of what is open when a person is blocked, withdraws or is no longer spoken for (the same)."""
    consent_withdrawn: Sequence[tuple[str, Call]] = ()
    """Kind of consent, and what ends with that one for a person (the same)."""
    open_matters: Sequence[Call] = ()
    """What of a person's is open, to be told before they leave: (person id) (accounts/cancelling.py)."""
    erasers: Sequence[Call] = ()
    """What of a person's is erased when they cancel their account: (person id) (the same)."""
    number_lost: Sequence[Call] = ()
    """Where else a number stands that somebody else has now: (who had it, number) (accounts/details.py)."""
    rests_on_name: Sequence[Call] = ()
    """Whether something of a person's rests on their name: (person id) (accounts/links.py)."""
    business: Sequence[Call] = ()
    """Whether a person has business with an organization or one below it: (person id, path) (accounts/power.py)."""
    personal_copy: Sequence[Copied] = ()
    """Its sheets in a person's copy of their data (accounts/personal_data.py)."""
    pairings: Sequence[Call] = ()
    """Which units and places are a pair: (organization ids, hold) (co_building/pairings.py)."""
    pairing_ended: Sequence[Call] = ()
    """What ends with a pairing: (its id), in the transaction that ends it (check_in/units/pairing.py)."""
    belonging: Sequence[Call] = ()
    """Who tells a person's grid and unit; the first that knows one decides (service_record/recording.py)."""
    places_moved: Mapping[str, Call] = {}
    """What places are for → told of those that moved up a waiting list (places/line.py)."""
    places_lapsed: Mapping[str, Call] = {}
    """The same → told of those whose time has ended (places/line.py)."""
    calendar: Sequence[Call] = ()
    """What it puts into people's calendars (calendars/feed.py)."""
    home: Sequence[Any] = ()
    """What it puts on people's home page (calendars/home.py HomeLines)."""
    person_page: Sequence[Any] = ()
    """What it knows of somebody, for the staff with whom they have business (accounts/person_page.py PersonSection)."""
    appointments: Sequence[Any] = ()
    """What it has in people's list of appointments (calendars/appointments.py AppointmentLines)."""
    desk: Sequence[Any] = ()
    """What waits for its staff (organizations/desk.py DeskQueue)."""
    takes: Mapping[str, list[Any] | dict[Any, Any]] = {}
    """Name of a field above → this package's registry, filled with what all features give under that name."""
    when_wired: Sequence[Callable[[], None]] = ()
    """Called once all registries are filled: for what follows from one, and for lower layers that have none."""
