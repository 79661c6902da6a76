"""Schemes 评价方案: by a manager, a new version for each change."""

from typing import Annotated

import msgspec

from server.figures.assessments.models import AssessmentScheme
from server.figures.assessments.rules import Indicator
from server.figures.definitions import BY_CODE
from server.figures.definitions.definition import Definition
from server.foundation.audit import record_audit
from server.foundation.database import fetch, fetch_value, transaction
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotFound
from server.foundation.ids import Id
from server.organizations.access import READERS, require_role
from server.organizations.models import RoleKind

MANAGERS = (RoleKind.MANAGER,)


class NewScheme(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`version` is the newest that was read, 0 for none. The weights make 100, the residents' at least 20."""

    organization_id: Id
    year: Annotated[int, msgspec.Meta(ge=2000, le=2200)]
    version: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
    indicators: Annotated[list[Indicator], msgspec.Meta(min_length=1, max_length=30)]
    residents_weight: Annotated[float, msgspec.Meta(ge=20, le=100)]


class SchemeView(msgspec.Struct, kw_only=True):
    id: Id
    organization_id: Id
    year: int
    version: int
    indicators: list[Indicator]
    residents_weight: float


async def make_scheme(actor_id: str, scheme: NewScheme) -> SchemeView:
    """A new version. Raises NotAllowed, EditedMeanwhile, InvalidFields."""
    await require_role(actor_id, scheme.organization_id, MANAGERS)
    _check(scheme)
    async with transaction(assessment_scheme_version=EditedMeanwhile):
        newest = await fetch_value(
            "SELECT max(version) FROM assessment_scheme WHERE organization_id = $1 AND year = $2",
            scheme.organization_id,
            scheme.year,
        )
        if (newest or 0) != scheme.version:
            raise EditedMeanwhile()
        made = await AssessmentScheme.create(
            organization_id=scheme.organization_id,
            year=scheme.year,
            version=scheme.version + 1,
            indicators=msgspec.to_builtins(scheme.indicators),
            residents_weight=scheme.residents_weight,
            made_by_id=actor_id,
        )
        await record_audit(
            "make_scheme",
            actor_id=actor_id,
            subject=("assessment_scheme", made.id),
            organization_id=scheme.organization_id,
        )
        return await get_scheme(made.id)


def _check(scheme: NewScheme) -> None:
    total = sum(each.weight for each in scheme.indicators) + scheme.residents_weight
    if abs(total - 100) > 0.01:
        raise InvalidFields.of("indicators", f"各项权重与居民评价之和应为 100，现在是 {total:g}")
    for number, each in enumerate(scheme.indicators):
        definition: Definition | None = BY_CODE.get(each.figure)
        if definition is None:
            raise InvalidFields.of(f"indicators.{number}.figure", "没有这项指标")
        if each.zero_at == each.full_at:
            raise InvalidFields.of(f"indicators.{number}.full_at", "满分线与零分线不能相同")
    if len({each.figure for each in scheme.indicators}) < len(scheme.indicators):
        raise InvalidFields.of("indicators", "同一指标只能用一次")


async def get_scheme(scheme_id: str) -> SchemeView:
    """Raises NotFound."""
    rows = await fetch("SELECT s.* FROM assessment_scheme s WHERE s.id = $1", scheme_id)
    if not rows:
        raise NotFound()
    return _view(rows[0])


async def list_schemes(actor_id: str, organization_id: str) -> list[SchemeView]:
    """Those of an organization, the newest first. Raises NotAllowed."""
    await require_role(actor_id, organization_id, READERS)
    rows = await fetch(
        "SELECT s.* FROM assessment_scheme s WHERE s.organization_id = $1 "
        "ORDER BY s.year DESC, s.version DESC LIMIT 50",
        organization_id,
    )
    return [_view(row) for row in rows]


def _view(row: object) -> SchemeView:
    told = dict(row)  # type: ignore[call-overload]
    told["indicators"] = msgspec.json.decode(told["indicators"], type=list[Indicator])
    return SchemeView(**{name: told[name] for name in SchemeView.__struct_fields__})
