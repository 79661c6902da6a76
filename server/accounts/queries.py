"""Reading persons: oneself, those one looks after, and the words by which others see somebody."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import msgspec

from server.accounts.consent_texts import text_of
from server.accounts.details import Details, details_of, open_name, read_details
from server.accounts.masking import mask_address, mask_name, mask_phone
from server.accounts.models import ConsentKind, Relation
from server.foundation.database import exists, fetch, fetch_one, fetch_structs, fetch_value
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.media.uploads.queries import picture_views
from server.organizations.models import RoleKind


class CommunityBrief(msgspec.Struct):
    """A community, or a grid of it."""

    id: Id
    name: str


class RoleBrief(msgspec.Struct):
    """A role that the person holds: what they may do, and where."""

    kind: RoleKind
    organization_id: Id
    organization_name: str


class Me(msgspec.Struct):
    """Oneself. Personal data are masked. `consents_due`: texts to agree to before going on, changed ones too."""

    id: Id
    nickname: str
    avatar_url: str | None
    community: CommunityBrief | None
    grid: CommunityBrief | None
    phone: str
    phone_is_verified: bool
    real_name: str
    name_is_verified: bool
    address: str
    birth_date: date | None
    is_volunteer: bool
    consents_due: list[ConsentKind]
    roles: list[RoleBrief]
    version: int


class ConsentView(msgspec.Struct):
    """What somebody agreed to. `is_current`: there is no newer version of the text, which they have still to read."""

    kind: ConsentKind
    text_version: str
    given_at: datetime
    is_current: bool


class DependantView(msgspec.Struct):
    """Somebody whom one looks after, by the name that one wrote down. Until they have accepted it, nothing can be done
    for them. `phone` is what one wrote down too, empty of those who have an account of their own."""

    person_id: Id
    name: str
    relation: Relation
    birth_date: date | None
    is_accepted: bool
    phone: str
    version: int


async def get_me(person_id: str) -> Me:
    """Everything that the mini-program's "me" page shows."""
    row = await fetch_one(
        "SELECT p.nickname, p.avatar_id, p.community_id, o.name AS community_name, p.grid_id, "
        "g.name AS grid_name, p.birth_date, p.version, "
        "EXISTS (SELECT 1 FROM consent c WHERE c.person_id = p.id AND c.kind = 'volunteer_terms' "
        "AND c.withdrawn_at IS NULL) AS is_volunteer "
        "FROM person p LEFT JOIN organization o ON o.id = p.community_id "
        "LEFT JOIN organization g ON g.id = p.grid_id WHERE p.id = $1",
        person_id,
    )
    if row is None:
        raise NotFound()
    details = await details_of(person_id)
    avatar = (await picture_views([row["avatar_id"]])).get(row["avatar_id"]) if row["avatar_id"] else None
    return Me(
        id=person_id,
        nickname=row["nickname"],
        avatar_url=avatar.thumbnail_url if avatar else None,
        community=CommunityBrief(row["community_id"], row["community_name"]) if row["community_id"] else None,
        grid=CommunityBrief(row["grid_id"], row["grid_name"]) if row["grid_id"] else None,
        phone=mask_phone(details.phone),
        phone_is_verified=details.phone_is_verified,
        real_name=mask_name(details.real_name),
        name_is_verified=details.name_is_verified,
        address=mask_address(details.address),
        birth_date=row["birth_date"],
        is_volunteer=row["is_volunteer"],
        consents_due=await list_consents_due(person_id),
        roles=await list_roles_of(person_id),
        version=row["version"],
    )


class OwnDetails(msgspec.Struct):
    """One's own details in clear, for the form in which they are changed; empty where nothing is known."""

    real_name: str
    phone: str
    address: str


async def get_own_details(person_id: str) -> OwnDetails:
    """The person's own, for nobody else."""
    details = await details_of(person_id)
    return OwnDetails(details.real_name, details.phone, details.address)


