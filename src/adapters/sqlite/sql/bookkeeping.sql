-- Our own tables and indexes; nothing here touches what belongs to others but the partial
-- indexes, which stand under our own names.

-- name: create_state
CREATE TABLE IF NOT EXISTS media_generator_state (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    schema_version INTEGER NOT NULL,
    database_id TEXT NOT NULL CHECK (length(database_id) >= 8),
    paused_by TEXT CHECK (paused_by IN ('person', 'environment')),
    pause_reason TEXT,
    pause_code TEXT,
    paused_at TEXT,
    pause_suspects TEXT,
    CHECK ((paused_by IS NULL) = (pause_reason IS NULL)),
    CHECK ((paused_by IS NULL) = (paused_at IS NULL))
);

-- name: record_version
INSERT INTO media_generator_state (only_row, schema_version, database_id)
VALUES (1, :schema_version, :database_id)
ON CONFLICT (only_row) DO UPDATE SET schema_version = excluded.schema_version;

-- name: state
SELECT schema_version, database_id FROM media_generator_state WHERE only_row = 1;

-- name: create_renders
CREATE TABLE IF NOT EXISTS media_generator_renders (
    render_id INTEGER PRIMARY KEY AUTOINCREMENT,
    prompt_id INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('image', 'audio')),
    output_reference,
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    crashes INTEGER NOT NULL CHECK (crashes >= 0),
    owner_host TEXT NOT NULL,
    owner_boot TEXT NOT NULL,
    owner_namespace TEXT NOT NULL,
    owner_pid INTEGER NOT NULL CHECK (owner_pid > 0),
    owner_started TEXT NOT NULL,
    heartbeat INTEGER NOT NULL DEFAULT 0,
    workflow_group INTEGER CHECK (workflow_group > 1),
    workflow_started TEXT,
    claimed_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    finished_at TEXT,
    seconds REAL CHECK (seconds >= 0),
    outcome TEXT CHECK (
        outcome IN ('published', 'failed', 'released', 'abandoned', 'superseded', 'cancelled')
    ),
    failure_code TEXT,
    failure_message TEXT,
    retry_at TEXT CHECK (retry_at IS NULL OR outcome IS 'failed'),
    CHECK ((outcome IS NULL) = (finished_at IS NULL)),
    CHECK (outcome IS NOT 'failed' OR failure_code IS NOT NULL),
    CHECK (outcome IS NOT 'published' OR failure_code IS NULL),
    CHECK ((failure_code IS NULL) = (failure_message IS NULL)),
    CHECK ((workflow_group IS NULL) = (workflow_started IS NULL))
);

-- name: create_live_render_index
CREATE UNIQUE INDEX IF NOT EXISTS media_generator_live_render
ON media_generator_renders (prompt_id) WHERE outcome IS NULL;

-- name: create_history_index
CREATE INDEX IF NOT EXISTS media_generator_render_history
ON media_generator_renders (prompt_id, render_id);

-- name: create_retry_index
CREATE INDEX IF NOT EXISTS media_generator_retries
ON media_generator_renders (prompt_id, retry_at) WHERE retry_at IS NOT NULL;

-- name: create_retry_times_index
CREATE INDEX IF NOT EXISTS media_generator_retry_times
ON media_generator_renders (retry_at) WHERE retry_at IS NOT NULL;

-- For the failures that the page shows; renders that succeed leave it alone.

-- name: create_failures_index
CREATE INDEX IF NOT EXISTS media_generator_failures
ON media_generator_renders (finished_at) WHERE failure_code IS NOT NULL;

-- NULL for the renders of earlier versions.

-- name: add_token
ALTER TABLE media_generator_renders ADD COLUMN token TEXT CHECK (length(token) = 16);

-- Pauses by the environment. Each belongs to the machine and the settings that met the failure.

-- name: create_pauses
CREATE TABLE IF NOT EXISTS media_generator_pauses (
    host TEXT NOT NULL,
    boot TEXT NOT NULL,
    settings TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('image', 'audio')),
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    suspects TEXT NOT NULL CHECK (json_valid(suspects)),
    paused_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    renewed_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (host, settings, kind)
) WITHOUT ROWID;

-- The first version kept the environment's pause here.

-- name: end_old_pause
UPDATE media_generator_state
SET
    paused_by = NULL, pause_reason = NULL, pause_code = NULL, paused_at = NULL,
    pause_suspects = NULL
WHERE paused_by = 'environment';

-- The places in the queue that a person gave to prompts; the greatest is claimed first, and 5 is
-- the place of every prompt that is not in it. The prompts' own priority belongs to other programs.

-- name: create_priorities
CREATE TABLE IF NOT EXISTS media_generator_priorities (
    prompt_id INTEGER PRIMARY KEY,
    priority INTEGER NOT NULL CHECK (priority BETWEEN -1000000000 AND 1000000000)
);

-- Submissions that a program named, so that it can repeat one and ask for its prompts later.

