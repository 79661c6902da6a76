"""Cases and those around them: a community with a grid and a unit, below a subdistrict and a district, and a second
community beside it."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from server.calendars.working_time import Pace
from server.foundation import clock
from server.foundation.database import transaction
from server.foundation.ids import new_id
from server.grid_cases.checking import RULE
from server.grid_cases.models import (
    CaseCategory,
    CaseKind,
    CaseOutcome,
    CaseSource,
    CaseStandard,
    CaseState,
    GridCase,
    GridCaseStep,
)
from server.organizations.models import Level, Organization, RoleKind
from server.service_record.recording import record_service
from tests.builders import create_organization, create_person, create_resident, create_staff, grant, sign_in
from tests.clients import Api

HERE: dict[str, Any] = {"longitude": 122.1, "latitude": 37.5}


class Scene(NamedTuple):
    """Who is there. `dispatcher` and `checker` are both staff of the community; `elsewhere` is staff of the one beside
    it, whose `bystander` case nobody here touches."""

    district: Organization
    subdistrict: Organization
    community: Organization
    grid: Organization
    unit: Organization
    category: CaseCategory
    standard: CaseStandard
    reporter: Api
    neighbor: Api
    stranger: Api
    dispatcher: Api
    checker: Api
    grid_worker: Api
    liaison: Api
    above: Api
    district_staff: Api
    elsewhere: Api
    bystander: str

    async def case(self, who: Api | None = None, **other: Any) -> dict[str, Any]:
        """Reported over HTTP."""
        made: dict[str, Any] = await (who or self.reporter).post("/grid-cases", self.content(**other), expect=201)
        return made

    def content(self, **other: Any) -> dict[str, Any]:
        return {
            "category_id": self.category.id,
            "text": "路口的井盖不见了，夜里很危险。",
            "place": "幸福路与平安街路口",
            "location": HERE,
            "community_id": self.community.id,
            **other,
        }


async def create_scene(api: Api) -> Scene:
    async with transaction():
        district = await create_organization(Level.DISTRICT)
        subdistrict = await create_organization(Level.SUBDISTRICT, parent=district)
        community = await create_organization(Level.COMMUNITY, parent=subdistrict, name="幸福社区")
        grid = await create_organization(Level.GRID, parent=community, name="第一网格")
        unit = await create_organization(Level.UNIT, parent=community, name="海风物业")
        beside = await create_organization(Level.COMMUNITY, parent=subdistrict, name="平安社区")
        category, standard = await put_category()
        reporter = await create_resident(api, community, "小王")
        scene = Scene(
            district=district,
            subdistrict=subdistrict,
            community=community,
            grid=grid,
            unit=unit,
            category=category,
            standard=standard,
            reporter=reporter,
            neighbor=await create_resident(api, community, "邻居"),
            stranger=await create_resident(api, beside, "路人"),
            dispatcher=await create_staff(api, community),
            checker=await create_staff(api, community),
            grid_worker=await create_staff(api, grid, RoleKind.GRID_WORKER),
            liaison=await create_staff(api, unit, RoleKind.LIAISON),
            above=await create_staff(api, subdistrict),
            district_staff=await create_staff(api, district),
            elsewhere=await create_staff(api, beside),
            bystander="",
        )
        person = await create_person(community=beside)
        bystander = await put_case(
            scene, CaseState.HANDLING, community=beside, reporter_id=person.id, handler=beside, location=(122.2, 37.6)
        )
    return scene._replace(bystander=bystander)


async def put_category(name: str = "井盖", code: str = "", **standard: Any) -> tuple[CaseCategory, CaseStandard]:
    """A leaf with its standard: handled within two working days unless told otherwise."""
    heading = await CaseCategory.create(code=f"h{new_id()[-8:]}", name="公用设施", kind=CaseKind.THING)
    category = await CaseCategory.create(
        code=code or f"c{new_id()[-8:]}", name=name, kind=CaseKind.THING, parent_id=heading.id
    )
    values: dict[str, Any] = {
        "file_minutes": 15,
        "dispatch_minutes": 15,
        "accept_minutes": 120,
        "amount": 2,
        "pace": Pace.WORKING_DAYS,
        "answer_amount": 7,
        "answer_pace": Pace.CALENDAR_DAYS,
    }
    return category, await CaseStandard.create(category_id=category.id, number=1, **values | standard)


_ANSWERED = (CaseState.ANSWERED, CaseState.CHECKED, CaseState.CLOSED)
_AT_HANDLER = (CaseState.DISPATCHED, CaseState.HANDLING, CaseState.SUSPENDED)
_HELD = (CaseState.REPORTED, CaseState.FILED, *_AT_HANDLER, CaseState.ANSWERED)


async def put_case(
    scene: Scene,
    state: CaseState,
    *,
    community: Organization | None = None,
    handler: Organization | None = None,
    handled_by: Api | None = None,
    **other: Any,
) -> str:
    """A case straight into a state; its id. Its handler is the grid, and its grid worker had a hand in it, unless told
    otherwise."""
    now, community = clock.now(), community or scene.community
    handler = handler or scene.grid
    has_handler = state in (*_AT_HANDLER, *_ANSWERED)
    values: dict[str, Any] = {
        "reporter_id": scene.reporter.person_id,
        "source": CaseSource.APP,
        "community_id": community.id,
        "keeper_id": community.id,
        "handler_id": handler.id if has_handler else None,
        "responsible_id": handler.id if has_handler and state is not CaseState.DISPATCHED else None,
        "category_id": scene.category.id,
        "standard_id": scene.standard.id,
        "is_shown": True,
        "text": "路口的井盖不见了",
        "place": "幸福路",
        "location": (HERE["longitude"], HERE["latitude"]),
        "answer_due_at": now + timedelta(days=7),
        "due_at": None if state in (CaseState.REPORTED, CaseState.REFUSED) else now + timedelta(days=3),
        "filed_at": None if state in (CaseState.REPORTED, CaseState.REFUSED) else now,
        "changed_at": now,
    }
    if state in _HELD:
        values["holder_id"] = values["handler_id"] if state in _AT_HANDLER else community.id
        values["stage_due_at"] = now + timedelta(days=1)
    if state is CaseState.SUSPENDED:
        values |= {"suspended_at": now, "resume_at": now + timedelta(days=30), "suspensions": 1}
    if state in _ANSWERED:
        values |= {"outcome": CaseOutcome.FIXED, "answer": "已换上新的井盖", "answered_at": now}
    if state in (CaseState.CHECKED, CaseState.CLOSED):
        values |= {"checked_at": now, "close_at": now + timedelta(days=7)}
    if state is CaseState.CLOSED:
        values |= {"closed_at": now, "close_at": None}
    case = await GridCase.create(state=state, **values | other)
    if has_handler and state is not CaseState.DISPATCHED:
        handled = (
            (handled_by or scene.grid_worker).person_id if case.reporter_id == scene.reporter.person_id else new_id()
        )
        actions = ("accept", "answer") if state in _ANSWERED else ("accept",)
        for action in actions:
            step = await GridCaseStep.create(
                case_id=case.id,
                action=action,
                from_state=CaseState.DISPATCHED if action == "accept" else CaseState.HANDLING,
                to_state=CaseState.HANDLING if action == "accept" else CaseState.ANSWERED,
                by_id=handled,
                organization_id=handler.id,
                minutes=30 if action == "answer" else None,
            )
            if action == "answer" and state is not CaseState.ANSWERED:
                source = ("grid_case_step", step.id)
                await record_service(handled, rule=RULE, source=source, minutes=30, occurred_at=now)
    return case.id


async def create_manager_of_city(api: Api, scene: Scene) -> Api:
    city = await Organization.get(level=Level.CITY)
    person = await create_person(nickname="市级管理员")
    await grant(person, city, RoleKind.MANAGER)
    return await sign_in(api, person)


def at(day: int, hour: int, minute: int = 0, month: int = 5) -> datetime:
    """2031, by people's clocks: in May, Thursday the 1st is a holiday only where staff have loaded one."""
    return datetime(2031, month, day, hour, minute, tzinfo=clock.SHANGHAI)


def wall(moment: str) -> str:
    """A moment of an answer by people's clocks: 05-06 09:15."""
    return f"{clock.shanghai(datetime.fromisoformat(moment)):%m-%d %H:%M}"
