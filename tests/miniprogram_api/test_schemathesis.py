"""schemathesis over the document, as nobody, as a resident and as staff, against a server process.

Whatever it thinks of, the answer has a status, a media type and a shape that the document names, and is no failure of
ours. In every run each operation by one of the three callers (dealt by pytest-randomly's seed, which the run prints);
with --full by all, more often, and with its coverage of every field as well.
"""

import asyncio
import os
import random
import sys
from pathlib import Path

import pytest

from server.foundation.settings import Settings
from server.organizations.models import RoleKind
from tests.builders import create_community, create_resident, create_staff
from tests.clients import Api
from tests.demo.plausible import ROUTES
from tests.servers import Server, free_port

CALLERS = ("nobody", "resident", "staff")
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
ENDLESS = "follow_inbox"
LEAVING = {"sign_out", "sign_out_everywhere", "cancel_account", "withdraw_consent"}
"""After which a caller would be nobody."""


@pytest.mark.parametrize("who", CALLERS)
async def test_the_document_holds(api: Api, settings: Settings, tmp_path: Path, who: str) -> None:
    names = sorted(route.operation_id for route in ROUTES)
    random.shuffle(names)
    dealt = dict(zip(names, CALLERS * len(names), strict=False))
    dealt |= dict.fromkeys(LEAVING, "nobody")
    await explore(api, settings, tmp_path, who, "fuzzing", 1, {name for name in names if dealt[name] == who})


@pytest.mark.full
@pytest.mark.parametrize("who", CALLERS)
async def test_the_whole_document_holds(api: Api, settings: Settings, tmp_path: Path, who: str) -> None:
    names = {route.operation_id for route in ROUTES}
    await explore(api, settings, tmp_path, who, "coverage,fuzzing", 20, names if who == "nobody" else names - LEAVING)


async def explore(
    api: Api, settings: Settings, folder: Path, who: str, phases: str, examples: int, operations: set[str]
) -> None:
    community = await create_community()
    caller = {
        "nobody": api,
        "resident": await create_resident(api, community),
        "staff": await create_staff(api, community, RoleKind.MANAGER),
    }[who]
    wechat = {"WECHAT_SIMULATOR_PORT": str(port := free_port()), "WECHAT_API_BASE": f"http://127.0.0.1:{port}"}
    with Server(settings, folder, **wechat) as simulator, Server(settings, folder, **wechat) as server:
        simulator.program = ("-m", "server", "simulator")
        simulator.process = simulator._spawn()
        await server.start()
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/api/v1/openapi.json"),
            *("--checks", CHECKS, "--phases", phases, "--max-examples", str(examples)),
            # One: Python 3.11 has a fault where several threads parse source at once (python/cpython#106905).
            *("--workers", "1"),
            *("--generation-database", "none", "--no-color", "--continue-on-failure"),
            *(("--header", f"Authorization: Bearer {caller.token}") if caller.token else ()),
            *(part for name in sorted(operations - {ENDLESS}) for part in ("--include-operation-id", name)),
        ]
        run = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env={"PATH": os.environ["PATH"]}, stdout=asyncio.subprocess.PIPE
        )
        told, _ = await run.communicate()
        assert run.returncode == 0, told.decode()
