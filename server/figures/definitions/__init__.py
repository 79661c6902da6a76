"""All figures 指标, in the order in which people read them."""

from server.figures.definitions import check_in, grid_cases, neighbor_center, people, telling, volunteering, wishes
from server.figures.definitions.definition import Definition
from server.foundation.errors import InvalidFields

ALL: tuple[Definition, ...] = (
    *people.DEFINITIONS,
    *check_in.DEFINITIONS,
    *wishes.DEFINITIONS,
    *volunteering.DEFINITIONS,
    *neighbor_center.DEFINITIONS,
    *grid_cases.DEFINITIONS,
    *telling.DEFINITIONS,
)
BY_CODE = {definition.code: definition for definition in ALL}


def find_definition(code: str) -> Definition:
    """Raises InvalidFields."""
    if code not in BY_CODE:
        raise InvalidFields.of("code", "没有这项指标")
    return BY_CODE[code]
