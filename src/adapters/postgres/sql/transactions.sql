-- What a new transaction would see: which of the others are committed.

-- name: snapshot
SELECT pg_current_snapshot()::text;

-- Whether a transaction was committed whose session was lost in COMMIT. Its number alone does not tell: after a crash, and
-- on a standby that was promoted, numbers that never reached the disk or the standby are given to other transactions.

-- What is noted down at the first change: the number, the end of the log so far, which the commit will be behind, and
-- which recovery and timeline the log belongs to.

-- name: mark
SELECT
    pg_current_xact_id()::text, pg_current_wal_insert_lsn()::text, pg_last_wal_replay_lsn()::text,
    left(pg_walfile_name(pg_current_wal_insert_lsn()), 8);

-- "committed", "aborted", "in progress"; NULL if it cannot be known. A server that has recovered since knows of the
-- transaction only if its recovery went beyond that end of the log.

-- name: outcome
SELECT
    CASE
        WHEN pg_is_in_recovery() THEN 'in progress'
        WHEN pg_last_wal_replay_lsn() IS DISTINCT FROM CAST(:replayed AS pg_lsn)
            AND pg_last_wal_replay_lsn() <= CAST(:written AS pg_lsn) THEN 'aborted'
        WHEN left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) <> :timeline
            AND (
                pg_last_wal_replay_lsn() IS NULL
                OR pg_last_wal_replay_lsn() IS NOT DISTINCT FROM CAST(:replayed AS pg_lsn)
            ) THEN NULL
        ELSE pg_xact_status(CAST(:number AS xid8))
    END;
