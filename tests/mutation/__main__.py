"""Would the tests notice? `python3 dev.py mutate [--count N] [--seed S] [--kind K] [--jobs J] [PATH…]`

Draws mutants of the program, evenly over their kinds (`mutants.py`), and runs each against the tests that run its
function: those that do least besides first. Prints who survived, and a table. Which test runs what is learnt before, a
file of tests at a time, and kept in .data/mutation.json until the file changes.

Not mutmut or cosmic-ray: they know no SQL, and start the servers anew for each mutant.
"""

import argparse
import hashlib
import json
import random
import sys
import tempfile
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import zip_longest
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.mutation.mutants import KINDS, Mutant, mutants_of, mutated, watched
from tests.mutation.running import ROOT, Change, Seen, Servers, load_libraries

KEPT = ROOT / ".data" / "mutation.json"
ELSEWHERE = (
    *("server/__main__.py", "server/serving.py", "server/worker.py"),
    *("server/demo", "server/embedded", "server/wechat/simulator"),
)
"""What runs in processes of its own, which have no mutants."""
NO_TESTS = ("tests/mutation", "tests/performance", "tests/embedded", "tests/demo", "tests/test_")
SECONDS = 60.0
"""What the tests of one mutant may take, as far as was measured when they were learnt."""

_servers: Servers


def _begin() -> None:
    global _servers
    _servers = Servers()


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev.py mutate")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("paths", nargs="*", default=["server", "miniprogram_api"])
    asked = parser.parse_args()
    load_libraries()
    seen = learn()
    mutants = draw(asked.paths, asked.kind or KINDS, asked.count, random.Random(asked.seed))
    outcomes: dict[Mutant, str] = {}
    # Workers are forked from here, and fork a child for each mutant.
    with ProcessPoolExecutor(asked.jobs, get_context("fork"), _begin) as pool:
        running = {pool.submit(outcome, mutant, covering(mutant, seen)): mutant for mutant in mutants}
        for done in as_completed(running):
            mutant = running[done]
            outcomes[mutant] = done.result()
            print(
                f"{outcomes[mutant]:9} {mutant.kind:12} {mutant.path}:{mutant.line} {mutant.function}: {mutant.change}"
            )
            sys.stdout.flush()
    print_table(outcomes)
    return 0


def draw(paths: list[str], kinds: Any, count: int, chance: random.Random) -> list[Mutant]:
    """As many of each kind, while there are."""
    files = sorted(
        file
        for path in paths
        for file in ([ROOT / path] if path.endswith(".py") else (ROOT / path).rglob("*.py"))
        if not str(file.relative_to(ROOT)).startswith(ELSEWHERE)
    )
    found = [mutant for file in files for mutant in mutants_of(ROOT, file)]
    by_kind = [[mutant for mutant in found if mutant.kind == kind] for kind in kinds]
    for mutants in by_kind:
        chance.shuffle(mutants)
    return [mutant for turn in zip_longest(*by_kind) for mutant in turn if mutant][:count]


def learn() -> dict[str, dict[str, Any]]:
    """Test → its functions and seconds."""
    known = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    current = {}
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        name = str(file.relative_to(ROOT))
        if not name.startswith(NO_TESTS):
            current[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    known = {name: kept for name, kept in known.items() if kept["file"] == current.get(name)}
    missing = [name for name in current if name not in known]
    if missing:
        print(f"Learning what the tests of {len(missing)} files run.", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            written, servers = Path(folder) / "seen.json", Servers()
            servers.run(missing, lambda path, source: watched(source, path), 3600, Seen(written))
            servers.stop()
            tests = json.loads(written.read_text())
        for name in missing:
            known[name] = {"file": current[name], "tests": {}}
        for test, kept in tests.items():
            known[test.partition("::")[0]]["tests"][test] = kept
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps(known))
    return {test: kept for file in known.values() for test, kept in file["tests"].items()}


def covering(mutant: Mutant, seen: dict[str, dict[str, Any]]) -> list[str]:
    """The tests that run the mutant's function (of what stands outside any: one of the file's), as many as SECONDS."""
    place = f"{mutant.path}:{mutant.function}"
    found = [test for test, kept in seen.items() if place in kept["functions"]]
    if not found:
        found = [t for t, kept in seen.items() if any(name.startswith(f"{mutant.path}:") for name in kept["functions"])]
    chosen, left = list[str](), SECONDS
    for test in sorted(found, key=lambda test: len(seen[test]["functions"])):
        left -= seen[test]["seconds"]
        if chosen and left < 0:
            break
        chosen.append(test)
    return chosen


def outcome(mutant: Mutant, tests: list[str]) -> str:
    """Killed is what fails a test that passes without it; where that one fails as well, it is `unclear`."""
    if not tests:
        return "untested"
    code, failed = _run(tests, lambda path, source: mutated(source, mutant.number) if path == mutant.path else None)
    if code == 0:
        return "SURVIVED"
    return "killed" if _run([failed or tests[0]], lambda path, source: None)[0] == 0 else "unclear"


def _run(tests: list[str], change: Change) -> tuple[int | None, str]:
    code, failed = _servers.run(tests, change, 3 * SECONDS)
    if code is None:
        _servers.stop()
        _begin()
    return code, failed


def print_table(outcomes: dict[Mutant, str]) -> None:
    counts = defaultdict[str, Counter[str]](Counter)
    outcomes = {mutant: came for mutant, came in outcomes.items() if came != "unclear"}
    for mutant, came in outcomes.items():
        counts[mutant.kind][came] += 1
    print(f"\n{'kind':14}{'killed':>8}{'of':>6}")
    for kind in (kind for kind in KINDS if kind in counts):
        print(f"{kind:14}{counts[kind]['killed']:8}{counts[kind].total():6}")
    killed = sum(came == "killed" for came in outcomes.values())
    print(f"{'all':14}{killed:8}{len(outcomes):6}   {100 * killed // max(1, len(outcomes))} %")


if __name__ == "__main__":
    sys.exit(main())
