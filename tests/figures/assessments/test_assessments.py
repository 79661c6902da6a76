"""From the scheme to the final result: computed from frozen figures, checked by others, appealed, and then for good."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from server.figures.assessments.models import Assessment, AssessmentAdjustment, AssessmentState, CommunityEvaluation
from server.figures.assessments.rules import Indicator, Line, residents_points, score, total_of
from server.figures.models import FigureMonth
from server.foundation import clock
from server.foundation.database import IntegrityError, execute
from server.foundation.ids import new_id
from server.organizations.models import Level, Organization, RoleKind
from tests.builders import (
    create_organization,
    create_person,
    create_resident,
    create_staff,
    grant,
    move_clock_to,
    sign_in,
    told,
)
from tests.clients import Api
from tests.figures.builders import put_figure

NOW = datetime(2031, 7, 20, 12, tzinfo=clock.SHANGHAI)
JUNE, MAY = date(2031, 6, 1), date(2031, 5, 1)
PERIOD = "2031H1"
INDICATORS = [
    {"figure": "wishes_fulfilled", "weight": 50, "zero_at": 0, "full_at": 20},
    {"figure": "no_shows", "weight": 30, "zero_at": 40, "full_at": 0, "floor": 0.1},
]


@pytest.fixture(autouse=True)
def then(app: object) -> None:
    move_clock_to(NOW)


def scheme_of(street: Organization, **other: Any) -> dict[str, Any]:
    return {
        "organization_id": street.id,
        "year": 2031,
        "version": 0,
        "indicators": INDICATORS,
        "residents_weight": 20,
        **other,
    }


class Street:
    """A street with two communities, and those who work there."""

    async def build(self, api: Api) -> "Street":
        self.street = await create_organization(Level.SUBDISTRICT)
        self.here = await create_organization(Level.COMMUNITY, parent=self.street, name="幸福社区")
        self.there = await create_organization(Level.COMMUNITY, parent=self.street)
        self.manager = await create_staff(api, self.street, RoleKind.MANAGER)
        self.second = await create_staff(api, self.street, RoleKind.MANAGER)
        self.staff = await create_staff(api, self.here)
        self.elsewhere = await create_staff(api, self.there)
        for month in range(1, 7):
            await FigureMonth.create(month=date(2031, month, 1), due_at=NOW, counted_at=NOW, frozen_at=NOW)
        return self

    async def open(self) -> str:
        """The community's assessment."""
        made = await self.manager.post("/staff/assessment-schemes", scheme_of(self.street), expect=201)
        await self.manager.post(f"/staff/assessment-schemes/{made['id']}/open", {"period": PERIOD})
        found = await Assessment.get(organization_id=self.here.id)
        return f"/staff/assessments/{found.id}"


async def test_points_are_what_the_figures_give() -> None:
    more, less = Indicator(**INDICATORS[0]), Indicator(**INDICATORS[1])  # type: ignore[arg-type]
    assert [score(more, number, 0).earned for number in (0, 10, 20, 99)] == [0, 25, 50, 50]
    assert [score(less, number, 20).earned for number in (0, 4, 8, 20)] == [30, 15, 3, 3]
    assert score(less, 1, 9).earned is None
    assert [residents_points(20, 10, stars) for stars in (10, 30, 50)] == [0, 10, 20]
    assert residents_points(20, 9, 45) is None
    lines = [Line(figure="a", weight=50, numerator=0, denominator=0, earned=25),
             Line(figure="b", weight=30, numerator=0, denominator=0, earned=None)]  # fmt: skip
    assert total_of(lines, 20, None, []) == 50
    assert total_of(lines, 20, 20, [1.5]) == pytest.approx(100 * 45 / 70 + 1.5, abs=0.01)
    assert (total_of(lines, 20, None, [60]), total_of(lines, 20, None, [-60])) == (100, 0)


async def test_a_scheme_has_weights_and_versions(api: Api) -> None:
    at = await Street().build(api)
    path = "/staff/assessment-schemes"
    await at.staff.refused("POST", path, scheme_of(at.street), code="not_allowed")
    for wrong in (
        {"residents_weight": 19},
        {"residents_weight": 30},
        {"indicators": [INDICATORS[0] | {"figure": "nonsense"}, INDICATORS[1]]},
        {"indicators": [INDICATORS[0] | {"full_at": 0}, INDICATORS[1]]},
        {"indicators": [INDICATORS[0], INDICATORS[0] | {"weight": 30}]},
    ):
        await at.manager.refused("POST", path, scheme_of(at.street, **wrong), code="invalid_fields")
    first = await at.manager.post(path, scheme_of(at.street), expect=201)
    await at.manager.refused("POST", path, scheme_of(at.street), code="edited_meanwhile")
    second = await at.manager.post(path, scheme_of(at.street, version=1), expect=201)
    assert [each["id"] for each in await at.manager.get(path, organization_id=at.street.id)] == [
        second["id"],
        first["id"],
    ]
    await at.elsewhere.refused("GET", f"{path}?organization_id={at.street.id}", code="not_allowed")


