"""What a released half-year report may still become, from 0014 on."""

REFUSE_CHANGE = """
    CREATE OR REPLACE FUNCTION half_year_report_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            OLD.state := NEW.state;
            OLD.acknowledged_at := NEW.acknowledged_at;
            OLD.acknowledged_by_id := NEW.acknowledged_by_id;
            OLD.version := NEW.version;
            IF current_setting('linli.merge', true) = 'on' THEN OLD.membership_id := NEW.membership_id; END IF;
            IF current_setting('linli.reencrypt', true) = 'on' THEN
                OLD.content := NEW.content;
                OLD.words := NEW.words;
            END IF;
            IF NEW IS NOT DISTINCT FROM OLD THEN RETURN NEW; END IF;
        END IF;
        RAISE EXCEPTION 'a released report does not change' USING ERRCODE = 'integrity_constraint_violation';
    END $$
"""
"""As in 0003, and the same words may be encrypted with another key."""
