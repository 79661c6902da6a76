"""Other platforms: who may read and file cases by a key, and the webhooks that tell them what becomes of them."""

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx
import msgspec

from server.background.outbox import CannotSucceed, Effect, RetryLater, enqueue
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.bounds import RequiredText
from server.foundation.crypto import hash_token, keyring
from server.foundation.database import fetch, fetch_structs, transaction
from server.foundation.errors import InvalidFields, NotAllowed, NotFound
from server.foundation.ids import Id
from server.grid_cases.models import SECRET_CONTEXT, CasePartner, CaseState, GridCase, GridCaseStep
from server.organizations.access import require_role, require_role_or_hide
from server.organizations.models import RoleKind
from server.organizations.queries import hold_organization
from server.organizations.tree import reaching

CASE_WEBHOOK = "case_webhook"
"""The outbox kind; its payload is {"partner": id, "step": id of the case's step}."""
_SECONDS = 10
_MANAGERS = (RoleKind.MANAGER,)


class NewPartner(msgspec.Struct, kw_only=True):
    """`webhook_url` (https) is told of each new state; empty where the platform asks by itself."""

    organization_id: Id
    name: Annotated[RequiredText, msgspec.Meta(max_length=40)]
    webhook_url: Annotated[str, msgspec.Meta(max_length=300)] = ""


class PartnerView(msgspec.Struct, kw_only=True):
    id: Id
    name: str
    webhook_url: str
    created_at: datetime
    ended_at: datetime | None


class PartnerCreated(PartnerView, kw_only=True):
    """With what is told only now: its key, and with what its webhooks are signed."""

    key: str
    secret: str


async def create_partner(actor_id: str, new: NewPartner) -> PartnerCreated:
    """Let a platform read and file cases of an organization. Raises NotAllowed, InvalidFields, WrongState."""
    async with transaction():
        await require_role(actor_id, new.organization_id, _MANAGERS)
        await hold_organization(new.organization_id)
        _require_safe(new.webhook_url)
        key, secret = secrets.token_urlsafe(24), secrets.token_urlsafe(32)
        partner = await CasePartner.create(
            organization_id=new.organization_id,
            name=new.name.strip(),
            key_hash=hash_token(key),
            webhook_url=new.webhook_url,
            secret=keyring().encrypt(secret, SECRET_CONTEXT),
            created_by_id=actor_id,
        )
        await _leave_entry("create_case_partner", actor_id, partner)
        return PartnerCreated(
            id=partner.id,
            name=partner.name,
            webhook_url=partner.webhook_url,
            created_at=partner.created_at,
            ended_at=None,
            key=key,
            secret=secret,
        )


async def list_partners(actor_id: str, organization_id: str) -> list[PartnerView]:
    """An organization's own, the latest first. Raises NotAllowed."""
    await require_role(actor_id, organization_id, _MANAGERS)
    return await fetch_structs(
        PartnerView,
        "SELECT id, name, webhook_url, created_at, ended_at FROM case_partner WHERE organization_id = $1 "
        "ORDER BY id DESC",
        organization_id,
    )


async def end_partner(actor_id: str, partner_id: str) -> None:
    """Its key is of no use from now on, and it is told nothing more. Raises NotFound."""
    async with transaction():
        partner = await CasePartner.filter(id=partner_id).select_for_update(no_key=True).get_or_none()
        if partner is None:
            raise NotFound()
        await require_role_or_hide(actor_id, partner.organization_id, _MANAGERS)
        if partner.ended_at is None:
            partner.ended_at = clock.now()
            await partner.save(update_fields=["ended_at"])
            await _leave_entry("end_case_partner", actor_id, partner)


async def partner_of(key: str) -> CasePartner:
    """Whose key it is. Raises NotAllowed."""
    partner = await CasePartner.get_or_none(key_hash=hash_token(key), ended_at=None) if key else None
    if partner is None:
        raise NotAllowed("api_key 无效")
    return partner


async def tell_partners(case: GridCase, step: GridCaseStep) -> None:
    """Tell those that want to know of the case's new state, in the caller's transaction: who filed it, and, of what
    everybody may see, whose area it is in."""
    if step.from_state == step.to_state:
        return
    rows = await fetch(
        "SELECT p.id FROM case_partner p JOIN organization o ON o.id = p.organization_id WHERE p.ended_at IS NULL "
        f"AND p.webhook_url <> '' AND {reaching('o.path', '$1')} AND ($2 OR p.id = $3) ORDER BY p.id",
        case.community_id,
        case.is_shown and not case.is_private,
        case.partner_id,
    )
    for row in rows:
        await enqueue(
            CASE_WEBHOOK, {"partner": row["id"], "step": step.id}, lane=row["id"], dedupe_key=f"{row['id']}:{step.id}"
        )


async def _send_webhook(payload: dict[str, Any]) -> None:
    """Repeatable: who receives one twice knows it by its `id`."""
    partner = await CasePartner.get_or_none(id=payload["partner"], ended_at=None)
    step = await GridCaseStep.get_or_none(id=payload["step"])
    if partner is None or step is None:
        raise CannotSucceed("the partner or the case is gone")
    body = msgspec.json.encode(
        {
            "id": step.id,
            "service_request_id": step.case_id,
            "status": status_of(CaseState(step.to_state)),
            "status_notes": CaseState(step.to_state).word,
            "updated_datetime": step.created_at.isoformat(),
        }
    )
    sent_at = str(int(clock.now().timestamp()))
    signature = sign(keyring().decrypt(bytes(partner.secret), SECRET_CONTEXT), sent_at, body)
    headers = {"content-type": "application/json", "x-linli-signature": f"t={sent_at},v1={signature}"}
    try:
        async with httpx.AsyncClient(timeout=_SECONDS, follow_redirects=False) as client:
            answer = await client.post(partner.webhook_url, content=body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RetryLater(type(error).__name__) from None
    if not answer.is_success:
        raise RetryLater(f"status {answer.status_code}")


WEBHOOKS = Effect(_send_webhook, repeatable=True)


def sign(secret: str, sent_at: str, body: bytes) -> str:
    """HMAC-SHA256 over the time and the body: an old one cannot be sent again as new."""
    return hmac.new(secret.encode(), sent_at.encode() + b"." + body, hashlib.sha256).hexdigest()


def status_of(state: CaseState) -> str:
    """As GeoReport has it."""
    done = (CaseState.CHECKED, CaseState.CLOSED, CaseState.REFUSED, CaseState.MERGED)
    return "closed" if state in done else "open"


def _require_safe(url: str) -> None:
    parts = urlsplit(url)
    # In the demo and the tests, where the clock can be moved, it may be this machine.
    is_here = parts.scheme == "http" and parts.hostname == "127.0.0.1" and clock.is_movable()
    if url and not (is_here or (parts.scheme == "https" and parts.hostname and not parts.username)):
        raise InvalidFields.of("webhook_url", "请填写 https 地址")


async def _leave_entry(action: str, actor_id: str, partner: CasePartner) -> None:
    await record_audit(
        action,
        actor_id=actor_id,
        subject=("case_partner", partner.id),
        organization_id=partner.organization_id,
    )
