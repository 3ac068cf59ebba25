-- The doctor's checks of the server. Nothing here writes.

-- name: server
SELECT
    current_setting('server_version_num')::integer, current_setting('server_version'),
    pg_is_in_recovery(), current_setting('server_encoding'), current_user::text,
    current_setting('transaction_read_only') = 'on';

-- name: commits
SELECT current_setting('synchronous_commit'), current_setting('fsync');

-- name: clock
SELECT extract(epoch FROM clock_timestamp())::float8;

-- Rights that this user lacks, on the tables of others and for tables of its own.

-- name: missing_rights
SELECT r.wanted || ' ON ' || r.place
FROM (
    VALUES
    ('SELECT', 'prompts'), ('UPDATE (artifact_status, error_message)', 'prompts'),
    ('SELECT', 'writings'), ('SELECT', 'prompt_artifacts'), ('INSERT', 'prompt_artifacts')
) AS r (wanted, place)
WHERE
    to_regclass(r.place) IS NOT NULL
    AND NOT CASE
        WHEN r.wanted LIKE 'UPDATE%'
            THEN
                has_column_privilege(to_regclass(r.place), 'artifact_status', 'UPDATE')
                AND has_column_privilege(to_regclass(r.place), 'error_message', 'UPDATE')
        ELSE has_table_privilege(to_regclass(r.place), r.wanted)
    END
UNION ALL
SELECT 'CREATE ON SCHEMA ' || quote_ident(current_schema())
WHERE
    to_regclass('media_generator_state') IS NULL
    AND NOT has_schema_privilege(current_schema(), 'CREATE')
UNION ALL
SELECT 'a schema in search_path' WHERE current_schema() IS NULL;

-- Transactions of this database that are open for long: they hold locks, or keep dead rows alive.

-- name: old_transactions
SELECT
    pid, coalesce(nullif(application_name, ''), usename::text, '?'), coalesce(state, '?'),
    extract(epoch FROM clock_timestamp() - xact_start)::float8
FROM pg_stat_activity
WHERE
    datname = current_database() AND pid <> pg_backend_pid()
    AND xact_start < clock_timestamp() - :seconds * interval '1 second'
ORDER BY xact_start
LIMIT 5;

-- What tells this database, and the tables that this user finds in it, from all others, whatever the address. A standby
-- that takes over has the same numbers.

-- name: identity
SELECT
    (SELECT c.system_identifier FROM pg_control_system() AS c),
    (SELECT d.oid::bigint FROM pg_database AS d WHERE d.datname = current_database()),
    to_regclass('prompts')::oid::bigint;
