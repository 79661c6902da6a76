"""Structured logs: one JSON object a line (or plain text on a terminal), without personal data or secrets.

Our own lines name what happened and carry ids, states and numbers. What could carry more is cut down: values whose key
names something personal, the words of exceptions (they quote what they choke on), and other libraries' messages.
"""

import asyncio
import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import msgspec
import structlog

from server.foundation import clock
from server.foundation.settings import Settings

log = structlog.get_logger()

_SECRET_WORDS = ("phone", "token", "secret", "session_key", "openid", "address", "real_name", "password", "code2")
_QUIET_LOGGERS = ("httpx", "httpcore", "sanic", "tortoise", "asyncio", "PIL", "urllib3")


def configure_logs(settings: Settings) -> None:
    """Set up structlog, and let the standard library's loggers go the same way.

    With LINLI_DEBUG, which production refuses, exceptions and other libraries' messages are shown whole.
    """
    level = getattr(logging, settings.log_level.upper())
    is_terminal = sys.stderr.isatty()
    global _request_lines
    _request_lines = sys.stderr if level <= logging.INFO and not is_terminal else None
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
        structlog.processors.format_exc_info if settings.debug else tell_exception,
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if is_terminal
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared if settings.debug else [shorten_message, *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        use_get_message=settings.debug,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.root.handlers = [handler]
    logging.root.setLevel(level)
    for name in _QUIET_LOGGERS:
        # Their INFO and DEBUG lines hold addresses with secrets in the query, or queries with personal data.
        logging.getLogger(name).setLevel(logging.WARNING)


_encode_line = msgspec.json.Encoder().encode
_request_lines: TextIO | None = None
"""Where the lines of requests go; None on a terminal, where people read them, or where they are not wanted."""


def log_request(request_id: str, method: str, operation: str, status: int, seconds: float) -> None:
    """The line of an answered request. The path may hold a code or a signature, so it names the operation instead.

    Nothing in it can be secret, so it is spared the processors, which take longer than all else around a request; and
    those of one turn of the loop are written together, since each write would take as long as the rest of the line.
    """
    milliseconds = round(seconds * 1000, 1)
    if _request_lines is None:
        log.info("request", method=method, operation=operation, status=status, milliseconds=milliseconds)
        return
    line = {
        "method": method,
        "operation": operation,
        "status": status,
        "milliseconds": milliseconds,
        "event": "request",
        "request_id": request_id,
        "level": "info",
        "timestamp": clock.real_now(),
    }
    global _writing_loop
    loop = asyncio.get_running_loop()
    # Lines of a loop that ended before its turn came are written by the next one.
    if not _unwritten or _writing_loop is not loop:
        _writing_loop = loop
        loop.call_soon(_write_lines, _request_lines)
    _unwritten.append(_encode_line(line).decode())


_unwritten: list[str] = []
_writing_loop: asyncio.AbstractEventLoop | None = None


def _write_lines(to: TextIO) -> None:
    lines = "\n".join(_unwritten)
    _unwritten.clear()
    to.write(f"{lines}\n")
    to.flush()


def hide_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the value of every key that names something personal or secret, however deep it lies."""
    for key, value in event.items():
        if any(word in key.lower() for word in _SECRET_WORDS):
            event[key] = "***"
        elif isinstance(value, Mapping):
            event[key] = hide_secrets(None, "", dict(value))
    return event


def tell_exception(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put the exception's kind and where it came from into the line, but not its words."""
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["exception"] = _tell(error)
    return event


def shorten_message(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Of another library's message keep its first line without what was to be filled in, and who said it."""
    record: logging.LogRecord = event["_record"]
    # Some log an exception itself as the message.
    message = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
    event["event"] = message.partition("\n")[0]
    event["logger"] = record.name
    return event


def _tell(error: BaseException) -> str:
    """Kind and places of an exception, after those of the one that led to it."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    told = _tell(cause) if cause else ""
    if isinstance(error, BaseExceptionGroup):
        told += "".join(_tell(member) for member in error.exceptions)
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    return f"{told}{''.join(traceback.format_tb(error.__traceback__))}{kind}\n"
