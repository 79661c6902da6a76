from typing import Any

import pytest

from server.organizations.models import Organization
from tests.builders import create_community
from tests.neighbor_center.builders import set_clock


@pytest.fixture(autouse=True)
async def monday_morning(request: pytest.FixtureRequest) -> None:
    """Tests that use the database start on the builders' Monday, at 8."""
    if "api" in request.fixturenames:
        request.getfixturevalue("settings")
        set_clock("08:00")


@pytest.fixture
async def community(app: Any) -> Organization:
    return await create_community(name="阳光社区")
