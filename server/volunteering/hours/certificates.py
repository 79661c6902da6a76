"""Certificates of volunteer service 志愿服务证明: issued by oneself over a period, drawn, and checked by anyone."""

import re
import secrets
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

import msgspec

from server.accounts.details import Details, details_of, name_index, read_details
from server.accounts.masking import mask_name, mask_phone
from server.accounts.models import Person
from server.accounts.queries import ours, require_dependant
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import IntegrityError, execute, fetch, transaction, violates
from server.foundation.dates import day_of, end_of, instant, render_date, render_duration, render_month, today
from server.foundation.errors import InvalidFields, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.media.addresses import public_address
from server.media.drawing import certificate as drawing
from server.media.drawing.fonts import require_glyphs
from server.notifications.telling import notify
from server.organizations.queries import describe_organizations
from server.volunteering.hours import messages
from server.volunteering.hours.errors import CertificateInvalid, NameMissing, NothingToCertify
from server.volunteering.hours.models import Certificate
from server.volunteering.hours.rules import split_into_periods

LONGEST_PERIOD_YEARS = 10
_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without 0, 1, I, L and O, which look alike."""
_CODE_LENGTH = 8
_NUMBER = re.compile(r"LL-[0-9]{4}-[0-9]{8}")

CHECK_PATH = "/api/v1/certificates/check"
"""Where the QR code of a certificate leads."""


class CertificatePeriod(msgspec.Struct):
    """A line of a certificate: a month, or a year where there are more than twelve months."""

    label: str
    times: int
    minutes: int


class CertificateItem(msgspec.Struct):
    """One service that is certified, as it was called when the certificate was issued."""

    day: date
    title: str
    organizer: str
    minutes: int


class CertificateView(msgspec.Struct, kw_only=True):
    """A certificate of one's own, or of somebody one looks after (`person_name`, in clear). `is_valid` is false once
    hours were taken back or the name has changed; then a new one can be issued. `code` is the eight characters that go
    with the number."""

    id: Id
    person_id: Id
    person_name: str
    number: str
    code: str
    issuer_name: str
    since: date
    until: date
    times: int
    minutes: int
    periods: list[CertificatePeriod]
    issued_at: datetime
    is_valid: bool


class CertificateCheck(msgspec.Struct, kw_only=True):
    """What anybody with number and code is told; the name is masked, and `name_is_verified` where staff have seen whose
    it is. `identity` tells namesakes apart: a masked number, or the month of birth. `problem` says why it no longer
    holds."""

    number: str
    name: str
    identity: str
    name_is_verified: bool
    issuer_name: str
    since: date
    until: date
    times: int
    minutes: int
    periods: list[CertificatePeriod]
    items: list[CertificateItem]
    issued_at: datetime
    is_valid: bool
    problem: str = ""


async def issue_certificate(caller_id: str, since: date, until: date, person_id: str | None = None) -> CertificateView:
    """A certificate of the volunteer hours that counted from `since` to `until`, for oneself or a dependant. The same
    again, while nothing has changed, gives the same one.

    Raises NotFound, InvalidFields, NameMissing, GlyphMissing, NothingToCertify, WrongState without a community.
    """
    person_id = person_id or caller_id
    await require_dependant(caller_id, person_id)
    last_day = today()
    if since > until or since > last_day:
        raise InvalidFields.of("since", "起始日期不能晚于截止日期，也不能晚于今天")
    if until.year - since.year >= LONGEST_PERIOD_YEARS:
        raise InvalidFields.of("since", f"一份证明最长 {LONGEST_PERIOD_YEARS} 年")
    until = min(until, last_day)
    name = (await details_of(person_id)).real_name
    if not name:
        raise NameMissing()
    require_glyphs(name)
    async with transaction():
        # Minutes that are being corrected now would still be certified, and nobody would revoke it.
        await lock_hours_of(person_id)
        rows = await _hours_of(person_id, since, until)
        if not rows:
            raise NothingToCertify()
        issuer_id = (await Person.get(id=person_id)).community_id or (await Person.get(id=caller_id)).community_id
        if issuer_id is None:
            raise WrongState("请先选择所在社区")
        periods = split_into_periods([(day_of(row["starts_at"]), row["minutes"]) for row in rows])
        made = Certificate(
            person_id=person_id,
            issuer_id=issuer_id,
            since=since,
            until=until,
            times=len(rows),
            minutes=sum(row["minutes"] for row in rows),
            rows=[list(period) for period in periods],
            items=[
                [day_of(row["starts_at"]).isoformat(), row["title"], row["organizer"], row["minutes"]] for row in rows
            ],
            name_index=name_index(name),
            issued_at=clock.now(),
        )
        same = await Certificate.filter(
            person_id=person_id, since=since, until=until, revoked_at=None, issuer_id=issuer_id
        )
        for one in same:
            # A certificate of an earlier version has no items: a new one, item by item, takes its place.
            if (one.rows, one.items, bytes(one.name_index)) == (made.rows, made.items, made.name_index):
                return (await _views([one]))[0]
        await _save_with_number(made)
        await record_audit(
            "issue_certificate", actor_id=caller_id, subject=("certificate", made.id), person_id=person_id
        )
        return (await _views([made]))[0]


async def get_certificate(caller_id: str, certificate_id: str) -> CertificateView:
    """A certificate of one's own or of a dependant. Raises NotFound."""
    return (await _views([await _own(caller_id, certificate_id)]))[0]


