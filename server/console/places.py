"""Where one works: the organization and what lies below it; and how the system is doing."""

from sanic.response import HTTPResponse

from server.console.rendering import done, render
from server.console.visits import AREA_COOKIE, Visit, set_cookie


async def show_organization(visit: Visit) -> HTTPResponse:
    """Where one works, what lies below, and working there."""
    here = await visit.area()
    query = {"limit": "50", **visit.given("cursor")}
    below = await visit.perform("list_children", {"organization_id": here.id}, query)
    return render(visit.request, "organization.html", visit=visit, here=here, below=below)


async def work_here(visit: Visit, organization_id: str) -> HTTPResponse:
    """Choose where one works; what one may do there is decided by each operation."""
    view = await visit.perform("show_organization", {"organization_id": organization_id})
    answer = done(visit.request, "/console/organization", f"现在的工作范围：{view.name}")
    set_cookie(answer, visit.request, AREA_COOKIE, view.id)
    return answer


async def show_system(visit: Visit) -> HTTPResponse:
    """The scheduled work and the outbox, for the operator."""
    return render(visit.request, "system.html", visit=visit, jobs=await visit.perform("list_jobs"))
