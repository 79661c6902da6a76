"""What staff find on a person's page: what they did here, from the ledger."""

from server.accounts.person_page import PersonSection

SECTIONS = (
    PersonSection(
        kind="service",
        words="服务记录",
        has_minutes=True,
        # Neither what was taken back nor its taking back.
        sql=(
            "SELECT e.id, e.id AS page_id, COALESCE(r.name, e.rule) AS title, e.occurred_at AS at, '' AS state, "
            "e.minutes FROM service_entry e JOIN organization o ON o.id = e.organization_id "
            "LEFT JOIN service_rule r ON r.code = e.rule AND r.version = e.rule_version "
            "WHERE e.person_id = $1 AND o.path <@ ANY($2::text[]::ltree[]) AND e.reversal_of_id IS NULL "
            "AND NOT EXISTS (SELECT 1 FROM service_entry x WHERE x.reversal_of_id = e.id)"
        ),
    ),
)
