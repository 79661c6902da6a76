"""The staff's book of members as a file."""

from server.check_in.member_queries import list_members
from server.check_in.models import TransferState
from server.foundation.dates import render_time
from server.foundation.pages import PageQuery
from server.media.files import File
from server.media.spreadsheets import Column
from server.members.models import MemberKind
from server.organizations.exports import MOST, export_list, yes

_COLUMNS = (
    Column("姓名", 12),
    Column("党员类别", 14),
    Column("所属党组织", 34),
    Column("党组织已核对", 14),
    Column("社区", 20),
    Column("网格", 20),
    Column("报到时间", 22),
    Column("最近联系", 22),
    Column("联系已逾期", 12),
    Column("组织关系转入", 16),
)


async def export_members(
    actor_id: str, organization_id: str, *, kind: MemberKind | None, unmatched: bool, contact_overdue: bool
) -> File:
    """What `list_members` shows, names masked as there. Raises NotAllowed."""
    page = PageQuery(limit=MOST)
    found = await list_members(
        actor_id, organization_id, page, kind=kind, unmatched=unmatched, contact_overdue=contact_overdue
    )
    rows = [
        (
            card.name,
            MemberKind(card.kind).word,
            card.home_organization,
            yes(card.home_is_matched),
            card.community_name,
            card.grid_name,
            render_time(card.checked_in_at),
            render_time(card.last_contact_at) if card.last_contact_at else "",
            yes(card.contact_overdue),
            TransferState(card.transfer_state).word if card.transfer_state else "",
        )
        for card in found.items
    ]
    what = f"{kind.word if kind else '党员'}名单"
    only = "、".join(
        words for words, is_asked in (("党组织未核对的", unmatched), ("联系已逾期的", contact_overdue)) if is_asked
    )
    is_cut = found.next_cursor is not None
    return await export_list(
        actor_id, organization_id, "export_members", what, _COLUMNS, rows, period=only, is_cut=is_cut
    )
