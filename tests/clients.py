"""Calling the API in tests as somebody."""

from typing import Any

import httpx


class Api:
    """The API as one caller. Each call gives the decoded answer and fails the test on another status than expected."""

    def __init__(self, client: httpx.AsyncClient, token: str = "", person_id: str = "") -> None:
        self.client, self.token, self.person_id = client, token, person_id

    def as_(self, token: str, person_id: str = "") -> "Api":
        """The same API as somebody else."""
        return Api(self.client, token, person_id)

    async def send(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **options: Any
    ) -> httpx.Response:
        """One request; the raw response."""
        headers = dict(headers or {})
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        if body is not None:
            options["json"] = body
        return await self.client.request(method, f"/api/v1{path}", headers=headers, **options)

    async def get(self, path: str, *, expect: int = 200, **params: Any) -> Any:
        return _answer(await self.send("GET", path, params=params or None), expect)

    async def post(self, path: str, body: Any = None, *, expect: int | None = None, key: str = "") -> Any:
        headers = {"idempotency-key": key} if key else {}
        return _answer(await self.send("POST", path, body, headers=headers), expect)

    async def put(self, path: str, body: Any = None, *, expect: int | None = None) -> Any:
        return _answer(await self.send("PUT", path, body), expect)

    async def patch(self, path: str, body: Any = None, *, expect: int | None = None) -> Any:
        return _answer(await self.send("PATCH", path, body), expect)

    async def delete(self, path: str, *, expect: int | None = None) -> Any:
        return _answer(await self.send("DELETE", path), expect)

    async def inbox(self) -> Any:
        """What the person was told, as they read it: the latest first."""
        return (await self.get("/me/inbox"))["items"]

    async def refused(self, method: str, path: str, body: Any = None, *, code: str) -> Any:
        """A call that must be refused with this code; the problem document."""
        response = await self.send(method, path, body)
        problem = response.json() if response.content else {}
        assert problem.get("code") == code, f"{method} {path}: {response.status_code} {response.text}"
        assert response.status_code == problem["status"]
        assert response.headers["content-type"] == "application/problem+json"
        return problem


def _answer(response: httpx.Response, expect: int | None) -> Any:
    good = response.status_code == expect if expect else response.is_success
    assert good, f"{response.request.method} {response.request.url}: {response.status_code} {response.text}"
    return response.json() if response.content else None
