"""Who may import whom: one ordered list, and nothing imports upwards. No circles."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent

SQL_CLOCK = re.compile(r"(SELECT|INSERT|UPDATE|DELETE|WHERE)\b.*(\bnow\(\)|CURRENT_TIMESTAMP|CURRENT_DATE)", re.S)
FEATURES = (
    "check_in",
    "wishes",
    "volunteering",
    "neighbor_center",
    "announcements",
    "grid_cases",
    "co_building",
    "operations",
)
LAYERS = (
    "foundation",
    "background",
    "wechat",
    "media",
    "notifications",
    "organizations",
    "moderation",
    "accounts",
    "teams",
    "members",
    "service_record",
    "places",
    "calendars",
)
"""Packages of server/ below the features, lowest first."""
ACROSS = "figures"
"""Reads what all features have; none knows it."""
ROOF = {"checking", "connections", "readiness", "wiring", "worker"}
"""Files of server/ that know all features."""
ABOVE_DOORS = {"app", "__main__", "serving", "demo"}
"""What may know the doors."""
ASIDE = {"embedded"}
"""Packages that know nothing of Linli."""


def modules() -> Iterator[tuple[str, Path]]:
    for top in ("server", "miniprogram_api"):
        for path in sorted((ROOT / top).rglob("*.py")):
            if "vendor" not in path.parts:
                parts = path.relative_to(ROOT).with_suffix("").parts
                yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports_of(path: Path) -> set[str]:
    """Everything that a file imports, wherever in the file, with `from x import y` as both x and x.y."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


MODULES = dict(modules())


def own_imports(name: str) -> set[str]:
    return {imported for imported in imports_of(MODULES[name]) if imported in MODULES and imported != name}


def rank(module: str) -> int:
    """How high a module stands; it may import what stands lower, and its own package."""
    parts = module.split(".")
    if parts[0] == "miniprogram_api":
        return 200
    if len(parts) == 1:
        return 0
    name = parts[1]
    if name in LAYERS:
        return 10 + LAYERS.index(name)
    if name in FEATURES:
        return 100
    if name == ACROSS:
        return 120
    if name == "console":
        return 200
    if name in ABOVE_DOORS:
        return 300
    if name in ROOF:
        return 150
    assert name in ASIDE, f"{module}: say where it stands"
    return 1


def package(module: str) -> str:
    return ".".join(module.split(".")[:2])


def test_nothing_imports_upwards() -> None:
    wrong = []
    for name in MODULES:
        for imported in own_imports(name):
            same = package(name) == package(imported)
            doors = rank(name) == rank(imported) and rank(name) >= 150
            if imported in ("server", "miniprogram_api") or same or doors:
                continue
            if rank(imported) >= rank(name):
                wrong.append(f"{name} imports {imported}")
    assert not wrong, "\n".join(sorted(wrong))


def test_features_do_not_know_each_other() -> None:
    wrong = []
    for name in MODULES:
        if any(name.startswith(f"server.{feature}") for feature in FEATURES):
            wrong += [
                f"{name} imports {imported}"
                for imported in own_imports(name)
                if rank(imported) == 100 and package(imported) != package(name)
            ]
    assert not wrong, "\n".join(wrong)


def test_libraries_stay_in_their_room() -> None:
    """Only wechat/ knows wechatpy, only media/ draws, and what is below the doors does not know HTTP servers."""
    rooms = {
        "wechatpy": ("server.wechat",),
        "PIL": ("server.media", "server.wechat.simulator"),
        "typst": ("server.media",),
        "segno": ("server.media", "server.wechat.simulator"),
        "sanic": (
            "miniprogram_api",
            "server.console",
            "server.app",
            "server.foundation.http",
            "server.serving",
            "server.wechat.simulator",
        ),
        "obstore": ("server.media",),
        "redis": ("server.foundation.breaker", "server.foundation.cache", "server.wechat"),
    }
    wrong = []
    for name, path in MODULES.items():
        for imported in imports_of(path):
            library = imported.split(".")[0]
            if library in rooms and not name.startswith(rooms[library]):
                wrong.append(f"{name} imports {imported}")
    assert not wrong, "\n".join(sorted(set(wrong)))


def test_routes_do_not_touch_models() -> None:
    """Doors call services and queries. From models they may take the enumerations, which are words of the API."""
    wrong = []
    for name, path in MODULES.items():
        if not name.startswith("miniprogram_api"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").endswith(".models"):
                source = ast.parse(MODULES[node.module or ""].read_text())
                enums = {
                    item.name
                    for item in source.body
                    if isinstance(item, ast.ClassDef) and any(getattr(b, "id", "") == "Worded" for b in item.bases)
                }
                wrong += [f"{name} imports {alias.name}" for alias in node.names if alias.name not in enums]
    assert not wrong, "\n".join(wrong)


def test_there_are_no_circles() -> None:
    """Imports at the head of files form no circle (an import inside a function is there to be late)."""
    graph = {}
    for name, path in MODULES.items():
        head: set[str] = set()
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import):
                head |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                whole = node.module or ""
                named = {f"{whole}.{alias.name}" for alias in node.names}
                head |= {n for n in named if n in MODULES} or {whole}
        graph[name] = {imported for imported in head if imported in MODULES and imported != name}
    circles = []
    state: dict[str, int] = {}

    def visit(name: str, trail: list[str]) -> None:
        state[name] = 1
        for imported in graph[name]:
            if state.get(imported) == 1:
                circles.append(
                    " → ".join([*trail[trail.index(imported) :], imported]) if imported in trail else imported
                )
            elif imported not in state:
                visit(imported, [*trail, imported])
        state[name] = 2

    for name in graph:
        if name not in state:
            visit(name, [name])
    assert not circles, "\n".join(circles)


def test_the_clock_is_the_only_clock() -> None:
    """No datetime.now(), no SQL now(), no auto_now: everything asks clock.py."""
    wrong = []
    for name, path in MODULES.items():
        if name == "server.foundation.clock":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in ("now", "utcnow", "today"):
                owner = node.value.id if isinstance(node.value, ast.Name) else getattr(node.value, "attr", "")
                if owner in ("datetime", "date"):
                    wrong.append(f"{name}:{node.lineno} {owner}.{node.attr}")
            if isinstance(node, ast.keyword) and node.arg in ("auto_now", "auto_now_add"):
                wrong.append(f"{name}:{node.lineno} {node.arg}")
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL_CLOCK.search(node.value):
                wrong.append(f"{name}:{node.lineno} SQL clock")
    assert not wrong, "\n".join(wrong)