async def list_my_certificates(caller_id: str, page: PageQuery) -> Page[CertificateView]:
    """One's own certificates and one's dependants', the latest first."""
    rows = await fetch_page(
        f"SELECT id FROM certificate WHERE {ours('person_id')} AND ($2::uuid IS NULL OR id < $2) "
        "ORDER BY id DESC LIMIT $3",
        caller_id,
        page=page,
    )
    found = await Certificate.filter(id__in=[row["id"] for row in rows.items]).order_by("-id")
    return Page(await _views(found), rows.next_cursor)


async def draw_certificate(caller_id: str, certificate_id: str, *, as_pdf: bool = False) -> bytes:
    """The certificate as PNG, or as a PDF for printing. Raises NotFound, CertificateInvalid,
    GlyphMissing."""
    certificate = await _own(caller_id, certificate_id)
    details = await details_of(certificate.person_id)
    name = details.real_name
    if _problem(certificate, name):
        raise CertificateInvalid()
    require_glyphs(name)
    issuer = (await describe_organizations([certificate.issuer_id]))[certificate.issuer_id]
    words = drawing.CertificateWords(
        name=name,
        name_status="姓名已由社区核实" if details.name_is_verified else "姓名由本人填写",
        identity=await _identity(certificate.person_id, details),
        period=f"{render_date(certificate.since)}至{render_date(certificate.until)}",
        times=f"{certificate.times} 次",
        duration=render_duration(certificate.minutes),
        items=[
            drawing.CertificateItem(render_date(date.fromisoformat(day)), title, organizer, render_duration(minutes))
            for day, title, organizer, minutes in certificate.items
        ],
        rows=[
            drawing.CertificateRow(label, f"{times} 次", render_duration(minutes))
            for label, times, minutes in certificate.rows
        ],
        issuer=issuer["full_name"],
        issued_on=render_date(certificate.issued_at),
        number=certificate.number,
        code=f"{certificate.code[:4]}-{certificate.code[4:]}",
        address=public_address(f"{CHECK_PATH}?number={quote(certificate.number)}&code={certificate.code}"),
    )
    return await (drawing.certificate_pdf if as_pdf else drawing.certificate_picture)(words)


async def check_certificate(number: str, code: str) -> CertificateCheck:
    """What a certificate says, for anybody who has its number and code; capitals and hyphens in the code do not matter.

    Raises NotFound, without telling which of the two is wrong.
    """
    written = number.strip().upper()
    found = await Certificate.get_or_none(number=written) if _NUMBER.fullmatch(written) else None
    given = "".join(letter for letter in code.upper() if letter.isalnum())
    if found is None or not secrets.compare_digest(found.code.encode(), given.encode()):
        raise NotFound("编号或验证码不正确")
    details = await details_of(found.person_id)
    name = details.real_name
    issuer = (await describe_organizations([found.issuer_id]))[found.issuer_id]
    problem = _problem(found, name)
    return CertificateCheck(
        name=mask_name(name),
        name_is_verified=details.name_is_verified,
        identity=await _identity(found.person_id, details),
        items=[CertificateItem(date.fromisoformat(item[0]), *item[1:]) for item in found.items],
        problem=problem,
        **_facts(found, issuer["full_name"], problem),
    )


