"""Would the tests notice? `python3 dev.py mutate [--count N] [--seed S] [--kind K] [--jobs J] [PATH…]`

Draws mutants of the program, evenly over their kinds (`mutants.py`), and runs each against the tests that run its
function: those that do least besides first. Prints who survived, and a table. Which test runs what is learnt before, a
file of tests at a time, and kept in .cache/mutation.json until the file changes. The tree is never written to: a forked
process compiles the changed file. (mutmut and cosmic-ray know no SQL, and cannot tell which tests a mutant needs.)
"""

import argparse
import ast
import builtins
import hashlib
import importlib.machinery
import itertools
import json
import os
import random
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from tests.mutation.mutants import KINDS, Mutant, mutants_of, watched
from tests.template import CACHE, ROOT

KEPT = CACHE / "mutation.json"
LIBRARIES = "sanic tortoise.backends.asyncpg hypothesis PIL.Image openpyxl typst obstore wechatpy"
"""What takes long to import, and so is imported once for all mutants."""
ELSEWHERE = re.compile(r"server/(__main__|serving|worker|demo|embedded|wechat/simulator)\b")
"""What runs in processes of its own, which have no mutants."""
NO_TESTS = ("tests/mutation", "tests/performance", "tests/embedded", "tests/demo", "tests/test_")
SECONDS = 60
"""What the tests of one mutant may take, as far as was measured when they were learnt."""
Change = Callable[[str, str], ast.AST | None]
"""(path, source) → what the file is instead; None as it is."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="dev.py mutate")
    for name, default in (("--count", 50), ("--seed", 1), ("--jobs", 2)):
        parser.add_argument(name, type=int, default=default)
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("paths", nargs="*", default=["server", "miniprogram_api"])
    asked = parser.parse_args()
    for name in LIBRARIES.split():
        __import__(name)
    seen = learn()
    mutants = draw(asked.paths, asked.kind or KINDS, asked.count, random.Random(asked.seed))
    counts = defaultdict[str, Counter[str]](Counter)
    with ProcessPoolExecutor(asked.jobs, get_context("fork")) as pool:
        running = {pool.submit(outcome, mutant, covering(mutant, seen)): mutant for mutant in mutants}
        for done in as_completed(running):
            mutant, came = running[done], done.result()
            counts[mutant.kind][came] += 1
            print(
                f"{came:9} {mutant.kind:12} {mutant.path}:{mutant.line} {mutant.function} {mutant.change}", flush=True
            )
    print(f"\n{'kind':14}{'killed':>8}{'of':>6}")
    for kind in (*KINDS, "all"):
        of = counts[kind] if kind in KINDS else sum(counts.values(), Counter[str]())
        print(f"{kind:14}{of['killed']:8}{of.total() - of['unclear']:6}")


def draw(paths: list[str], kinds: Any, count: int, chance: random.Random) -> list[Mutant]:
    """As many of each kind, while there are."""
    files = [each for path in paths for each in ROOT.glob(path if path.endswith(".py") else f"{path}/**/*.py")]
    names = [name for name in sorted(str(file.relative_to(ROOT)) for file in files) if not ELSEWHERE.match(name)]
    found = [mutant for name in names for mutant in mutants_of(name, (ROOT / name).read_text()) if mutant.kind in kinds]
    chance.shuffle(found)
    turns = defaultdict[str, Iterator[int]](itertools.count)
    return sorted(found, key=lambda mutant: next(turns[mutant.kind]))[:count]


def learn() -> dict[str, dict[str, Any]]:
    """Test → its functions and seconds, of every test that passes."""
    names = [str(file.relative_to(ROOT)) for file in sorted((ROOT / "tests").rglob("test_*.py"))]
    current = {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in names}
    known = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    known = {name: kept for name, kept in known.items() if kept["file"] == current.get(name)}
    if missing := [name for name in names if name not in known and not name.startswith(NO_TESTS)]:
        print(f"Learning what the tests of {len(missing)} files run.", flush=True)
        _, failed, seen = run(missing, watched)
        known |= {name: {"file": current[name], "tests": {}} for name in missing}
        for test in seen.keys() - set(failed):
            known[test.partition("::")[0]]["tests"][test] = seen[test]
        KEPT.write_text(json.dumps(known))
    return {test: kept for file in known.values() for test, kept in file["tests"].items()}


def covering(mutant: Mutant, seen: dict[str, dict[str, Any]]) -> list[str]:
    """The tests that run the mutant's function (of what stands outside any: one of the file's), as many as SECONDS."""
    ran = {test: kept["functions"] for test, kept in seen.items()}
    found = [test for test in ran if f"{mutant.path}:{mutant.function}" in ran[test]]
    found = found or [test for test in ran if any(name.startswith(f"{mutant.path}:") for name in ran[test])]
    found.sort(key=lambda test: len(ran[test]))
    until = itertools.accumulate(seen[test]["seconds"] for test in found)
    return [test for test, seconds in zip(found, until, strict=True) if seconds <= SECONDS] or found[:1]


def outcome(mutant: Mutant, tests: list[str]) -> str:
    """Killed is what fails a test that passes without it; where that one fails as well, it is `unclear`."""
    if not tests:
        return "untested"
    options = ("-x", "--timeout-method=thread", f"--session-timeout={3 * SECONDS}")
    passes, failed, _ = run(tests, mutant.apply, *options)
    is_sure = passes or run([*failed, *tests][:1], lambda path, source: None)[0]
    return "unclear" if not is_sure else "SURVIVED" if passes else "killed"


def run(tests: list[str], change: Change, *options: str) -> tuple[bool, list[str], dict[str, Any]]:
    """Whether these tests pass with what `change` makes of the program, which failed, and what was seen of all (neither
    where one hangs)."""
    with tempfile.TemporaryDirectory(prefix="linli-mutant-", ignore_cleanup_errors=True) as name:
        folder, told = Path(name), Path(name) / "told"
        folder.chmod(0o755)
        child = get_context("fork").Process(target=_test, args=(tests, change, folder, options))
        child.start()
        child.join()
        return child.exitcode == 0, *(json.loads(told.read_text()) if told.exists() else ([], {}))


def _test(tests: list[str], change: Change, folder: Path, options: tuple[str, ...]) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    tempfile.tempdir = str(folder)
    loader: Any = importlib.machinery.SourceFileLoader
    usual, told = loader.get_code, Told()

    def get_code(self: Any, fullname: str) -> Any:
        path = Path(self.get_filename(fullname))
        is_ours = fullname.split(".")[0] in ("server", "miniprogram_api")
        tree: Any = change(str(path.relative_to(ROOT)), path.read_text()) if is_ours else None
        return compile(tree, str(path), "exec") if tree else usual(self, fullname)

    loader.get_code = get_code
    code = pytest.main(["-q", "-p", "no:randomly", "-p", "no:xdist", "--timeout=300", *options, *tests], plugins=[told])
    (folder / "told").write_text(json.dumps((told.failed, told.seen)))
    os._exit(code)


class Told:
    """A pytest plugin: which tests failed, and of each its seconds and the functions that it ran."""

    def __init__(self) -> None:
        self.failed, self.seen, self.functions = list[str](), dict[str, Any](), set[str]()
        vars(builtins)["__seen__"] = self.functions

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self.failed.append(report.nodeid)
        seen = self.seen.setdefault(report.nodeid, {"seconds": 0.0})
        seen["seconds"] += report.duration
        if report.when == "teardown":
            seen["functions"] = sorted(self.functions)
            self.functions.clear()


if __name__ == "__main__":
    main()