async def test_nothing_is_assessed_before_its_figures_are_frozen(api: Api) -> None:
    at = await Street().build(api)
    made = await at.manager.post("/staff/assessment-schemes", scheme_of(at.street), expect=201)
    path = f"/staff/assessment-schemes/{made['id']}/open"
    await at.staff.refused("POST", path, {"period": PERIOD}, code="not_allowed")
    await at.manager.refused("POST", path, {"period": "2030H1"}, code="invalid_fields")
    await at.manager.refused("POST", path, {"period": "2031H3"}, code="invalid_fields")
    await at.manager.refused("POST", path, {"period": "2031"}, code="wrong_state")
    await at.manager.refused("POST", f"/staff/assessment-schemes/{new_id()}/open", {"period": PERIOD}, code="not_found")
    assert (await at.manager.post(path, {"period": PERIOD}))["opened"] == 2
    # Each community is assessed once.
    assert (await at.manager.post(path, {"period": PERIOD}))["opened"] == 0


async def test_from_open_to_final(api: Api) -> None:
    at = await Street().build(api)
    for month, wishes in ((MAY, 6), (JUNE, 4)):
        await put_figure(at.here, "wishes_fulfilled", wishes, month=month)
        await put_figure(at.here, "no_shows", 2, 10, month=month)
    path = await at.open()
    shown = await at.staff.get(path)
    assert [
        (line["figure_words"], line["numerator"], line["denominator"], line["earned"]) for line in shown["lines"]
    ] == [
        ("心愿实现", 10, 0, 25.0),
        ("爽约率", 4, 20, 15.0),
    ]
    assert (shown["state"], shown["total_points"]) == ("open", None)
    # The community says what it has to say; others check, and nobody of its own.
    await at.manager.refused("POST", f"{path}/check", code="wrong_state")
    await at.elsewhere.refused("POST", f"{path}/self", {"words": "很好"}, code="not_found")
    await at.manager.refused("POST", f"{path}/self", {"words": "很好"}, code="not_allowed")
    await at.staff.post(f"{path}/self", {"words": "心愿都有人管"})
    await at.staff.refused("POST", f"{path}/check", code="not_allowed")
    both = await create_person(nickname="两边都有岗位")
    await grant(both, at.here)
    await grant(both, at.street, RoleKind.MANAGER)
    own = await sign_in(api, both)
    await own.refused("POST", f"{path}/check", code="own_matter")
    for number in range(10):
        await CommunityEvaluation.create(
            organization=at.here, person_id=new_id(), period=PERIOD, stars=5 if number else 1
        )
    checked = await at.manager.post(f"{path}/check")
    # 25 of 50, 15 of 30, and of the residents' 20 ten voices: 46 stars of 50.
    assert (checked["votes"], checked["residents_points"], checked["total_points"]) == (10, 18.0, 58.0)
    # By hand: with name and reason.
    await own.refused("POST", f"{path}/adjust", {"added": 1, "reason": "x"}, code="own_matter")
    await at.manager.refused("POST", f"{path}/adjust", {"added": 0, "reason": "x"}, code="invalid_fields")
    await at.manager.refused("POST", f"{path}/adjust", {"added": 2, "reason": " "}, code="invalid_fields")
    adjusted = await at.manager.post(f"{path}/adjust", {"added": 2, "reason": "台风夜守堤"})
    assert adjusted["total_points"] == 60.0
    assert [(each["added"], each["reason"]) for each in adjusted["adjustments"]] == [(2.0, "台风夜守堤")]
    assert adjusted["adjustments"][0]["by"]
    await at.manager.post(f"{path}/notify")
    assert "assessment_notified" in await told(at.staff)
    assert "assessment_notified" not in await told(at.elsewhere)
    # An appeal, answered by somebody else than who checked.
    await at.manager.refused("POST", f"{path}/finish", code="wrong_state")
    appealed = await at.staff.post(f"{path}/appeal", {"words": "5 月少算了两次"})
    assert appealed["state"] == "appealed"
    assert "assessment_appealed" in await told(at.second)
    await at.manager.refused("POST", f"{path}/answer", {"words": "没有少算"}, code="own_matter")
    await at.second.post(f"{path}/adjust", {"added": 1, "reason": "补两次"})
    answered = await at.second.post(f"{path}/answer", {"words": "已补"})
    assert (answered["state"], answered["total_points"], answered["answer"]) == ("notified", 61.0, "已补")
    move_clock_to(NOW + timedelta(days=6, hours=23))
    await at.second.refused("POST", f"{path}/finish", code="wrong_state")
    move_clock_to(NOW + timedelta(days=7, hours=1))
    final = await at.second.post(f"{path}/finish")
    assert (final["state"], final["total_points"]) == ("final", 61.0)
    for verb, body in (("self", {"words": "x"}), ("appeal", {"words": "x"})):
        await at.staff.refused("POST", f"{path}/{verb}", body, code="wrong_state")
    await at.manager.refused("POST", f"{path}/adjust", {"added": 1, "reason": "x"}, code="wrong_state")


