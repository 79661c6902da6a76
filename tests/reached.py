"""What the tests reach. A whole run fails where something that is declared was reached by none of them: a route's
answer, a refusal, what an operation writes, an action of the audit log."""

import pytest

from miniprogram_api.routes import ROUTES
from server.operations.audit_words import ACTION_WORDS
from tests.writes import EARLIER_ACTIONS, WRITES

REACHED = set[str]()
"""Whoever sees it happen writes it down: `book_slot 201`, `slot_full`, `writes book_slot`, `audits grant_role`."""
UNREACHED = {
    "follow_inbox 200": "its answer is a stream",
    **dict.fromkeys(("writes sign_out", "writes sign_out_everywhere"), "sessions are not looked at"),
    "writes view_console_sign_in": "a POST, since a code is not for addresses; it only reads",
    **{f"audits {action}": "of earlier versions" for action in EARLIER_ACTIONS},
}
"""What no test reaches, and why."""


def declared() -> set[str]:
    return {
        *(f"{route.operation_id} {route.status}" for route in ROUTES),
        *(error.code for route in ROUTES for error in route.errors),
        *(f"writes {operation}" for operation in WRITES),
        *(f"audits {action}" for action in ACTION_WORDS),
    }


class Reaching:
    """A pytest plugin: processes hand over what they reached, and the last looks at it."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        REACHED.update(getattr(node, "workeroutput", {}).get("reached", ()))

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        config = session.config
        if hasattr(config, "workeroutput"):
            config.workeroutput["reached"] = sorted(REACHED)
        elif exitstatus == 0 and is_whole(config) and (missing := declared() - REACHED - UNREACHED.keys()):
            print("\nreached by no test:", *sorted(missing), sep="\n")  # noqa: T201
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def is_whole(config: pytest.Config) -> bool:
    is_chosen = config.option.keyword or config.option.markexpr or config.option.collectonly
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not is_chosen
