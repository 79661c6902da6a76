"""Inbox messages, and the ledger of the accepts that let us send them to WeChat too."""

from typing import Any

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

from server.foundation.database import IdField, Model, SqlIndex
from server.foundation.words import Worded


class Delivery(Worded):
    """What became of a message on its way to WeChat. `sent`: the platform took it; `delivered`, `undelivered`: what its
    push said afterwards; `unknown`: the request left and no answer came, so it is never repeated."""

    INBOX_ONLY = "inbox_only", "仅站内信"
    QUEUED = "queued", "等待发送"
    SENT = "sent", "已发送"
    DELIVERED = "delivered", "已送达"
    UNDELIVERED = "undelivered", "未送达"
    UNKNOWN = "unknown", "结果未知"
    FAILED = "failed", "发送失败"
    EXPIRED = "expired", "已过期"


NO_ACCEPT, LAST_KEPT, NOT_AT_WECHAT = NO_ACCEPT_NOTES = (
    "no accept left",
    "the last accept is kept for something more important",
    "WeChat knows of no accept",
)
"""The notes of messages that stayed in the inbox for want of an accept."""


class InboxMessage(Model):
    """Something a person was told: the event and the ids, codes and times it is about, never words.

    `delivery_note` says in English why it stayed in the inbox or failed; `msgid` is the platform's. `digest_due_at` is
    when one that could not be sent for want of an accept is to be told of together with others. A `hidden` one goes to
    WeChat alone (the digest itself).
    """

    person_id = IdField()
    event = fields.CharField(max_length=48)
    facts: Any = fields.JSONField(default=dict)
    read_at = fields.DatetimeField(null=True)
    delivery = fields.CharEnumField(Delivery, max_length=16, default=Delivery.INBOX_ONLY)
    delivery_note = fields.CharField(max_length=200, default="")
    msgid = fields.CharField(max_length=64, null=True)
    digest_due_at = fields.DatetimeField(null=True)
    hidden = fields.BooleanField(default=False)

    class Meta:
        table = "inbox_message"
        indexes = [
            SqlIndex(name="inbox_message_person", columns="person_id, id DESC"),
            SqlIndex(name="inbox_message_unread", columns="person_id, id", where="read_at IS NULL AND NOT hidden"),
            SqlIndex(name="inbox_message_digest", columns="digest_due_at", where="digest_due_at IS NOT NULL"),
            SqlIndex(name="inbox_message_digest_person", columns="person_id", where="digest_due_at IS NOT NULL"),
            SqlIndex(name="inbox_message_age", columns="created_at"),
            SqlIndex(name="inbox_message_msgid", columns="msgid", where="msgid IS NOT NULL", unique=True),
        ]


class GrantSource(Worded):
    """How we learned of a change: the client's report, WeChat's push, a message that used one up, or an answer of
    WeChat's that showed our count to be wrong."""

    CLIENT_REPORT = "client_report", "小程序上报"
    PUSH = "push", "微信推送"
    SEND = "send", "发送消息"
    CORRECTION = "correction", "与微信核对"


class SubscribeAnswer(Worded):
    """What wx.requestSubscribeMessage answered for one template."""

    ACCEPT = "accept", "允许"
    ACCEPT_WITH_ALERT = "acceptWithAlert", "允许"
    ACCEPT_WITH_AUDIO = "acceptWithAudio", "允许"
    ACCEPT_WITH_FORCE_PUSH = "acceptWithForcePush", "允许"
    REJECT = "reject", "拒绝"
    BAN = "ban", "已被微信停用"
    FILTER = "filter", "已被微信过滤"


class GrantEntry(Model):
    """One line of the ledger of accepts; append-only. `told_at` is when the person answered, as the source knows it.

    An accept is told twice, by the client and by WeChat. The second telling has change 0 and `same_as_id` of the first.
    """

    person_id = IdField()
    template = fields.CharField(max_length=32)
    change = fields.SmallIntField()
    source = fields.CharEnumField(GrantSource, max_length=16)
    told_at = fields.DatetimeField()
    same_as_id = IdField(null=True)
    dedupe_key = fields.CharField(max_length=128)

    class Meta:
        table = "grant_entry"
        constraints = [
            UniqueConstraint(fields=("dedupe_key",), name="grant_entry_dedupe_key"),
            CheckConstraint(check="same_as_id IS NULL OR change = 0", name="grant_entry_counts_once"),
        ]
        indexes = [
            SqlIndex(name="grant_entry_person", columns="person_id, template, id"),
            SqlIndex(name="grant_entry_same_as", columns="same_as_id", where="same_as_id IS NOT NULL", unique=True),
        ]


class GrantBalance(Model):
    """How many messages of a template a person will still accept: the sum of the ledger, and the lock on it.

    `answer` is the person's latest one (accept, reject, ban, filter).
    """

    person_id = IdField()
    template = fields.CharField(max_length=32)
    balance = fields.IntField(default=0)
    answer = fields.CharField(max_length=24, default="")
    answered_at = fields.DatetimeField(null=True)

    class Meta:
        table = "grant_balance"
        constraints = [
            UniqueConstraint(fields=("person_id", "template"), name="grant_balance_one"),
            CheckConstraint(check="balance >= 0", name="grant_balance_not_negative"),
        ]


class NotificationPreferences(Model):
    """What a person does not want on WeChat, and when. The inbox keeps everything all the same.

    `muted` are topics (events.Topic). Between `quiet_from` and `quiet_until`, minutes of the day in Shanghai, only
    what is urgent is sent. One row a person, made when they first change something.
    """

    person_id = IdField()
    muted: Any = fields.JSONField(default=list)
    quiet_from = fields.SmallIntField(null=True)
    quiet_until = fields.SmallIntField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "notification_preferences"
        constraints = [
            UniqueConstraint(fields=("person_id",), name="notification_preferences_one"),
            CheckConstraint(
                check="(quiet_from IS NULL) = (quiet_until IS NULL) AND "
                "(quiet_from IS NULL OR quiet_from <> quiet_until)",
                name="notification_preferences_quiet_hours",
            ),
        ]
