-- Who holds which render. A lease is held while its render is live and the prompt is as it was
-- when it was claimed.

-- name: holds
SELECT 1
FROM media_generator_renders AS r
INNER JOIN prompts AS p ON p.id = r.prompt_id
WHERE
    r.render_id = :render_id AND r.outcome IS NULL
    AND p.artifact_status = 'processing' AND p.status = 'completed'
    AND p.output_reference IS r.output_reference;

-- name: beat
UPDATE media_generator_renders SET heartbeat = heartbeat + 1
WHERE render_id = :render_id AND outcome IS NULL;

-- name: record_workflow
UPDATE media_generator_renders
SET workflow_group = :workflow_group, workflow_started = :workflow_started
WHERE
    render_id = :render_id AND outcome IS NULL
    AND EXISTS (
        SELECT 1 FROM prompts AS p
        WHERE
            p.id = media_generator_renders.prompt_id
            AND p.artifact_status = 'processing' AND p.status = 'completed'
            AND p.output_reference IS media_generator_renders.output_reference
    );

-- name: live
SELECT
    render_id, prompt_id, kind, owner_host, owner_boot, owner_namespace, owner_pid,
    owner_started, workflow_group, workflow_started, heartbeat, crashes
FROM media_generator_renders
WHERE outcome IS NULL
ORDER BY render_id;

-- name: close_lost
UPDATE media_generator_renders
SET
    outcome = :outcome, finished_at = CURRENT_TIMESTAMP,
    failure_code = :failure_code, failure_message = :failure_message
WHERE render_id = :render_id AND outcome IS NULL AND heartbeat = :heartbeat;

-- name: move_lost_prompt
UPDATE prompts
SET artifact_status = :target, error_message = coalesce(:error_message, error_message)
WHERE
    id = :prompt_id AND artifact_status = :source AND status = 'completed'
    AND output_reference IS (
        SELECT r.output_reference FROM media_generator_renders AS r
        WHERE r.render_id = :render_id
    );

-- name: claimed
SELECT r.output_reference, w.id, w.content
FROM media_generator_renders AS r
INNER JOIN prompts AS p ON p.id = r.prompt_id
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    r.render_id = :render_id
    AND p.artifact_status = 'processing' AND p.status = 'completed'
    AND p.output_reference IS r.output_reference;

-- While another render of the prompt is live, it may be about to publish what this one placed.

-- name: closed
SELECT r.render_id, r.prompt_id FROM media_generator_renders AS r
WHERE
    r.outcome IS NOT NULL AND r.render_id IN (SELECT value FROM json_each(:render_ids))
    AND NOT EXISTS (
        SELECT 1 FROM media_generator_renders AS l
        WHERE l.prompt_id = r.prompt_id AND l.outcome IS NULL
    );

-- name: named
SELECT file_path FROM prompt_artifacts
WHERE file_path IN (SELECT value FROM json_each(:file_paths));
