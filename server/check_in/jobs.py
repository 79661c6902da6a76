"""The scheduled work of check-in."""

from server.check_in.posts.holding import END_TERMS
from server.check_in.units.unit_check_in import LAPSE_UNIT_CHECK_INS

SWEEPS = [LAPSE_UNIT_CHECK_INS, END_TERMS]
