"""The README says what is so: every setting, every command, every folder."""

import re
import subprocess
import sys
from pathlib import Path

from miniprogram_api.pages import PAGES
from server.__main__ import _parser
from server.background.sweeps import SWEEPS
from server.foundation.settings import ENVIRONMENT_NAMES, Settings
from server.notifications.events import MOMENTS
from server.wechat.templates import TEMPLATES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README, re.M | re.S)
    assert found, title
    return found[1]


def test_every_setting_is_in_the_table() -> None:
    table = section("Configuration")
    assert set(ENVIRONMENT_NAMES) == set(Settings.__struct_fields__)
    assert [name for name in ENVIRONMENT_NAMES.values() if f"`{name}`" not in table] == []


def test_every_command_is_told_and_has_help() -> None:
    (commands,) = [action.choices for action in _parser()._actions if action.choices]
    told = section("Other commands")
    internal = {"simulator", "prepare-demo"}
    assert [name for name in commands if name not in internal and f"`{name}" not in told] == []
    output = subprocess.run(
        [sys.executable, "-m", "server", "serve", "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "Answer requests" in output.stdout


def test_every_folder_is_told() -> None:
    parts = section("The parts")
    folders = [path.name for path in (ROOT / "server").iterdir() if (path / "__init__.py").exists()]
    assert [name for name in folders if f"{name}/" not in parts] == []


def test_every_sweep_is_told_with_its_interval() -> None:
    told: dict[str, str] = {}
    for names, interval in re.findall(
        r"^\| (`.+`) \| (\d+) s \|", (ROOT / "server/background/README.md").read_text(), re.M
    ):
        told |= dict.fromkeys(re.findall(r"`(\w+)`", names), interval)
    assert told == {sweep.name: f"{sweep.every.total_seconds():.0f}" for sweep in SWEEPS}


def test_every_moment_is_told_with_its_templates() -> None:
    text = (ROOT / "server/notifications/README.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| (`.+`) \|$", text, re.M)
    told = {moment: tuple(re.findall(r"`(\w+)`", templates)) for moment, templates in rows}
    assert told == MOMENTS


def test_every_readme_can_be_found() -> None:
    readmes = [path.relative_to(ROOT) for path in (ROOT / "server").rglob("*.md")]
    assert [str(path) for path in readmes if f"({path})" not in README] == []
    linked = re.findall(r"\]\(([\w./]+)\)", README)
    assert [path for path in linked if not (ROOT / path).exists()] == []


def test_the_project_speaks_of_itself_alone() -> None:
    """No address of a package registry in the locks: they must work with any."""
    locks = [ROOT / "requirements.lock", *(ROOT / "server").rglob("requirements.lock")]
    assert len(locks) == 3
    assert all("://" not in lock.read_text() for lock in locks)


def test_every_page_and_template_is_told_in_order() -> None:
    text = section("Pages and templates")
    pages = re.findall(r"^\| `(pages/[^`]+)` \| (\S+) \| `(\w+)` \|$", text, re.M)
    assert pages == [("?".join(filter(None, (p.path, "&".join(p.query)))), p.title, p.operation_id) for p in PAGES]
    templates = re.findall(r"^\| `(\w+)` \| (\S+) \| (`\w+` .+) \|$", text, re.M)
    told = [(name, title, dict(re.findall(r"`(\w+)` ([^、]+)", fields))) for name, title, fields in templates]
    assert [(name, title, list(fields.items())) for name, title, fields in told] == [
        (template.name, template.title, list(template.fields.items())) for template in TEMPLATES
    ]
