"""The rules as they are in force, and changing them: each change is a new version."""

from typing import Annotated

import msgspec

from server.figures.warnings.models import Measured, WarnedSide, WarningRule
from server.figures.warnings.rules import BY_RULE, DEFAULT_RULES, Rule
from server.foundation.audit import record_audit
from server.foundation.bounds import Version
from server.foundation.database import fetch, fetch_value, transaction
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotFound
from server.organizations.access import require_role
from server.organizations.models import RoleKind

_Limit = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]


class WarningTerms(msgspec.Struct, kw_only=True):
    """From where on a warning is raised, and back to where it is over; for how many days it must have lasted, and of
    how many residents a community must have."""

    raise_at: _Limit
    clear_at: _Limit
    for_days: Annotated[int, msgspec.Meta(ge=0, le=90)]
    least_residents: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
    is_on: bool


class WarningRuleView(WarningTerms, kw_only=True):
    """A rule as it is in force. `version` 0 came with the program."""

    code: str
    words: str
    figure: str
    figure_words: str
    measured: Measured
    warns_when: WarnedSide
    version: int


class ChangeRule(WarningTerms, kw_only=True, forbid_unknown_fields=True):
    version: Version


async def rules_in_force() -> list[Rule]:
    """All of them, each in its newest version."""
    rows = await fetch("SELECT DISTINCT ON (r.code) r.* FROM warning_rule r ORDER BY r.code, r.version DESC")
    newest = {row["code"]: row for row in rows}
    names = (*WarningTerms.__struct_fields__, "version")
    return [
        msgspec.structs.replace(rule, **{name: newest[rule.code][name] for name in names})
        if rule.code in newest
        else rule
        for rule in DEFAULT_RULES
    ]


async def list_warning_rules() -> list[WarningRuleView]:
    return [_view(rule) for rule in await rules_in_force()]


async def change_warning_rule(actor_id: str, code: str, terms: ChangeRule) -> WarningRuleView:
    """A new version of a rule, for the whole city: by its managers. What was raised by the one before stays until it is
    over. Raises NotFound, NotAllowed, EditedMeanwhile, InvalidFields."""
    if code not in BY_RULE:
        raise NotFound()
    city = await fetch_value("SELECT id FROM organization WHERE level = 'city' AND closed_at IS NULL LIMIT 1")
    await require_role(actor_id, city, (RoleKind.MANAGER,))
    further = terms.clear_at - terms.raise_at
    comes_back = further <= 0 if BY_RULE[code].warns_when is WarnedSide.ABOVE else further >= 0
    if not comes_back:
        raise InvalidFields.of("clear_at", "解除线应在预警线之内")
    async with transaction(warning_rule_version=EditedMeanwhile):
        rule = next(each for each in await rules_in_force() if each.code == code)
        if rule.version != terms.version:
            raise EditedMeanwhile()
        values = {name: getattr(terms, name) for name in WarningTerms.__struct_fields__}
        made = await WarningRule.create(code=code, changed_by_id=actor_id, **values | {"version": terms.version + 1})
        await record_audit(
            "change_warning_rule",
            actor_id=actor_id,
            subject=("warning_rule", made.id),
            organization_id=city,
            code=code,
            version=made.version,
        )
        return _view(msgspec.structs.replace(rule, **values | {"version": made.version}))


def _view(rule: Rule) -> WarningRuleView:
    return WarningRuleView(
        figure_words=rule.definition.words,
        **{name: getattr(rule, name) for name in WarningRuleView.__struct_fields__ if name != "figure_words"},
    )
