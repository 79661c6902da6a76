"""Rules find what lasts, once a place, and let go once it has come back; staff know, act, or say why it is none."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from server.background.sweeps import SWEEPS
from server.figures.models import Figure, FigureMonth
from server.figures.warnings.models import FigureWarning, WarnedSide, WarningState
from server.figures.warnings.rules import BY_RULE, DEFAULT_RULES, Step, reason, step
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.database import execute
from server.organizations.models import Organization, RoleKind
from tests.builders import create_community, create_staff, move_clock_to, told
from tests.clients import Api
from tests.figures.builders import MARCH, put_figure

NOW = datetime(2031, 3, 15, 12, tzinfo=clock.SHANGHAI)
WARNINGS = "/staff/warnings"
FEBRUARY = date(2031, 2, 1)


@pytest.fixture(autouse=True)
def then(app: object) -> None:
    move_clock_to(NOW)


async def look(days: float = 0) -> None:
    """March was counted again, so many days after the 15th, and the rules look at it."""
    move_clock_to(NOW + timedelta(days=days))
    await FigureMonth.get_or_create(month=MARCH, defaults={"due_at": clock.now()})
    await execute("UPDATE figure_month SET counted_at = $1 WHERE month = $2", clock.now(), MARCH)
    move_clock_to(NOW + timedelta(days=days, seconds=1))
    (sweep,) = [each for each in SWEEPS if each.name == "figures_warn"]
    while await sweep.run():
        pass


async def set_figure(where: Organization, code: str, *sums: int, month: date = MARCH) -> None:
    await Figure.filter(organization_id=where.id, code=code, month=month).delete()
    await put_figure(where, code, *sums, month=month)


async def open_warnings(staff: Api, where: Organization, **query: Any) -> list[Any]:
    found: list[Any] = (await staff.get(WARNINGS, organization_id=where.id, **query))["items"]
    return found


async def test_a_warning_from_its_cause_to_its_end(api: Api) -> None:
    here, there = await create_community(name="幸福社区"), await create_community()
    staff, elsewhere = await create_staff(api, here), await create_staff(api, there)
    observer = await create_staff(api, here, RoleKind.OBSERVER)
    await set_figure(here, "complaints_overdue", 2)
    await look()
    (warning,) = await open_warnings(staff, here)
    assert (warning["words"], warning["state"]) == ("意见逾期未答复", "raised")
    assert warning["reason"] == "零积压：逾期未答复的意见（2），达到或超过预警线 1 件"
    assert await told(staff) == ["warning_raised"]
    assert await told(elsewhere) == await told(observer) == []
    assert "幸福社区" in (await staff.inbox())[0]["text"]
    assert (await staff.get("/staff/desk"))["items"][0]["kind"] == "figure_warning"
    assert (await staff.get("/staff/desk/items"))["items"][0]["title"] == "意见逾期未答复"
    # It is there once, however often one looks, and tells how it is now.
    await set_figure(here, "complaints_overdue", 3)
    await look(0.1)
    (again,) = await open_warnings(staff, here)
    assert again["id"] == warning["id"]
    assert "（3）" in again["reason"]
    assert await told(staff) == ["warning_raised"]
    path = f"{WARNINGS}/{warning['id']}"
    known = await staff.post(f"{path}/acknowledge")
    assert known["state"] == "acknowledged"
    assert known["acknowledged_by"]
    acting = await staff.post(f"{path}/act", {"doing": "今天下午逐条答复"})
    assert (acting["state"], acting["doing"]) == ("acting", "今天下午逐条答复")
    assert not (await staff.get("/staff/desk"))["items"]
    await set_figure(here, "complaints_overdue", 0)
    await look(0.2)
    assert await open_warnings(staff, here) == []
    (cleared,) = await open_warnings(staff, here, state="cleared")
    assert cleared["over_at"]
    # It comes back: that is another one.
    await set_figure(here, "complaints_overdue", 1)
    await look(0.3)
    (new,) = await open_warnings(staff, here)
    assert new["id"] != warning["id"]
    for action in ("acknowledge_warning", "act_warning"):
        assert await AuditEntry.filter(action=action, organization_id=here.id).count() == 1


async def test_what_does_not_last_is_no_warning(api: Api) -> None:
    here = await create_community()
    staff = await create_staff(api, here)
    await set_figure(here, "wishes_unclaimed", 3, 9)
    await look()
    await look(1.9)
    assert await open_warnings(staff, here) == []
    watched = await FigureWarning.get()
    assert watched.state is WarningState.WATCHED
    await staff.refused("GET", f"{WARNINGS}/{watched.id}", code="not_found")
    await staff.refused("POST", f"{WARNINGS}/{watched.id}/acknowledge", code="not_found")
    # For a moment it was better: it has to last anew.
    await set_figure(here, "wishes_unclaimed", 2, 9)
    await look(1.95)
    assert not await FigureWarning.exists()
    await set_figure(here, "wishes_unclaimed", 3, 9)
    await look(2.1)
    await look(4)
    assert await open_warnings(staff, here) == []
    await look(4.15)
    (warning,) = await open_warnings(staff, here)
    assert warning["reason"] == "上墙 7 天无人认领的心愿（3/9），达到或超过预警线 3 件，持续 2 天"
    # Hysteresis: two are still too many to let go, one is not.
    await set_figure(here, "wishes_unclaimed", 2, 9)
    await look(4.2)
    assert len(await open_warnings(staff, here)) == 1
    await set_figure(here, "wishes_unclaimed", 1, 9)
    await look(4.3)
    assert await open_warnings(staff, here) == []


async def test_a_dismissed_one_is_not_raised_again_before_its_cause_has_gone(api: Api) -> None:
    here = await create_community()
    staff = await create_staff(api, here)
    await set_figure(here, "complaints_overdue", 2)
    await look()
    (warning,) = await open_warnings(staff, here)
    path = f"{WARNINGS}/{warning['id']}"
    await staff.refused("POST", f"{path}/dismiss", {"reason": " "}, code="invalid_fields")
    dismissed = await staff.post(f"{path}/dismiss", {"reason": "同一人重复提交"})
    assert (dismissed["state"], dismissed["dismissal"]) == ("dismissed", "同一人重复提交")
    await staff.refused("POST", f"{path}/acknowledge", code="wrong_state")
    await look(1)
    assert await open_warnings(staff, here) == []
    assert await told(staff) == ["warning_raised"]
    await set_figure(here, "complaints_overdue", 0)
    await look(2)
    assert (await staff.get(path))["over_at"]
    await set_figure(here, "complaints_overdue", 2)
    await look(3)
    assert len(await open_warnings(staff, here)) == 1
    assert await told(staff) == ["warning_raised"] * 2


async def test_what_happened_is_looked_at_once_the_month_is_over(api: Api) -> None:
    here, small = await create_community(), await create_community()
    staff, others = await create_staff(api, here), await create_staff(api, small)
    await set_figure(here, "residents", 10)
    await set_figure(small, "residents", 9)
    await set_figure(here, "no_shows", 9, 20, month=FEBRUARY)
    await set_figure(small, "no_shows", 9, 9, month=FEBRUARY)
    await look()
    # Nobody held anything in February; where hardly anybody lives, nobody has to. Of nine bookings nothing is said.
    assert {warning["rule_code"] for warning in await open_warnings(staff, here)} == {
        "many_no_shows",
        "no_activity",
        "no_party_day",
    }
    assert {warning["month"] for warning in await open_warnings(staff, here)} == {"2031-02"}
    assert await open_warnings(others, small) == []


def test_of_few_people_the_number_is_not_told() -> None:
    few = reason(BY_RULE["floating_uncontacted"], 2, 30)
    assert few == "流动党员逾期未联系，达到或超过预警线 1 件，持续 7 天"
    assert reason(BY_RULE["many_no_shows"], 9, 20) == "爽约率（9/20），达到或超过预警线 30 %"


@pytest.mark.parametrize("rule", DEFAULT_RULES, ids=lambda rule: rule.code)
def test_what_raises_does_not_clear(rule: Any) -> None:
    over = 1 if rule.warns_when is WarnedSide.ABOVE else -1
    now = NOW
    since = now - timedelta(days=rule.for_days)
    assert step(rule, None, since, rule.raise_at, now) is Step.RAISE
    assert step(rule, None, since, rule.raise_at - over, now) is Step.STAY
    for state in (WarningState.RAISED, WarningState.DISMISSED):
        assert step(rule, state, since, rule.raise_at, now) is Step.STAY
        assert step(rule, state, since, rule.clear_at, now) is Step.CLEAR
        assert step(rule, state, since, None, now) is Step.STAY


async def test_a_manager_of_the_city_changes_a_rule(api: Api) -> None:
    here = await create_community()
    street = await Organization.get(id=here.parent_id)
    city = await Organization.get(level="city", path=street.path.split(".")[0])
    manager, below = await create_staff(api, city, RoleKind.MANAGER), await create_staff(api, street, RoleKind.MANAGER)
    staff = await create_staff(api, here)
    await set_figure(here, "complaints_overdue", 2)
    await look()
    rules = {rule["code"]: rule for rule in await staff.get(f"{WARNINGS}/rules")}
    assert (rules["complaints_late"]["raise_at"], rules["complaints_late"]["version"]) == (1, 0)
    path = f"{WARNINGS}/rules/complaints_late"
    terms = {"raise_at": 5, "clear_at": 3, "for_days": 0, "least_residents": 0, "is_on": True, "version": 0}
    await below.refused("PUT", path, terms, code="not_allowed")
    await manager.refused("PUT", f"{WARNINGS}/rules/nonsense", terms, code="not_found")
    await manager.refused("PUT", path, terms | {"clear_at": 6}, code="invalid_fields")
    assert (await manager.put(path, terms))["version"] == 1
    await manager.refused("PUT", path, terms, code="edited_meanwhile")
    assert await AuditEntry.filter(action="change_warning_rule").count() == 1
    # Two are few enough now.
    await look(1)
    assert await open_warnings(staff, here) == []
    # Switched off, it lets go of everything.
    await set_figure(here, "complaints_overdue", 9)
    await look(2)
    assert len(await open_warnings(staff, here)) == 1
    await manager.put(path, terms | {"is_on": False, "version": 1})
    await look(3)
    assert await open_warnings(staff, here) == []


async def test_who_has_nothing_to_do_with_it(api: Api) -> None:
    here, there = await create_community(), await create_community()
    staff, elsewhere = await create_staff(api, here), await create_staff(api, there)
    observer = await create_staff(api, here, RoleKind.OBSERVER)
    await set_figure(here, "complaints_overdue", 2)
    await look()
    (warning,) = await open_warnings(staff, here)
    assert await open_warnings(elsewhere, there) == []
    for who in (elsewhere, observer):
        await who.refused("GET", f"{WARNINGS}?organization_id={here.id}", code="not_allowed")
        await who.refused("GET", f"{WARNINGS}/{warning['id']}", code="not_found")
        for verb, body in (("acknowledge", None), ("act", {"doing": "x"}), ("dismiss", {"reason": "x"})):
            await who.refused("POST", f"{WARNINGS}/{warning['id']}/{verb}", body, code="not_found")
