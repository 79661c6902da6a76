"""微心愿: a wish, the claims on it, and who shares in one. Which state follows which is in rules.py, as one table."""

from enum import IntEnum

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.migrations.constraints import CheckConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key, sealed
from server.foundation.words import Worded


class WishKind(Worded):
    """What would fulfil it."""

    THING = "thing", "物品"
    SERVICE = "service", "服务"
    COMPANY = "company", "陪伴"
    SKILL = "skill", "技能"
    OTHER = "other", "其他"


class WishAudience(Worded):
    """Whom it is for."""

    ELDERLY = "elderly", "为老人"
    CHILD = "child", "为孩子"
    DISABLED = "disabled", "为残疾人"
    IN_HARDSHIP = "in_hardship", "为困难家庭"
    OTHER = "other", "为邻里"


class WishState(Worded):
    """`submitted`: in the content check and in review. `amended`: claimed, and edited since, so in review again.
    `reported`: the claimer says it is done, the wisher has not answered yet."""

    DRAFT = "draft", "还是草稿"
    SUBMITTED = "submitted", "正在审核"
    RETURNED = "returned", "已退回修改"
    REFUSED = "refused", "未通过审核"
    PUBLISHED = "published", "正等待认领"
    CLAIMED = "claimed", "已被认领"
    AMENDED = "amended", "修改后正在重新审核"
    REPORTED = "reported", "正等待许愿人确认"
    FULFILLED = "fulfilled", "已实现"
    EXPIRED = "expired", "已过期"
    WITHDRAWN = "withdrawn", "已撤回"
    DISPUTED = "disputed", "有争议，正在处理"


class Escalation(IntEnum):
    """Who was asked to find somebody for a wish that nobody claims; each once, from below."""

    NOBODY = 0
    GRID = 1
    COMMUNITY = 2
    SUBDISTRICT = 3


class ClaimState(Worded):
    """`idle_returned`: nothing happened until it was due. `reassigned`: staff took it back. `wish_ended`: the wish was
    withdrawn or taken down. `unmet`: after a dispute, staff found that it was not fulfilled."""

    OPEN = "open", "进行中"
    REPORTED = "reported", "待许愿人确认"
    FULFILLED = "fulfilled", "已实现"
    RELEASED = "released", "已放弃"
    IDLE_RETURNED = "idle_returned", "超时收回"
    REASSIGNED = "reassigned", "社区收回"
    WISH_ENDED = "wish_ended", "心愿已结束"
    UNMET = "unmet", "认定未完成"


HOLDING = (ClaimState.OPEN, ClaimState.REPORTED, ClaimState.FULFILLED)
"""Claim states in which the wish is this claimer's; at most one claim of a wish is in one of them."""


CONTACTS_A_DAY = 10
"""Of how many wishes one person may open the contact within a day."""

OVER = "state IN ('draft', 'refused', 'fulfilled', 'expired', 'withdrawn')"
"""SQL: nobody waits for anything from the wish."""


