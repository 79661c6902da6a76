"""What figures give."""

from server.figures import counting
from server.foundation.feature import Feature

FEATURE = Feature(
    models=("server.figures.models",),
    sweeps=(counting.COUNT_MONTHS,),
)
