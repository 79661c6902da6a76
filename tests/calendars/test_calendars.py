"""One's calendar: by range, as a file, and as a feed that other programs subscribe to."""

from datetime import datetime, timedelta
from typing import Any

from icalendar import Calendar

from server.accounts.merging import merge_persons
from server.accounts.models import Person
from server.calendars.feed import CalendarEntry, write_calendar
from server.calendars.models import CalendarFeed
from server.foundation import clock
from server.foundation.ids import new_id
from server.volunteering.models import Shift
from tests.clients import Api
from tests.volunteering.builders import create_family, create_people, publish_shift, sign_up

HOUR = timedelta(hours=1)


async def fetch_feed(api: Api, url: str, expect: int = 200) -> list[Any]:
    """The events behind a feed's address, as a calendar program sees them."""
    response = await api.client.get(url[url.index("/api/") :])
    assert response.status_code == expect, response.text
    if expect != 200:
        return []
    assert response.headers["content-type"] == "text/calendar; charset=utf-8"
    assert all(len(line) <= 75 for line in response.content.split(b"\r\n"))
    events: list[Any] = Calendar.from_ical(response.content).walk("VEVENT")
    return events


async def between(person: Api, since: datetime, until: datetime) -> list[Any]:
    entries: list[Any] = (await person.get("/me/calendar", since=since.isoformat(), until=until.isoformat()))["entries"]
    return entries


async def test_my_calendar_by_range(api: Api) -> None:
    people = await create_people(api)
    ids = [await publish_shift(people, timedelta(days=days), capacity=1) for days in (5, 3, 30)]
    await sign_up(people.second, ids[0])
    answers = [await sign_up(people.first, shift_id) for shift_id in ids]
    now = clock.now()
    found = await between(people.first, now, now + timedelta(days=10))
    assert [(entry["id"], entry["is_tentative"]) for entry in found] == [
        (answers[1]["sign_up"]["id"], False),
        (answers[0]["sign_up"]["id"], True),
    ]
    assert (found[0]["kind"], found[0]["title"], found[0]["place"]) == ("sign_up", "清洁家园", "社区广场")
    # What touches the range belongs to it, half-open.
    begins = (await Shift.get(id=ids[1])).starts_at
    assert len(await between(people.first, begins + HOUR, begins + 2 * HOUR)) == 1
    assert await between(people.first, begins + 2 * HOUR, begins + 3 * HOUR) == []
    assert await between(people.first, begins - HOUR, begins) == []
    # A given up one is gone; one that was called off stays, so that calendars take it out.
    await people.first.post(f"/sign-ups/{answers[0]['sign_up']['id']}/cancel")
    await people.staff.post(f"/staff/shifts/{ids[1]}/cancel", {"reason": "雨"})
    found = await between(people.first, now, now + timedelta(days=10))
    assert [(entry["id"], entry["is_cancelled"]) for entry in found] == [(answers[1]["sign_up"]["id"], True)]
    assert await between(people.third, now, now + timedelta(days=40)) == []
    for since, until in ((now, now), (now, now + timedelta(days=367))):
        query = f"since={since:%Y-%m-%dT%H:%M:%SZ}&until={until:%Y-%m-%dT%H:%M:%SZ}"
        await people.first.refused("GET", f"/me/calendar?{query}", code="invalid_fields")


async def test_the_feed_has_everything_and_alarms(api: Api) -> None:
    people = await create_people(api)
    words = {"meeting_point": "南门岗亭", "what_to_bring": "水杯；手套", "title": "清洁家园，" * 8}
    shift_id = await publish_shift(people, timedelta(days=3), capacity=5, activity={"words": words})
    [child] = await create_family(people.first, None)
    mine = await sign_up(people.first, shift_id, child)
    feed = await people.first.get("/me/calendar-feed")
    assert feed == await people.first.get("/me/calendar-feed")
    events = await fetch_feed(api, feed["url"])
    assert len(events) == 2
    event = next(event for event in events if event["UID"] == f"sign_up-{mine['sign_up']['id']}@linli")
    row = await Shift.get(id=shift_id)
    assert (event.start, event.end) == (
        row.starts_at.replace(microsecond=0),
        row.ends_at.replace(microsecond=0),
    )
    assert (event["SUMMARY"], event["LOCATION"], event["STATUS"]) == (words["title"], "社区广场", "CONFIRMED")
    assert event["DESCRIPTION"] == "集合地点：南门岗亭\n请携带：水杯；手套\n联系人：小李 0631-5200000"
    triggers = [alarm["TRIGGER"].dt for alarm in event.walk("VALARM")]
    assert triggers == [timedelta(hours=-24), timedelta(hours=-2)]
    other = next(each for each in events if each is not event)
    assert other["SUMMARY"].startswith(words["title"] + "（")

    # A moved shift is a later version of the same event; a cancelled one says so.
    later = row.starts_at + 5 * HOUR
    await people.staff.patch(f"/staff/shifts/{shift_id}", {"version": row.version, "starts_at": later.isoformat()})
    moved = next(each for each in await fetch_feed(api, feed["url"]) if each["UID"] == event["UID"])
    assert moved.start == later.replace(microsecond=0)
    assert moved["SEQUENCE"] > event["SEQUENCE"]
    await people.staff.post(f"/staff/shifts/{shift_id}/cancel", {"reason": "雨"})
    gone = next(each for each in await fetch_feed(api, feed["url"]) if each["UID"] == event["UID"])
    assert (gone["STATUS"], gone.walk("VALARM")) == ("CANCELLED", [])
    assert gone["SEQUENCE"] > moved["SEQUENCE"]