class Wish(Model):
    """A small need that somebody can fulfil.

    `author` wrote it; `beneficiary` is who wishes: the same person, or one who agreed to be spoken for. `place` is
    public and coarse ("幸福小区东区"); `address` and `phone` are encrypted and shown to the claimer alone (without them
    the beneficiary's own, from accounts, are). `quantity`: how many things; 1 for what cannot be counted. `wished_by`
    is a day on people's clocks. `reason` says why staff returned or refused it. `handed_to_staff_at`: since when staff
    stand in, because those who wished no longer can. `escalation` is who was asked last, `escalate_at` when the next
    ones are. `fulfilled_at` is when it was done, not when that was confirmed;
    `changed_at` is its last step. The search's index is wish_search in
    migrations/_guards.py.
    """

    author = foreign_key("Person")
    author_id: str
    beneficiary = foreign_key("Person")
    beneficiary_id: str
    community = foreign_key("Organization")
    community_id: str
    state = fields.CharEnumField(WishState, max_length=16, default=WishState.DRAFT)
    kind = fields.CharEnumField(WishKind, max_length=16)
    audience = fields.CharEnumField(WishAudience, max_length=16)
    title = fields.CharField(max_length=40)
    text = fields.CharField(max_length=1000, default="")
    place = fields.CharField(max_length=60, default="")
    picture_ids = ArrayField(element_type="uuid", default=list)
    address = sealed("wish.address", null=True)
    phone = sealed("wish.phone", null=True)
    quantity = fields.SmallIntField(default=1)
    wished_by = fields.DateField(null=True)
    grid = foreign_key("Organization", null=True)
    grid_id: str | None
    reason = fields.CharField(max_length=200, default="")
    submitted_at = fields.DatetimeField(null=True)
    published_at = fields.DatetimeField(null=True)
    first_published_at = fields.DatetimeField(null=True)
    first_claimed_at = fields.DatetimeField(null=True)
    fulfilled_at = fields.DatetimeField(null=True)
    handed_to_staff_at = fields.DatetimeField(null=True)
    escalation = fields.SmallIntField(default=0)
    escalate_at = fields.DatetimeField(null=True)
    changed_at = fields.DatetimeField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "wish"
        constraints = [
            CheckConstraint(check="state IN ('draft', 'withdrawn') OR wished_by IS NOT NULL", name="wish_has_date"),
            CheckConstraint(check="cardinality(picture_ids) <= 6", name="wish_pictures"),
            CheckConstraint(check="quantity BETWEEN 1 AND 999", name="wish_quantity"),
            CheckConstraint(check="kind = 'thing' OR quantity = 1", name="wish_things_are_counted"),
            CheckConstraint(check="escalate_at IS NULL OR state = 'published'", name="wish_escalates_on_wall"),
            CheckConstraint(
                check="state <> 'fulfilled' OR fulfilled_at IS NOT NULL", name="wish_fulfilled_at_some_time"
            ),
        ]
        indexes = [
            # The wall: one community, or a subtree's, soonest first.
            SqlIndex(name="wish_wall", columns="community_id, wished_by, id", where="state = 'published'"),
            SqlIndex(name="wish_wall_city", columns="wished_by, id", where="state = 'published'"),
            SqlIndex(name="wish_author", columns="author_id, id"),
            SqlIndex(name="wish_beneficiary", columns="beneficiary_id, id"),
            # Staff: the review queue, and the list of a state.
            SqlIndex(
                name="wish_review", columns="community_id, submitted_at, id", where="state IN ('submitted', 'amended')"
            ),
            SqlIndex(name="wish_review_city", columns="submitted_at, id", where="state IN ('submitted', 'amended')"),
            SqlIndex(name="wish_at_staff", columns="community_id, id", where="state IN ('disputed', 'reported')"),
            SqlIndex(name="wish_escalated", columns="community_id, id", where="state = 'published' AND escalation > 0"),
            SqlIndex(name="wish_community", columns="community_id, state, id"),
            SqlIndex(
                name="wish_expiry", columns="wished_by, id", where="state IN ('submitted', 'returned', 'published')"
            ),
            SqlIndex(name="wish_changed", columns="changed_at, id", where=OVER),
            SqlIndex(name="wish_escalation", columns="escalate_at, id", where="escalate_at IS NOT NULL"),
            # The public page, of a community or of everywhere, and the figures.
            SqlIndex(
                name="wish_fulfilled", columns="community_id, fulfilled_at DESC, id DESC", where="state = 'fulfilled'"
            ),
            SqlIndex(name="wish_fulfilled_city", columns="fulfilled_at DESC, id DESC", where="state = 'fulfilled'"),
            SqlIndex(
                name="wish_figures",
                columns="community_id, first_published_at",
                where="first_published_at IS NOT NULL",
            ),
        ]


class ConfirmedAs(Worded):
    """Whose word a confirmation is."""

    WISHER = "wisher", "许愿人"
    STAFF = "staff", "社区代为确认"


class HandedOverBy(Worded):
    """By what a hand-over is proved: the wisher's code, or the staff who took the thing in to pass it on."""

    CODE = "code", "扫码交接"
    STAFF = "staff", "社区代收"


