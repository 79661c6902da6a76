"""Searching by words, in one manner wherever people do."""

from typing import Annotated

import msgspec

from server.foundation.errors import InvalidFields

MIN_SEARCH = 2
"""Characters that a word of a search needs."""

Search = Annotated[str, msgspec.Meta(max_length=40)]
"""Words of at least two characters, with spaces between; all of them must occur."""


def search_words(search: str) -> list[str]:
    """The words of a search. Raises InvalidFields for one that is too short."""
    words = search.split()
    if any(len(word) < MIN_SEARCH for word in words):
        raise InvalidFields.of("search", f"每个词至少 {MIN_SEARCH} 个字")
    return words


def holds_words(text: str, words: str) -> str:
    """SQL: whether all of `words`, a parameter, occur in `text`, an expression; for what an area narrows down first."""
    return f"NOT EXISTS (SELECT 1 FROM unnest({words}::text[]) word WHERE strpos(lower({text}), lower(word)) = 0)"
