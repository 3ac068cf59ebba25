-- Ending a render. The prompt moves only if the render is live and the prompt has not changed since
-- it was claimed.

-- name: move_prompt
UPDATE prompts
SET
    artifact_status = :target,
    error_message = CASE WHEN :keep_message THEN error_message ELSE :error_message END
WHERE
    id = :prompt_id AND artifact_status = :source AND status = 'completed'
    AND EXISTS (
        SELECT 1 FROM media_generator_renders AS r
        WHERE
            r.render_id = :render_id AND r.outcome IS NULL
            AND r.output_reference {is} prompts.output_reference
    );

-- name: insert_artifact
INSERT INTO prompt_artifacts (
    prompt_id, artifact_type, file_path, preview_path, metadata, created_at, updated_at
)
VALUES (
    :prompt_id, :artifact_type, :file_path, :preview_path, :metadata,
    {now}, {now}
);

-- A rehearsal is valid until a table, trigger or index changes.

-- name: schema_version
PRAGMA schema_version;

-- name: written_artifacts
SELECT id FROM prompt_artifacts
WHERE
    prompt_id = :prompt_id
    AND file_path IN {texts:file_paths};

-- name: close_render
UPDATE media_generator_renders
SET
    outcome = :outcome, finished_at = {now}, seconds = :seconds,
    failure_code = :failure_code, failure_message = :failure_message, retry_at = :retry_at
WHERE render_id = :render_id AND outcome IS NULL;

-- name: cancel_prompt
UPDATE prompts SET artifact_status = :target, error_message = :error_message
WHERE
    id = :prompt_id AND artifact_status = :source
    AND prompt_type IN ('image_prompt', 'lyrics_prompt');

-- name: cancel_render
UPDATE media_generator_renders
SET
    outcome = 'cancelled', finished_at = {now},
    failure_code = :failure_code, failure_message = :failure_message
WHERE prompt_id = :prompt_id AND outcome IS NULL;

-- A prompt that is cancelled between two renders starts again: its attempts and crashes no longer
-- count.

-- name: cancel_acceptance
UPDATE media_generator_renders
SET failure_code = :failure_code, failure_message = :failure_message
WHERE
    render_id = (
        SELECT max(render_id) FROM media_generator_renders WHERE prompt_id = :prompt_id
    )
    AND outcome IN ('released', 'abandoned');

-- A request by a person starts a new acceptance, without the waits and attempts of the last one.

-- name: forget_retries
UPDATE media_generator_renders SET retry_at = NULL
WHERE prompt_id = :prompt_id AND retry_at IS NOT NULL;

-- name: status_of
SELECT prompt_type, artifact_status, error_message FROM prompts WHERE id = :prompt_id;

-- name: requeue
UPDATE prompts SET artifact_status = :target, error_message = :error_message
WHERE
    id = :prompt_id AND artifact_status = :source
    AND prompt_type IN ('image_prompt', 'lyrics_prompt');

-- A template, for one kind: all but those that a person cancelled.

-- name: errors
SELECT p.id FROM prompts AS p {index}
WHERE
    p.prompt_type = '{prompt_type}' AND {p.shown_status} = 'error' AND {p.is_completed} = 1;

-- A render without a row was closed and removed long ago: another worker took over.

-- name: loss
SELECT
    p.artifact_status, p.status, p.output_reference {is} r.output_reference,
    CASE WHEN r.render_id IS NULL THEN 'abandoned' ELSE r.outcome END
FROM prompts AS p
LEFT JOIN media_generator_renders AS r ON r.render_id = :render_id
WHERE p.id = :prompt_id;

-- The place in the queue that a person gave to a prompt ends with its acceptance.

-- name: forget_priority
DELETE FROM media_generator_priorities WHERE prompt_id = :prompt_id;

-- name: forget_old_priorities
DELETE FROM media_generator_priorities
WHERE
    NOT EXISTS (
        SELECT 1 FROM prompts AS p
        WHERE
            p.id = media_generator_priorities.prompt_id
            AND p.artifact_status IN ('pending', 'processing')
    );

-- name: priority_bounds
SELECT coalesce(min(priority), 0), coalesce(max(priority), 0) FROM media_generator_priorities;

-- name: set_priority
INSERT INTO media_generator_priorities (prompt_id, priority) VALUES (:prompt_id, :priority)
ON CONFLICT (prompt_id) DO UPDATE SET priority = excluded.priority;