class WishClaim(Model):
    """Somebody's taking on of a wish; it ends, and is never deleted.

    `claimer` does it for themselves, for a `unit` 单位, or as the leader of a `team` whose people share in it: of
    `quantity` things (the wish's) they have promised `pledged`, the rest is the leader's.

    `due_at`: until then it should be fulfilled. `note` and `picture_ids` are the report that it is done, `rating`
    (1–5), `words` and `thanks_picture_ids` the wisher's answer; `note_is_shown` and `words_are_shown` tell whether the
    content check has passed them. `end_reason` is the claimer's or the staff's, `dispute_reason` the wisher's,
    `staff_note` what staff wrote of the call or the decision. `wisher_agreed_at` and `claimer_agreed_at`: since when
    each side agrees that their story is shown.
    """

    wish = foreign_key("Wish")
    wish_id: str
    claimer = foreign_key("Person")
    claimer_id: str
    unit = foreign_key("Organization", null=True)
    unit_id: str | None
    team = foreign_key("Team", null=True)
    team_id: str | None
    state = fields.CharEnumField(ClaimState, max_length=16, default=ClaimState.OPEN)
    quantity = fields.SmallIntField(default=1)
    pledged = fields.SmallIntField(default=0)
    due_at = fields.DatetimeField()
    reminded_at = fields.DatetimeField(null=True)
    note = fields.CharField(max_length=500, default="")
    picture_ids = ArrayField(element_type="uuid", default=list)
    note_is_shown = fields.BooleanField(default=False)
    reported_at = fields.DatetimeField(null=True)
    handed_over_by = fields.CharEnumField(HandedOverBy, max_length=8, null=True)
    staff_told_at = fields.DatetimeField(null=True)
    rating = fields.SmallIntField(null=True)
    words = fields.CharField(max_length=500, default="")
    thanks_picture_ids = ArrayField(element_type="uuid", default=list)
    words_are_shown = fields.BooleanField(default=False)
    confirmed_at = fields.DatetimeField(null=True)
    confirmed_by_id = IdField(null=True)
    confirmed_as = fields.CharEnumField(ConfirmedAs, max_length=8, null=True)
    dispute_reason = fields.CharField(max_length=500, default="")
    disputed_at = fields.DatetimeField(null=True)
    staff_note = fields.CharField(max_length=500, default="")
    ended_at = fields.DatetimeField(null=True)
    end_reason = fields.CharField(max_length=200, default="")
    wisher_agreed_at = fields.DatetimeField(null=True)
    claimer_agreed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "wish_claim"
        constraints = [
            CheckConstraint(check="unit_id IS NULL OR team_id IS NULL", name="wish_claim_unit_or_team"),
            # No more is promised than is wished for.
            CheckConstraint(check="pledged BETWEEN 0 AND quantity", name="wish_claim_not_overpledged"),
            CheckConstraint(check="rating BETWEEN 1 AND 5", name="wish_claim_rating"),
            CheckConstraint(
                check="(state IN ('open', 'reported', 'fulfilled')) = (ended_at IS NULL)", name="wish_claim_ended"
            ),
        ]
        indexes = [
            SqlIndex(
                name="wish_claim_one_holder",
                columns="wish_id",
                where="state IN ('open', 'reported', 'fulfilled')",
                unique=True,
            ),
            SqlIndex(name="wish_claim_wish", columns="wish_id, id"),
            SqlIndex(name="wish_claim_claimer", columns="claimer_id, id"),
            SqlIndex(name="wish_claim_unit", columns="unit_id, id", where="unit_id IS NOT NULL"),
            SqlIndex(name="wish_claim_team", columns="team_id, id", where="team_id IS NOT NULL"),
            SqlIndex(name="wish_claim_open", columns="claimer_id", where="state = 'open'"),
            SqlIndex(name="wish_claim_due", columns="due_at, id", where="state = 'open'"),
            SqlIndex(
                name="wish_claim_unreminded", columns="due_at, id", where="state = 'open' AND reminded_at IS NULL"
            ),
            SqlIndex(
                name="wish_claim_unanswered",
                columns="reported_at, id",
                where="state = 'reported' AND staff_told_at IS NULL",
            ),
        ]


class WishShare(Model):
    """What one of a team does of a claim: `quantity` of the things, or 0 for lending a hand. It ends, and is kept."""

    claim = foreign_key("WishClaim")
    person = foreign_key("Person")
    person_id: str
    quantity = fields.SmallIntField(default=0)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "wish_share"
        constraints = [CheckConstraint(check="quantity >= 0", name="wish_share_not_negative")]
        indexes = [
            SqlIndex(name="wish_share_active", columns="claim_id, person_id", where="ended_at IS NULL", unique=True),
            SqlIndex(name="wish_share_person", columns="person_id, claim_id"),
        ]


class WishNote(Model):
    """How it is going, told by those who fulfil the wish; the wisher reads it once the content check has passed it."""

    claim = foreign_key("WishClaim")
    claim_id: str
    author = foreign_key("Person")
    author_id: str
    text = fields.CharField(max_length=500, default="")
    picture_ids = ArrayField(element_type="uuid", default=list)
    is_shown = fields.BooleanField(default=False)

    class Meta:
        table = "wish_note"
        indexes = [
            SqlIndex(name="wish_note_claim", columns="claim_id, id"),
            SqlIndex(name="wish_note_author", columns="author_id, id"),
        ]


class FirstClaim(Worded):
    """Who may claim their first wish."""

    NAMED = "named", "已绑定手机号并填写真实姓名"
    VOUCHED = "vouched", "已在社区登记、报到或服务过"


class WishTerms(Model):
    """What a manager decides for an organization and all below it that have no terms of their own (see terms.py)."""

    organization = foreign_key("Organization", unique=True)
    max_open_claims = fields.SmallIntField()
    max_open_claims_of_unit = fields.SmallIntField()
    claim_days = fields.SmallIntField()
    contacts_a_day = fields.SmallIntField(default=CONTACTS_A_DAY, db_default=10)
    first_claim = fields.CharField(max_length=8, default=FirstClaim.NAMED, db_default="named")
    version = fields.IntField(default=1)

    class Meta:
        table = "wish_terms"
        constraints = [
            CheckConstraint(
                check="max_open_claims > 0 AND max_open_claims_of_unit > 0 AND claim_days > 0",
                name="wish_terms_positive",
            ),
        ]
