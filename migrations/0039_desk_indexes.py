from tortoise import migrations

from migrations._columns import SqlIndex
from migrations._concurrently import AddIndexConcurrently


class Migration(migrations.Migration):
    dependencies = [("linli", "0038_joint_meetings")]

    initial = False

    atomic = False

    operations = [
        AddIndexConcurrently(
            model_name="CheckIn",
            index=SqlIndex(name="check_in_waiting", columns="community_id, applied_at, id", where="state = 'applied'"),
        ),
        AddIndexConcurrently(
            model_name="CheckIn",
            index=SqlIndex(name="check_in_waiting_city", columns="applied_at, id", where="state = 'applied'"),
        ),
        AddIndexConcurrently(
            model_name="Complaint",
            index=SqlIndex(name="complaint_on_desk", columns="venue_id, answer_by, id", where="state = 'open'"),
        ),
        AddIndexConcurrently(
            model_name="ContentCheck",
            index=SqlIndex(name="content_check_on_desk", columns="created_at, id", where="state = 'held'"),
        ),
        AddIndexConcurrently(
            model_name="GridCase",
            index=SqlIndex(
                name="grid_case_on_desk", columns="holder_id, state, stage_due_at, id", where="holder_id IS NOT NULL"
            ),
        ),
        AddIndexConcurrently(
            model_name="GridCase",
            index=SqlIndex(
                name="grid_case_on_desk_city", columns="state, stage_due_at, id", where="holder_id IS NOT NULL"
            ),
        ),
        AddIndexConcurrently(
            model_name="GridCase",
            index=SqlIndex(
                name="grid_case_asked", columns="keeper_id, id", where="state = 'handling' AND asked IS NOT NULL"
            ),
        ),
        AddIndexConcurrently(
            model_name="HalfYearReport",
            index=SqlIndex(
                name="half_year_report_open",
                columns="community_id, id",
                where="state IN ('draft', 'correction_asked', 'settled')",
            ),
        ),
        AddIndexConcurrently(
            model_name="Hours",
            index=SqlIndex(name="hours_on_desk", columns="organization_id, created_at, id", where="state = 'waiting'"),
        ),
        AddIndexConcurrently(
            model_name="Hours",
            index=SqlIndex(name="hours_on_desk_city", columns="created_at, id", where="state = 'waiting'"),
        ),
        AddIndexConcurrently(
            model_name="Wish",
            index=SqlIndex(
                name="wish_review_city", columns="submitted_at, id", where="state IN ('submitted', 'amended')"
            ),
        ),
        AddIndexConcurrently(
            model_name="Wish",
            index=SqlIndex(name="wish_at_staff", columns="community_id, id", where="state IN ('disputed', 'reported')"),
        ),
        AddIndexConcurrently(
            model_name="Wish",
            index=SqlIndex(
                name="wish_escalated", columns="community_id, id", where="state = 'published' AND escalation > 0"
            ),
        ),
    ]
