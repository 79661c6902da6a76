"""Clients that others generate from the OpenAPI document: they compile, and the tour can be played through one."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import typing
from collections.abc import Iterator
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any

import httpx
import pytest

from miniprogram_api.openapi import EXAMPLES, openapi_document
from miniprogram_api.routes import ROUTES
from server.foundation.settings import Settings
from tests.demo.touring import touring
from tests.simulator import Simulator

_NODE_PACKAGES = os.environ.get("LINLI_NODE_MODULES", "")
"""A folder node_modules with openapi-typescript 7 and typescript 5."""


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("document") / "linli.json"
    path.write_bytes(openapi_document(ROUTES, Settings()))
    return path


def run(*command: str | Path) -> None:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def test_pydantic_models_take_every_example(document: Path, tmp_path: Path) -> None:
    """datamodel-code-generator: the models are Python, and what people sent and the app gave fits into them."""
    made = tmp_path / "linli_models.py"
    options = ["--output-model-type", "pydantic_v2.BaseModel", "--disable-warnings", "--openapi-scopes", "schemas"]
    run(sys.executable, "-m", "datamodel_code_generator", "--input", document, "--output", made, *options)
    sys.path.insert(0, str(tmp_path))
    try:
        models = importlib.import_module("linli_models")
    finally:
        sys.path.remove(str(tmp_path))
    told = json.loads(document.read_text())
    tried = 0
    for methods in told["paths"].values():
        for operation in methods.values():
            for place in (operation.get("requestBody"), operation["responses"].get("200")):
                content = (place or {}).get("content", {}).get("application/json", {})
                if "example" in content and "$ref" in content["schema"]:
                    name = content["schema"]["$ref"].rsplit("/")[-1]
                    getattr(models, name).model_validate(content["example"])
                    tried += 1
    assert tried > len(json.loads(EXAMPLES.read_bytes())) / 2


@pytest.mark.skipif(
    not (_NODE_PACKAGES and shutil.which("node")),
    reason="node, or LINLI_NODE_MODULES (a node_modules with openapi-typescript and typescript), is missing",
)
def test_typescript_types_compile_strictly(document: Path, tmp_path: Path) -> None:
    made = tmp_path / "linli.ts"
    bin = Path(_NODE_PACKAGES) / ".bin"
    run(bin / "openapi-typescript", document, "--default-non-nullable=false", "-o", made)
    use = tmp_path / "use.ts"
    use.write_text(
        'import type { components, paths } from "./linli";\n'
        'type Claim = paths["/api/v1/wishes/{wish_id}/claim"]["post"];\n'
        'type Problem = Claim["responses"][409]["content"]["application/problem+json"];\n'
        'export const why = (problem: Problem): string => (problem.code === "wish_taken" ? "taken" : problem.title);\n'
        'export const title = (card: components["schemas"]["WishCard"]): string => card.title;\n'
    )
    run(bin / "tsc", "--strict", "--noEmit", "--target", "es2022", "--module", "preserve", use)


@pytest.fixture(scope="module")
def generated(document: Path) -> Iterator[str]:
    """The name of a package that openapi-python-client made."""
    folder, name = document.parent, "linli_client"
    config, made = folder / "config.json", folder / name
    # Pictures and workbooks are bytes; the generator has to be told.
    kinds = {kind: "application/octet-stream" for route in ROUTES for kind in route.options.raw if "/" in kind}
    config.write_text(json.dumps({"content_type_overrides": kinds, "post_hooks": []}))
    program = Path(sys.executable).parent / "openapi-python-client"
    run(program, "generate", "--path", document, "--meta", "none", "--output-path", made, "--config", config)
    sys.path.insert(0, str(folder))
    yield name
    sys.path.remove(str(folder))


class GeneratedTransport(httpx.AsyncBaseTransport):
    """Hands each request to the function that was generated for it, which sends it and reads the answer."""

    def __init__(self, package: str, app: Any) -> None:
        self.called: set[str] = set()
        self._package, self._wire = package, httpx.ASGITransport(app, raise_app_exceptions=False)
        # Where a path of words stands beside one with parameters, the words are meant.
        routes = sorted(ROUTES, key=lambda route: len(route.path_parameters))
        self._patterns = [(re.compile(re.sub(r"<(\w+)>", r"(?P<\1>[^/]+)", route.path)), route) for route in routes]
        folder = Path(importlib.import_module(f"{package}.api").__file__ or "").parent
        self._modules = {path.stem: f"{package}.api.{path.parent.name}.{path.stem}" for path in folder.glob("*/*.py")}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1")
        matches = (
            (route, pattern.fullmatch(path)) for pattern, route in self._patterns if route.method == request.method
        )
        route, match = next((route, match) for route, match in matches if match)
        if route.options.raw:  # pictures and workbooks go as they are
            return await self._wire.handle_async_request(request)
        self.called.add(route.operation_id)
        function = importlib.import_module(self._modules[route.operation_id]).asyncio_detailed
        kinds = typing.get_type_hints(function)
        given = {**match.groupdict(), **request.url.params}
        if "idempotency_key" in kinds and (key := request.headers.get("idempotency-key")):
            given["idempotency_key"] = key
        arguments = {name: _as(kinds[name], value) for name, value in given.items()}
        if "body" in kinds:
            arguments["body"] = kinds["body"].from_dict(json.loads(request.content or b"{}"))
        client = importlib.import_module(f"{self._package}.client").AuthenticatedClient(
            base_url=str(request.url.copy_with(raw_path=b"/")),
            token=request.headers.get("authorization", "").removeprefix("Bearer "),
            httpx_args={"transport": self._wire},
        )
        answer = await function(client=client, **arguments)
        kind = answer.headers.get("content-type", "")
        return httpx.Response(answer.status_code, headers={"content-type": kind}, text=_as_json(answer.parsed))


def _as(kind: Any, text: str) -> Any:
    """A parameter as the generated function takes it."""
    for one in typing.get_args(kind) or (kind,):
        if isinstance(one, type) and issubclass(one, Enum):
            return one(text)
        if one is date:
            return date.fromisoformat(text)
    return text


def _as_json(parsed: Any) -> str:
    if parsed is None:
        return ""
    return json.dumps([one.to_dict() for one in parsed] if isinstance(parsed, list) else parsed.to_dict())


async def test_the_tour_is_played_through_a_generated_client(app: Any, simulator: Simulator, generated: str) -> None:
    """openapi-python-client: each request and each answer passes through its functions and its models."""
    transport = GeneratedTransport(generated, app)
    async with touring(app, simulator, transport) as (tour, _):
        await tour.play()
    assert len(transport.called) > 50