async def revoke_certificates(person_id: str, moment: datetime) -> None:
    """Hours of this moment were taken back, in the caller's transaction: what certified them no longer holds."""
    day = day_of(moment)
    rows = await fetch(
        "UPDATE certificate SET revoked_at = $3, revoke_reason = 'hours_corrected' WHERE person_id = $1 "
        "AND revoked_at IS NULL AND $2 BETWEEN since AND until RETURNING id",
        person_id,
        day,
        clock.now(),
    )
    if rows:
        await notify(person_id, messages.CERTIFICATE_REVOKED, at=clock.now())


async def move_certificates(from_id: str, into_id: str) -> None:
    """After two persons turned out to be one."""
    await execute("UPDATE certificate SET person_id = $2 WHERE person_id = $1", from_id, into_id)


async def lock_hours_of(person_id: str) -> None:
    """One person's minutes are counted, changed and certified by one transaction at a time."""
    await execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 9))", person_id)


async def _hours_of(person_id: str, since: date, until: date) -> list[Any]:
    """The volunteer hours that count and begin in these days."""
    return await fetch(
        "SELECT h.starts_at, h.minutes, a.title, o.name AS organizer FROM hours h JOIN shift sh ON sh.id = h.shift_id "
        "JOIN activity a ON a.id = sh.activity_id JOIN organization o ON o.id = h.organization_id "
        "WHERE h.person_id = $1 AND h.state = 'effective' AND h.minutes > 0 "
        "AND a.kind = 'volunteer' AND h.starts_at >= $2 AND h.starts_at < $3 ORDER BY h.starts_at",
        person_id,
        instant(since),
        end_of(until),
    )


async def _save_with_number(certificate: Certificate) -> None:
    """Give it a number that nobody can count through, and a code."""
    year = clock.shanghai(certificate.issued_at).year
    while True:
        certificate.number = f"LL-{year}-{secrets.randbelow(10**8):08}"
        certificate.code = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH))
        try:
            async with transaction():
                await certificate.save(force_create=True)
            return
        except IntegrityError as error:
            if not violates(error, "certificate_number"):
                raise


async def _own(caller_id: str, certificate_id: str) -> Certificate:
    certificate = await Certificate.get_or_none(id=certificate_id)
    if certificate is None:
        raise NotFound()
    await require_dependant(caller_id, certificate.person_id)
    return certificate


async def _views(certificates: list[Certificate]) -> list[CertificateView]:
    issuers = await describe_organizations({one.issuer_id for one in certificates})
    people = await read_details({one.person_id for one in certificates})
    names = {person_id: details.real_name for person_id, details in people.items()}
    return [
        CertificateView(
            id=one.id,
            person_id=one.person_id,
            person_name=names.get(one.person_id, ""),
            code=one.code,
            **_facts(one, issuers[one.issuer_id]["full_name"], _problem(one, names.get(one.person_id, ""))),
        )
        for one in certificates
    ]


def _facts(certificate: Certificate, issuer_name: str, problem: str) -> dict[str, Any]:
    """What its holder and anyone who checks it are told alike."""
    names = ("number", "since", "until", "times", "minutes", "issued_at")
    return {name: getattr(certificate, name) for name in names} | {
        "issuer_name": issuer_name,
        "periods": [CertificatePeriod(*row) for row in certificate.rows],
        "is_valid": not problem,
    }


async def _identity(person_id: str, details: Details) -> str:
    """What tells a person from others of the name, and does not say who they are."""
    if details.phone:
        return f"手机 {mask_phone(details.phone)}"
    born = (await Person.get(id=person_id)).birth_date
    return f"{render_month(born)}出生" if born else ""


def _problem(certificate: Certificate, name: str) -> str:
    """Why a certificate no longer holds; empty while it does."""
    if certificate.revoked_at is not None:
        return "其中的服务时长已经更正，本证明作废"
    if not name or name_index(name) != bytes(certificate.name_index):
        return "持证人的姓名已经变更，本证明作废"
    return ""


async def has_certificate(person_id: str) -> bool:
    """Whether a certificate in the person's name is valid."""
    return await Certificate.exists(person_id=person_id, revoked_at=None)
