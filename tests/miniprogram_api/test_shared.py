"""Whoever follows a link or a code to a page that may be shared gets a card, with what to do."""

from typing import Any

import pytest

from miniprogram_api.pages import PAGES
from miniprogram_api.routes import BY_OPERATION
from miniprogram_api.routing import Who
from server.accounts.models import Consent
from server.media.mini_codes import CodeKind, scene_of
from server.wishes.models import WishState
from tests.announcements.builders import WORDS, open_office
from tests.builders import create_community, create_person, create_resident, create_staff, sign_in
from tests.check_in.builders import create_post
from tests.clients import Api
from tests.neighbor_center.builders import create_service
from tests.volunteering.builders import create_people, publish
from tests.wishes.builders import create_people as create_wishers
from tests.wishes.builders import put_persons, put_team, put_wish

FATHER = {"real_name": "王建国", "relation": "parent", "phone": "13800138000", "guardian_consents": True}
NOT_ALL = ("not_signed_in", None, None)
"""Why a stranger, a newcomer and a neighbour of another community do not see the whole."""
BY_AREA = ("not_signed_in", "community_needed", "other_area")


class Things:
    """One of everything that may be shared."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.paths: dict[str, tuple[str, tuple[str | None, ...], str]] = {}
        """Operation → the card's path, why each of the three is kept from the whole, and its title."""

    async def create(self) -> None:
        people = await create_people(self.api)
        activity = await publish(people.staff, people.community.id)
        wishers = await create_wishers(self.api)
        wish = await put_wish(wishers, WishState.PUBLISHED)
        office = await open_office(self.api)
        await create_resident(self.api, office.community)
        announcement = await office.send(await office.draft())
        service = await create_service(people.community)
        await service.fetch_related("venue")
        post = await create_post(await create_staff(self.api, people.community), people.community)
        (leader,) = await put_persons(self.api, people.community, "队长")
        team = await put_team(leader, community=people.community)
        invitation = (await leader.get(f"/teams/{team.id}/code"))["code"]
        guardian = await create_resident(self.api, people.community, "小海")
        self.entry = await guardian.post("/me/dependants", FATHER, expect=201)
        code = (await guardian.get(f"/me/dependants/{self.entry['person_id']}/code"))["code"]
        self.people, self.activity, self.wish, self.service, self.guardian = people, activity, wish, service, guardian
        title = (await wishers.wisher.get(f"/wishes/{wish}"))["title"]
        self.paths = {
            "show_shared_activity": (f"/activities/{activity['id']}/shared", BY_AREA, activity["title"]),
            "show_shared_wish": (f"/wishes/{wish}/shared", NOT_ALL, title),
            "show_shared_announcement": (
                f"/announcements/{announcement['id']}/shared",
                BY_AREA,
                WORDS["title"],
            ),
            "show_shared_venue": (f"/venues/{service.venue.id}/shared", NOT_ALL, service.venue.name),
            "show_shared_service": (f"/services/{service.id}/shared", NOT_ALL, service.name),
            "show_shared_post": (f"/posts/{post}/shared", NOT_ALL, ""),
            "show_shared_community": (f"/communities/{people.community.id}/shared", NOT_ALL, people.community.name),
            "show_shared_team": (
                f"/teams/shared?code={invitation}",
                ("not_signed_in", "consent_needed", "consent_needed"),
                "",
            ),
            "show_shared_guardian": (f"/guardians/shared?code={code}", NOT_ALL, "小海想代您办事"),
        }


@pytest.fixture
async def things(api: Api) -> Things:
    made = Things(api)
    await made.create()
    return made


async def test_every_shared_page_has_its_card(api: Api, things: Things) -> None:
    newcomer = await sign_in(api, await create_person())
    neighbor = await create_resident(api, await create_community())
    assert {page.shared_by for page in PAGES if page.shared_by} <= set(things.paths)
    assert set(things.paths) == {name for name in BY_OPERATION if name.startswith("show_shared_")}
    for operation, (path, whys, title) in things.paths.items():
        assert BY_OPERATION[operation].who is Who.ANYONE
        for caller, why in zip((api, newcomer, neighbor), whys, strict=True):
            card: dict[str, Any] = await caller.get(path)
            assert (card["why"], bool(card["advice"])) == (why, why is not None), (operation, card)
            assert card["title"], operation
            assert title in card["title"]


async def test_what_is_missing_is_said_in_turn(api: Api, things: Things) -> None:
    newcomer = await sign_in(api, await create_person())
    await Consent.filter(person_id=newcomer.person_id).delete()
    for operation in ("show_shared_venue", "show_shared_service", "show_shared_community", "show_shared_guardian"):
        card = await newcomer.get(things.paths[operation][0])
        assert (card["why"], card["consent"], card["advice"]) == (
            "consent_needed",
            "privacy",
            "请先阅读并同意《隐私政策》",
        ), operation
    card = await newcomer.get(things.paths["show_shared_team"][0])
    assert (card["why"], card["consent"]) == ("consent_needed", "volunteer_terms")
    (volunteer,) = await put_persons(api, things.people.community, "小风")
    card = await volunteer.get(things.paths["show_shared_team"][0])
    assert (card["why"], card["consent"], card["advice"]) == (None, None, "")
    venue = scene_of(CodeKind.VENUE, things.service.venue.id)
    assert (await newcomer.get("/scene", scene=venue))["consent"] == "privacy"


async def test_a_scanned_code_says_what_to_do(api: Api, things: Things) -> None:
    newcomer = await sign_in(api, await create_person())
    community_id = things.people.community.id
    for kind, subject, why in (
        (CodeKind.SHIFT, things.activity["shifts"][0]["id"], "community_needed"),
        (CodeKind.VENUE, things.service.venue.id, None),
        (CodeKind.COMMUNITY, community_id, None),
        (CodeKind.JOIN, community_id, None),
        (CodeKind.WISH, things.wish, None),
    ):
        scanned = await newcomer.get("/scene", scene=scene_of(kind, subject))
        assert (scanned["kind"], scanned["why"]) == (kind, why)
        strangers = await api.get("/scene", scene=scene_of(kind, subject))
        assert (strangers["why"], strangers["advice"]) == ("not_signed_in", "请先登录")


async def test_what_nobody_may_see_has_no_card(api: Api, things: Things) -> None:
    wishers = await create_wishers(api)
    draft = await put_wish(wishers, WishState.DRAFT)
    office = await open_office(api, await create_community())
    unsent = await office.draft()
    colleagues = await office.send(await office.draft(audience="workers"))
    hidden = [f"/wishes/{draft}/shared", *(f"/announcements/{one['id']}/shared" for one in (unsent, colleagues))]
    hidden += [f"/{kind}/{draft}/shared" for kind in ("venues", "services", "posts", "communities")]
    for path in hidden:
        await api.refused("GET", path, code="not_found")
        await things.people.first.refused("GET", path, code="not_found")
    await api.refused("GET", "/teams/shared?code=team.x", code="team_code_invalid")
    await api.refused("GET", "/guardians/shared?code=guardian.x", code="guardian_code_invalid")
    # Once somebody accepted, or the entry has ended, the code is of no use.
    await things.guardian.delete(f"/me/dependants/{things.entry['person_id']}")
    await api.refused("GET", things.paths["show_shared_guardian"][0], code="guardian_code_invalid")
