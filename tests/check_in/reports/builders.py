"""Members who are checked in, their units and liaisons, and a clock that stands where the test says."""

from datetime import datetime, timedelta
from typing import NamedTuple

from server.accounts.details import save_details
from server.accounts.models import Person
from server.accounts.sessions import open_session
from server.check_in.models import CheckIn, CheckInState
from server.check_in.posts.models import HoldingState, Post, PostCategory, PostHolding
from server.check_in.reports.making import CREDIT_POST_MONTHS, FREEZE_REPORTS, OPEN_PERIODS, TELL_COMMUNITIES
from server.check_in.reports.models import Grade, HalfYearReport, ReportState
from server.foundation import clock
from server.foundation.database import execute
from server.foundation.ids import new_id
from server.members.memberships import ToldMembership, register_membership
from server.members.models import MemberKind, Membership
from server.organizations.models import Level, Organization, PartyOrganization, RoleKind
from server.service_record.recording import record_service
from tests.builders import agree, create_community, create_organization, create_person, grant, move_clock_to
from tests.clients import Api

YEAR = 2030
"""Far from today, so that no test depends on when it runs."""
H1, H2 = f"{YEAR}H1", f"{YEAR}H2"


def shanghai(month: int, day: int, hour: int = 0, year: int = YEAR) -> datetime:
    return datetime(year, month, day, hour, tzinfo=clock.SHANGHAI)


class Home(NamedTuple):
    """A unit with a Party organization."""

    unit: Organization
    party: PartyOrganization


async def create_home(parent: Organization, name: str = "市教育局") -> Home:
    unit = await create_organization(Level.UNIT, parent=parent, name=name)
    party_id = new_id()
    party = await PartyOrganization.create(id=party_id, name=f"{name}机关党支部", path=party_id, host=unit)
    return Home(unit, party)


async def sign_in_for_years(api: Api, person: Person) -> Api:
    """The API as this person, wherever the clock goes."""
    session = await open_session(person.id, timedelta(days=4000))
    return api.as_(session.token, person.id)


async def create_worker(api: Api, organization: Organization, kind: RoleKind = RoleKind.STAFF) -> Api:
    person = await create_person(nickname=f"{kind}")
    await grant(person, organization, kind)
    return await sign_in_for_years(api, person)


class Member(NamedTuple):
    """A member who is checked in."""

    api: Api
    person_id: str
    membership: Membership
    check_in: CheckIn


async def create_checked_in_member(
    api: Api,
    community: Organization,
    home: Home | None = None,
    *,
    since: datetime | None = None,
    kind: MemberKind = MemberKind.IN_SERVICE,
    name: str = "王小明",
    grid: Organization | None = None,
) -> Member:
    """A member whose check-in was confirmed at `since` (the beginning of YEAR)."""
    person = await create_person(community=community)
    await agree(person.id)
    await save_details(person.id, real_name=name, phone=f"139{abs(hash(person.id)) % 10**8:08d}")
    membership = await register_membership(
        person.id,
        ToldMembership(
            kind=kind,
            home_organization_id=home.party.id if home else None,
            home_text="" if home else "外地某公司党支部",
        ),
    )
    check_in = await check_in_at(membership, community, since or shanghai(1, 1), grid)
    return Member(await sign_in_for_years(api, person), person.id, membership, check_in)


async def check_in_at(
    membership: Membership, community: Organization, since: datetime, grid: Organization | None = None
) -> CheckIn:
    """A confirmed check-in; the active one elsewhere ends at the same moment."""
    await CheckIn.filter(membership_id=membership.id, state=CheckInState.CONFIRMED).update(
        state=CheckInState.ENDED, ended_at=since
    )
    await Membership.filter(id=membership.id).update(community_id=community.id)
    return await CheckIn.create(
        membership_id=membership.id,
        community_id=community.id,
        grid=grid,
        state=CheckInState.CONFIRMED,
        residence=b"-",
        applied_at=since,
        decided_at=since,
    )


async def create_post_in(community: Organization) -> Post:
    return await Post.create(
        community_id=community.id,
        title="楼道监督员",
        category=PostCategory.COMMUNITY_SUPERVISION,
        duties="每周巡查一次楼道",
        allotment_id=new_id(),
        term_starts_on=shanghai(1, 1).date(),
    )


async def hold_post(member: Member, post: Post, since: datetime, until: datetime | None = None) -> PostHolding:
    """The member holds the post from `since` on."""
    return await PostHolding.create(
        post=post,
        membership_id=member.membership.id,
        state=HoldingState.ENDED if until else HoldingState.HELD,
        place_id=new_id(),
        applied_at=since,
        decided_at=since,
        ended_at=until,
    )


async def serve(
    person_id: str,
    occurred_at: datetime,
    minutes: int = 60,
    *,
    rule: str = "shift_attended",
    community: Organization | None = None,
) -> str:
    """Service that is recorded now; the entry's id."""
    entry = await record_service(
        person_id,
        rule=rule,
        source=("test", new_id()),
        minutes=minutes,
        occurred_at=occurred_at,
        organization_id=community.id if community else None,
        words="清扫楼道",
    )
    return entry.id


MAKING = (OPEN_PERIODS, CREDIT_POST_MONTHS, FREEZE_REPORTS, TELL_COMMUNITIES)
"""The sweeps that make reports."""


async def make_all_reports() -> int:
    """Every sweep that is due; how many rounds did something."""
    rounds = 0
    while sum([await sweep.run() for sweep in MAKING]):
        rounds += 1
    return rounds


async def report_of(member: Member, period: str = H1) -> HalfYearReport:
    return await HalfYearReport.get(membership_id=member.membership.id, period=period)


async def put_state(report_id: str, state: ReportState) -> None:
    """Bring a report into a state, past the guard that keeps released ones as they are."""
    now = clock.now()
    assessed = None if state is ReportState.DRAFT else now
    released = now if state in (ReportState.RELEASED, ReportState.ACKNOWLEDGED) else None
    await execute("ALTER TABLE half_year_report DISABLE TRIGGER half_year_report_frozen")
    await execute(
        "UPDATE half_year_report SET state = $2, grade = $3, assessed_at = $4, released_at = $5, acknowledged_at = $6, "
        "version = 1 WHERE id = $1",
        report_id,
        str(state),
        str(Grade.QUALIFIED) if assessed else None,
        assessed,
        released,
        now if state is ReportState.ACKNOWLEDGED else None,
    )
    await execute("ALTER TABLE half_year_report ENABLE TRIGGER half_year_report_frozen")


class Cast(NamedTuple):
    """Everybody around one member's report for the first half of YEAR, which is a draft; it is July 1."""

    community: Organization
    home: Home
    member: Member
    staff: Api
    manager: Api
    liaison: Api
    report_id: str


async def create_cast(api: Api) -> Cast:
    community = await create_community(name="竹岛社区")
    move_clock_to(shanghai(1, 1))
    home = await create_home(community)
    member = await create_checked_in_member(api, community, home)
    staff = await create_worker(api, community)
    manager = await create_worker(api, community, RoleKind.MANAGER)
    liaison = await create_worker(api, home.unit, RoleKind.LIAISON)
    move_clock_to(shanghai(3, 5, 12))
    await serve(member.person_id, shanghai(3, 5, 9), 125, community=community)
    move_clock_to(shanghai(7, 1) + timedelta(minutes=1))
    await make_all_reports()
    return Cast(community, home, member, staff, manager, liaison, (await report_of(member)).id)


WEEK = timedelta(days=7, minutes=5)
OPINION = {"opinion": "积极参加社区志愿服务，表现突出。", "grade": "excellent", "version": 1}
