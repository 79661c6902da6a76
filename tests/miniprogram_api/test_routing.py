"""What every route shares: strict requests, clear refusals, a bound on calls."""

import httpx

from tests.builders import create_community, create_person, create_resident, sign_in
from tests.clients import Api


async def test_a_body_is_read_strictly(api: Api) -> None:
    caller = await sign_in(api, await create_person())
    for body, field, problem in (
        ({}, "community_id", "必填"),
        ({"community_id": 5}, "community_id", "应为文字"),
        ({"community_id": "short"}, "community_id", "格式不正确"),
        ({"community_id": caller.person_id, "more": 1}, "more", "不认识的字段"),
    ):
        answer = await caller.refused("PUT", "/me/community", body, code="invalid_fields")
        assert answer["errors"] == [{"field": field, "problem": problem}]


async def test_what_is_no_json(api: Api) -> None:
    caller = await sign_in(api, await create_person())
    for content in (b"{", b"\xff\xfe", b"[]", b'{"real_name": "\\ud800"}', b'{"real_name": "a\\u0000"}'):
        headers = {"authorization": f"Bearer {caller.token}", "content-type": "application/json"}
        answer = await caller.client.put("/api/v1/me/details", content=content, headers=headers)
        assert answer.status_code in (400, 422), content
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_query_is_read_strictly(api: Api) -> None:
    caller = await create_resident(api, await create_community())
    for query in ("limit=0", "limit=101", "limit=x", "more=1", "limit=5&limit=6", "cursor=nonsense", "name=a%00b"):
        answer = await caller.send("GET", f"/wishes/mine?{query}")
        assert answer.status_code in (400, 422), query
        assert answer.json()["code"] in ("bad_request", "invalid_fields")
    refused = await caller.send("GET", "/me?surprise=1")
    assert refused.json()["code"] == "bad_request"


async def test_an_impossible_id_is_a_thing_that_does_not_exist(api: Api) -> None:
    caller = await sign_in(api, await create_person())
    for wrong in ("x", "0" * 21, "z" * 22, "7" + "z" * 21, "0352%2Fabc", "-" * 22):
        answer = await caller.send("GET", f"/wishes/{wrong}")
        assert answer.status_code == 404, wrong
        assert answer.json()["code"] == "not_found"


async def test_methods_and_paths_that_do_not_exist(api: Api) -> None:
    assert (await api.send("GET", "/nothing")).json()["code"] == "not_found"
    answer = await api.send("PATCH", "/sessions")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


async def test_every_answer_has_a_request_id_and_is_not_kept(api: Api) -> None:
    answer: httpx.Response = await api.send("GET", "/me", headers={"x-request-id": "phone-12345678"})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "phone-12345678"
    assert answer.headers["cache-control"] == "no-store"
