"""A small world in which everybody has something to do with everything, and what may be done in it at one moment."""

import itertools
from datetime import timedelta
from typing import Any, NamedTuple

import httpx

from server.accounts.details import save_details
from server.accounts.models import ConsentKind
from server.foundation import clock
from server.organizations.models import Level, Organization, RoleKind
from server.volunteering.models import Shift
from server.wishes.models import Wish, WishState
from tests.builders import agree, create_community, create_organization, create_staff, give_phone
from tests.check_in.builders import application, create_post, registration
from tests.clients import Api
from tests.neighbor_center.builders import at, create_room, create_service
from tests.volunteering.builders import People as Volunteers
from tests.volunteering.builders import create_family, create_residents, publish_shift
from tests.wishes.builders import content

NAME = "王小明"
_phones = itertools.count(13900000000)


class World(NamedTuple):
    """`me` and `double` are one person twice, with one family member of `me`; `rival` wants what `me` wants; nothing
    is done about `bystander`."""

    community: Organization
    successor: Organization
    staff: Api
    manager: Api
    me: Api
    double: Api
    rival: Api
    bystander: Api
    child: str
    acts: dict[str, "Act"]


class Act(NamedTuple):
    caller: Api
    method: str
    path: str
    body: Any = None

    async def send(self, door: Api) -> httpx.Response:
        """Through this door."""
        return await door.as_(self.caller.token).send(self.method, self.path, self.body)


async def create_world(api: Api) -> World:
    street = await create_organization(Level.SUBDISTRICT)
    community, successor = await create_community(parent=street), await create_community(parent=street)
    staff, manager = await create_staff(api, community), await create_staff(api, street, RoleKind.MANAGER)
    me, double, rival, bystander = await create_residents(api, community, 4)
    for each in (me, rival, bystander):
        await agree(each.person_id, ConsentKind.VOLUNTEER_TERMS)
        await agree(each.person_id, ConsentKind.MEMBERSHIP_DATA)
    await save_details(me.person_id, real_name=NAME, address="幸福路 1 号")
    phone = str(next(_phones))
    await give_phone(me.person_id, phone)
    (child,) = await create_family(me, clock.now().date() - timedelta(days=6 * 365))
    await agree(child, ConsentKind.GUARDIAN)
    volunteers = Volunteers(community, staff, me, rival, bystander)
    shift, held = await publish_shift(volunteers), await publish_shift(volunteers, timedelta(days=5))
    for each in (me, bystander):
        await each.post(f"/shifts/{held}/sign-ups", {}, expect=201)
    service, room = await create_service(community), await create_room(community)
    wish = await rival.post("/wishes", content(), expect=201)
    await Wish.filter(id=wish["id"]).update(
        state=WishState.PUBLISHED,
        author_id=bystander.person_id,
        beneficiary_id=bystander.person_id,
        published_at=clock.now(),
        first_published_at=clock.now(),
        submitted_at=clock.now(),
    )
    post = await create_post(staff, community, term_starts_on="2031-01-01")
    await save_details(rival.person_id, real_name="李敏")
    await give_phone(rival.person_id, str(next(_phones)))
    check_in = await rival.post("/check-ins", application(community), expect=201)
    await staff.post(f"/staff/check-ins/{check_in['id']}/confirm", {}, expect=200)
    acts = _acts_of_me(me, community, child, shift, service.id, room.id, wish["id"])
    acts |= {f"rival {name}": Act(rival, *acts[name][1:]) for name in ("signs up", "books", "books the room", "claims")}
    acts |= {
        "rival applies for a post": Act(rival, "POST", f"/posts/{post}/apply"),
        "rival takes membership back": Act(rival, "DELETE", "/me/consents/membership_data"),
        "the wish is withdrawn": Act(bystander, "POST", f"/wishes/{wish['id']}/withdraw"),
        "staff close the post": Act(staff, "POST", f"/staff/posts/{post}/close"),
        "staff end the rival's check-in": Act(
            staff, "POST", f"/staff/check-ins/{check_in['id']}/end", {"reason": "已搬离"}
        ),
    }
    acts |= await _acts_upon(staff, manager, me, phone, double, community, successor, shift, held, wish["id"])
    return World(community, successor, staff, manager, me, double, rival, bystander, child, acts)


