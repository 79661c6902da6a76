"""A kind of subject of the tests' own: notes with a text."""

from server.foundation.database import transaction
from server.foundation.ids import new_id
from server.moderation.models import CheckedSubject, ContentCheck, Verdict
from server.moderation.verdicts import submit_for_check, verdict_of
from tests.clients import Api

KIND = "note"


class Notes(dict[str, list[str]]):
    """Subject id → its texts; and what the feature was told, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, Verdict]] = []

    async def texts(self, note_id: str) -> list[str]:
        return self.get(note_id, [])

    async def take_verdict(self, note_id: str) -> None:
        self.told.append((note_id, await verdict_of(KIND, note_id)))

    async def submit(
        self,
        author: Api,
        *texts: str,
        note_id: str = "",
        organization_id: str | None = None,
        picture_ids: tuple[str, ...] = (),
    ) -> str:
        """Write or rewrite a note, and have it checked; its id."""
        note_id = note_id or new_id()
        async with transaction():
            self[note_id] = list(texts)
            await submit_for_check(
                KIND,
                note_id,
                author_id=author.person_id,
                organization_id=organization_id,
                picture_ids=picture_ids,
            )
        return note_id


async def checks_of(note_id: str) -> list[ContentCheck]:
    """The checks of the latest revision."""
    subject = await CheckedSubject.get(kind=KIND, subject_id=note_id)
    return await ContentCheck.filter(subject_id=subject.id, revision=subject.revision).order_by("id")
