"""What 双报到 gives: check-ins, units, posts and half-year reports."""

from server.accounts.joining import community_target
from server.accounts.models import ConsentKind
from server.check_in import (
    belonging,
    business,
    contacts,
    desk,
    endings,
    messages,
    person_page,
    personal_copy,
    queries,
)
from server.check_in.posts import holding
from server.check_in.posts import messages as post_messages
from server.check_in.posts import queries as post_queries
from server.check_in.reports import making, reviewing
from server.check_in.reports import messages as report_messages
from server.check_in.reports import queries as report_queries
from server.check_in.units import messages as unit_messages
from server.check_in.units import offers, pairing, unit_check_in
from server.check_in.units import queries as unit_queries
from server.foundation.feature import Feature
from server.media.mini_codes import CodeKind
from server.notifications.events import events_in

FEATURE = Feature(
    models=(
        "server.check_in.models",
        "server.check_in.units.models",
        "server.check_in.posts.models",
        "server.check_in.reports.models",
    ),
    sweeps=(
        unit_check_in.LAPSE_UNIT_CHECK_INS,
        holding.END_TERMS,
        contacts.REMIND_CONTACTS,
        making.OPEN_PERIODS,
        making.CREDIT_POST_MONTHS,
        making.FREEZE_REPORTS,
        making.TELL_COMMUNITIES,
    ),
    code_targets={CodeKind.COMMUNITY: community_target},
    texts={offers.CHECKED_OFFERS: offers.offer_texts},
    messages=events_in(messages, unit_messages, post_messages, report_messages),
    subjects={
        "check_in": queries.describe_check_ins,
        "holding": post_queries.describe_holdings,
        "post": post_queries.describe_posts,
        "post_month": report_queries.describe_post_months,
        "half_year_report": report_queries.describe_reports,
        "unit_check_in": unit_queries.describe_unit_check_ins,
    },
    organization_closed=(endings.follow_successor,),
    mergers=(endings.merge_members, reviewing.move_reports),
    consent_withdrawn=(
        (ConsentKind.MEMBERSHIP_DATA, endings.leave_everything),
        (ConsentKind.PRIVACY, endings.leave_everything),
    ),
    personal_copy=personal_copy.SHEETS,
    open_matters=(endings.open_check_in_of,),
    erasers=(endings.erase_member,),
    business=(business.is_in_roster_or_checked_in, business.acts_for_paired_unit),
    pairings=(pairing.pairs_of,),
    takes={"pairing_ended": pairing.ENDED},
    belonging=(belonging.belonging_of,),
    person_page=person_page.SECTIONS,
    desk=desk.QUEUES,
)
