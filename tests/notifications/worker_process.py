"""A nursery of worker processes for test_chaos: imports once, then forks a worker for each line it reads.

Each is a real worker process with its own connections, started in some milliseconds, so that many can be killed. Its
leases last as many seconds as it is told, and it knows the tests' own event.
"""

import asyncio
import os
import signal
import sys
from datetime import timedelta

from server.background import relay, sweeps
from server.embedded.processes import die_with_parent
from server.foundation.logs import configure_logs
from server.foundation.settings import load_settings
from server.notifications import events
from server.wiring import wire
from server.worker import run_worker
from tests.notifications.builders import CHAOS_EVENTS

EVERY = timedelta(seconds=0.3)
OFTEN = ("expired_leases", "wishes_expire", "announcements_send")


def work() -> None:
    relay.LEASE = timedelta(seconds=float(sys.argv[1]))
    events.EVENTS.update(CHAOS_EVENTS)
    wire()
    sweeps.SWEEPS[:] = [sweep._replace(every=EVERY) if sweep.name in OFTEN else sweep for sweep in sweeps.SWEEPS]
    settings = load_settings()
    configure_logs(settings)
    asyncio.run(run_worker(settings))


def main() -> None:
    arrange_death = die_with_parent(signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in sys.stdin:
        sys.stdout.flush()
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            if arrange_death:
                arrange_death()
            work()
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
