"""A final assessment never changes, nor what was adjusted of it, whoever asks."""

REFUSE_CHANGES = (
    (
        """
        CREATE FUNCTION assessment_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'a final assessment does not change' USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """,
        "DROP FUNCTION assessment_refuse_change",
    ),
    (
        "CREATE TRIGGER assessment_final_stays BEFORE UPDATE OR DELETE ON assessment FOR EACH ROW "
        "WHEN (OLD.state = 'final') EXECUTE FUNCTION assessment_refuse_change()",
        "DROP TRIGGER assessment_final_stays ON assessment",
    ),
    (
        """
        CREATE FUNCTION assessment_adjustment_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            of uuid := CASE WHEN TG_OP = 'DELETE' THEN OLD.assessment_id ELSE NEW.assessment_id END;
        BEGIN
            IF TG_OP <> 'INSERT' OR EXISTS (SELECT 1 FROM assessment WHERE id = of AND state = 'final') THEN
                RAISE EXCEPTION 'adjustments stay as they are' USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NEW;
        END $$
        """,
        "DROP FUNCTION assessment_adjustment_refuse_change",
    ),
    (
        "CREATE TRIGGER assessment_adjustment_stays BEFORE INSERT OR UPDATE OR DELETE ON assessment_adjustment "
        "FOR EACH ROW EXECUTE FUNCTION assessment_adjustment_refuse_change()",
        "DROP TRIGGER assessment_adjustment_stays ON assessment_adjustment",
    ),
)
