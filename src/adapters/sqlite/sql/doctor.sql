-- The doctor's checks of the file. Nothing here writes.

-- name: journal_mode
PRAGMA journal_mode;

-- name: anything
SELECT count(*) FROM sqlite_schema;
