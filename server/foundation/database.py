"""The one PostgreSQL: connecting, transactions, plain SQL into Structs, and what models share."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
import msgspec
import structlog
from tortoise import Tortoise, connections, fields
from tortoise.exceptions import DBConnectionError
from tortoise.exceptions import IntegrityError as IntegrityError
from tortoise.models import Model as TortoiseModel
from tortoise.transactions import in_transaction

from migrations._columns import IdField as IdField
from migrations._columns import LtreeField as LtreeField
from migrations._columns import PointField as PointField
from migrations._columns import SqlIndex as SqlIndex
from server.foundation import clock
from server.foundation.asyncpg_client import CONNECT_SECONDS, IDLE_SECONDS, REPLICA_SECONDS, STATEMENT_SECONDS, Client
from server.foundation.errors import Busy, NotFound, Refusal
from server.foundation.ids import decode_id, encode_id, new_id
from server.foundation.location import decode_location, encode_location
from server.foundation.settings import Settings

MODEL_MODULES: list[str] = []
"""Names of the modules that have models; filled by wiring.py."""

log = structlog.get_logger()

_AGAIN_SECONDS = 0.5

_UNREACHABLE = (
    OSError,  # no connection, or it broke, or no answer in time; also the socket of an embedded server that is gone
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what a statement meets whose connection broke before it was sent
    DBConnectionError,
    Busy,
)

StructT = TypeVar("StructT", bound=msgspec.Struct)
AnswerT = TypeVar("AnswerT")


def foreign_key(
    model: str, *, null: bool = False, unique: bool = False, on_delete: fields.OnDelete = fields.RESTRICT
) -> Any:
    """A reference to another model, named as a string so that packages make no circle; `unique` for one to one.

    Nothing that others rely on is deleted: what refers to it stands in the way, unless `on_delete` says otherwise.
    """
    make: Any = fields.OneToOneField if unique else fields.ForeignKeyField
    return make(f"linli.{model}", related_name=False, null=null, on_delete=on_delete)


def sealed(context: str, *, by_id: bool = False, null: bool = False) -> Any:
    """A column that the keyring encrypts, under this context (with `.<id of the row>` where it is `by_id`). What is not
    declared so is not encrypted anew when the keys change."""
    column: Any = fields.BinaryField(null=True) if null else fields.BinaryField()
    SEALED[column] = (context, by_id)
    return column


SEALED: dict[Any, tuple[str, bool]] = {}
"""Column → its context, and whether the row's id is part of it."""


class Model(TortoiseModel):
    """What every table has: an id that sorts by time, and when the row was made."""

    id = IdField(primary_key=True, default=new_id)
    created_at = fields.DatetimeField(default=clock.now)
    was: dict[str, Any] | None = None
    """What `rows.row_as` read; None of others."""

    class Meta:
        abstract = True


def tortoise_config(settings: Settings) -> dict[str, Any]:
    """The configuration for Tortoise, its migrations included. Raises RuntimeError before `wiring.wire`: without its
    models every table would look like one too many."""
    if not MODEL_MODULES:
        raise RuntimeError("wiring.wire was not called")
    urls = {"default": settings.database_url, "replica": settings.database_replica_url}
    return {
        "connections": {
            name: {
                "engine": "server.foundation.asyncpg_client",
                "credentials": _credentials(url)
                | {
                    "minsize": 1,
                    "maxsize": settings.database_pool,
                    "init": _prepare_connection,
                    "reset": _leave_as_it_is,
                    "application_name": "linli",
                    "timeout": CONNECT_SECONDS,
                    "command_timeout": STATEMENT_SECONDS if name == "default" else REPLICA_SECONDS,
                    "server_settings": {"idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s"},
                    # Plans of prepared statements go bad after a migration; a small cache still pays.
                    "statement_cache_size": settings.database_statements,
                },
            }
            for name, url in urls.items()
            if url
        },
        "apps": {
            "linli": {"models": MODEL_MODULES, "default_connection": "default", "migrations": "migrations"},
        },
        "use_tz": True,
        "timezone": "UTC",
    }


async def connect(settings: Settings) -> None:
    """Open the pool. Raises tortoise.exceptions.DBConnectionError or OSError when the database is not there."""
    await Tortoise.init(config=tortoise_config(settings), _enable_global_fallback=True)
    await fetch("SELECT 1")


async def wait_until_there(settings: Settings, *, is_wanted: Callable[[], bool] = lambda: True) -> None:
    """Return once the database answers, or nobody waits for it any longer; that it is waited for is said once. Raises
    what waiting would not mend (a wrong password, a database that does not exist)."""
    has_said = False
    while is_wanted():
        try:
            connection = await asyncpg.connect(settings.database_url, timeout=CONNECT_SECONDS)
            await connection.close()
        except Exception as error:
            if not is_unreachable(error):
                raise
            if not has_said:
                log.warning("database_away", error=type(error).__name__, waits=True)
                has_said = True
            await asyncio.sleep(_AGAIN_SECONDS)
        else:
            if has_said:
                log.info("database_there")
            return


