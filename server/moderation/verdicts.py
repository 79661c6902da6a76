"""Submitting what people wrote to the content check, and recording what the check found.

A subject's verdict is the worst of its current parts' and changes under one lock, the subject's row. Doubt never
passes: what could not be checked is held for the staff.
"""

import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from server.background.outbox import Priority, enqueue
from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_one, fetch_value, transaction
from server.foundation.ids import new_id
from server.moderation.models import CheckedSubject, CheckState, ContentCheck, Part, Verdict

CHECK_TEXT = "check_text"
CHECK_PICTURE = "check_picture"
"""The outbox kinds; their payload is {"check": content check id}: texts and pictures are read when they are checked."""
TELL_VERDICT = "tell_verdict"
"""The outbox kind; its payload is {"subject": checked subject id}."""

TEXTS: dict[str, Callable[[str], Awaitable[list[str]]]] = {}
"""Kind of subject → its texts now; an empty list when it is gone. Filled by wiring.py."""

VERDICTS: dict[str, Callable[[str], Awaitable[None]]] = {}
"""Kind of subject → told that it has passed, is held or refused; in a transaction of its own, once for each verdict. It
locks its own row, then reads the verdict again with `verdict_of` (pending by then, where the author has just edited:
nothing to do). Filled by wiring.py."""


class _ChangedMeanwhile(Exception):
    pass


def texts_from(sql: str) -> Callable[[str], Awaitable[list[str]]]:
    """Reads the texts of a kind of subject; `sql` selects them as the columns of one row, of the id in $1."""

    async def read(subject_id: str) -> list[str]:
        row = await fetch_one(sql, subject_id)
        return [text for text in row.values() if text] if row else []

    return read


async def submit_for_check(
    kind: str,
    subject_id: str,
    *,
    author_id: str,
    organization_id: str | None = None,
    picture_ids: Sequence[str] = (),
) -> None:
    """Have the subject's texts and these pictures checked, in the caller's transaction; its verdict becomes pending.

    Submitting again (after an edit) supersedes the checks before; pictures that have passed are not checked twice.
    `organization_id` is whose staff decide when nobody else can.
    """
    async with transaction():
        now = clock.now()
        # The upsert locks the row: a verdict of the revision before cannot be recorded between here and the commit.
        row = await fetch_one(
            "INSERT INTO checked_subject "
            "(id, created_at, kind, subject_id, author_id, organization_id, revision, verdict, "
            "told_revision, told_verdict) "
            "VALUES ($1, $2, $3, $4, $5, $6, 1, 'pending', 0, 'pending') ON CONFLICT (kind, subject_id) DO UPDATE SET "
            "revision = checked_subject.revision + 1, verdict = 'pending', author_id = EXCLUDED.author_id, "
            "organization_id = EXCLUDED.organization_id RETURNING id, revision",
            new_id(),
            now,
            kind,
            subject_id,
            author_id,
            organization_id,
        )
        assert row
        passed: set[object] = set(
            await ContentCheck.filter(
                subject_id=row["id"], part=Part.PICTURE, state=CheckState.PASSED, picture_id__in=list(picture_ids)
            ).values_list("picture_id", flat=True)
        )
        await ContentCheck.filter(subject_id=row["id"], state__in=[CheckState.PENDING, CheckState.HELD]).update(
            state=CheckState.SUPERSEDED
        )
        checks = [ContentCheck(subject_id=row["id"], revision=row["revision"], part=Part.TEXT)]
        checks += [
            ContentCheck(
                subject_id=row["id"],
                revision=row["revision"],
                part=Part.PICTURE,
                picture_id=picture_id,
                state=CheckState.PASSED if picture_id in passed else CheckState.PENDING,
            )
            for picture_id in dict.fromkeys(picture_ids)
        ]
        await ContentCheck.bulk_create(checks)
        for check in checks:
            if check.state is CheckState.PENDING:
                outbox_kind = CHECK_TEXT if check.part is Part.TEXT else CHECK_PICTURE
                await enqueue(outbox_kind, {"check": check.id}, dedupe_key=f"{outbox_kind}:{check.id}")


async def verdict_of(kind: str, subject_id: str) -> Verdict:
    """The verdict on the subject's latest revision; pending too for what was never submitted."""
    found = await fetch_value(
        "SELECT verdict FROM checked_subject WHERE kind = $1 AND subject_id = $2", kind, subject_id
    )
    return Verdict(found) if found else Verdict.PENDING


