#!/bin/sh
# backup.sh FOLDER: dump the database of DATABASE_URL into FOLDER, and prove that it can be restored, in CHECK_URL: an
# EMPTY database of its own, which is emptied again. LINLI_KEYS are kept elsewhere: without them a dump is half unreadable.
set -eu
folder=$1
: "${DATABASE_URL:?}" "${CHECK_URL:?}"
umask 077
dump=$folder/linli-$(date -u +%Y%m%dT%H%M%SZ).dump
tables="SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
test "$(psql -XAtc "$tables" "$CHECK_URL")" = 0 || { echo "CHECK_URL is not empty: nothing was done" >&2; exit 1; }
pg_dump --format=custom --file="$dump.part" "$DATABASE_URL"
pg_restore --exit-on-error --single-transaction --no-owner --dbname="$CHECK_URL" "$dump.part"
test "$(psql -XAtc "$tables" "$CHECK_URL")" = "$(psql -XAtc "$tables" "$DATABASE_URL")"
psql -XAtqc 'DROP SCHEMA public CASCADE' -c 'CREATE SCHEMA public' "$CHECK_URL"
mv "$dump.part" "$dump"
echo "$dump"
