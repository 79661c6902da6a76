"""What pictures give, and what mini-program codes may be about."""

from server.foundation.feature import Feature
from server.media import mini_codes
from server.media.uploads import jobs, personal_copy

FEATURE = Feature(
    models=("server.media.uploads.models",),
    sweeps=jobs.SWEEPS,
    personal_copy=personal_copy.SHEETS,
    takes={"code_targets": mini_codes.TARGETS},
)
