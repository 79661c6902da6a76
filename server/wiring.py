"""The list of features, and what each gives brought to who takes it: no import has to go upwards or in a circle.

Every process (server, worker, command) begins with `wire()`.
"""

from itertools import chain

from server.accounts.feature import FEATURE as ACCOUNTS
from server.announcements.feature import FEATURE as ANNOUNCEMENTS
from server.background.feature import FEATURE as BACKGROUND
from server.calendars.feature import FEATURE as CALENDARS
from server.check_in.feature import FEATURE as CHECK_IN
from server.co_building.feature import FEATURE as CO_BUILDING
from server.figures.feature import FEATURE as FIGURES
from server.foundation.feature import Feature
from server.grid_cases.feature import FEATURE as GRID_CASES
from server.media.feature import FEATURE as MEDIA
from server.members.feature import FEATURE as MEMBERS
from server.moderation.feature import FEATURE as MODERATION
from server.neighbor_center.feature import FEATURE as NEIGHBOR_CENTER
from server.notifications.feature import FEATURE as NOTIFICATIONS
from server.operations.feature import FEATURE as OPERATIONS
from server.organizations.feature import FEATURE as ORGANIZATIONS
from server.places.feature import FEATURE as PLACES
from server.service_record.feature import FEATURE as SERVICE_RECORD
from server.teams.feature import FEATURE as TEAMS
from server.volunteering.feature import FEATURE as VOLUNTEERING
from server.wechat.feature import FEATURE as WECHAT
from server.wishes.feature import FEATURE as WISHES

FEATURES: tuple[Feature, ...] = (
    BACKGROUND,
    WECHAT,
    MEDIA,
    ORGANIZATIONS,
    NOTIFICATIONS,
    MODERATION,
    ACCOUNTS,
    CHECK_IN,
    MEMBERS,
    SERVICE_RECORD,
    PLACES,
    VOLUNTEERING,
    CALENDARS,
    WISHES,
    TEAMS,
    NEIGHBOR_CENTER,
    ANNOUNCEMENTS,
    GRID_CASES,
    CO_BUILDING,
    OPERATIONS,
    FIGURES,
)
"""In the order in which each has its turn, above all when two persons merge or one leaves, so that both lock alike:

- check_in before members: what hangs on a membership moves while both memberships are still there;
- service_record and places before volunteering: hours and sign-ups follow entries and places that have moved;
- wishes before teams: people hear that their part in a wish is over before they hear that the team is;
- check_in before service_record too: a member serves the grid of the check-in, others the one that they named.

Nothing else hangs on it.
"""


def wire() -> None:
    """Fill the registries; harmless to repeat."""
    for owner in FEATURES:
        for name, registry in owner.takes.items():
            given = [getattr(feature, name) for feature in FEATURES]
            if isinstance(registry, dict):
                for part in given:
                    registry.update(part)
            else:
                registry[:] = chain.from_iterable(given)
    for feature in FEATURES:
        for do in feature.when_wired:
            do()
