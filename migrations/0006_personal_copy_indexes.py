from tortoise import migrations
from tortoise.migrations import operations as ops

from migrations._columns import SqlIndex
from migrations._together import Together


class Migration(migrations.Migration):
    dependencies = [("linli", "0005_booking_settled")]

    initial = False

    operations = [
        Together(
            [
                ops.AddIndex(
                    model_name="BookingRating",
                    index=SqlIndex(name="booking_rating_person", columns="person_id, id"),
                ),
                ops.AddIndex(
                    model_name="CheckedSubject",
                    index=SqlIndex(name="checked_subject_author", columns="author_id, id"),
                ),
                ops.AddIndex(
                    model_name="Consent",
                    index=SqlIndex(name="consent_person", columns="person_id, id"),
                ),
                ops.AddIndex(
                    model_name="Dependant",
                    index=SqlIndex(name="dependant_guardian", columns="guardian_id, id"),
                ),
                ops.AddIndex(
                    model_name="Dependant",
                    index=SqlIndex(name="dependant_person", columns="person_id, id"),
                ),
                ops.AddIndex(
                    model_name="Person",
                    index=SqlIndex(
                        name="person_merged_into", columns="merged_into_id", where="merged_into_id IS NOT NULL"
                    ),
                ),
                ops.AddIndex(
                    model_name="Picture",
                    index=SqlIndex(name="picture_owner", columns="owner_id, id"),
                ),
                ops.RemoveIndex(model_name="Session", name="session_person"),
                ops.AddIndex(
                    model_name="Session",
                    index=SqlIndex(name="session_person", columns="person_id, id"),
                ),
                ops.AddIndex(
                    model_name="ShiftScan",
                    index=SqlIndex(name="shift_scan_person", columns="person_id, id"),
                ),
                ops.AddIndex(
                    model_name="WishNote",
                    index=SqlIndex(name="wish_note_author", columns="author_id, id"),
                ),
            ]
        )
    ]