async def list_roles_of(person_id: str) -> list[RoleBrief]:
    """The roles that a person holds now."""
    return await fetch_structs(
        RoleBrief,
        "SELECT g.kind, g.organization_id, o.name AS organization_name FROM role_grant g "
        "JOIN organization o ON o.id = g.organization_id WHERE g.person_id = $1 AND g.ended_at IS NULL ORDER BY g.id",
        person_id,
    )


async def list_consents(person_id: str) -> list[ConsentView]:
    """What the person agrees to now."""
    rows = await fetch(
        "SELECT kind, text_version, given_at FROM consent WHERE person_id = $1 AND given_by_id IS NULL "
        "AND withdrawn_at IS NULL ORDER BY given_at",
        person_id,
    )
    return [
        ConsentView(kind, row["text_version"], row["given_at"], row["text_version"] == text_of(kind).version)
        for row in rows
        for kind in [ConsentKind(row["kind"])]
    ]


async def list_consents_due(person_id: str) -> list[ConsentKind]:
    """The privacy text, unless the person agrees to it as it is now, and those of which they agreed to an older one."""
    given = await list_consents(person_id)
    due = [consent.kind for consent in given if not consent.is_current]
    return due if any(consent.kind is ConsentKind.PRIVACY for consent in given) else [ConsentKind.PRIVACY, *due]


async def has_consent(person_id: str, kind: ConsentKind) -> bool:
    """Whether the person agrees now, in person or through a guardian."""
    return await exists(
        "SELECT 1 FROM consent WHERE person_id = $1 AND kind = $2 AND withdrawn_at IS NULL",
        person_id,
        str(kind),
    )


async def list_dependants(guardian_id: str, person_id: str | None = None) -> list[DependantView]:
    """Whom the person looks after: all of them, or this one."""
    rows = await fetch(
        f"SELECT d.person_id, d.relation, p.birth_date, d.accepted_at, p.version, {_FAMILY_ENTRY} AS is_entry "
        "FROM dependant d JOIN person p ON p.id = d.person_id WHERE d.guardian_id = $1 AND d.ended_at IS NULL "
        "AND ($2::uuid IS NULL OR d.person_id = $2) ORDER BY d.id",
        guardian_id,
        person_id,
    )
    details = await read_details([row["person_id"] for row in rows])
    found = [(row, details.get(row["person_id"], Details())) for row in rows]
    return [
        DependantView(
            row["person_id"],
            known.real_name,
            Relation(row["relation"]),
            row["birth_date"],
            row["accepted_at"] is not None,
            known.phone if row["is_entry"] else "",
            row["version"],
        )
        for row, known in found
    ]


def ours(column: str) -> str:
    """SQL: whether the column is the person $1, or somebody whom they look after."""
    return (
        f"{column} = ANY(ARRAY(SELECT $1::uuid UNION ALL SELECT d.person_id FROM dependant d "
        "WHERE d.guardian_id = $1 AND d.accepted_at IS NOT NULL AND d.ended_at IS NULL))"
    )


IDENTIFIES = "(d.phone_verified_at IS NOT NULL OR p.origin <> 'dependant')"
"""SQL: whether the number of person_details d says who person p is. In a family entry it is a contact, written there
by somebody else."""


def called(column: str, index: str) -> str:
    """SQL: whether the column is somebody of the name whose `details.name_index` is `index`."""
    return f"{column} IN (SELECT d.person_id FROM person_details d WHERE d.real_name_index = {index})"


_FAMILY_ENTRY = "p.origin = 'dependant' AND NOT EXISTS (SELECT 1 FROM wechat_identity w WHERE w.person_id = p.id)"


async def is_family_entry(person_id: str) -> bool:
    """Whether this is what somebody wrote of their family, and nobody's own account."""
    return await exists(f"SELECT 1 FROM person p WHERE p.id = $1 AND {_FAMILY_ENTRY}", person_id)


