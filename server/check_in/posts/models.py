from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key
from server.foundation.words import Worded


class PostCategory(Worded):
    """The policy's section 6 names five kinds of post; a community may have its own."""

    COMMUNITY_SUPERVISION = "community_supervision", "社区监督"
    PUBLIC_AFFAIRS = "public_affairs", "公共事务"
    DEMOCRACY_BUILDING = "democracy_building", "民主建设"
    CIVIC_MORALITY = "civic_morality", "公民道德教育"
    POVERTY_RELIEF = "poverty_relief", "扶贫帮困"
    OTHER = "other", "其他"


class PostState(Worded):
    """Open for applications; closed, while those who hold it go on; ended with its term."""

    OPEN = "open", "接受申请"
    CLOSED = "closed", "停止申请"
    ENDED = "ended", "已结束"


class Post(Model):
    """A duty in the community 岗位 that members apply for; its places are an allotment.

    `category_name` is the community's own name for a kind of post that the policy does not name.
    """

    community = foreign_key("Organization")
    community_id: str
    title = fields.CharField(max_length=40)
    category = fields.CharEnumField(PostCategory, max_length=32)
    category_name = fields.CharField(max_length=20, default="")
    duties = fields.CharField(max_length=1000)
    allotment_id = IdField()
    term_starts_on = fields.DateField()
    term_ends_on = fields.DateField(null=True)
    state = fields.CharEnumField(PostState, max_length=16, default=PostState.OPEN)
    version = fields.IntField(default=1)

    class Meta:
        table = "post"
        constraints = [
            CheckConstraint(
                check="term_ends_on IS NULL OR term_ends_on >= term_starts_on", name="post_term_ends_after_it_starts"
            ),
            CheckConstraint(check="(category = 'other') = (category_name <> '')", name="post_own_category_has_a_name"),
        ]
        indexes = [
            SqlIndex(name="post_community", columns="community_id, state, id"),
            SqlIndex(
                name="post_term", columns="term_ends_on, id", where="state <> 'ended' AND term_ends_on IS NOT NULL"
            ),
            SqlIndex(name="post_allotment", columns="allotment_id", unique=True),
        ]


class HoldingState(Worded):
    """Left is the member's wish; ended is staff's, or the term is over. See rules.HOLDING_TABLE."""

    APPLIED = "applied", "待社区同意"
    HELD = "held", "在岗"
    REFUSED = "refused", "未通过"
    WITHDRAWN = "withdrawn", "已撤回"
    LEFT = "left", "已退出"
    ENDED = "ended", "已结束"


class PostHolding(Model):
    """A member's application for a post and what became of it. `place_id` is the place in the post's allotment."""

    post = foreign_key("Post")
    post_id: str
    membership = foreign_key("Membership")
    membership_id: str
    state = fields.CharEnumField(HoldingState, max_length=16, default=HoldingState.APPLIED)
    place_id = IdField(null=True)
    reason = fields.CharField(max_length=200, default="")
    applied_at = fields.DatetimeField()
    decided_at = fields.DatetimeField(null=True)
    decided_by_id: str | None = IdField(null=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "post_holding"
        constraints = [
            CheckConstraint(
                check="state NOT IN ('held', 'left', 'ended') OR place_id IS NOT NULL", name="post_holding_has_a_place"
            ),
        ]
        indexes = [
            SqlIndex(
                name="post_holding_one_active",
                columns="post_id, membership_id",
                where="state IN ('applied', 'held')",
                unique=True,
            ),
            SqlIndex(name="post_holding_membership", columns="membership_id, id"),
            SqlIndex(name="post_holding_post", columns="post_id, state, id"),
        ]
