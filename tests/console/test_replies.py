"""Words that staff often answer with: offered beside the form that they are for, to those who work there."""

from typing import Any

from server.foundation.audit import AuditEntry
from server.organizations import replies
from server.organizations.models import Level
from tests.builders import create_community, create_organization, create_staff
from tests.check_in.builders import application, create_member
from tests.clients import Api
from tests.console.visiting import Browser

WORDS = "您不住在本社区，请向居住地社区报到。"


async def test_a_reply_is_offered_below_and_nowhere_else(app: Any, api: Api) -> None:
    street = await create_organization(Level.SUBDISTRICT)
    community, elsewhere = await create_community(parent=street), await create_community()
    above = await Browser(app).sign_in(await create_staff(api, street))
    await above.open("/console/replies/refuse_check_in")
    await above.send("/console/replies/refuse_check_in", {"text": WORDS})
    assert WORDS in above.text
    forms = []
    for place in (community, elsewhere):
        member = await create_member(api, place)
        waiting = (await member.post("/check-ins", application(place), expect=201))["id"]
        staff = await Browser(app).sign_in(await create_staff(api, place))
        forms.append([await staff.open(f"/console/pages/check-ins/{waiting}/refuse_check_in"), waiting])
    (below, waiting), (other, _) = forms
    assert WORDS in below.text
    assert 'data-insert="f-reason"' in below.text
    assert WORDS not in other.text
    await below.open(f"/console/pages/check-ins/{waiting}/return_check_in")
    assert WORDS not in below.text, "it is for what it was written for"
    await below.open("/console/replies/refuse_check_in")
    address = above.text.partition('action="/console/replies/refuse_check_in/')[2].partition('"')[0]
    await below.send(f"/console/replies/refuse_check_in/{address}", {})
    assert below.status == 404, "it is theirs who wrote it"
    await above.open("/console/replies/refuse_check_in")
    await above.send(f"/console/replies/refuse_check_in/{address}", {})
    assert WORDS not in above.text
    for action in ("add_reply", "remove_reply"):
        assert await AuditEntry.filter(action=action, organization_id=street.id).count() == 1


async def test_too_many_and_empty_ones_are_refused(app: Any, api: Api, monkeypatch: Any) -> None:
    monkeypatch.setattr(replies, "MOST", 1)
    browser = await Browser(app).sign_in(await create_staff(api, await create_community()))
    await browser.open("/console/replies/refuse_wish")
    for text, status in ((" ", 422), ("长" * 501, 422), (WORDS, 200), ("再来一条", 409)):
        await browser.send("/console/replies/refuse_wish", {"text": text})
        assert browser.status == status, text
    assert "再来一条" in browser.text, "what was typed is kept"
    assert (await browser.open("/console/replies/made_up")).status == 404