CONNECTIONS = "current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
"""How many connections PostgreSQL has for us and others together, in SQL."""


async def warn_of_connections(settings: Settings) -> None:
    """Say so where this server's processes may want more connections than PostgreSQL has: then they take turns."""
    room = await fetch_value(f"SELECT {CONNECTIONS}")
    if settings.workers * settings.database_pool > room:
        log.warning("connections_short", processes=settings.workers, pool=settings.database_pool, room=room)


async def disconnect() -> None:
    await Tortoise.close_connections()


class Writing:
    """A request that changes something. `hold` begins each of its transactions."""

    def __init__(self, hold: Callable[[], Awaitable[None]]) -> None:
        self.hold, self.has_committed = hold, False


_writing: ContextVar[Writing | None] = ContextVar("writing", default=None)

_TRIES = 3


async def write(hold: Callable[[], Awaitable[None]], do: Callable[[], Awaitable[AnswerT]]) -> AnswerT:
    """What `do` gives, whose transactions each begin with `hold`. Where PostgreSQL ends one of them to end a deadlock,
    and nothing of it has been committed, it is done again: nobody was told anything yet."""
    for left in reversed(range(_TRIES)):
        writing = Writing(hold)
        token = _writing.set(writing)
        try:
            return await do()
        except Exception as error:
            if not left or writing.has_committed or not is_deadlock(error):
                raise
        finally:
            _writing.reset(token)
    raise AssertionError("the last try returns or raises")


def is_deadlock(error: BaseException) -> bool:
    """Whether PostgreSQL chose this transaction to end a deadlock. Tortoise wraps what its models meet."""
    causes = (error, error.__cause__, *error.args)
    return any(isinstance(cause, asyncpg.DeadlockDetectedError | asyncpg.SerializationError) for cause in causes)


_to_do_after: ContextVar[list[Callable[[], None]] | None] = ContextVar("to_do_after", default=None)


@asynccontextmanager
async def transaction(**refusals: type[Refusal]) -> AsyncIterator[None]:
    """All or nothing; nested, a savepoint. Everything in this module and all models use the innermost one.

    `refusals` says what to raise where a constraint or unique index refuses: `transaction(role_grant_active=RoleHeld)`.
    """
    try:
        async with _transaction():
            yield
    except IntegrityError as error:
        if refusal := refusals.get(_constraint(error)):
            raise refusal() from None
        raise


@asynccontextmanager
async def _transaction() -> AsyncIterator[None]:
    outer = _to_do_after.get()
    if outer is not None:
        mark = len(outer)
        try:
            async with in_transaction("default"):
                yield
        except BaseException:
            del outer[mark:]
            raise
        return
    to_do: list[Callable[[], None]] = []
    token = _to_do_after.set(to_do)
    writing = _writing.get()
    try:
        async with in_transaction("default"):
            if writing:
                await writing.hold()
            yield
        if writing:
            writing.has_committed = True
    finally:
        _to_do_after.reset(token)
    for do in to_do:
        do()


class _Undo(Exception):
    """Ends a transaction."""


@asynccontextmanager
async def undone() -> AsyncIterator[None]:
    """Everything inside is rolled back; within a transaction, to where this began."""
    with suppress(_Undo):
        async with transaction():
            yield
            raise _Undo


@asynccontextmanager
async def snapshot() -> AsyncIterator[None]:
    """Everything read inside is of one moment, and nothing can be written. Not within another transaction."""
    async with in_transaction("default"):
        await execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def after_commit(do: Callable[[], None]) -> None:
    """Call `do` once the outermost open transaction has committed (never, where it rolls back); at once outside of any.

    For what may be lost: a process that dies in between has not called it. What must not be lost goes into the outbox.
    """
    to_do = _to_do_after.get()
    if to_do is None:
        do()
    else:
        to_do.append(do)


from_replica: ContextVar[bool] = ContextVar("from_replica", default=False)
"""Whether `fetch` asks the replica, outside of transactions; see replica.py."""


async def fetch(sql: str, *values: Any) -> list[asyncpg.Record]:
    """Rows of a query, or of a write with RETURNING. Raises IntegrityError where a constraint refuses."""
    if from_replica.get() and isinstance(connections.get("default"), Client):
        try:
            return await fetch_from_replica(sql, *values)
        except Exception as error:
            # It went away, or cancelled what was in the way of its catching up; a mistake of ours comes up again.
            log.warning("replica_left", error=type(error).__name__)
    # Not Tortoise's execute_query: that one throws away what a RETURNING clause gives.
    async with connections.get("default").acquire_connection() as connection:
        try:
            rows: list[asyncpg.Record] = await connection.fetch(sql, *values)
            return rows
        except asyncpg.IntegrityConstraintViolationError as error:
            raise IntegrityError(error) from error


