from tortoise import fields

from server.foundation.database import IdField, Model, SqlIndex


class CalendarFeed(Model):
    """A person's feed; its id, signed, is the address."""

    person_id = IdField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "calendar_feed"
        indexes = [SqlIndex(name="calendar_feed_person", columns="person_id", where="ended_at IS NULL", unique=True)]