-- name: create_requests
CREATE TABLE IF NOT EXISTS media_generator_requests (
    request_key TEXT NOT NULL PRIMARY KEY CHECK (length(request_key) BETWEEN 1 AND 255),
    digest TEXT NOT NULL,
    prompt_ids TEXT NOT NULL CHECK (json_valid(prompt_ids)),
    requested_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) WITHOUT ROWID;

-- name: create_requests_index
CREATE INDEX IF NOT EXISTS media_generator_request_times
ON media_generator_requests (requested_at);

-- The workers of all machines, as they describe themselves; seen_at is by the clock of the database.

-- name: create_workers
CREATE TABLE IF NOT EXISTS media_generator_workers (
    worker_id TEXT NOT NULL PRIMARY KEY CHECK (length(worker_id) = 16),
    host TEXT NOT NULL,
    boot TEXT NOT NULL,
    namespace TEXT NOT NULL,
    pid INTEGER NOT NULL CHECK (pid > 0),
    started TEXT NOT NULL,
    command TEXT NOT NULL,
    version TEXT NOT NULL,
    slots INTEGER NOT NULL CHECK (slots >= 1),
    renderers TEXT NOT NULL CHECK (json_valid(renderers)),
    stopped TEXT NOT NULL CHECK (json_valid(stopped)),
    started_at TEXT NOT NULL,
    seen_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) WITHOUT ROWID;

-- What renders are about to publish, where other machines may have to finish it.

-- name: create_plans
CREATE TABLE IF NOT EXISTS media_generator_plans (
    render_id INTEGER PRIMARY KEY,
    prompt_id INTEGER NOT NULL,
    token TEXT NOT NULL,
    plan TEXT NOT NULL CHECK (json_valid(plan))
);

-- What people think of published files. A file without a row has no rating and is shown. The path is that of the row in
-- prompt_artifacts at the time: an id that another program uses again is another file.

-- name: create_curation
CREATE TABLE IF NOT EXISTS media_generator_curation (
    artifact_id INTEGER PRIMARY KEY,
    favourite INTEGER NOT NULL DEFAULT 0 CHECK (favourite IN (0, 1)),
    rating INTEGER NOT NULL DEFAULT 0 CHECK (rating BETWEEN 0 AND 5),
    hidden INTEGER NOT NULL DEFAULT 0 CHECK (hidden IN (0, 1)),
    discarded_path TEXT,
    discarded_at TEXT,
    removing_at TEXT,
    purged_at TEXT,
    CHECK ((discarded_path IS NULL) = (discarded_at IS NULL)),
    CHECK (removing_at IS NULL OR discarded_at IS NOT NULL),
    CHECK (purged_at IS NULL OR removing_at IS NOT NULL)
);

-- name: create_favourites_index
CREATE INDEX IF NOT EXISTS media_generator_favourites
ON media_generator_curation (artifact_id) WHERE favourite = 1;

-- name: create_ratings_index
CREATE INDEX IF NOT EXISTS media_generator_ratings
ON media_generator_curation (rating, artifact_id) WHERE rating > 0;

-- name: create_hidden_index
CREATE INDEX IF NOT EXISTS media_generator_hidden
ON media_generator_curation (artifact_id) WHERE hidden = 1;

-- name: create_wastebasket_index
CREATE INDEX IF NOT EXISTS media_generator_wastebasket
ON media_generator_curation (artifact_id) WHERE discarded_at IS NOT NULL AND purged_at IS NULL;

-- name: create_removed_index
CREATE INDEX IF NOT EXISTS media_generator_removed
ON media_generator_curation (artifact_id) WHERE removing_at IS NOT NULL;

-- People's own tags, and their collections.

-- name: create_tags
CREATE TABLE IF NOT EXISTS media_generator_tags (
    sort TEXT NOT NULL CHECK (sort IN ('tag', 'collection')),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    artifact_id INTEGER NOT NULL,
    added_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (sort, name, artifact_id)
) WITHOUT ROWID;

-- name: create_tags_index
CREATE INDEX IF NOT EXISTS media_generator_tags_of_files
ON media_generator_tags (artifact_id);

-- What the metadata of files say, for filters and orders; filled from time to time.

-- name: create_files
CREATE TABLE IF NOT EXISTS media_generator_files (
    artifact_id INTEGER PRIMARY KEY,
    workflow TEXT,
    seed TEXT,
    width INTEGER,
    height INTEGER,
    pixels INTEGER NOT NULL DEFAULT 0
);

-- name: create_workflows_index
CREATE INDEX IF NOT EXISTS media_generator_files_by_workflow
ON media_generator_files (workflow, artifact_id) WHERE workflow IS NOT NULL;

-- name: create_seeds_index
CREATE INDEX IF NOT EXISTS media_generator_files_by_seed
ON media_generator_files (seed, artifact_id) WHERE seed IS NOT NULL;

-- name: create_sizes_index
CREATE INDEX IF NOT EXISTS media_generator_files_by_size
ON media_generator_files (width, height, artifact_id) WHERE width IS NOT NULL;