async def fetch_from_replica(sql: str, *values: Any) -> list[asyncpg.Record]:
    """Rows of a query as the replica has them. Raises whatever keeps it from answering."""
    async with connections.get("replica").acquire_connection() as connection:
        rows: list[asyncpg.Record] = await connection.fetch(sql, *values)
        return rows


async def fetch_one(sql: str, *values: Any) -> asyncpg.Record | None:
    """The first row, or None."""
    rows = await fetch(sql, *values)
    return rows[0] if rows else None


async def fetch_value(sql: str, *values: Any) -> Any:
    """The first column of the first row, or None."""
    row = await fetch_one(sql, *values)
    return None if row is None else row[0]


async def fetch_structs(struct: type[StructT], sql: str, *values: Any) -> list[StructT]:
    """Rows as Structs: the query's columns are the Struct's fields, by name and in any order."""
    rows = await fetch(sql, *values)
    return [struct(**dict(row)) for row in rows]


async def get_struct(struct: type[StructT], sql: str, *values: Any) -> StructT:
    """The first row as a Struct. Raises NotFound where there is none."""
    rows = await fetch_structs(struct, sql, *values)
    if not rows:
        raise NotFound()
    return rows[0]


async def exists(sql: str, *values: Any) -> bool:
    """Whether the query has a row."""
    return bool(await fetch_value(f"SELECT EXISTS ({sql})", *values))


async def execute(sql: str, *values: Any) -> int:
    """Run an UPDATE, DELETE or INSERT; how many rows it touched. Raises IntegrityError where a constraint refuses."""
    async with connections.get("default").acquire_connection() as connection:
        try:
            status: str = await connection.execute(sql, *values)
        except asyncpg.IntegrityConstraintViolationError as error:
            raise IntegrityError(error) from error
    return int(status.rsplit(" ", 1)[-1]) if status[-1:].isdigit() else 0


def is_unreachable(error: BaseException) -> bool:
    """Whether the database is away, so that the same may work in a moment; not what cannot be sent to it at all."""
    if isinstance(error, ValueError):  # asyncpg's DataError is an InterfaceError too, and our own mistake
        return False
    return isinstance(error, _UNREACHABLE)


def violates(error: IntegrityError, constraint: str) -> bool:
    """Whether the database refused because of this constraint or unique index."""
    return _constraint(error) == constraint


def _constraint(error: IntegrityError) -> str:
    cause = error.__cause__ or (error.args[0] if error.args else None)
    return getattr(cause, "constraint_name", None) or ""


async def _leave_as_it_is(connection: asyncpg.Connection) -> None:
    """A connection goes back to the pool without asyncpg's query that resets it, which would double the round trips of
    every read: nothing here changes a session (SET LOCAL, and locks that end with the transaction)."""


async def _prepare_connection(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec("uuid", schema="pg_catalog", encoder=decode_id, decoder=encode_id, format="binary")
    await connection.set_type_codec(
        "point", schema="pg_catalog", encoder=encode_location, decoder=decode_location, format="binary"
    )
    if await connection.fetchval("SELECT 1 FROM pg_type WHERE typname = 'ltree'"):
        schema = await connection.fetchval("SELECT typnamespace::regnamespace::text FROM pg_type WHERE typname='ltree'")
        await connection.set_type_codec("ltree", schema=schema, encoder=str, decoder=str, format="text")


def _credentials(url: str) -> dict[str, Any]:
    """A PostgreSQL URL as asyncpg's arguments. `?host=DIR` names a folder with a Unix socket, as libpq has it."""
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    credentials: dict[str, Any] = {
        "host": query.pop("host", None) or parts.hostname or "localhost",
        "port": int(query.pop("port", None) or parts.port or 5432),
        "user": unquote(parts.username or query.pop("user", "") or "postgres"),
        "password": unquote(parts.password or "") or None,
        "database": unquote(parts.path.lstrip("/")) or "postgres",
    }
    sslmode, root = query.pop("sslmode", None), query.pop("sslrootcert", None)
    if sslmode and root:
        # asyncpg looks for a private CA in the user's home alone, unless it is given the whole context.
        credentials["ssl"] = context = ssl.create_default_context(cafile=root)
        context.check_hostname = sslmode == "verify-full"
    elif sslmode:
        credentials["ssl"] = sslmode
    return credentials
