"""A person's copy of their own membership: unsealed for them alone. Members whom they look after are left out."""

from server.accounts.queries import describe_persons
from server.foundation.database import fetch
from server.media.spreadsheets import MOST_ROWS, Sheet, Shown, sheet_of
from server.members.contacts import open_contact_note
from server.members.models import KIND_WORDS, ContactMeans, TransferState
from server.members.service import membership_ids_of, open_memberships
from server.organizations.queries import describe_party_organizations

MEANS_WORDS = {
    ContactMeans.PHONE: "电话",
    ContactMeans.VISIT: "上门",
    ContactMeans.MESSAGE: "信息",
    ContactMeans.MEETING: "会面",
}

TRANSFER_WORDS = {
    TransferState.OFFERED: "待本人答复",
    TransferState.ACCEPTED: "本人已同意",
    TransferState.DECLINED: "本人不同意",
    TransferState.COMPLETED: "已转入",
    TransferState.CANCELLED: "已取消",
}


async def copy_of_membership(person_id: str) -> list[Sheet]:
    """Memberships (those that are over too), contacts with a floating member, and offered transfers."""
    ids = await membership_ids_of(person_id)
    return [await _memberships(ids), await _contacts(ids), await _transfers(ids)]


async def _memberships(ids: list[str]) -> Sheet:
    rows = await fetch(
        "SELECT m.id, m.kind, o.name AS community, m.created_at, m.last_contact_at, m.ended_at FROM membership m "
        "LEFT JOIN organization o ON o.id = m.community_id WHERE m.id = ANY($1) ORDER BY m.id DESC",
        ids,
    )
    facts = await open_memberships(ids)
    homes = await describe_party_organizations(
        [each.home_organization_id for each in facts.values() if each.home_organization_id]
    )
    people = await describe_persons([each.contact_person_id for each in facts.values() if each.contact_person_id])
    shown = [
        {
            **row,
            "home": homes.get(facts[row["id"]].home_organization_id or "", {}).get("name", ""),
            "home_text": facts[row["id"]].home_text,
            "contact": people.get(facts[row["id"]].contact_person_id or "", {}).get("name", ""),
            "note": facts[row["id"]].note,
        }
        for row in rows
    ]
    columns = (
        Shown("党员类别", "kind", 16, KIND_WORDS),
        Shown("所属党组织", "home", 28),
        Shown("填写的所属党组织", "home_text", 28),
        Shown("报到社区", "community", 20),
        Shown("联系人", "contact"),
        Shown("最近联系", "last_contact_at", 22),
        Shown("社区备注", "note", 30),
        Shown("登记时间", "created_at", 22),
        Shown("结束时间", "ended_at", 22),
    )
    return sheet_of("党员信息", columns, shown)


async def _contacts(ids: list[str]) -> Sheet:
    rows = await fetch(
        "SELECT id, contacted_at, means, note FROM member_contact WHERE membership_id = ANY($1) "
        "ORDER BY contacted_at DESC, id DESC LIMIT $2",
        ids,
        MOST_ROWS,
    )
    columns = (
        Shown("联系时间", "contacted_at", 22),
        Shown("方式", "means", 12, MEANS_WORDS),
        Shown("记录", "note", 40),
    )
    shown = [{**row, "note": open_contact_note(row["id"], row["note"])} for row in rows]
    return sheet_of("联系流动党员", columns, shown)


async def _transfers(ids: list[str]) -> Sheet:
    rows = await fetch(
        "SELECT t.state, o.name AS community, t.reason, t.offered_at, t.answered_at, t.settled_at "
        "FROM membership_transfer t JOIN organization o ON o.id = t.community_id WHERE t.membership_id = ANY($1) "
        "ORDER BY t.id DESC LIMIT $2",
        ids,
        MOST_ROWS,
    )
    columns = (
        Shown("转入社区", "community", 20),
        Shown("状态", "state", 16, TRANSFER_WORDS),
        Shown("说明", "reason", 30),
        Shown("提出时间", "offered_at", 22),
        Shown("答复时间", "answered_at", 22),
        Shown("办结时间", "settled_at", 22),
    )
    return sheet_of("转入组织关系", columns, rows)
