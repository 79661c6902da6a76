"""What operations give: the traces that a person left."""

from server.foundation.feature import Feature
from server.operations import personal_copy

FEATURE = Feature(personal_copy=personal_copy.SHEETS)
