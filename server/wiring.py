"""All features, and what each gives brought to who takes it, so that no import has to go upwards or in a circle.

Whoever starts a process (server, worker, command) calls `wire()` first.
"""

from itertools import chain

from server.accounts.feature import FEATURE as ACCOUNTS
from server.announcements.feature import FEATURE as ANNOUNCEMENTS
from server.background.feature import FEATURE as BACKGROUND
from server.calendars.feature import FEATURE as CALENDARS
from server.check_in.feature import FEATURE as CHECK_IN
from server.foundation.feature import Feature
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
    OPERATIONS,
)
"""In the order in which things are done when persons merge or leave, so that all such transactions lock alike:

- check_in before members: what hangs on a membership moves while both memberships are still there;
- service_record and places before volunteering: hours and sign-ups follow entries and places that have moved;
- wishes before teams: a wish goes back to the wall while the team that held it is still there.

So a member serves the grid of the check-in first, and only else the one of the ranking (check_in before
service_record).
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
