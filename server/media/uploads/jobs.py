"""The scheduled work of media."""

from server.media.uploads.uploading import REMOVE_UNUSED_PICTURES

SWEEPS = [REMOVE_UNUSED_PICTURES]
