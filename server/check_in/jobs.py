"""The scheduled work of check-in."""

from datetime import timedelta

from server.background.sweeps import Sweep
from server.check_in.posts.holding import end_terms, term_lag
from server.check_in.units.unit_check_in import lapse_unit_check_ins, unit_lapse_lag

SWEEPS = [
    Sweep("unit_check_ins_lapse", timedelta(minutes=1), lapse_unit_check_ins, unit_lapse_lag),
    Sweep("post_terms_end", timedelta(minutes=1), end_terms, term_lag),
]
