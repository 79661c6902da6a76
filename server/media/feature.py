"""What pictures give, and what mini-program codes may be about."""

from server.foundation.feature import Feature
from server.media import mini_codes
from server.media.uploads import personal_copy, uploading

FEATURE = Feature(
    models=("server.media.uploads.models",),
    sweeps=(uploading.REMOVE_UNUSED_PICTURES,),
    personal_copy=personal_copy.SHEETS,
    takes={"code_targets": mini_codes.TARGETS},
)
