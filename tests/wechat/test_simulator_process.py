"""The simulator as a process of its own: it starts, keeps what it knows, and stops at once."""

import asyncio
import re
import signal
import socket
import sys
import time
from pathlib import Path

import httpx
import msgspec

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from pathlib import Path
from server.foundation.settings import Settings
from server.wechat.simulator import run_simulator

run_simulator(Settings(data_dir=Path(sys.argv[1]), simulator_port=int(sys.argv[2])))
"""


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether the process has a handler for the signal."""
    caught = re.search(r"^SigCgt:\s*(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.M)
    return bool(caught and int(caught.group(1), 16) >> (number - 1) & 1)


async def test_it_starts_and_stops_and_keeps_people(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(tmp_path), str(port), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            async with asyncio.timeout(20):
                while True:
                    try:
                        await http.post("/admin/persons", json={"nickname": "王芳"})
                        break
                    except httpx.ConnectError:
                        await asyncio.sleep(0.02)
                # Sanic answers a moment before it minds signals.
                while not catches(process.pid, signal.SIGTERM):
                    await asyncio.sleep(0.02)
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            printed, _ = await process.communicate()
        assert process.returncode == 0
        assert time.monotonic() - begun < 10
        assert b"/admin" not in printed
    finally:
        if process.returncode is None:
            process.kill()
    saved = msgspec.json.decode((tmp_path / "wechat-simulator.json").read_bytes())
    assert [person["nickname"] for person in saved["persons"].values()] == ["王芳"]
