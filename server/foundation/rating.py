"""A rating 评价, in the one form that every request and answer has, whatever it is of."""

from datetime import datetime
from typing import Annotated

import msgspec

Stars = Annotated[int, msgspec.Meta(ge=1, le=5)]


class NewRating(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Stars from 1 to 5, and words that may be left out."""

    stars: Stars
    text: Annotated[str, msgspec.Meta(max_length=500)] = ""


class Rating(msgspec.Struct, kw_only=True):
    """A rating as it is read. `text` is empty where nothing was said, and to others while, or if, the content check
    does not let it pass."""

    stars: Stars
    text: str
    rated_at: datetime
