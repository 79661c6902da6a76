"""What the staff look at: the parts that nobody else could judge, and what they decide about them."""

from datetime import datetime

import msgspec

from server.foundation.audit import record_audit
from server.foundation.database import fetch_value, transaction
from server.foundation.errors import InvalidFields, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.foundation.words import Worded
from server.media.uploads.queries import PictureView, picture_views
from server.moderation.models import CheckState, ContentCheck, Part
from server.moderation.verdicts import TEXTS, record_state
from server.organizations.access import require_another, require_role, require_role_or_hide
from server.wechat.verdicts import LABELS


class HeldCheckDecision(Worded):
    PASS = "pass", "通过"
    REFUSE = "refuse", "不通过"


class HeldCheckView(msgspec.Struct):
    """A part to decide about, with what it shows now. `label` is what WeChat suspects, if it does; `waiting_since` when
    it was submitted."""

    id: Id
    kind: str
    subject_id: Id
    part: Part
    texts: list[str]
    picture: PictureView | None
    label: str
    author_id: Id
    organization_id: Id | None
    waiting_since: datetime


async def list_held_checks(reviewer_id: str, organization_id: str, page: PageQuery) -> Page[HeldCheckView]:
    """The parts held within the organization's subtree, oldest first; at the city also those of no organization.

    Raises NotAllowed without a role there, and InvalidFields for a cursor that is none.
    """
    await require_role(reviewer_id, organization_id)
    rows = await fetch_page(
        "SELECT c.id, c.part, c.picture_id, c.label, c.created_at, s.kind, s.subject_id, s.author_id, "
        "s.organization_id FROM content_check c JOIN checked_subject s ON s.id = c.subject_id "
        "LEFT JOIN organization o ON o.id = s.organization_id "
        "JOIN organization within ON within.id = $1 "
        "WHERE c.state = 'held' AND s.verdict <> 'refused' AND ($2::uuid IS NULL OR c.id > $2) "
        "AND (o.path <@ within.path OR s.organization_id IS NULL AND within.parent_id IS NULL) "
        "ORDER BY c.id LIMIT $3",
        organization_id,
        page=page,
    )
    pictures = await picture_views([row["picture_id"] for row in rows.items if row["picture_id"]])
    items = [
        HeldCheckView(
            id=row["id"],
            kind=row["kind"],
            subject_id=row["subject_id"],
            part=Part(row["part"]),
            texts=await TEXTS[row["kind"]](row["subject_id"]) if row["part"] == Part.TEXT else [],
            picture=pictures.get(row["picture_id"]),
            label=LABELS.get(row["label"], ""),
            author_id=row["author_id"],
            organization_id=row["organization_id"],
            waiting_since=row["created_at"],
        )
        for row in rows.items
    ]
    return Page(items, rows.next_cursor)


async def decide_check(reviewer_id: str, check_id: str, decision: HeldCheckDecision, reason: str) -> None:
    """The staff's word on a held part; `reason` is what the author reads when it is refused.

    Raises NotFound for what is not the reviewer's to decide, OwnMatter for what they wrote themselves, and WrongState
    when it is not held (any more); InvalidFields for a refusal without a reason.
    """
    reason = reason.strip()
    if decision is HeldCheckDecision.REFUSE and not reason:
        raise InvalidFields.of("reason", "请填写不通过的原因")
    subject = (await get_reviewed(reviewer_id, check_id)).subject
    require_another(reviewer_id, subject.author_id)
    async with transaction():
        decided = await record_state(
            check_id,
            CheckState.PASSED if decision is HeldCheckDecision.PASS else CheckState.REFUSED,
            note="decided by staff",
            only_from=(CheckState.HELD,),
            decided_by_id=reviewer_id,
            reason=reason,
        )
        if not decided:
            raise WrongState("该内容已处理或已重新提交")
        await record_audit(
            "decide_check",
            actor_id=reviewer_id,
            subject=(subject.kind, subject.subject_id),
            person_id=subject.author_id,
            organization_id=subject.organization_id,
            check=check_id,
            decision=str(decision),
        )


async def get_reviewed(reviewer_id: str, check_id: str) -> ContentCheck:
    """A part of what is in the reviewer's area, with the whole that it belongs to. Raises NotFound."""
    check = await ContentCheck.get_or_none(id=check_id).select_related("subject")
    if check is None:
        raise NotFound()
    await require_role_or_hide(reviewer_id, check.subject.organization_id or await _city())
    return check


async def _city() -> str:
    """The root of the tree, whose staff decide what belongs to no organization."""
    root: str | None = await fetch_value("SELECT id FROM organization WHERE parent_id IS NULL ORDER BY id LIMIT 1")
    if root is None:
        raise NotFound()
    return root
