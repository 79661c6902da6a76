"""Enumerations whose members carry the word that people read for them."""

from enum import StrEnum


class Worded(StrEnum):
    """A StrEnum whose members are written with their Chinese word: `PUBLISHED = "published", "待认领"`.

    To code, the database and JSON a member is its value, and `WishState("published")` finds it; people read `.word`.
    Each member has one, or the class is refused with a TypeError.
    """

    word: str

    def __new__(cls, value: str, word: str = "") -> "Worded":
        member = str.__new__(cls, value)
        member._value_ = value
        member.word = word
        return member

    def __init_subclass__(cls) -> None:
        for member in cls:
            if not member.word:
                raise TypeError(f"{cls.__name__}.{member.name} has no word")


def words_of(kind: type[Worded]) -> dict[str, str]:
    """Value → word, where codes come as plain text and one that is no longer a member is shown as it is."""
    return {member.value: member.word for member in kind}