async def test_what_is_not_sure_says_so_and_reminds_of_nothing(api: Api) -> None:
    people = await create_people(api)
    shift_id = await publish_shift(people, timedelta(days=3), capacity=1)
    await sign_up(people.second, shift_id)
    await sign_up(people.first, shift_id)
    sure, waiting = [(await person.get("/me/calendar-feed"))["url"] for person in (people.second, people.first)]
    [booked], [waits] = await fetch_feed(api, sure), await fetch_feed(api, waiting)
    assert (booked["SUMMARY"], booked["STATUS"], len(booked.walk("VALARM"))) == ("清洁家园", "CONFIRMED", 2)
    assert (waits["SUMMARY"], waits["STATUS"], waits.walk("VALARM")) == ("【候补中】清洁家园", "TENTATIVE", [])
    await people.staff.post(f"/staff/shifts/{shift_id}/cancel", {"reason": "雨"})
    assert {event["SUMMARY"] for event in await fetch_feed(api, sure)} == {"【已取消】清洁家园"}


async def test_a_feed_as_other_programs_ask_for_it(api: Api) -> None:
    people = await create_people(api)
    await sign_up(people.first, await publish_shift(people))
    url = (await people.first.get("/me/calendar-feed"))["url"]
    path = url[url.index("/api/") :]
    assert len(await fetch_feed(api, url + "?nocache=1&nocache=2")) == 1
    head = await api.client.head(path + "?nocache=1")
    assert (head.status_code, head.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    assert (await api.client.head("/api/v1/calendars/x.ics")).status_code == 404
    # What is ours stays strict.
    assert (await people.first.send("GET", "/me/calendar-feed?nocache=1")).status_code == 400
    assert (await api.client.head("/api/v1/me/calendar-feed")).status_code == 405


def test_a_calendars_text_is_safe() -> None:
    """Nothing that people write begins a line of its own, and no control character breaks the file."""
    now = clock.now()
    words = '读书，会;\\ "好"\nEND:VEVENT\r\nBEGIN:VALARM\x00\x1b\u2028'
    entry = CalendarEntry(
        kind="sign_up",
        id=new_id(),
        title=words,
        place=words,
        note=words,
        starts_at=now,
        ends_at=now + HOUR,
        state="confirmed",
        state_word="已确认",
    )
    written = write_calendar([entry], words, alarms=False)
    assert not set(written.decode()) & set("\x00\x1b\u2028")
    assert written.count(b"\r\n") == written.count(b"\n") == written.count(b"\r")
    [event] = Calendar.from_ical(written).walk("VEVENT")
    kept = '读书，会;\\ "好"\nEND:VEVENT\nBEGIN:VALARM'
    assert (event["SUMMARY"], event["LOCATION"], event["DESCRIPTION"]) == (kept, kept, kept)
    assert Calendar.from_ical(written).walk("VALARM") == []


async def test_a_feeds_address_is_signed_and_can_be_renewed(api: Api) -> None:
    people = await create_people(api)
    await sign_up(people.first, await publish_shift(people))
    old = (await people.first.get("/me/calendar-feed"))["url"]
    base, _, name = old.rpartition("/")
    feed_id, signature, _ = name.split(".")
    theirs = (await people.second.get("/me/calendar-feed"))["url"].rpartition("/")[2].split(".")
    for forged in (f"{theirs[0]}.{signature}.ics", f"{feed_id}.ics", f"{new_id()}.{signature}.ics", "x.ics"):
        await fetch_feed(api, f"{base}/{forged}", expect=404)
    new = (await people.first.post("/me/calendar-feed", expect=201))["url"]
    await fetch_feed(api, old, expect=404)
    assert len(await fetch_feed(api, new)) == 1
    await people.first.delete("/me/calendar-feed", expect=204)
    await fetch_feed(api, new, expect=404)
    await api.refused("GET", "/me/calendar-feed", code="not_signed_in")
    # Nobody's calendar outlives them.
    newest = (await people.first.get("/me/calendar-feed"))["url"]
    await Person.filter(id=people.first.person_id).update(closed_at=clock.now())
    await fetch_feed(api, newest, expect=404)
    assert await CalendarFeed.filter(person_id=people.first.person_id).count() == 3


async def test_a_merged_persons_feed_ends(api: Api) -> None:
    people = await create_people(api)
    await sign_up(people.first, await publish_shift(people))
    url = (await people.first.get("/me/calendar-feed"))["url"]
    kept = (await people.second.get("/me/calendar-feed"))["url"]
    await merge_persons(people.first.person_id, people.second.person_id, actor_id=None)
    await fetch_feed(api, url, expect=404)
    assert len(await fetch_feed(api, kept)) == 1


async def test_one_entry_as_a_file(api: Api) -> None:
    people = await create_people(api)
    mine = await sign_up(people.first, await publish_shift(people))
    path = f"/me/calendar/{mine['sign_up']['id']}"
    response = await people.first.send("GET", path)
    [event] = Calendar.from_ical(response.content).walk("VEVENT")
    assert event["SUMMARY"] == "清洁家园"
    await people.second.refused("GET", path, code="not_found")
