"""What persons give, and what the features have to do with persons who merge, leave or ask for their copy."""

from datetime import timedelta
from functools import partial

from server.accounts import (
    cancelling,
    consents,
    console_keys,
    desk,
    details,
    joining,
    links,
    merges,
    merging,
    messages,
    person_page,
    personal_copy,
    personal_data,
    persons,
    power,
    queries,
    residents,
)
from server.accounts.models import ConsentKind
from server.background.retention import Rule
from server.foundation.feature import Feature
from server.media.mini_codes import CodeKind
from server.moderation.verdicts import texts_from
from server.notifications.events import events_in
from server.wechat.connection import use_identities

FEATURE = Feature(
    models=("server.accounts.models",),
    # Ended and expired alike; for a month one can still see that there was a device.
    retention=(
        Rule("old_sessions", "session", "expires_at", timedelta(days=30)),
        Rule("old_console_sign_ins", "console_sign_in", "expires_at", timedelta(days=30)),
        Rule("old_merge_proposals", "merge_proposal", "ended_at", timedelta(days=180)),
        Rule("old_roster_links", "roster_link", "decided_at", timedelta(days=180)),
    ),
    messages=events_in(messages),
    subjects={"person": queries.describe_persons},
    texts={"nickname": texts_from("SELECT nickname FROM person WHERE id = $1")},
    verdicts={"nickname": persons.show_checked_profile},
    mergers=(merges.end_proposals_of, console_keys.forget_console_keys),
    leavers=(merges.end_proposals_of,),
    sweeps=(merges.LAPSE_MERGES,),
    open_matters=(cancelling.open_dependants_of,),
    consent_withdrawn=((ConsentKind.SENSITIVE_DATA, details.empty_address),),
    organization_closed=(residents.follow_successor,),
    rests_on_name=(power.was_given_role,),
    business=(power.is_registered_or_holds_role,),
    code_targets={CodeKind.JOIN: joining.community_target},
    personal_copy=personal_copy.SHEETS,
    takes={
        "business": power.BUSINESS,
        "number_lost": details.NUMBER_LOST,
        "rests_on_name": links.RESTS_ON_NAME,
        "mergers": merging.MERGERS,
        "leavers": consents.LEAVERS,
        "open_matters": cancelling.OPEN_MATTERS,
        "erasers": cancelling.ERASERS,
        "consent_withdrawn": consents.CONSENT_WITHDRAWN,
        "personal_copy": personal_data.SHEETS,
        "person_page": person_page.SECTIONS,
    },
    when_wired=(partial(use_identities, queries.find_openids, queries.find_person_by_openid),),
    person_page=(person_page.REGISTERED,),
    desk=desk.QUEUES,
)
