"""What time brings about in activities."""

from datetime import timedelta

from server.jobs import Sweep
from server.volunteering.activities import finish_activities

SWEEPS = [Sweep("finish_activities", timedelta(minutes=1), finish_activities)]
