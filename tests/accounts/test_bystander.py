"""What happens to a person happens to nobody else: beside them stands somebody of whom there is the same everywhere."""

from collections.abc import Awaitable, Callable

import pytest

from server.accounts.blocking import BlockReason, block_person
from server.accounts.cancelling import cancel_account
from server.accounts.consents import withdraw_consent
from server.accounts.merging import merge_persons
from server.accounts.models import ConsentKind
from server.foundation import clock
from server.foundation.settings import Settings
from server.organizations.models import RoleGrant
from tests.accounts.test_personal_data import THE_PERSON, cast  # noqa: F401  (a fixture)
from tests.builders import create_person
from tests.clients import Api
from tests.twins import Twin


async def _merge(me: str, staff: str) -> None:
    await merge_persons(me, (await create_person()).id, actor_id=None)


async def _cancel(me: str, staff: str) -> None:
    await RoleGrant.filter(person_id=me).update(ended_at=clock.now())
    await cancel_account(me)


async def _block(me: str, staff: str) -> None:
    await block_person(staff, me, BlockReason.ABUSE)


def _withdraw(kind: ConsentKind) -> Callable[[str, str], Awaitable[None]]:
    async def withdraw(me: str, staff: str) -> None:
        await withdraw_consent(me, kind)

    return withdraw


ACTS: dict[str, Callable[[str, str], Awaitable[None]]] = {
    "merge": _merge,
    "cancel": _cancel,
    "block": _block,
    **{
        kind: _withdraw(kind)
        for kind in (
            ConsentKind.PRIVACY,
            ConsentKind.SENSITIVE_DATA,
            ConsentKind.MEMBERSHIP_DATA,
            ConsentKind.VOLUNTEER_TERMS,
        )
    },
}


@pytest.mark.parametrize("act", ACTS)
async def test_nobody_else_is_touched(cast: tuple[Api, Api, Api], settings: Settings, act: str) -> None:  # noqa: F811
    me, _, staff = cast
    twin = Twin(settings, me.person_id)
    await twin.create(THE_PERSON)
    before = await twin.rows()
    assert len({table for table, _ in before}) >= 45
    await ACTS[act](me.person_id, staff.person_id)
    after = await twin.rows()
    changed = {key[0]: (before[key], after[key]) for key in before if before[key] != after[key]}
    assert changed == {}
