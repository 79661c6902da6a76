"""The server: settings in, a Sanic application with its doors out."""

import hmac
import os
from typing import Any

import msgspec
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from sanic import Blueprint, Request, Sanic
from sanic.response import HTTPResponse
from sanic.response import json as plain_json

from miniprogram_api import docs, mini_codes, open311, wechat
from miniprogram_api.openapi import openapi_document
from miniprogram_api.routes import ROUTES
from miniprogram_api.routing import add_routes
from server import wiring
from server.connections import connected
from server.console.door import add_console
from server.foundation.errors import NotFound
from server.foundation.http import JsonAnswer, prepare_app
from server.foundation.settings import Settings
from server.notifications import live
from server.operations.health import health_metrics
from server.readiness import check_readiness, fits

log = structlog.get_logger()

MAX_BODY = 12 * 1024 * 1024
"""Bytes. Pictures are at most 10 MiB; everything else is small."""

_NEVER = 3600.0
"""Seconds. All that an answer waits for has an end of its own: cut off by Sanic, what has been committed would be told
as failed."""


def create_app(settings: Settings, *, name: str = "linli") -> Sanic[Any, Any]:
    """The application. Connects when it starts, disconnects after the last request has been answered."""
    wiring.wire()
    app: Sanic[Any, Any] = Sanic(name, configure_logging=False)
    app.config.update(
        FALLBACK_ERROR_FORMAT="json",
        ACCESS_LOG=False,
        REQUEST_MAX_SIZE=MAX_BODY,
        GRACEFUL_SHUTDOWN_TIMEOUT=float(settings.graceful_seconds),
        KEEP_ALIVE_TIMEOUT=75,
        RESPONSE_TIMEOUT=_NEVER,
        REAL_IP_HEADER=None,
        PROXIES_COUNT=0,
        AUTO_EXTEND=False,
        # Several applications in one process (tests, the simulator) cannot share Sanic's rewritten handlers.
        TOUCHUP=settings.is_production,
    )
    app.ctx.settings = settings
    prepare_app(app, settings)

    blueprint = Blueprint("api", url_prefix="/api/v1")
    add_routes(blueprint, ROUTES)
    document = openapi_document(ROUTES, settings)

    @blueprint.get("/openapi.json")
    async def openapi(request: Request) -> HTTPResponse:
        request.ctx.operation = "openapi"
        return HTTPResponse(document, content_type="application/json")

    app.blueprint(blueprint)
    docs.add_pages(app, settings)
    wechat.add_push(app, settings)
    mini_codes.add_open_page(app)
    open311.add_open311(app)
    add_console(app, settings)
    _add_health(app, settings)

    @app.before_server_start
    async def start(app: Sanic[Any, Any]) -> None:
        live.begin()
        app.ctx.connected = connected(settings)
        await app.ctx.connected.__aenter__()
        app.ctx.has_fitted = await fits()
        log.info("server_started", environment=settings.environment, process=os.getpid())

    @app.before_server_stop
    async def end_streams(_: Sanic[Any, Any]) -> None:
        live.end_all()

    # Not before_server_stop: Sanic runs that while requests are still being answered.
    @app.after_server_stop
    async def stop(app: Sanic[Any, Any]) -> None:
        await app.ctx.connected.__aexit__(None, None, None)
        log.info("server_stopped", process=os.getpid())

    return app


def _add_health(app: Sanic[Any, Any], settings: Settings) -> None:
    @app.route("/healthz", methods=_ASKED_BY, name="healthz")
    async def healthz(request: Request) -> HTTPResponse:
        request.ctx.operation = "healthz"
        if request.method == "OPTIONS":
            return _allowed()
        return JsonAnswer(b'{"status":"ok"}', content_type="application/json")

    @app.route("/readyz", methods=_ASKED_BY, name="readyz")
    async def readyz(request: Request) -> HTTPResponse:
        """Whether to send requests here; see readiness.py."""
        request.ctx.operation = "readyz"
        if request.method == "OPTIONS":
            return _allowed()
        has_fitted = app.ctx.has_fitted
        found = await check_readiness(
            settings, is_draining=getattr(app.ctx, "is_draining", False), has_fitted=has_fitted
        )
        app.ctx.has_fitted = has_fitted or found.database == "ok"
        return plain_json(msgspec.to_builtins(found), status=200 if found.is_ready else 503)

    @app.get("/metrics")
    async def metrics(request: Request) -> HTTPResponse:
        """For Prometheus. Behind a token when one is set; without one, only this machine may read it."""
        request.ctx.operation = "metrics"
        if not may_read_metrics(settings, request.ctx.address, request.headers.get("authorization", "")):
            raise NotFound()
        return HTTPResponse(_collect_metrics() + await health_metrics(), content_type=CONTENT_TYPE_LATEST)


_ASKED_BY = ["GET", "HEAD", "OPTIONS"]


def _allowed() -> HTTPResponse:
    return HTTPResponse(status=204, headers={"allow": ", ".join(_ASKED_BY)})


def may_read_metrics(settings: Settings, address: str, authorization: str) -> bool:
    """Whether a caller from `address` with this Authorization header may read /metrics."""
    if settings.metrics_token:
        given = authorization.removeprefix("Bearer ").strip()
        return hmac.compare_digest(given.encode(), settings.metrics_token.encode())
    return address in ("127.0.0.1", "::1")


def _collect_metrics() -> bytes:
    """Of this process, or, where several serve, of all of them."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return generate_latest(registry)
