"""What a page of the console is made of."""

from collections.abc import Mapping

import msgspec

MAIN, REFUSE = "main", "danger"
"""How a button looks: what is mostly wanted, and what is final."""


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be done to a thing: an operation with the thing's id in its path.

    `states` are those of the thing in which it makes sense (empty: any); `tried` are the names under which the page's
    `offers` tell of it, who knows better, and why not; `fills` gives fields of the request from the
    thing; `begins` are fields to begin with, from the thing; `choices` offer options for a field (see choosing.py).
    `is_bulk`: it asks nothing, so it can be done to many at once. `tells`: what it gives is shown only now.
    """

    operation: str
    words: str
    look: str = ""
    states: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()
    fills: Mapping[str, str] = {}
    begins: Mapping[str, str] = {}
    choices: tuple[str, ...] = ()
    is_bulk: bool = False
    tells: bool = False


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """Where else to go from a thing: `to` is an address with attributes of the thing in braces. `actor`: only for whom
    the thing names so among its `actors`."""

    words: str
    to: str
    actor: str = ""


class WorkPage(msgspec.Struct, frozen=True, kw_only=True):
    """A list and, perhaps, the detail of each of its things.

    `rows` is where they are, if they are part of what `lists` gives; `columns` are attributes of a row, dots lead into
    its parts; `scope` says of what the list is: an `organization` with all below it, one `community`, or one `venue`.
    `makes` are operations that make a new one; `begins` is what a list is filtered by at first where it must be by
    something, `heads` are words over columns in place of the fields'; `offers` tells what the reader could do with one
    thing now, and why not; `links` lead on from it, `details` list more of it. `prints`
    are files of the whole place, whose `area_id` or `venue_id` stands in braces.
    """

    slug: str
    section: str
    title: str
    lists: str
    columns: tuple[str, ...]
    rows: str = ""
    scope: str = "organization"
    id: str = "id"
    headline: str = ""
    heads: Mapping[str, str] = {}
    filters: tuple[str, ...] = ()
    shows: str = ""
    offers: str = ""
    details: tuple[str, ...] = ()
    acts: tuple[Act, ...] = ()
    links: tuple[Link, ...] = ()
    prints: tuple[Link, ...] = ()
    makes: tuple[Act, ...] = ()
    exports: str = ""
    begins: Mapping[str, str] = {}
    managers_only: bool = False
