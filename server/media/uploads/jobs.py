"""The scheduled work of media."""

from datetime import timedelta

from server.background.sweeps import Sweep
from server.media.uploads.uploading import remove_unused_pictures, unused_picture_lag

SWEEPS = [Sweep("unused_pictures", timedelta(minutes=5), remove_unused_pictures, unused_picture_lag)]
