"""The command line: `python -m server COMMAND --help`."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from server.embedded.running import find_running
from server.foundation.keys import KeysWrong
from server.foundation.logs import configure_logs
from server.foundation.settings import Settings, SettingsInvalid, load_settings

Command = Callable[[Settings, argparse.Namespace], int]


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        if options.needs_servers or options.command is _simulator:
            _check_templates(settings)
    except SettingsInvalid as invalid:
        print(
            "The settings cannot be used:",
            *(f"  - {problem}" for problem in invalid.problems),
            sep="\n",
            file=sys.stderr,
        )
        return 2
    if settings.is_production and options.command in (_demo, _prepare_demo, _simulator, _tour):
        print("LINLI_ENV is production: this command is for demo and staging only.", file=sys.stderr)
        return 2
    configure_logs(settings)
    if options.needs_servers:
        settings = with_running_servers(settings)
        if not settings.database_url:
            print(
                "There is no database: start one with `python3 dev.py run`, or set DATABASE_URL (and REDIS_URL).",
                file=sys.stderr,
            )
            return 2
        if not settings.redis_url and options.command is not _migrate:
            print("There is no cache: set REDIS_URL too, beside DATABASE_URL.", file=sys.stderr)
            return 2
    command: Command = options.command
    try:
        return command(settings, options)
    except KeysWrong as wrong:
        print(f"The keys are not this database's: {wrong}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        from server.checking import why_no_database

        if isinstance(error, OSError) and Path(str(error.filename)).is_relative_to(settings.data_dir):
            print(
                f"LINLI_DATA_DIR cannot be written to ({error.strerror}): make it a folder of this user's.",
                file=sys.stderr,
            )
            return 1
        if not options.needs_servers or not (reason := why_no_database(error)):
            raise
        print(f"The database cannot be used: {reason}", file=sys.stderr)
        return 1


def _check_templates(settings: Settings) -> None:
    """Raises SettingsInvalid: which subscribe templates there are, the settings themselves do not know."""
    from server.wechat.templates import TemplateIds

    try:
        TemplateIds(settings)
    except ValueError as error:
        raise SettingsInvalid([str(error)]) from None


def with_running_servers(settings: Settings) -> Settings:
    """Where no URL is set, use the embedded servers that run on the data folder."""
    database_url, redis_url = find_running(settings.data_dir)
    return msgspec.structs.replace(
        settings,
        database_url=settings.database_url or database_url or "",
        redis_url=settings.redis_url or redis_url or "",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m server", description="Linli 邻里")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Command, text: str, *, needs_servers: bool = True) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=command, needs_servers=needs_servers)
        return added

    add("serve", _serve, "Answer requests over HTTP.")
    add("worker", _worker, "Carry out the outbox and the scheduled work; any number of these may run.")
    add(
        "check",
        _check,
        "Look at everything that a deployment rests on, and say what to do; exit code 1: something is wrong.",
    )
    add("migrate", _migrate, "Bring the database's schema up to date.")
    add("reencrypt", _reencrypt, "Encrypt with the key in front what was encrypted with others (see README).")
    making = add("make-migration", _make_migration, "Write the migration that the models need.", needs_servers=False)
    making.add_argument("name", help="what it is about, such as wish_teams")
    importing = add(
        "import-organizations",
        _import_organizations,
        "Import the tree of organizations from a CSV file with the columns code,name,level,parent_code, and perhaps "
        "longitude,latitude.",
    )
    importing.add_argument("file", type=Path, metavar="FILE.csv")
    categories = add(
        "import-case-categories",
        _import_case_categories,
        "Make or change the categories of grid cases and their standards, from a table (.csv or .xlsx).",
    )
    categories.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="without it, the set that is brought along"
    )
    holidays = add(
        "load-holidays",
        _load_holidays,
        "Load a year's public holidays and make-up working days, where the library lacks them or has them otherwise.",
    )
    holidays.add_argument(
        "file", type=Path, metavar="YEAR.json", help='{"year": …, "days": [{"name", "date", "isOffDay"}]}'
    )
    holidays.add_argument(
        "--cancel-affected",
        default="",
        metavar="REASON",
        help="cancel bookings on days that are closed now, with this reason",
    )
    manager = add("create-manager", _create_manager, "Make a person the manager of an organization.")
    manager.add_argument("--phone", required=True, help="the phone number with which the person signs in")
    manager.add_argument("--name", required=True, help="the person's real name")
    manager.add_argument("--organization", required=True, help="the organization's code, such as 371002")
    add(
        "end-queued-messages",
        _end_queued_messages,
        "On a restored dump, before its first worker: end the subscribe messages that wait, which may have been sent.",
    )
    schema = add("openapi", _openapi, "Print the OpenAPI document.", needs_servers=False)
    schema.add_argument("--output", type=Path, help="write it to this file instead")
    tour = add("tour", _tour, "Play the main job against a running server, step by step.", needs_servers=False)
    tour.add_argument("--server", help="the server's address (default: from the settings)")
    add("simulator", _simulator, "Stand in for the WeChat platform (never in production).", needs_servers=False)
    demo = add(
        "demo",
        _demo,
        "Everything for a look around: embedded servers, a demo city, the simulator.",
        needs_servers=False,
    )
    demo.add_argument("--host", help="the address to listen on (default: LINLI_HOST)")
    demo.add_argument("--port", type=int, help="the port to listen on (default: LINLI_PORT)")
    demo.add_argument("--fresh", action="store_true", help="throw the demo's data away and begin anew")
    add("prepare-demo", _prepare_demo, "Migrate, and fill the demo city where it is empty.")
    return parser


def _serve(settings: Settings, _: argparse.Namespace) -> int:
    from server.serving import serve

    return serve(settings)


def _worker(settings: Settings, _: argparse.Namespace) -> int:
    from server.wiring import wire
    from server.worker import run_worker

    wire()
    asyncio.run(run_worker(settings))
    return 0


def _check(settings: Settings, _: argparse.Namespace) -> int:
    from server.checking import check
    from server.wiring import wire

    wire()
    return asyncio.run(check(settings))


def _migrate(settings: Settings, _: argparse.Namespace) -> int:
    from server.foundation.schema import DatabaseUnfit, migrate
    from server.wiring import wire

    wire()
    try:
        applied = asyncio.run(migrate(settings))
    except DatabaseUnfit as unfit:
        print(f"The database cannot be used: {unfit}", file=sys.stderr)
        return 1
    print("\n".join(f"applied {name}" for name in applied) or "the schema is up to date")
    return 0


def _make_migration(settings: Settings, options: argparse.Namespace) -> int:
    from server.foundation.schema import write_migration
    from server.wiring import wire

    wire()
    settings = msgspec.structs.replace(settings, database_url=settings.database_url or "postgresql://localhost/unused")
    written = asyncio.run(write_migration(settings, options.name))
    print("\n".join(f"wrote {path}" for path in written) or "the models and the migrations agree")
    return 0


def _import_organizations(settings: Settings, options: argparse.Namespace) -> int:
    from server.organizations.importing import import_file

    return asyncio.run(_while_connected(settings, import_file(options.file)))


def _import_case_categories(settings: Settings, options: argparse.Namespace) -> int:
    from server.grid_cases.importing import import_file

    return asyncio.run(_while_connected(settings, import_file(options.file)))


def _load_holidays(settings: Settings, options: argparse.Namespace) -> int:
    from server.neighbor_center.changes.holiday_years import load_holiday_file

    return asyncio.run(
        _while_connected(settings, load_holiday_file(options.file, cancel_affected=options.cancel_affected))
    )


def _create_manager(settings: Settings, options: argparse.Namespace) -> int:
    from server.accounts.commands import create_manager

    work = create_manager(options.phone, options.name, options.organization)
    return asyncio.run(_while_connected(settings, work))


def _reencrypt(settings: Settings, _: argparse.Namespace) -> int:
    from server.foundation.keys import reencrypt

    async def work() -> int:
        found = await reencrypt(print)
        if found:
            print(
                f"{found} values were encrypted with other keys: keep all keys, and run it again until there are none."
            )
            return 1
        print("Everything is encrypted with the key in front: LINLI_KEYS no longer needs the others.")
        return 0

    return asyncio.run(_while_connected(settings, work()))


def _end_queued_messages(settings: Settings, _: argparse.Namespace) -> int:
    from server.background.outbox import end_open
    from server.notifications.telling import SUBSCRIBE_MESSAGE

    async def work() -> int:
        ended = await end_open(SUBSCRIBE_MESSAGE, "restored")
        print(f"{ended} subscribe messages will not be sent; staff find them among the failed ones.")
        return 0

    return asyncio.run(_while_connected(settings, work()))


async def _while_connected(settings: Settings, work: Coroutine[Any, Any, int]) -> int:
    from server.connections import connected
    from server.wiring import wire

    wire()
    try:
        async with connected(settings):
            return await work
    finally:
        work.close()  # where it has not begun


def _openapi(settings: Settings, options: argparse.Namespace) -> int:
    from miniprogram_api.openapi import openapi_document
    from miniprogram_api.routes import ROUTES

    document = openapi_document(ROUTES, settings)
    if options.output:
        options.output.write_bytes(document)
    else:
        sys.stdout.buffer.write(document + b"\n")
    return 0


def _tour(settings: Settings, options: argparse.Namespace) -> int:
    from server.demo.tour import play_tour

    return asyncio.run(play_tour(settings, options.server or settings.public_base))


def _simulator(settings: Settings, _: argparse.Namespace) -> int:
    from server.demo.city import PEOPLE
    from server.wechat.simulator import run_simulator

    run_simulator(settings, [(person.openid, person.nickname, person.phone) for person in PEOPLE])
    return 0


def _demo(settings: Settings, options: argparse.Namespace) -> int:
    from server.demo.supervisor import run_demo

    settings = msgspec.structs.replace(settings, host=options.host or settings.host, port=options.port or settings.port)
    return run_demo(settings, options.fresh)


def _prepare_demo(settings: Settings, _: argparse.Namespace) -> int:
    from server.demo.city import prepare_demo, sign_in_help

    asyncio.run(prepare_demo(settings))
    print(sign_in_help(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
