"""Categories of cases and the standards that count for them: the city's, kept by its managers, versioned."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from server.calendars.working_time import Pace
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.bounds import RequiredText
from server.foundation.database import IntegrityError, fetch, fetch_structs, fetch_value, transaction
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotAllowed, NotFound
from server.foundation.ids import Id, new_id
from server.grid_cases.models import CaseCategory, CaseKind, CaseStandard
from server.organizations.access import holds_role
from server.organizations.models import RoleKind

Minutes = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Amount = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Code = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9A-Za-z-]{1,12}$(?!\n)", description="as in GB/T 30428, or the city's own")
]
Condition = Annotated[str, msgspec.Meta(max_length=200)]


class Standard(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What counts for the cases of a category; see models.CaseStandard."""

    amount: Amount
    pace: Pace
    """Handled within so many minutes or days of this pace."""
    answer_amount: Amount = 7
    answer_pace: Pace = Pace.CALENDAR_DAYS
    """The resident has an answer within so much time since it was reported."""
    file_minutes: Minutes = 15
    dispatch_minutes: Minutes = 15
    accept_minutes: Minutes = 120
    file_when: Condition = ""
    close_when: Condition = ""
    responsible: Annotated[str, msgspec.Meta(max_length=100)] = ""
    needs_photos: bool = False


class StandardView(Standard, kw_only=True):
    """`number` is its version."""

    id: Id
    number: int
    created_at: datetime


class CategoryContent(msgspec.Struct, kw_only=True):
    """What managers write of a category. `standard` is left out of what is only a heading of others."""

    code: Code
    name: Annotated[RequiredText, msgspec.Meta(max_length=40)]
    kind: CaseKind
    parent_code: Code | None = None
    standard: Standard | None = None
    is_ended: bool = False


class CategoryView(msgspec.Struct, kw_only=True):
    """`standard` is the one in force; null for headings, under which nothing is reported itself."""

    id: Id
    code: str
    name: str
    kind: CaseKind
    parent_id: Id | None
    parent_code: str | None
    standard: StandardView | None
    version: int


_STANDARD = ", ".join(f"s.{name} AS s_{name}" for name in StandardView.__struct_fields__)
_CATEGORY = (
    f"SELECT k.id, k.code, k.name, k.kind, k.parent_id, p.code AS parent_code, k.version, {_STANDARD} "
    "FROM case_category k LEFT JOIN case_category p ON p.id = k.parent_id LEFT JOIN LATERAL "
    "(SELECT * FROM case_standard WHERE category_id = k.id ORDER BY number DESC LIMIT 1) s ON TRUE "
)


async def list_categories() -> list[CategoryView]:
    """The whole tree in the order of codes, without what has ended."""
    return [_view(row) for row in await fetch(_CATEGORY + "WHERE k.ended_at IS NULL ORDER BY k.code")]


async def list_standards(category_id: str) -> list[StandardView]:
    """Every version that a category's standard had, the latest first. Raises NotFound."""
    if not await CaseCategory.exists(id=category_id):
        raise NotFound()
    columns = ", ".join(StandardView.__struct_fields__)
    return await fetch_structs(
        StandardView, f"SELECT {columns} FROM case_standard WHERE category_id = $1 ORDER BY number DESC", category_id
    )


async def set_category(actor_id: str, version: int, content: CategoryContent) -> CategoryView:
    """Make a category, or change the one with this code; `version` 0 where there is none yet. Another standard is a new
    version, which counts for what is reported from now on.

    Raises NotAllowed, EditedMeanwhile, InvalidFields.
    """
    await _require_city_manager(actor_id)
    async with transaction():
        category_id = await write_category(content, version, actor_id)
        await record_audit(
            "set_case_category", actor_id=actor_id, subject=("case_category", category_id), code=content.code
        )
        (row,) = await fetch(_CATEGORY + "WHERE k.id = $1", category_id)
        return _view(row)


async def write_category(content: CategoryContent, version: int | None, actor_id: str | None) -> str:
    """Make or change it, in the caller's transaction; its id. `version` None: whichever there is. Raises
    EditedMeanwhile, InvalidFields."""
    category = await CaseCategory.filter(code=content.code).select_for_update(no_key=True).get_or_none()
    is_new = category is None
    if version is not None and (category.version if category else 0) != version:
        raise EditedMeanwhile()
    category = category or CaseCategory(id=new_id(), code=content.code, version=0)
    await _write(category, content)
    try:
        async with transaction():
            await category.save(force_create=is_new)
    except IntegrityError:
        # Another manager made it meanwhile.
        raise EditedMeanwhile() from None
    if content.standard:
        await _add_standard(actor_id, category.id, content.standard)
    return category.id


async def _write(category: CaseCategory, content: CategoryContent) -> None:
    parent = None
    if content.parent_code:
        parent = await CaseCategory.get_or_none(code=content.parent_code, ended_at=None)
        if parent is None or parent.id == category.id or parent.parent_id is not None:
            raise InvalidFields.of("parent_code", "没有这个上级类别，或层级过深")
    if content.standard and not parent:
        raise InvalidFields.of("parent_code", "标准须写在某个大类之下")
    category.name, category.kind = content.name.strip(), content.kind
    category.parent_id = parent.id if parent else None
    category.ended_at = (category.ended_at or clock.now()) if content.is_ended else None
    category.version += 1


async def _add_standard(actor_id: str | None, category_id: str, standard: Standard) -> None:
    last = await CaseStandard.filter(category_id=category_id).order_by("-number").first()
    values = msgspec.structs.asdict(standard)
    if last and all(getattr(last, name) == value for name, value in values.items()):
        return
    await CaseStandard.create(
        category_id=category_id, number=last.number + 1 if last else 1, edited_by_id=actor_id, **values
    )


async def standard_in_force(category_id: str) -> CaseStandard:
    """What counts for a case of this category that is reported now. Raises InvalidFields where nothing can be."""
    standard = await CaseStandard.filter(category_id=category_id, category__ended_at=None).order_by("-number").first()
    if standard is None:
        raise InvalidFields.of("category_id", "请选择事项类别")
    return standard


async def _require_city_manager(actor_id: str) -> None:
    root = await fetch_value("SELECT id FROM organization WHERE parent_id IS NULL AND closed_at IS NULL ORDER BY id")
    if root is None or not await holds_role(actor_id, root, (RoleKind.MANAGER,)):
        raise NotAllowed("事项类别由市级管理员维护")


def _view(row: Any) -> CategoryView:
    standard = None
    if row["s_id"]:
        standard = StandardView(**{name: row[f"s_{name}"] for name in StandardView.__struct_fields__})
    names = ("id", "code", "name", "kind", "parent_id", "parent_code", "version")
    return CategoryView(**{name: row[name] for name in names}, standard=standard)
