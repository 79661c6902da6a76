"""A repeated creating POST gives the first answer again: the key, the effect and the answer commit together."""

import hashlib

from tortoise import fields
from tortoise.indexes import Index

from server.foundation import clock
from server.foundation.crypto import keyring
from server.foundation.database import IdField, Model, fetch_one, sealed
from server.foundation.errors import IdempotencyKeyReused
from server.foundation.ids import new_id

_CONTEXT = "idempotency.answer"


class IdempotencyKey(Model):
    """A key that a person used, for which request, and what was answered (encrypted: answers hold personal data)."""

    person_id = IdField()
    key = fields.CharField(max_length=64)
    request_hash = fields.BinaryField()
    status = fields.SmallIntField(null=True)
    answer = sealed(_CONTEXT, null=True)

    class Meta:
        table = "idempotency_key"
        unique_together = (("person_id", "key"),)
        indexes = [Index(fields=("created_at",), name="idempotency_key_age")]


async def claim_key(person_id: str, key: str, operation: str, body: bytes) -> tuple[int, bytes] | None:
    """Take `key` for this request, or give the (status, answer) of the first one that used it.

    Inside the transaction of the effect: a second request with the same key waits on the unique index until the first
    has committed or rolled back. Raises IdempotencyKeyReused when the key belongs to another request.
    """
    request_hash = hashlib.sha256(operation.encode() + b"\0" + body).digest()
    taken = await fetch_one(
        "INSERT INTO idempotency_key (id, created_at, person_id, key, request_hash) VALUES ($1, $2, $3, $4, $5) "
        "ON CONFLICT (person_id, key) DO NOTHING RETURNING id",
        new_id(),
        clock.now(),
        person_id,
        key,
        request_hash,
    )
    if taken:
        return None
    first = await IdempotencyKey.get(person_id=person_id, key=key)
    if bytes(first.request_hash) != request_hash:
        raise IdempotencyKeyReused()
    return first.status or 200, keyring().decrypt_bytes(first.answer or b"", _CONTEXT)


async def keep_answer(person_id: str, key: str, status: int, answer: bytes) -> None:
    """Store the answer beside the key, still in the same transaction."""
    await IdempotencyKey.filter(person_id=person_id, key=key).update(
        status=status, answer=keyring().encrypt(answer, _CONTEXT)
    )
