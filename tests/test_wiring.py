"""The features: every one is listed, every table and kind belongs to one of them, and all that is given is taken."""

import ast
from collections import Counter
from pathlib import Path

from server import wiring
from server.foundation.feature import Feature
from server.wiring import FEATURES
from tests.test_architecture import MODULES, imports_of, package

SOURCE = Path(wiring.__file__)
TAKEN = [name for name in Feature.__struct_fields__ if name not in ("takes", "when_wired")]


def test_wiring_knows_of_packages_their_features_alone() -> None:
    known = {name for name in imports_of(SOURCE) if name in MODULES and name != "server.foundation.feature"}
    features = {name for name in MODULES if name.endswith(".feature")} - {"server.foundation.feature"}
    assert known == features == {f"{package(name)}.feature" for name in features}
    assert len(SOURCE.read_text().splitlines()) <= 100


def test_features_are_for_wiring_alone() -> None:
    wrong = [
        f"{name} imports {imported}"
        for name, path in MODULES.items()
        for imported in imports_of(path) & MODULES.keys()
        if imported.endswith(".feature") and imported != "server.foundation.feature" and name != "server.wiring"
    ]
    assert not wrong, "\n".join(wrong)


def test_every_feature_is_listed_once() -> None:
    imported = [value for name, value in vars(wiring).items() if isinstance(value, Feature)]
    assert Counter(FEATURES) == Counter(imported)
    assert len(set(FEATURES)) == len(FEATURES)


def test_every_module_with_a_model_is_named_by_one_feature_of_its_package() -> None:
    defining = {
        name
        for name, path in MODULES.items()
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and "Model" in {ast.unparse(part) for part in node.bases}
    }
    assert "server.wishes.models" in defining
    assert defining >= {name for name in MODULES if name.startswith("server.") and name.endswith(".models")}
    assert Counter(module for feature in FEATURES for module in feature.models) == Counter(defining)


def test_all_that_is_given_is_taken_once() -> None:
    assert Counter(name for feature in FEATURES for name in feature.takes) == Counter(TAKEN)


def test_every_kind_belongs_to_one_feature() -> None:
    for name in TAKEN:
        given = [getattr(feature, name) for feature in FEATURES]
        if all(isinstance(part, dict) for part in given):
            twice = [kind for kind, times in Counter(kind for part in given for kind in part).items() if times > 1]
            assert not twice, f"{name}: {twice}"


def test_what_a_package_declares_is_in_its_feature() -> None:
    forgotten = [
        name
        for name in MODULES
        if name.startswith("server.") and name.rpartition(".")[2] in ("messages", "personal_copy", "jobs")
        if package(name) != "server.foundation" and name not in imports_of(MODULES[f"{package(name)}.feature"])
    ]
    assert not forgotten, "\n".join(forgotten)
