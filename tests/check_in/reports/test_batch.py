"""Many reports assessed at once: all of them, or none."""

from datetime import timedelta

from tests.builders import create_community, move_clock_to, told
from tests.check_in.reports.builders import (
    create_checked_in_member,
    create_home,
    create_worker,
    make_all_reports,
    report_of,
    serve,
    shanghai,
)
from tests.clients import Api


async def test_all_or_none(api: Api) -> None:
    community = await create_community(name="竹岛社区")
    move_clock_to(shanghai(1, 1))
    home = await create_home(community)
    members = [await create_checked_in_member(api, community, home, name=name) for name in ("王小明", "李敏", "周强")]
    staff = await create_worker(api, community)
    move_clock_to(shanghai(3, 5, 12))
    for member in members:
        await serve(member.person_id, shanghai(3, 5, 9), 60, community=community)
    move_clock_to(shanghai(7, 1) + timedelta(minutes=1))
    await make_all_reports()
    reports = [await report_of(member) for member in members]
    told_of = [
        {"report_id": report.id, "version": report.version, "opinion": "热心社区事务。", "grade": "excellent"}
        for report in reports
    ]
    first, second, bystander = told_of
    path = "/staff/reports/assessments"
    stale = second | {"version": 99}
    refused = await staff.refused("POST", path, {"assessments": [first, stale]}, code="edited_meanwhile")
    assert refused["report_id"] == second["report_id"]
    assert [(await report_of(member)).state for member in members] == ["draft"] * 3
    assert await told(members[0].person_id) == []
    await staff.refused("POST", path, {"assessments": [first, first]}, code="invalid_fields")
    await staff.refused("POST", path, {"assessments": []}, code="invalid_fields")
    elsewhere = await create_worker(api, await create_community())
    await elsewhere.refused("POST", path, {"assessments": [first]}, code="not_found")
    assert await staff.post(path, {"assessments": [second, first]}) == {"assessed": 2}
    assert [(await report_of(member)).state for member in members] == ["assessed", "assessed", "draft"]
    assert await told(members[0].person_id) == ["report_assessed"]
    assert await told(members[2].person_id) == []
    again = await staff.refused("POST", path, {"assessments": [bystander, first]}, code="edited_meanwhile")
    assert again["report_id"] == first["report_id"]
