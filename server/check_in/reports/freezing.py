"""What goes into a half-year report: lines taken from the ledger, and from nowhere else, once and for all.

An entry belongs to the half-year (Shanghai time) in which it was done. One that is recorded only after the report of
that half-year was frozen goes into the next report, marked as late; so does a reversal, with its negative minutes and
points. So every entry is in one report at most, and the reports of a member together are the sum of the ledger.
"""

from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from server.foundation.crypto import keyring
from server.foundation.database import fetch
from server.foundation.ids import Id
from server.members.memberships import MemberFacts
from server.service_record.periods import HalfYear, half_year_of, read_half_year
from server.service_record.queries import source_titles

_CONTENT = "half_year_report.content"
_WORDS = "half_year_report.words"


class ReportLine(msgspec.Struct, frozen=True):
    """One entry of the ledger. `is_late`: done in an earlier half-year whose report did not have it yet;
    `is_reversal`: it takes back what an earlier report has."""

    entry_id: Id
    rule: str
    rule_name: str
    title: str
    occurred_at: datetime
    minutes: int
    points: int
    community: str
    is_late: bool
    is_reversal: bool


class ReportWords(msgspec.Struct, frozen=True):
    """What was written about a report, and the home organization's name as it was when it was frozen or released."""

    home: str = ""
    opinion: str = ""
    request: str = ""
    answer: str = ""

    def __repr__(self) -> str:
        return "ReportWords(…)"


class Frozen(NamedTuple):
    """The lines of one report, the oldest first, and their sums."""

    lines: list[ReportLine]
    minutes: int
    points: int


async def freeze(member: MemberFacts, period: HalfYear) -> Frozen:
    """What the ledger now says for the member's report of the period. The membership is locked by the caller: two
    reports of one member, frozen at once, would both take the same late entry.
    """
    taken: set[str] = set()
    periods = {period}
    since = period.starts_at
    for other in await fetch(
        "SELECT id, period, content FROM half_year_report WHERE membership_id = $1 AND period <> $2",
        member.membership_id,
        period.code,
    ):
        taken |= {line.entry_id for line in open_content(other["id"], bytes(other["content"]))}
        known = read_half_year(other["period"])
        if known < period:
            periods.add(known)
            since = min(since, known.starts_at)
    rows = [
        row
        for row in await _entries_of(member.person_id, since, period.ends_at)
        if row["id"] not in taken and half_year_of(row["occurred_at"]) in periods
    ]
    titles = await source_titles({(row["source_kind"], row["source_id"]) for row in rows})
    lines = [_line(row, titles, period) for row in _without_undone(rows)]
    return Frozen(lines, sum(line.minutes for line in lines), sum(line.points for line in lines))


async def _entries_of(person_id: str, since: datetime, until: datetime) -> list[Any]:
    return await fetch(
        "SELECT e.id, e.rule, COALESCE(r.name, e.rule) AS rule_name, e.source_kind, e.source_id, "
        "e.minutes, e.points, e.occurred_at, COALESCE(d.words, e.words) AS words, e.reversal_of_id, "
        "COALESCE(o.name, '') AS community FROM service_entry e LEFT JOIN service_entry d ON d.id = e.reversal_of_id "
        "LEFT JOIN service_rule r ON r.code = e.rule AND r.version = e.rule_version "
        "LEFT JOIN organization o ON o.id = e.organization_id "
        "WHERE e.person_id = $1 AND e.occurred_at >= $2 AND e.occurred_at < $3 ORDER BY e.occurred_at, e.id",
        person_id,
        since,
        until,
    )


def _without_undone(rows: list[Any]) -> list[Any]:
    """Without service that was reversed before any report had it: it and its reversal come to nothing."""
    here = {row["id"] for row in rows}
    undone = {row["reversal_of_id"] for row in rows if row["reversal_of_id"] in here}
    return [row for row in rows if row["id"] not in undone and row["reversal_of_id"] not in undone]


def _line(row: Any, titles: dict[tuple[str, str], str], period: HalfYear) -> ReportLine:
    return ReportLine(
        entry_id=row["id"],
        rule=row["rule"],
        rule_name=row["rule_name"],
        title=titles.get((row["source_kind"], row["source_id"]), "") or row["words"],
        occurred_at=row["occurred_at"],
        minutes=row["minutes"],
        points=row["points"],
        community=row["community"],
        is_late=row["occurred_at"] < period.starts_at,
        is_reversal=row["reversal_of_id"] is not None,
    )


def seal_content(report_id: str, lines: list[ReportLine]) -> bytes:
    return keyring().encrypt(msgspec.json.encode(lines), f"{_CONTENT}.{report_id}")


def open_content(report_id: str, sealed: bytes) -> list[ReportLine]:
    return msgspec.json.decode(keyring().decrypt_bytes(sealed, f"{_CONTENT}.{report_id}"), type=list[ReportLine])


def seal_words(report_id: str, words: ReportWords) -> bytes:
    return keyring().encrypt(msgspec.json.encode(words), f"{_WORDS}.{report_id}")


def open_words(report_id: str, sealed: bytes) -> ReportWords:
    return msgspec.json.decode(keyring().decrypt_bytes(sealed, f"{_WORDS}.{report_id}"), type=ReportWords)
