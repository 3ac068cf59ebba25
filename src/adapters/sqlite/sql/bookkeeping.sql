-- Our own tables and indexes; nothing here touches what belongs to others but the two partial
-- indexes, which stand under our own names.

-- name: create_state
CREATE TABLE IF NOT EXISTS media_generator_state (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    schema_version INTEGER NOT NULL,
    database_id TEXT NOT NULL CHECK (length(database_id) >= 8)
);

-- name: first_state
INSERT OR IGNORE INTO media_generator_state (only_row, schema_version, database_id)
VALUES (1, :schema_version, :database_id);

-- name: state
SELECT schema_version, database_id FROM media_generator_state WHERE only_row = 1;

-- name: create_renders
CREATE TABLE IF NOT EXISTS media_generator_renders (
    render_id INTEGER PRIMARY KEY AUTOINCREMENT,
    prompt_id INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('image', 'audio')),
    output_reference,
    worker TEXT NOT NULL CHECK (worker <> ''),
    claimed_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    finished_at TEXT,
    seconds REAL CHECK (seconds >= 0),
    outcome TEXT CHECK (
        outcome IN ('published', 'failed', 'released', 'abandoned', 'superseded', 'cancelled')
    ),
    failure_code TEXT,
    failure_message TEXT,
    CHECK ((outcome IS NULL) = (finished_at IS NULL)),
    CHECK (outcome IS NOT 'failed' OR failure_code IS NOT NULL),
    CHECK (outcome IS NOT 'published' OR failure_code IS NULL),
    CHECK ((failure_code IS NULL) = (failure_message IS NULL))
);

-- name: create_live_render_index
CREATE UNIQUE INDEX IF NOT EXISTS media_generator_live_render
ON media_generator_renders (prompt_id) WHERE outcome IS NULL;

-- name: create_history_index
CREATE INDEX IF NOT EXISTS media_generator_render_history
ON media_generator_renders (prompt_id, render_id);

-- name: create_pending_image_index
CREATE INDEX IF NOT EXISTS media_generator_pending_image
ON prompts (created_at, id)
WHERE
    status = 'completed' AND artifact_status = 'pending'
    AND prompt_type = 'image_prompt' AND output_reference IS NOT NULL;

-- name: create_pending_audio_index
CREATE INDEX IF NOT EXISTS media_generator_pending_audio
ON prompts (created_at, id)
WHERE
    status = 'completed' AND artifact_status = 'pending'
    AND prompt_type = 'lyrics_prompt' AND output_reference IS NOT NULL;