async def test_a_final_one_never_changes_whoever_asks_the_database(api: Api) -> None:
    at = await Street().build(api)
    path = await at.open()
    assessment = await Assessment.get(organization_id=at.here.id)
    given: dict[str, Any] = {"assessment_id": assessment.id, "points": 1.0, "reason": "x", "by_id": new_id()}
    adjustment = await AssessmentAdjustment.create(**given)
    assessment.state, assessment.total, assessment.final_at = AssessmentState.FINAL, 50.0, NOW
    await assessment.save()
    for sql in (
        "UPDATE assessment SET total = 99 WHERE id = $1",
        "UPDATE assessment SET state = 'notified', final_at = NULL WHERE id = $1",
        "DELETE FROM assessment WHERE id = $1",
    ):
        with pytest.raises(IntegrityError):
            await execute(sql, assessment.id)
    for sql in (
        "UPDATE assessment_adjustment SET points = 9 WHERE id = $1",
        "DELETE FROM assessment_adjustment WHERE id = $1",
    ):
        with pytest.raises(IntegrityError):
            await execute(sql, adjustment.id)
    with pytest.raises(Exception, match="stay as they are"):
        await AssessmentAdjustment.create(**given)
    assert (await at.staff.get(path))["total_points"] == 50.0
    # A fact that comes later changes nothing of it.
    await put_figure(at.here, "wishes_fulfilled", 20, month=JUNE)
    assert (await at.staff.get(path))["lines"][0]["numerator"] == 0


async def test_residents_say_what_they_think_once_a_half_year(api: Api) -> None:
    at = await Street().build(api)
    resident = await create_resident(api, at.here)
    path = "/me/community-evaluation"
    assert (await resident.get(path))["satisfaction"] is None
    assert await resident.put(path, {"satisfaction": 4}) == {
        "organization_name": "幸福社区", "period": "2031H2", "satisfaction": 4
    }  # fmt: skip
    await resident.put(path, {"satisfaction": 5})
    assert [each.stars for each in await CommunityEvaluation.all()] == [5]
    for stars in (0, 6):
        await resident.refused("PUT", path, {"satisfaction": stars}, code="invalid_fields")
    homeless = await sign_in(api, await create_person())
    await homeless.refused("PUT", path, {"satisfaction": 5}, code="wrong_state")
    worker = await create_person(community=at.here)
    await grant(worker, at.here)
    await (await sign_in(api, worker)).refused("PUT", path, {"satisfaction": 5}, code="wrong_state")
    await resident.post("/me/cancellation", expect=204)
    assert not await CommunityEvaluation.exists()


async def test_only_those_that_are_like_are_compared(api: Api) -> None:
    at = await Street().build(api)
    made = await at.manager.post("/staff/assessment-schemes", scheme_of(at.street), expect=201)
    sizes = [100] * 6 + [5000] * 2
    for number, size in enumerate(sizes):
        community = await create_organization(Level.COMMUNITY, parent=at.street, name=f"社区{number}")
        await put_figure(community, "residents", size, month=JUNE)
        await Assessment.create(
            scheme_id=made["id"],
            organization=community,
            period=PERIOD,
            lines=[],
            state=AssessmentState.FINAL,
            total=50.0 + number,
            final_at=NOW,
        )
    asked: dict[str, Any] = {"organization_id": at.street.id, "period": PERIOD}
    ranked = await at.manager.get("/staff/assessments/ranking", **asked)
    assert [(each["organization_name"], each["rank"], each["like"], each["is_ahead"]) for each in ranked[:2]] == [
        ("社区5", 1, 6, True),
        ("社区4", 2, 6, False),
    ]
    # Of two large ones none is ahead: there are too few.
    assert [(each["organization_name"], each["rank"], each["is_ahead"]) for each in ranked[6:]] == [
        ("社区7", 1, False),
        ("社区6", 2, False),
    ]
    await at.staff.refused(
        "GET", f"/staff/assessments/ranking?organization_id={at.street.id}&period={PERIOD}", code="not_allowed"
    )
    listed = await at.manager.get("/staff/assessments", **asked, limit=100)
    assert len(listed["items"]) == 8


async def test_who_has_nothing_to_do_with_it(api: Api) -> None:
    at = await Street().build(api)
    path = await at.open()
    await at.elsewhere.refused("GET", path, code="not_found")
    for verb, body in (
        *((name, {"words": "x"}) for name in ("self", "appeal", "answer")),
        *((name, None) for name in ("check", "notify", "finish")),
        ("adjust", {"added": 1, "reason": "x"}),
    ):
        await at.elsewhere.refused("POST", f"{path}/{verb}", body, code="not_found")
    await at.elsewhere.refused(
        "GET", f"/staff/assessments?organization_id={at.here.id}&period={PERIOD}", code="not_allowed"
    )
