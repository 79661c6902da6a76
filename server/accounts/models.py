"""Persons, and everything by which a person is known. A person is not a WeChat account.

Phone number, real name and address live in PersonDetails alone, encrypted; everything else refers to the person's id.
"""

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from server.foundation.database import IdField, Model, SqlIndex, foreign_key, sealed
from server.foundation.words import Worded


class PersonOrigin(Worded):
    """How we came to know a person first."""

    WECHAT = "wechat", "微信登录"
    ROSTER = "roster", "名册登记"
    DEPENDANT = "dependant", "家人添加"
    WALK_IN = "walk_in", "现场登记"


class Person(Model):
    """Somebody: a resident who signed in, an entry of a roster, a dependant, a walk-in. Persons can be merged.

    `nickname` and `avatar_id` (a picture) are what the person wrote; others see `shown_nickname` and `shown_avatar_id`,
    the last ones that passed the content check. A merged person points to the one that remains and owns nothing.
    `grid_id`: the grid of the community in which they said that they live. `closed_at`: kept out; `cancelled_at`: the
    person cancelled the account 注销, and nothing tells who they were.
    """

    origin = fields.CharEnumField(PersonOrigin, max_length=16)
    nickname = fields.CharField(max_length=32, default="")
    avatar_id = IdField(null=True)
    shown_nickname = fields.CharField(max_length=32, default="")
    shown_avatar_id = IdField(null=True)
    community = foreign_key("Organization", null=True)
    community_id: str | None
    grid_id: str | None = IdField(null=True)
    birth_date = fields.DateField(null=True)
    merged_into = foreign_key("Person", null=True)
    merged_into_id: str | None
    closed_at = fields.DatetimeField(null=True)
    cancelled_at = fields.DatetimeField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "person"
        indexes = [
            SqlIndex(name="person_community", columns="community_id, id"),
            SqlIndex(name="person_grid", columns="grid_id, id", where="grid_id IS NOT NULL"),
            SqlIndex(name="person_merged_into", columns="merged_into_id", where="merged_into_id IS NOT NULL"),
        ]


class PersonDetails(Model):
    """The one encrypted place for phone, real name and address; the indexes find equal values without decrypting."""

    person = foreign_key("Person", unique=True, on_delete=fields.CASCADE)
    phone = sealed("person_details.phone", null=True)
    phone_index = fields.BinaryField(null=True)
    real_name = sealed("person_details.real_name", null=True)
    real_name_index = fields.BinaryField(null=True)
    address = sealed("person_details.address", null=True)
    name_verified_at = fields.DatetimeField(null=True)
    phone_verified_at = fields.DatetimeField(null=True)

    class Meta:
        table = "person_details"
        indexes = [
            SqlIndex(name="person_details_phone", columns="phone_index"),
            SqlIndex(name="person_details_name", columns="real_name_index"),
            # Numbers are reassigned by the carriers, so only one person can have verified a number at a time.
            SqlIndex(
                name="person_details_verified_phone",
                columns="phone_index",
                where="phone_verified_at IS NOT NULL",
                unique=True,
            ),
        ]


class Registration(Model):
    """Somebody was registered at a counter 现场登记: they have business there."""

    person = foreign_key("Person")
    person_id: str
    organization = foreign_key("Organization")
    organization_id: str
    registered_by_id = IdField()

    class Meta:
        table = "registration"
        constraints = [UniqueConstraint(fields=("person_id", "organization_id"), name="registration_once")]


class LinkState(Worded):
    WAITING = "waiting", "待社区核对"
    CONFIRMED = "confirmed", "已确认"
    REFUSED = "refused", "不是本人"


