"""What a meeting resolved, and each step of it, stays: whoever asks the database."""

REFUSE_CHANGES = (
    (
        """
        CREATE FUNCTION meeting_resolution_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'what was resolved stays' USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """,
        "DROP FUNCTION meeting_resolution_refuse_change",
    ),
    (
        "CREATE TRIGGER meeting_resolution_stays BEFORE DELETE ON meeting_resolution "
        "FOR EACH ROW EXECUTE FUNCTION meeting_resolution_refuse_change()",
        "DROP TRIGGER meeting_resolution_stays ON meeting_resolution",
    ),
    (
        "CREATE TRIGGER meeting_resolution_step_stays BEFORE UPDATE OR DELETE ON meeting_resolution_step "
        "FOR EACH ROW EXECUTE FUNCTION meeting_resolution_refuse_change()",
        "DROP TRIGGER meeting_resolution_step_stays ON meeting_resolution_step",
    ),
)
