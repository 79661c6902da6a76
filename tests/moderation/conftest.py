import pytest

from server.moderation import verdicts
from tests.moderation.builders import KIND, Notes


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> Notes:
    """A feature whose notes are checked."""
    notes = Notes()
    monkeypatch.setitem(verdicts.TEXTS, KIND, notes.texts)
    monkeypatch.setitem(verdicts.VERDICTS, KIND, notes.take_verdict)
    return notes