async def hidden_words(kind: str, subject_ids: Iterable[str]) -> set[str]:
    """Those of the subjects whose words only their author and the staff may read: submitted, and not passed (yet).

    For words whose action cannot wait for the check (a reason for calling something off): it is done, and the code that
    shows the words asks here. What was never submitted is shown: staff wrote it, or nobody did.
    """
    rows = await fetch(
        "SELECT subject_id FROM checked_subject WHERE kind = $1 AND subject_id = ANY($2::uuid[]) "
        "AND verdict <> 'passed'",
        kind,
        list(subject_ids),
    )
    return {row["subject_id"] for row in rows}


async def move_checks(from_id: str, into_id: str) -> None:
    """Two persons turn out to be one: what either wrote is `into_id`'s, in the caller's transaction."""
    await execute("UPDATE checked_subject SET author_id = $2 WHERE author_id = $1", from_id, into_id)


async def refusal_reason(kind: str, subject_id: str) -> str:
    """Why the latest revision was refused, in Chinese: the staff's words, or what to do; empty when it was not.

    WeChat's category stays with the staff: told to the author it reads as an accusation, and as a hint to evade it.
    """
    row = await fetch_one(
        "SELECT c.reason FROM content_check c JOIN checked_subject s ON s.id = c.subject_id "
        "AND s.revision = c.revision WHERE s.kind = $1 AND s.subject_id = $2 AND c.state = 'refused' "
        "ORDER BY c.id LIMIT 1",
        kind,
        subject_id,
    )
    if row is None:
        return ""
    return row["reason"] or "内容未通过安全检查，请修改后再提交"


async def record_state(
    check_id: str,
    state: CheckState,
    *,
    label: int = 0,
    note: str = "",
    only_from: tuple[CheckState, ...] = (CheckState.PENDING,),
    decided_by_id: str | None = None,
    reason: str = "",
) -> bool:
    """Record what was found of a part; when that changes the subject's verdict, the feature will be told.

    False, and nothing happens, when the part is no longer in one of `only_from` (found already, or superseded).
    """
    async with transaction():
        subject = await _lock_subject_of(check_id)
        check = await ContentCheck.get(id=check_id)
        if check.state not in only_from:
            return False
        check.state, check.label, check.note, check.reason = state, label or check.label, note[:100], reason
        if decided_by_id:
            check.decided_by_id, check.decided_at = decided_by_id, clock.now()
        await check.save()
        parts = await ContentCheck.filter(subject_id=subject.id, revision=subject.revision)
        verdict = worst_of([part.state for part in parts])
        if verdict is not subject.verdict:
            subject.verdict = verdict
            await subject.save(update_fields=["verdict"])
            # Not told here: an author who edits holds the feature's row and waits for this one, so calling the feature,
            # which takes its own row, would be a deadlock. The lane keeps the tellings of one subject in order.
            await enqueue(TELL_VERDICT, {"subject": subject.id}, lane=subject.id, priority=Priority.URGENT)
        return True


async def tell_verdict(payload: dict[str, Any]) -> None:
    """The outbox effect: call the feature, once for each verdict, however often this runs."""
    with contextlib.suppress(_ChangedMeanwhile):
        async with transaction():
            subject = await CheckedSubject.get(id=payload["subject"])
            if subject.verdict is Verdict.PENDING or subject.kind not in VERDICTS:
                return
            if (subject.told_revision, subject.told_verdict) == (subject.revision, subject.verdict):
                return
            await VERDICTS[subject.kind](subject.subject_id)
            told = await CheckedSubject.filter(
                id=subject.id, revision=subject.revision, verdict=subject.verdict
            ).update(told_revision=subject.revision, told_verdict=subject.verdict)
            if not told:
                # The feature may have acted on either verdict: undo it; the change has queued its own telling.
                raise _ChangedMeanwhile


def worst_of(parts: Sequence[CheckState]) -> Verdict:
    """One refused part refuses the whole; while a part is pending the whole is; then held, then passed."""
    for state in (CheckState.REFUSED, CheckState.PENDING, CheckState.HELD):
        if state in parts:
            return Verdict(state)
    return Verdict.PASSED


async def _lock_subject_of(check_id: str) -> CheckedSubject:
    # The parts of one subject are found by several relays at once: without this lock each would see the others pending,
    # and nobody would record that all have passed.
    subject_id = await fetch_value("SELECT subject_id FROM content_check WHERE id = $1", check_id)
    return await CheckedSubject.filter(id=subject_id).select_for_update(no_key=True).get()
