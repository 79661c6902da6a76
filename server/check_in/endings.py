"""What becomes of check-ins when something below them ends: two persons turn out to be one, a consent is withdrawn, an
organization is closed. Called through the registries that wiring.py fills."""

from server.accounts.cancelling import MatterKind, OpenMatter
from server.check_in import messages
from server.check_in.checking_in import stop_check_in
from server.check_in.contacts import move_contacts
from server.check_in.models import CheckIn, CheckInState
from server.check_in.posts.holding import end_holdings_of
from server.check_in.posts.models import PostHolding
from server.check_in.residence import Residence, seal_residence
from server.check_in.rules import CHECK_IN_TABLE, CheckInAction, CheckInActor
from server.check_in.transfers import cancel_transfer
from server.check_in.units.models import UnitCheckIn, UnitCheckInState
from server.check_in.units.unit_check_in import lapse_unit_check_in
from server.foundation.audit import record_audit
from server.foundation.database import execute, fetch
from server.members.memberships import end_membership, forget_notes, membership_of, move_community, set_community
from server.members.models import Membership
from server.notifications.telling import notify
from server.organizations.access import role_holders
from server.places.taking import move_places

ERASED_RESIDENCE = Residence("已清除")

_OPEN = [CheckInState.APPLIED, CheckInState.RETURNED]
_CURRENT = [*_OPEN, CheckInState.CONFIRMED]
_PAIR = [UnitCheckInState.APPLIED, UnitCheckInState.RETURNED, UnitCheckInState.ACCEPTED]


async def leave_everything(person_id: str, reason: str = "本人已撤回同意") -> None:
    """The membership is over, or the consent to keeping it: check-ins and posts end with it.

    In the caller's transaction; somebody who is no member is left alone.
    """
    membership_id = await membership_of(person_id)
    if membership_id is None:
        return
    await Membership.filter(id=membership_id).select_for_update(no_key=True).get()
    for check_in in await CheckIn.filter(membership_id=membership_id, state__in=_CURRENT).order_by("id"):
        state = CHECK_IN_TABLE.next_state(check_in.state, CheckInAction.LAPSE, [CheckInActor.SYSTEM])
        await stop_check_in(check_in, state, reason)
        await record_audit(
            "end_check_in",
            actor_id=None,
            subject=("check_in", check_in.id),
            person_id=person_id,
            organization_id=check_in.community_id,
        )
        await notify(await role_holders(check_in.community_id), messages.WITHDRAWN, check_in=check_in.id)
    await cancel_transfer(membership_id)
    await end_membership(person_id)


async def merge_members(from_id: str, into_id: str) -> None:
    """Two persons who both are members turn out to be one: what hangs on the membership that goes moves to the other.

    The remaining person's own active check-in and own application stand; the other's end. Before
    members.memberships.take_over_membership, which decides about the memberships themselves.
    """
    gone_id, kept_id = await membership_of(from_id), await membership_of(into_id)
    if gone_id is None or kept_id is None:
        return
    await Membership.filter(id__in=[gone_id, kept_id]).order_by("id").select_for_update(no_key=True)
    for states in ([CheckInState.CONFIRMED], _OPEN):
        check_in = await CheckIn.get_or_none(membership_id=gone_id, state__in=states)
        if check_in is None:
            continue
        if await CheckIn.exists(membership_id=kept_id, state__in=states):
            state = CHECK_IN_TABLE.next_state(check_in.state, CheckInAction.LAPSE, [CheckInActor.SYSTEM])
            await stop_check_in(check_in, state, "与本人的另一份登记合并")
        elif states == [CheckInState.CONFIRMED]:
            await set_community(kept_id, check_in.community_id)
    await cancel_transfer(gone_id)
    await _move_holdings(gone_id, kept_id)
    # Their histories together: at most one active and one open one are left.
    await execute("UPDATE check_in SET membership_id = $2 WHERE membership_id = $1", gone_id, kept_id)
    await move_contacts(gone_id, kept_id)


