import pytest

from server.notifications import events, rendering
from tests.notifications.builders import EVENTS, Things


@pytest.fixture
def things(monkeypatch: pytest.MonkeyPatch) -> Things:
    """Things that messages tell of, with the events about them."""
    things = Things()
    for name, event in EVENTS.items():
        monkeypatch.setitem(events.EVENTS, name, event)
    monkeypatch.setitem(rendering.SUBJECTS, "thing", things.describe)
    return things