class RosterLink(Model):
    """Whoever signed in would be this entry of a roster, a member's: staff ask the person first."""

    entry = foreign_key("Person")
    entry_id: str
    person = foreign_key("Person")
    person_id: str
    organization = foreign_key("Organization")
    organization_id: str
    state = fields.CharEnumField(LinkState, max_length=12, default=LinkState.WAITING)
    decided_by_id = IdField(null=True)
    decided_at = fields.DatetimeField(null=True)

    class Meta:
        table = "roster_link"
        constraints = [
            UniqueConstraint(fields=("entry_id", "person_id"), name="roster_link_once"),
            CheckConstraint(check="(state = 'waiting') = (decided_at IS NULL)", name="roster_link_decided"),
        ]
        indexes = [
            SqlIndex(name="roster_link_waiting", columns="organization_id, id", where="state = 'waiting'"),
            SqlIndex(name="roster_link_person", columns="person_id, id"),
            SqlIndex(name="roster_link_decided_at", columns="decided_at", where="decided_at IS NOT NULL"),
        ]


class MergeState(Worded):
    PROPOSED = "proposed", "待双方确认"
    MERGED = "merged", "已合并"
    DECLINED = "declined", "未同意"
    LAPSED = "lapsed", "已过期"


class MergeProposal(Model):
    """Staff hold two persons for one; until `lapses_at` each may say so."""

    from_person = foreign_key("Person")
    from_person_id: str
    into_person = foreign_key("Person")
    into_person_id: str
    organization = foreign_key("Organization")
    organization_id: str
    proposed_by_id = IdField()
    state = fields.CharEnumField(MergeState, max_length=12, default=MergeState.PROPOSED)
    lapses_at = fields.DatetimeField()
    from_confirmed_at = fields.DatetimeField(null=True)
    into_confirmed_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "merge_proposal"
        constraints = [
            CheckConstraint(check="from_person_id <> into_person_id", name="merge_proposal_of_two"),
            CheckConstraint(check="(state = 'proposed') = (ended_at IS NULL)", name="merge_proposal_ended"),
        ]
        indexes = [
            SqlIndex(
                name="merge_proposal_open",
                columns="LEAST(from_person_id, into_person_id), GREATEST(from_person_id, into_person_id)",
                where="state = 'proposed'",
                unique=True,
            ),
            SqlIndex(name="merge_proposal_from", columns="from_person_id, id"),
            SqlIndex(name="merge_proposal_into", columns="into_person_id, id"),
            SqlIndex(name="merge_proposal_due", columns="lapses_at, id", where="state = 'proposed'"),
            SqlIndex(name="merge_proposal_ended_at", columns="ended_at", where="ended_at IS NOT NULL"),
        ]


class WeChatIdentity(Model):
    """A WeChat account of a person in one mini-program. `session_key` is encrypted and never leaves the server."""

    person = foreign_key("Person")
    person_id: str
    appid = fields.CharField(max_length=32)
    openid = fields.CharField(max_length=64)
    unionid = fields.CharField(max_length=64, null=True)
    session_key = sealed("wechat_identity.session_key", null=True)
    signed_in_at = fields.DatetimeField()

    class Meta:
        table = "wechat_identity"
        constraints = [UniqueConstraint(fields=("appid", "openid"), name="wechat_identity_openid")]
        indexes = [SqlIndex(name="wechat_identity_person", columns="person_id, appid")]


class Session(Model):
    """A signed-in device. Only the hash of its token is stored. `expires_at` slides while it is used."""

    person = foreign_key("Person", on_delete=fields.CASCADE)
    token_hash = fields.BinaryField()
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "session"
        indexes = [
            SqlIndex(name="session_token", columns="token_hash", unique=True),
            SqlIndex(name="session_person", columns="person_id, id"),
            SqlIndex(name="session_expiry", columns="expires_at"),
        ]


class ConsoleSignIn(Model):
    """A browser that waits for a phone to let it into the console, two minutes long and once.

    Only the browser that asked has the nonce, whose hash this is; `number` stands on its screen, and is typed into the
    phone. `person` is whose phone let it in, `ended_at` when it was refused, used, or guessed at too often.
    """

    nonce_hash = fields.BinaryField()
    number = fields.SmallIntField()
    browser = fields.CharField(max_length=120)
    address = fields.CharField(max_length=45)
    expires_at = fields.DatetimeField()
    wrong = fields.SmallIntField(default=0)
    person = foreign_key("Person", null=True, on_delete=fields.CASCADE)
    person_id: str | None
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "console_sign_in"
        indexes = [
            SqlIndex(name="console_sign_in_nonce", columns="nonce_hash", unique=True),
            SqlIndex(name="console_sign_in_expiry", columns="expires_at"),
            SqlIndex(name="console_sign_in_person", columns="person_id", where="person_id IS NOT NULL"),
        ]