def _acts_of_me(
    me: Api, community: Organization, child: str, shift: str, service: str, room: str, wish: str
) -> dict[str, Act]:
    def act(method: str, path: str, body: Any = None) -> Act:
        return Act(me, method, path, body)

    consent = {"text_version": "1"}
    return {
        "signs up": act("POST", f"/shifts/{shift}/sign-ups", {}),
        "signs the child up": act("POST", f"/shifts/{shift}/sign-ups", {"family_ids": [child]}),
        "books": act("POST", f"/services/{service}/bookings", {"starts_at": at("09:00")}),
        "books for the child": act(
            "POST", f"/services/{service}/bookings", {"starts_at": at("09:00"), "person_id": child}
        ),
        "books the room": act(
            "POST", f"/services/{room}/room-bookings", {"starts_at": at("10:00"), "ends_at": at("11:00")}
        ),
        "claims": act("POST", f"/wishes/{wish}/claim"),
        "wishes": act("POST", "/wishes", content()),
        "wishes for the child": act("POST", "/wishes", content() | {"beneficiary_id": child}),
        "makes a team": act("POST", "/teams", {"name": "海风志愿队"}),
        "checks in": act("POST", "/check-ins", application(community)),
        "gives a name": act("PUT", "/me/details", {"real_name": "王大明"}),
        "is shown": act("PUT", "/me/ranking", consent),
        "agrees": act("POST", "/me/consents", {"kind": "volunteer_terms"} | consent),
        "takes privacy back": act("DELETE", "/me/consents/privacy"),
        "takes membership back": act("DELETE", "/me/consents/membership_data"),
        "takes volunteering back": act("DELETE", "/me/consents/volunteer_terms"),
        "ends the child": act("DELETE", f"/me/dependants/{child}"),
        "adds a child": act(
            "POST",
            "/me/dependants",
            {"real_name": "王小宝", "relation": "child", "birth_date": "2027-01-01", "guardian_consents": True},
        ),
        "leaves": act("POST", "/me/cancellation"),
        "signs out everywhere": act("DELETE", "/sessions"),
    }


async def _acts_upon(
    staff: Api,
    manager: Api,
    me: Api,
    phone: str,
    double: Api,
    community: Organization,
    successor: Organization,
    shift: str,
    held: str,
    wish: str,
) -> dict[str, Act]:
    there = await Shift.get(id=held)
    moving = {"version": 1, "starts_at": there.starts_at.isoformat(), "ends_at": there.ends_at.isoformat()}
    person = {"organization_id": community.id, "real_name": NAME, "phone": phone}
    return {
        "staff merge": Act(manager, "POST", f"/staff/persons/{me.person_id}/merge", {"into_id": double.person_id}),
        "staff block": Act(manager, "POST", f"/staff/persons/{me.person_id}/block", {"reason": "abuse"}),
        "staff close the community": Act(
            manager,
            "POST",
            f"/staff/organizations/{community.id}/close",
            {"version": community.version, "successor_id": successor.id},
        ),
        "staff move the shift": Act(staff, "PATCH", f"/staff/shifts/{shift}", moving),
        "staff cancel the shift": Act(staff, "POST", f"/staff/shifts/{shift}/cancel", {"reason": "下雨"}),
        "staff register me": Act(staff, "POST", "/staff/members", registration(community, real_name=NAME, phone=phone)),
        "staff note me": Act(staff, "POST", "/staff/persons", person),
        "staff of the other note me": Act(
            manager, "POST", "/staff/persons", person | {"organization_id": successor.id}
        ),
        "staff give me a role": Act(
            manager,
            "POST",
            "/staff/roles",
            {"person_id": me.person_id, "organization_id": community.id, "kind": "staff"},
        ),
        "staff assign the wish": Act(
            staff, "POST", f"/staff/wishes/{wish}/assign", {"claimer_id": me.person_id, "reason": "就近"}
        ),
    }
