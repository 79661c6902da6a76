"""A person's copy of their own membership: unsealed for them alone. Members whom they look after are left out."""

from collections.abc import Sequence
from typing import Any

from server.accounts.queries import describe_persons
from server.foundation.personal_copy import Copied, Shown
from server.foundation.words import words_of
from server.members.memberships import membership_ids_of, open_memberships
from server.members.models import MemberKind
from server.organizations.queries import describe_party_organizations


async def _open(rows: Sequence[Any]) -> list[dict[str, Any]]:
    facts = await open_memberships(row["id"] for row in rows)
    homes = await describe_party_organizations(
        [each.home_organization_id for each in facts.values() if each.home_organization_id]
    )
    people = await describe_persons([each.contact_person_id for each in facts.values() if each.contact_person_id])
    return [
        {
            **row,
            "home": homes.get(facts[row["id"]].home_organization_id or "", {}).get("name", ""),
            "home_text": facts[row["id"]].home_text,
            "contact": people.get(facts[row["id"]].contact_person_id or "", {}).get("name", ""),
            "note": facts[row["id"]].note,
        }
        for row in rows
    ]


SHEETS = (
    Copied(
        "党员信息",
        "SELECT m.id, m.kind, o.name AS community, m.created_at, m.last_contact_at, m.ended_at FROM membership m "
        "LEFT JOIN organization o ON o.id = m.community_id WHERE m.id = ANY($1) ORDER BY m.id DESC",
        Shown("党员类别", "kind", 16, words_of(MemberKind)),
        Shown("所属党组织", "home", 28),
        Shown("填写的所属党组织", "home_text", 28),
        Shown("报到社区", "community", 20),
        Shown("联系人", "contact"),
        Shown("最近联系", "last_contact_at", 22),
        Shown("社区备注", "note", 30),
        Shown("登记时间", "created_at", 22),
        Shown("结束时间", "ended_at", 22),
        of=membership_ids_of,
        complete=_open,
    ),
)
