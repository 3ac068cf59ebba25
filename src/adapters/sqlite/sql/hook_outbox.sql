-- name: create_table
CREATE TABLE IF NOT EXISTS media_generator_notices (
    notice_id INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery_id TEXT NOT NULL CHECK (length(delivery_id) >= 16),
    event TEXT NOT NULL CHECK (event IN ('published', 'error')),
    channel TEXT NOT NULL CHECK (channel IN ('command', 'webhook')),
    prompt_id INTEGER NOT NULL,
    render_id INTEGER NOT NULL,
    report TEXT NOT NULL,
    created_at TEXT NOT NULL,
    failed_attempts INTEGER NOT NULL DEFAULT 0 CHECK (failed_attempts >= 0),
    next_try_at TEXT,
    given_up_at TEXT,
    last_error TEXT,
    UNIQUE (render_id, channel),
    CHECK ((next_try_at IS NULL) = (given_up_at IS NOT NULL)),
    CHECK (given_up_at IS NULL OR failed_attempts > 0),
    CHECK ((failed_attempts = 0) = (last_error IS NULL))
);

-- name: create_due_index
CREATE INDEX IF NOT EXISTS media_generator_notices_due
ON media_generator_notices (event, channel, next_try_at) WHERE next_try_at IS NOT NULL;
