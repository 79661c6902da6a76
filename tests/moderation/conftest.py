import pytest

from server.moderation import service
from tests.moderation.builders import KIND, Notes


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> Notes:
    """A feature whose notes are checked."""
    notes = Notes()
    monkeypatch.setitem(service.TEXTS, KIND, notes.texts)
    monkeypatch.setitem(service.VERDICTS, KIND, notes.take_verdict)
    return notes