async def follow_successor(organization_id: str, successor_id: str | None) -> None:
    """An organization is closed: what goes on there goes on at its successor; a unit's pairings end with it.

    In the transaction that closes it.
    """
    for unit_check_in in await UnitCheckIn.filter(unit_id=organization_id, state__in=_PAIR).order_by("id"):
        await lapse_unit_check_in(unit_check_in.id, "单位已撤销")
    if successor_id is None:
        for unit_check_in in await UnitCheckIn.filter(area_id=organization_id, state__in=_PAIR).order_by("id"):
            await lapse_unit_check_in(unit_check_in.id, "社区（街道）已撤销")
        return
    await fetch(
        "SELECT 1 FROM membership WHERE community_id = $1 OR id IN (SELECT membership_id FROM check_in "
        "WHERE community_id = $1 AND state IN ('applied', 'returned', 'confirmed')) ORDER BY id FOR UPDATE",
        organization_id,
    )
    await execute(
        "UPDATE check_in SET community_id = $2, version = version + 1 WHERE community_id = $1 "
        "AND state IN ('applied', 'returned', 'confirmed')",
        organization_id,
        successor_id,
    )
    await move_community(organization_id, successor_id)
    await execute(
        "UPDATE membership_transfer SET community_id = $2 WHERE community_id = $1 AND state IN ('offered', 'accepted')",
        organization_id,
        successor_id,
    )
    await execute("UPDATE post SET community_id = $2 WHERE community_id = $1", organization_id, successor_id)
    for unit_check_in in await UnitCheckIn.filter(area_id=organization_id, state__in=_PAIR).order_by("id"):
        if await UnitCheckIn.exists(unit_id=unit_check_in.unit_id, area_id=successor_id, state__in=_PAIR):
            await lapse_unit_check_in(unit_check_in.id, "社区（街道）已合并，与新社区（街道）的结对继续有效")
        else:
            await UnitCheckIn.filter(id=unit_check_in.id).update(area_id=successor_id)


async def _move_holdings(gone_id: str, kept_id: str) -> None:
    """Posts, with their places; one that both hold or asked for stays the remaining membership's."""
    doubled = await fetch(
        "SELECT DISTINCT p.community_id FROM post_holding gone JOIN post_holding kept ON kept.post_id = gone.post_id "
        "AND kept.membership_id = $2 AND kept.state IN ('applied', 'held') JOIN post p ON p.id = gone.post_id "
        "WHERE gone.membership_id = $1 AND gone.state IN ('applied', 'held')",
        gone_id,
        kept_id,
    )
    for row in doubled:
        await end_holdings_of(gone_id, row["community_id"], "与本人的另一份登记合并")
    # The places' holder is the membership.
    await move_places(gone_id, kept_id)
    await PostHolding.filter(membership_id=gone_id).update(membership_id=kept_id)


async def open_check_in_of(person_id: str) -> list[OpenMatter]:
    """Where the member is checked in or has applied to, and the posts that they hold."""
    membership_id = await membership_of(person_id)
    if membership_id is None:
        return []
    places = await fetch(
        "SELECT o.name FROM check_in c JOIN organization o ON o.id = c.community_id WHERE c.membership_id = $1 "
        "AND c.state = ANY($2) ORDER BY c.id",
        membership_id,
        [str(state) for state in _CURRENT],
    )
    posts = await fetch(
        "SELECT p.title FROM post_holding h JOIN post p ON p.id = h.post_id WHERE h.membership_id = $1 "
        "AND h.state IN ('applied', 'held') ORDER BY h.id",
        membership_id,
    )
    return [OpenMatter(MatterKind.CHECK_IN, row["name"]) for row in places] + [
        OpenMatter(MatterKind.POST, row["title"]) for row in posts
    ]


async def erase_member(person_id: str) -> None:
    """Where the member lives, what they can do, and what others noted of them; that they were checked in and held posts
    stays, for the reports that rest on it."""
    for membership_id in await forget_notes(person_id):
        for check_in in await CheckIn.filter(membership_id=membership_id).order_by("id"):
            check_in.residence = seal_residence(check_in.id, ERASED_RESIDENCE)
            check_in.skills = check_in.willing = check_in.free_times = []
            await check_in.save(update_fields=["residence", "skills", "willing", "free_times"])
        await execute("UPDATE member_contact SET note = NULL WHERE membership_id = $1", membership_id)
        await execute("UPDATE membership_transfer SET reason = '' WHERE membership_id = $1", membership_id)
