"""What goes on in the demo's first community: activities to come, a notice, somebody's booking. All by the verbs that
people use, so that nothing stands there that could not have come about."""

from datetime import datetime, timedelta

from server.announcements.sending import AnnouncementText, create_announcement, send_announcement
from server.foundation.dates import instant, render_short_date, today
from server.foundation.location import Location
from server.neighbor_center.bookings.booking import Wanted, book
from server.neighbor_center.bookings.kinds import SLOTS
from server.volunteering.activities import ActivityText, NewActivity, create_activity, publish_activity, submit_activity
from server.volunteering.models import ActivityKind
from server.volunteering.shifts.adding import NewRole, NewShift
from server.volunteering.sign_ups.signing_up import sign_up


async def fill_with_life(people: dict[str, str], community_id: str, service_id: str) -> None:
    """`service_id`: what the resident books for tomorrow morning."""
    staff, manager = people["demo-staff"], people["demo-manager"]
    await _create_activity(
        staff,
        manager,
        community_id,
        ActivityKind.VOLUNTEER,
        ActivityText(
            title="净滩志愿行动",
            text="一起捡拾海滩垃圾，手套和袋子由社区准备。请穿防滑的鞋，风浪大时改期并另行通知。",
            place_name="国际海水浴场东门",
            location=Location(122.1262, 37.5271),
            meeting_point="东门停车场",
            contact="社区小林 0631-5200000",
            what_to_bring="遮阳帽、饮用水",
        ),
        [("清洁员", 12), ("摄影", 1)],
        instant(today() + timedelta(days=3), 9 * 60),
        volunteer=people["demo-volunteer"],
    )
    await _create_activity(
        staff,
        manager,
        community_id,
        ActivityKind.COMMUNITY_EVENT,
        ActivityText(
            title="老年人手机课堂：挂号和缴费",
            text="志愿者一对一教，请带上自己的手机。没有智能手机的也可以来听。",
            place_name="邻里中心二楼议事厅",
            location=Location(122.1130, 37.5035),
            contact="社区小林 0631-5200000",
        ),
        [("学员", 20)],
        instant(today() + timedelta(days=5), 14 * 60),
    )
    day = render_short_date(today() + timedelta(days=2))
    notice = await create_announcement(
        staff,
        community_id,
        AnnouncementText(
            title=f"{day}上午停水检修",
            text=f"因供水管道检修，{day} 8:00 至 12:00 第一网格 1 至 4 号楼停水，请提前储水。有困难请联系社区。",
        ),
    )
    # Somebody else sends what one has written.
    await send_announcement(manager, notice.id, notice.version)
    resident = people["demo-resident"]
    ten = instant(today() + timedelta(days=1), 10 * 60)
    await book(SLOTS, service_id, Wanted(actor_id=resident, person_id=resident, starts_at=ten, note="量血压"))


async def _create_activity(
    staff: str,
    manager: str,
    community_id: str,
    kind: ActivityKind,
    words: ActivityText,
    roles: list[tuple[str, int]],
    starts_at: datetime,
    *,
    volunteer: str | None = None,
) -> None:
    """Two hours from then on, published by the manager; whoever volunteers is in."""
    shift = NewShift(
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=2),
        roles=[NewRole(name=name, capacity=capacity) for name, capacity in roles],
    )
    made = await create_activity(staff, NewActivity(organizer_id=community_id, kind=kind, words=words, shifts=[shift]))
    submitted = await submit_activity(staff, made.id)
    published = await publish_activity(manager, made.id, submitted.version)
    if volunteer:
        first = published.shifts[0]
        await sign_up(volunteer, first.id, first.roles[0].id)