-- name: create_pixels_index
CREATE INDEX IF NOT EXISTS media_generator_files_by_pixels
ON media_generator_files (pixels, artifact_id);

-- The workflows that people and programs chose by name for prompts.

-- name: create_choices
CREATE TABLE IF NOT EXISTS media_generator_choices (
    prompt_id INTEGER PRIMARY KEY,
    workflow TEXT NOT NULL CHECK (length(workflow) BETWEEN 1 AND 64)
);

-- The named workflows that rendered, each variant of a render, and why they were chosen.

-- name: create_render_workflows
CREATE TABLE IF NOT EXISTS media_generator_render_workflows (
    render_id INTEGER NOT NULL,
    variant INTEGER NOT NULL CHECK (variant >= 1),
    prompt_id INTEGER NOT NULL,
    workflow TEXT NOT NULL CHECK (length(workflow) BETWEEN 1 AND 64),
    reason TEXT NOT NULL,
    PRIMARY KEY (render_id, variant)
) WITHOUT ROWID;

-- name: create_render_workflows_index
CREATE INDEX IF NOT EXISTS media_generator_prompt_workflows
ON media_generator_render_workflows (prompt_id, render_id);

-- The labels that prompts have in common, and what makes each different: JSON values by path.

-- name: create_labels
CREATE TABLE IF NOT EXISTS media_generator_labels (
    prompt_id INTEGER PRIMARY KEY,
    label TEXT NOT NULL CHECK (length(label) BETWEEN 1 AND 200),
    varied TEXT NOT NULL CHECK (json_valid(varied))
);

-- name: create_labels_index
CREATE INDEX IF NOT EXISTS media_generator_label_prompts
ON media_generator_labels (label, prompt_id);

-- What was published for jobs that other prompts may ask for again, by a hash of the job.

-- name: create_reuse
CREATE TABLE IF NOT EXISTS media_generator_reuse (
    reuse_key TEXT NOT NULL PRIMARY KEY CHECK (length(reuse_key) = 64),
    prompt_id INTEGER NOT NULL,
    render_id INTEGER NOT NULL,
    files TEXT NOT NULL CHECK (json_valid(files))
) WITHOUT ROWID;

-- Named workflows that hold back their prompts. Each belongs to the machine and the settings that met the failure.

-- name: create_holds
CREATE TABLE IF NOT EXISTS media_generator_holds (
    host TEXT NOT NULL,
    boot TEXT NOT NULL,
    settings TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('image', 'audio')),
    workflow TEXT NOT NULL CHECK (length(workflow) BETWEEN 1 AND 64),
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    held_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (host, settings, kind, workflow)
) WITHOUT ROWID;

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

-- By state, for counts and lists. The first column is an expression, so that SQLite does not choose
-- these indexes for statements of other programs.

-- name: create_state_image_index
CREATE INDEX IF NOT EXISTS media_generator_state_image
ON prompts (({shown_status}), ({is_completed}), created_at) WHERE prompt_type = 'image_prompt';

-- name: create_state_audio_index
CREATE INDEX IF NOT EXISTS media_generator_state_audio
ON prompts (({shown_status}), ({is_completed}), created_at) WHERE prompt_type = 'lyrics_prompt';

-- A template for one kind: one step along the index for each different status; NULL comes last, whether there is such a
-- prompt or not.

-- name: shown_statuses
WITH RECURSIVE statuses (status) AS (
    SELECT min({p.shown_status})
    FROM prompts AS p {index}
    WHERE p.prompt_type = '{prompt_type}'
    UNION ALL
    SELECT (
        SELECT min({p.shown_status})
        FROM prompts AS p {index}
        WHERE p.prompt_type = '{prompt_type}' AND {p.shown_status} > s.status
    )
    FROM statuses AS s
    WHERE s.status IS NOT NULL
)
SELECT status FROM statuses LIMIT :limit;

-- For the list of all prompts, newest first; the status is not in it, so that claims and ends of
-- renders leave it alone.

-- name: create_listed_image_index
CREATE INDEX IF NOT EXISTS media_generator_listed_image
ON prompts (created_at, id) WHERE prompt_type = 'image_prompt';

-- name: create_listed_audio_index
CREATE INDEX IF NOT EXISTS media_generator_listed_audio
ON prompts (created_at, id) WHERE prompt_type = 'lyrics_prompt';

-- Only where prompts have a priority, and it is asked for.

-- name: create_urgent_image_index
CREATE INDEX IF NOT EXISTS media_generator_urgent_image
ON prompts (coalesce(priority, 5) DESC, created_at, id)
WHERE
    status = 'completed' AND artifact_status = 'pending'
    AND prompt_type = 'image_prompt' AND output_reference IS NOT NULL;

-- name: create_urgent_audio_index
CREATE INDEX IF NOT EXISTS media_generator_urgent_audio
ON prompts (coalesce(priority, 5) DESC, created_at, id)
WHERE
    status = 'completed' AND artifact_status = 'pending'
    AND prompt_type = 'lyrics_prompt' AND output_reference IS NOT NULL;
