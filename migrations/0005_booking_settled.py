from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from migrations._columns import SqlIndex
from migrations._together import Together


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
                # Nobody is punished by a rule for what was before it: before the last booking that was made.
                ops.RunSQL(
                    "UPDATE booking SET settled_at = starts_at WHERE starts_at < (SELECT max(created_at) FROM booking)",
                    "",
                ),
                ops.RunSQL(
                    "UPDATE room_booking SET settled_at = starts_at "
                    "WHERE starts_at < (SELECT max(created_at) FROM room_booking)",
                    "",
                ),
            ]
        )
    ]
