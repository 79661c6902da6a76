"""Communities with staff who announce something."""

from typing import Any

from server.announcements.sending import TELL_NEXT_PERSONS
from server.organizations.models import Organization, RoleKind
from tests.builders import create_community, create_staff
from tests.clients import Api

PATH = "/staff/announcements"
WORDS = {"title": "周六停水通知", "text": "因管道检修，本周六 9 时至 17 时停水，请提前储水。"}


class Office:
    """A community, and those who work there."""

    def __init__(self, community: Organization, writer: Api, sender: Api, manager: Api) -> None:
        self.community, self.writer, self.sender, self.manager = community, writer, sender, manager

    async def draft(self, by: Api | None = None, **words: Any) -> dict[str, Any]:
        body = {"organization_id": self.community.id, "words": WORDS | words}
        made: dict[str, Any] = await (by or self.writer).post(PATH, body, expect=201)
        return made

    async def send(self, announcement: dict[str, Any], by: Api | None = None) -> dict[str, Any]:
        path = f"{PATH}/{announcement['id']}/send"
        sent: dict[str, Any] = await (by or self.sender).post(path, {"version": announcement["version"]})
        return sent


async def open_office(api: Api, community: Organization | None = None) -> Office:
    community = community or await create_community(name="幸福社区")
    return Office(
        community,
        await create_staff(api, community),
        await create_staff(api, community),
        await create_staff(api, community, RoleKind.MANAGER),
    )


async def tell_everybody() -> int:
    """The sweep, until there is nothing left to tell; how many were told."""
    told = 0
    while count := await TELL_NEXT_PERSONS.run():
        told += count
    return told
