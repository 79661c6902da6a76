"""What time brings about in waiting lists."""

from server.places.service import SETTLE_DUE_PLACES

SWEEPS = [SETTLE_DUE_PLACES]
