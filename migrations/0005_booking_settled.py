from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from migrations._together import Together
from server.foundation.database import SqlIndex


class Migration(migrations.Migration):
    dependencies = [("linli", "0004_period_run_missed")]

    initial = False

    operations = [
        Together(
            [
                ops.AddField(
                    model_name="Booking",
                    name="settled_at",
                    field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ops.AddIndex(
                    model_name="Booking",
                    index=SqlIndex(name="booking_unsettled", columns="starts_at", where="settled_at IS NULL"),
                ),
                ops.AddField(
                    model_name="RoomBooking",
                    name="settled_at",
                    field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ops.AddIndex(
                    model_name="RoomBooking",
                    index=SqlIndex(name="room_booking_unsettled", columns="starts_at", where="settled_at IS NULL"),
                ),
                # Nobody is punished by a rule for what was before it.
                ops.RunSQL("UPDATE booking SET settled_at = now() WHERE starts_at < now()", ""),
                ops.RunSQL("UPDATE room_booking SET settled_at = now() WHERE starts_at < now()", ""),
            ]
        )
    ]
