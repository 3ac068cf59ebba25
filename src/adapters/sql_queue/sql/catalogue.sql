-- Reading the queue. Only the last four statements need Media Generator's own tables.

-- A prompt that a person cancelled is in error, with that code in its message; people see it apart.

-- Prompts by type, status, whether they are completed, and whether a pending one has its writing; with
-- the earliest date, and whether one has none.

-- name: counts
SELECT
    p.prompt_type, {p.shown_status}, {p.is_completed},
    CASE
        WHEN p.artifact_status = 'pending' AND p.status = 'completed'
            THEN EXISTS (SELECT 1 FROM writings AS w WHERE w.id = p.output_reference)
    END,
    count(*), min(p.created_at), max(CASE WHEN p.created_at IS NULL THEN 1 ELSE 0 END)
FROM prompts AS p {unindexed}
WHERE p.prompt_type IN ('image_prompt', 'lyrics_prompt')
GROUP BY 1, 2, 3, 4;

-- By reading every prompt.

-- name: search
SELECT p.id, p.prompt_type, p.prompt_text, p.artifact_status, p.created_at, p.error_message
FROM prompts AS p
WHERE
    p.prompt_type IN ('image_prompt', 'lyrics_prompt')
    AND (:prompt_type IS NULL OR p.prompt_type = :prompt_type)
    AND (:artifact_status IS NULL OR :artifact_status = {p.shown_status})
    AND (
        :pattern IS NULL
        OR p.prompt_text {like} :pattern ESCAPE '\'
        OR EXISTS (
            SELECT 1 FROM writings AS w
            WHERE w.id = p.output_reference AND w.content {like} :pattern ESCAPE '\'
        )
    )
ORDER BY {newest_first}
LIMIT :limit;

-- name: matching
SELECT p.id, p.prompt_type, p.prompt_text, p.artifact_status, p.created_at, p.error_message
FROM prompts AS p
WHERE
    p.id IN {ids:ids}
    AND (
        :pattern IS NULL
        OR p.prompt_text {like} :pattern ESCAPE '\'
        OR EXISTS (
            SELECT 1 FROM writings AS w
            WHERE w.id = p.output_reference AND w.content {like} :pattern ESCAPE '\'
        )
    );

-- name: prompt
SELECT
    p.id, p.prompt_type, p.prompt_text, p.artifact_status, p.created_at, p.error_message,
    p.status, w.id, w.content
FROM prompts AS p
LEFT JOIN writings AS w ON w.id = p.output_reference
WHERE p.id = :prompt_id AND p.prompt_type IN ('image_prompt', 'lyrics_prompt');

-- name: artifacts
SELECT id, artifact_type, file_path, preview_path, metadata, created_at
FROM prompt_artifacts
WHERE prompt_id = :prompt_id
ORDER BY id;

-- name: renders
SELECT
    render_id, prompt_id, kind, owner_host, owner_pid, claimed_at, finished_at, outcome,
    failure_code, failure_message, seconds, attempt, crashes, retry_at
FROM media_generator_renders
WHERE prompt_id = :prompt_id
ORDER BY render_id DESC;

-- As in leases.sql: without the + before the key, the whole history is read.

-- name: rendering
SELECT
    render_id, prompt_id, kind, owner_host, owner_pid, claimed_at, finished_at, outcome,
    failure_code, failure_message, seconds, attempt, crashes, retry_at,
    owner_boot, owner_namespace, owner_started, heartbeat
FROM media_generator_renders
WHERE outcome IS NULL
ORDER BY +render_id;

-- name: newest_render
SELECT
    render_id, prompt_id, kind, owner_host, owner_pid, claimed_at, finished_at, outcome,
    failure_code, failure_message, seconds, attempt, crashes, retry_at
FROM media_generator_renders
ORDER BY render_id DESC
LIMIT 1;

-- The time has the format of the claims, so that texts can be compared. {ordered} keeps SQLite
-- from beginning with the prompts.

-- name: waiting
SELECT p.prompt_type, count(DISTINCT p.id), min(r.retry_at)
FROM media_generator_renders AS r
{ordered} JOIN prompts AS p ON p.id = r.prompt_id
{ordered} JOIN writings AS w ON w.id = p.output_reference
WHERE
    r.retry_at > {now_precise}
    AND r.retry_at <= {longest_wait}
    AND p.status = 'completed' AND p.artifact_status = 'pending'
    AND p.prompt_type IN ('image_prompt', 'lyrics_prompt')
    AND NOT EXISTS (
        SELECT 1 FROM media_generator_renders AS n
        WHERE n.prompt_id = r.prompt_id AND n.render_id > r.render_id
    )
GROUP BY p.prompt_type;

-- The newest renders that published something, the newest first; a bounded part of the history.

-- name: published_seconds
SELECT kind, seconds
FROM (
    SELECT kind, outcome, seconds FROM media_generator_renders ORDER BY render_id DESC LIMIT 400
) AS newest
WHERE outcome = 'published' AND seconds IS NOT NULL;
