"""Who somebody is to a half-year report, and whether it exists for them."""

from server.check_in.reports.models import HalfYearReport
from server.check_in.reports.rules import ReportActor, may_see
from server.foundation.errors import NotFound
from server.members.memberships import MemberFacts, open_memberships
from server.organizations.access import LIAISONS, WORKERS, holds_role
from server.organizations.models import RoleKind


async def get_visible_report(person_id: str, report_id: str) -> tuple[HalfYearReport, MemberFacts, set[ReportActor]]:
    """The report for one who may see it. Raises NotFound for everybody else."""
    report = await HalfYearReport.get_or_none(id=report_id)
    if report is None:
        raise NotFound()
    return report, *await admit(person_id, report)


async def admit(person_id: str, report: HalfYearReport) -> tuple[MemberFacts, set[ReportActor]]:
    """Whose report it is, and in which qualities the person acts on it. Raises NotFound for who may not see it."""
    member = await member_of_report(report)
    actors = await _actors(person_id, report, member)
    if not may_see(report.state, actors):
        raise NotFound()
    return member, actors


async def member_of_report(report: HalfYearReport) -> MemberFacts:
    return (await open_memberships([report.membership_id]))[report.membership_id]


async def _actors(person_id: str, report: HalfYearReport, member: MemberFacts) -> set[ReportActor]:
    actors = set()
    if member.person_id == person_id:
        actors.add(ReportActor.MEMBER)
    else:
        if await holds_role(person_id, report.community_id, WORKERS):
            actors.add(ReportActor.STAFF)
        if await holds_role(person_id, report.community_id, (RoleKind.MANAGER,)):
            actors.add(ReportActor.MANAGER)
    if report.unit_id and await holds_role(person_id, report.unit_id, LIAISONS):
        actors.add(ReportActor.LIAISON)
    return actors
