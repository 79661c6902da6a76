"""SQL that models cannot say: triggers and exclusion constraints. Applied by 0003_guards."""

GUARDS: list[tuple[str, str]] = [
    (
        # Every outbox row is rewritten twice or thrice, and claims begin at the index's dead front: clean up early.
        "ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.01)",
        "ALTER TABLE outbox RESET (autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor)",
    ),
    (
        # The audit log is append-only; the retention purge says so for its own transaction.
        """
        CREATE FUNCTION audit_entry_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' AND current_setting('linli.purge', true) = 'on' THEN RETURN OLD; END IF;
            RAISE EXCEPTION 'audit entries are append-only' USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """,
        "DROP FUNCTION audit_entry_refuse_change",
    ),
    (
        "CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE ON audit_entry "
        "FOR EACH ROW EXECUTE FUNCTION audit_entry_refuse_change()",
        "DROP TRIGGER audit_entry_append_only ON audit_entry",
    ),
    (
        # No place is given above the capacity. A lowered capacity may leave `taken` above it: only growth is refused.
        """
        CREATE FUNCTION allotment_refuse_overbooking() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'more places taken than there are'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'allotment_not_overbooked';
        END $$
        """,
        "DROP FUNCTION allotment_refuse_overbooking",
    ),
    (
        "CREATE TRIGGER allotment_not_overbooked BEFORE UPDATE OF taken ON allotment FOR EACH ROW "
        "WHEN (NEW.taken > OLD.taken AND NEW.taken > NEW.capacity) EXECUTE FUNCTION allotment_refuse_overbooking()",
        "DROP TRIGGER allotment_not_overbooked ON allotment",
    ),
    (
        # Two parties in one room at a time are impossible, whatever the code forgets; requests may overlap.
        "ALTER TABLE room_booking ADD CONSTRAINT room_booking_no_overlap EXCLUDE USING gist "
        "(service_id WITH =, tstzrange(starts_at, busy_until) WITH &&) "
        "WHERE (state IN ('booked', 'attended', 'no_show'))",
        "ALTER TABLE room_booking DROP CONSTRAINT room_booking_no_overlap",
    ),
    (
        # Nobody is sent to two homes at a time; the way from one to the next lies in `visit_until`.
        "ALTER TABLE booking ADD CONSTRAINT booking_visitor_no_overlap EXCLUDE USING gist "
        "(visitor_id WITH =, tstzrange(starts_at, visit_until) WITH &&) WHERE (visitor_id IS NOT NULL)",
        "ALTER TABLE booking DROP CONSTRAINT booking_visitor_no_overlap",
    ),
    (
        # Every two neighbouring characters: what a search for two Chinese characters or more finds through an index.
        # (As plain SQL with an ARRAY(SELECT …) it takes eight times as long, which an import of the country feels.)
        """
        CREATE FUNCTION text_bigrams(text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
        DECLARE
            lowered text := lower($1);
            bigrams text[] := '{}';
        BEGIN
            FOR i IN 1 .. length(lowered) - 1 LOOP bigrams := bigrams || substr(lowered, i, 2); END LOOP;
            RETURN bigrams;
        END $$
        """,
        "DROP FUNCTION text_bigrams",
    ),
    (
        "CREATE INDEX organization_name ON organization USING gin (text_bigrams(name))",
        "DROP INDEX organization_name",
    ),
    (
        "CREATE INDEX party_organization_name ON party_organization USING gin (text_bigrams(name))",
        "DROP INDEX party_organization_name",
    ),
    (
        # The search on the wall; the expression is server.wishes.queries.SEARCHED.
        # Without a pending list, which every search would have to read through.
        "CREATE INDEX wish_search ON wish USING gin (text_bigrams((title || ' ' || text || ' ' || place))) "
        "WITH (fastupdate = off) WHERE state = 'published'",
        "DROP INDEX wish_search",
    ),
    (
        # The service record is append-only; the merge of two persons says so for its own transaction, and may change
        # nothing but whose an entry is.
        """
        CREATE FUNCTION service_entry_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' AND current_setting('linli.merge', true) = 'on' THEN
                OLD.person_id := NEW.person_id;
                IF NEW IS NOT DISTINCT FROM OLD THEN RETURN NEW; END IF;
            END IF;
            RAISE EXCEPTION 'service entries are append-only' USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """,
        "DROP FUNCTION service_entry_refuse_change",
    ),
    (
        "CREATE TRIGGER service_entry_append_only BEFORE UPDATE OR DELETE ON service_entry "
        "FOR EACH ROW EXECUTE FUNCTION service_entry_refuse_change()",
        "DROP TRIGGER service_entry_append_only ON service_entry",
    ),
    (
        # No minute is credited twice to one person.
        "ALTER TABLE hours ADD CONSTRAINT hours_no_minute_twice EXCLUDE USING gist "
        "(person_id WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE (state = 'effective')",
        "ALTER TABLE hours DROP CONSTRAINT hours_no_minute_twice",
    ),
    (
        # Minutes lie within their shift, as it is when they are stated.
        """
        CREATE FUNCTION hours_refuse_outside_shift() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT EXISTS (SELECT 1 FROM shift WHERE id = NEW.shift_id AND starts_at <= NEW.starts_at
                           AND NEW.ends_at <= ends_at) THEN
                RAISE EXCEPTION 'minutes outside their shift'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'hours_within_shift';
            END IF;
            RETURN NEW;
        END $$
        """,
        "DROP FUNCTION hours_refuse_outside_shift",
    ),
    (
        "CREATE TRIGGER hours_within_shift BEFORE INSERT ON hours "
        "FOR EACH ROW EXECUTE FUNCTION hours_refuse_outside_shift()",
        "DROP TRIGGER hours_within_shift ON hours",
    ),
    (
        # What was stated stays as it was: only what became of it is written, and a merge may say whose it is.
        """
        CREATE FUNCTION hours_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' THEN
                OLD.state := NEW.state;
                OLD.decided_by_id := NEW.decided_by_id;
                OLD.decided_at := NEW.decided_at;
                OLD.decision_reason := NEW.decision_reason;
                OLD.effective_at := NEW.effective_at;
                OLD.person_id := NEW.person_id;
                IF NEW IS NOT DISTINCT FROM OLD THEN RETURN NEW; END IF;
            END IF;
            RAISE EXCEPTION 'hours are corrected by new rows' USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """,
        "DROP FUNCTION hours_refuse_change",
    ),
    (
        "CREATE TRIGGER hours_corrected_by_new_rows BEFORE UPDATE OR DELETE ON hours "
        "FOR EACH ROW EXECUTE FUNCTION hours_refuse_change()",
        "DROP TRIGGER hours_corrected_by_new_rows ON hours",
    ),
    (
        # A half-year report stays as it was released; only the unit's acknowledgement is added, and a merge of two
        # persons may say whose it is.
        """
        CREATE FUNCTION half_year_report_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' THEN
                OLD.state := NEW.state;
                OLD.acknowledged_at := NEW.acknowledged_at;
                OLD.acknowledged_by_id := NEW.acknowledged_by_id;
                OLD.version := NEW.version;
                IF current_setting('linli.merge', true) = 'on' THEN OLD.membership_id := NEW.membership_id; END IF;
                IF NEW IS NOT DISTINCT FROM OLD THEN RETURN NEW; END IF;
            END IF;
            RAISE EXCEPTION 'a released report does not change' USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """,
        "DROP FUNCTION half_year_report_refuse_change",
    ),
    (
        "CREATE TRIGGER half_year_report_frozen BEFORE UPDATE OR DELETE ON half_year_report "
        "FOR EACH ROW WHEN (OLD.released_at IS NOT NULL) EXECUTE FUNCTION half_year_report_refuse_change()",
        "DROP TRIGGER half_year_report_frozen ON half_year_report",
    ),
]
"""(SQL, how to undo it), in order."""