class ConsolePassword(Model):
    """A manager's password for the console, and the secret of the codes 动态码 (TOTP) that it takes besides.

    `used_step` is the step of the last code that was taken: each works once. After too many `wrong` ones in a row it is
    closed until `closed_until`.
    """

    person = foreign_key("Person", unique=True, on_delete=fields.CASCADE)
    person_id: str
    password_hash = fields.BinaryField()
    secret = sealed("console_password.secret", by_id=True)
    used_step = fields.BigIntField(default=0)
    wrong = fields.SmallIntField(default=0)
    closed_until = fields.DatetimeField(null=True)

    class Meta:
        table = "console_password"


class ConsolePasskey(Model):
    """A manager's passkey 通行密钥 (WebAuthn) for the console; `name` is what they call it."""

    person = foreign_key("Person", on_delete=fields.CASCADE)
    person_id: str
    credential_id = fields.BinaryField()
    public_key = fields.BinaryField()
    sign_count = fields.BigIntField(default=0)
    name = fields.CharField(max_length=30)
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "console_passkey"
        indexes = [
            SqlIndex(name="console_passkey_credential", columns="credential_id", unique=True),
            SqlIndex(name="console_passkey_person", columns="person_id, id"),
        ]


class ConsentKind(Worded):
    """What a person agrees to. (个人信息保护法 art. 14, 29, 31: informed, separate for what is sensitive, by the
    guardian under 14.)"""

    PRIVACY = "privacy", "隐私政策"
    VOLUNTEER_TERMS = "volunteer_terms", "志愿者协议"
    MEMBERSHIP_DATA = "membership_data", "处理党员身份信息"
    ON_BEHALF = "on_behalf", "由家人或社区代办"
    GUARDIAN = "guardian", "监护人同意"
    SENSITIVE_DATA = "sensitive_data", "处理敏感个人信息"
    SHOW_IDENTITY = "show_identity", "亮身份"
    SHOW_IN_RANKING = "show_in_ranking", "在排行榜显示"


class Consent(Model):
    """Agreement of a person to a version of a text; `given_by_id` is another person where a guardian or a recorded word
    stands in."""

    person = foreign_key("Person", on_delete=fields.CASCADE)
    kind = fields.CharEnumField(ConsentKind, max_length=24)
    text_version = fields.CharField(max_length=16)
    given_by_id = IdField(null=True)
    given_at = fields.DatetimeField()
    withdrawn_at = fields.DatetimeField(null=True)

    class Meta:
        table = "consent"
        indexes = [
            SqlIndex(
                name="consent_active",
                columns="person_id, kind, COALESCE(given_by_id, person_id)",
                where="withdrawn_at IS NULL",
                unique=True,
            ),
            SqlIndex(name="consent_person", columns="person_id, id"),
        ]


class Relation(Worded):
    """What a dependant is to the person who looks after them."""

    PARENT = "parent", "父母"
    SPOUSE = "spouse", "配偶"
    CHILD = "child", "子女"
    GRANDPARENT = "grandparent", "祖父母"
    OTHER = "other", "其他"


class Dependant(Model):
    """A person whom another one looks after: books for, signs up with, wishes for.

    Until `accepted_at` nothing can be done for them: an adult accepts on their own phone, or before staff, who note it
    (`noted_by_id`).
    """

    guardian = foreign_key("Person")
    guardian_id: str
    person = foreign_key("Person")
    person_id: str
    relation = fields.CharEnumField(Relation, max_length=16)
    accepted_at = fields.DatetimeField(null=True)
    noted_by_id = IdField(null=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "dependant"
        constraints = [CheckConstraint(check="guardian_id <> person_id", name="dependant_is_another_person")]
        indexes = [
            SqlIndex(name="dependant_active", columns="guardian_id, person_id", where="ended_at IS NULL", unique=True),
            SqlIndex(name="dependant_guardian", columns="guardian_id, id"),
            SqlIndex(name="dependant_person", columns="person_id, id"),
        ]