_LOOKED_AFTER = (
    "SELECT 1 FROM dependant WHERE guardian_id = $1 AND person_id = $2 AND accepted_at IS NOT NULL AND ended_at IS NULL"
)


async def require_dependant(guardian_id: str, person_id: str) -> None:
    """Raises NotFound unless the guardian looks after this person now (or it is the guardian)."""
    if guardian_id != person_id and not await fetch(_LOOKED_AFTER, guardian_id, person_id):
        raise NotFound()


async def hold_dependant(guardian_id: str, person_id: str) -> None:
    """The same, and so it stays until the transaction ends: whoever ends it meanwhile also ends what this one begins.
    Raises NotFound."""
    if guardian_id != person_id and not await fetch(f"{_LOOKED_AFTER} FOR SHARE", guardian_id, person_id):
        raise NotFound()


async def hold_communities_of(*person_ids: str) -> None:
    """Where these persons live, before they are locked: whoever closes one of these communities waits, and then sees
    whom this transaction has put there."""
    await fetch(
        "SELECT 1 FROM organization WHERE id IN (SELECT community_id FROM person WHERE id = ANY($1)) "
        "ORDER BY id FOR SHARE",
        list(person_ids),
    )


def named(column: str) -> str:
    """SQL: joins the person that the column holds; `shown_name` reads the two columns of NAMED."""
    return (
        f"JOIN person named ON named.id = {column} LEFT JOIN person_details named_in_full "
        "ON named_in_full.person_id = named.id "
    )


NAMED = "named.shown_nickname, named_in_full.real_name AS sealed_name"
"""SQL: what `shown_name` needs of a person, in a query that joins `named(…)`."""


def shown_name(row: Any, of: str = "") -> tuple[str, str]:
    """How others see the person of a row with NAMED: the nickname, and the masked real name or else the nickname. `of`
    begins the two columns' names where the row has several persons."""
    name = mask_name(open_name(row[f"{of}sealed_name"]))
    nickname = row[f"{of}shown_nickname"] or name or "居民"
    return nickname, name or nickname


async def describe_persons(person_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """The words by which others see somebody: nickname, and masked real name; one query for all of them."""
    rows = await fetch(f"SELECT p.id, {NAMED} FROM person p {named('p.id')} WHERE p.id = ANY($1)", list(person_ids))
    described = {}
    for row in rows:
        nickname, name = shown_name(row)
        described[row["id"]] = {"id": row["id"], "nickname": nickname, "name": name}
    return described


async def names_for(person_id: str, person_ids: Iterable[str]) -> dict[str, str]:
    """Names as this person reads them: their own and those of whom they look after in clear, since two children would
    both be 李** else; all others masked. One query."""
    rows = await fetch(
        f"SELECT p.id, {NAMED}, {ours('p.id')} AS is_ours FROM person p {named('p.id')} WHERE p.id = ANY($2)",
        person_id,
        list(person_ids),
    )
    return {row["id"]: name_for(row) for row in rows}


def name_for(row: Any) -> str:
    """The person of a row with NAMED as its reader reads them; `is_ours`: themselves, or somebody they look after."""
    return (open_name(row["sealed_name"]) if row["is_ours"] else "") or shown_name(row)[1]


async def find_openids(person_ids: Iterable[str], appid: str) -> dict[str, str]:
    """Person → openid of the account with which they last signed in to this mini-program."""
    rows = await fetch(
        "SELECT DISTINCT ON (person_id) person_id, openid FROM wechat_identity "
        "WHERE person_id = ANY($1) AND appid = $2 ORDER BY person_id, signed_in_at DESC",
        list(person_ids),
        appid,
    )
    return {row["person_id"]: row["openid"] for row in rows}


async def find_person_by_openid(openid: str, appid: str) -> str | None:
    """Who this WeChat account is; None when it never signed in."""
    person_id: str | None = await fetch_value(
        "SELECT person_id FROM wechat_identity WHERE appid = $1 AND openid = $2", appid, openid
    )
    return person_id
