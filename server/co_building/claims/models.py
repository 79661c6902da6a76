"""双向认领: a unit claims what a place needs, a place what a unit can give."""

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key
from server.foundation.words import Worded


class ListClaimState(Worded):
    """See rules.CLAIM_TABLE."""

    PROPOSED = "proposed", "待答复"
    ACCEPTED = "accepted", "已接受"
    DECLINED = "declined", "未接受"
    WITHDRAWN = "withdrawn", "已撤回"
    LAPSED = "lapsed", "已失效"


class ListClaim(Model):
    """A part of an entry that somebody wants to take.

    `claimant` is the other side of the entry's owner: of the two, one is a unit, and `pairing_id` is the check-in on
    which the claim rests. `quantity` is what was accepted, once it is, and may be less than was proposed.
    `is_match`: the subdistrict brought the two together.
    """

    entry = foreign_key("ListEntry")
    entry_id: str
    claimant = foreign_key("Organization")
    claimant_id: str
    pairing_id = IdField()
    quantity = fields.IntField()
    words = fields.CharField(max_length=500, default="")
    state = fields.CharEnumField(ListClaimState, max_length=12, default=ListClaimState.PROPOSED)
    is_match = fields.BooleanField(default=False)
    reason = fields.CharField(max_length=200, default="")
    proposed_by_id = IdField()
    lapses_at = fields.DatetimeField()
    decided_by_id = IdField(null=True)
    decided_at = fields.DatetimeField(null=True)

    class Meta:
        table = "list_claim"
        constraints = [
            CheckConstraint(check="quantity > 0", name="list_claim_quantity"),
            CheckConstraint(check="(state = 'proposed') = (decided_at IS NULL)", name="list_claim_decided"),
        ]
        indexes = [
            SqlIndex(
                name="list_claim_one_open", columns="entry_id, claimant_id", where="state = 'proposed'", unique=True
            ),
            SqlIndex(name="list_claim_entry", columns="entry_id, id"),
            SqlIndex(name="list_claim_claimant", columns="claimant_id, id"),
            SqlIndex(name="list_claim_lapses", columns="lapses_at, id", where="state = 'proposed'"),
            SqlIndex(name="list_claim_pairing", columns="pairing_id", where="state = 'proposed'"),
        ]
