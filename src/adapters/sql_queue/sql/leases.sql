-- Leases of renders. A lease is held while its render is live and the prompt has not changed since
-- it was claimed.

-- name: holds
SELECT 1
FROM media_generator_renders AS r
INNER JOIN prompts AS p ON p.id = r.prompt_id
WHERE
    r.render_id = :render_id AND r.outcome IS NULL
    AND p.artifact_status = 'processing' AND p.status = 'completed'
    AND p.output_reference {is} r.output_reference;

-- name: heartbeat
UPDATE media_generator_renders SET heartbeat = {greater}(heartbeat + 1, :now)
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
            AND p.output_reference {is} media_generator_renders.output_reference
    );

-- The + before the key keeps SQLite from sorting by reading the whole history instead of the index
-- on the few live renders.

-- name: live
SELECT
    render_id, prompt_id, kind, owner_host, owner_boot, owner_namespace, owner_pid,
    owner_started, workflow_group, workflow_started, heartbeat, crashes, claimed_at,
    coalesce(token, '')
FROM media_generator_renders
WHERE outcome IS NULL
ORDER BY +render_id;

-- name: close_lost
UPDATE media_generator_renders
SET
    outcome = :outcome, finished_at = {now},
    failure_code = :failure_code, failure_message = :failure_message
WHERE render_id = :render_id AND outcome IS NULL AND heartbeat = :heartbeat;

-- name: move_lost_prompt
UPDATE prompts
SET artifact_status = :target, error_message = coalesce(:error_message, error_message)
WHERE
    id = :prompt_id AND artifact_status = :source AND status = 'completed'
    AND output_reference {is} (
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
    AND p.output_reference {is} r.output_reference;

-- A live render of the same prompt may be about to publish the files of this one. So may the next
-- render if the database refused to publish this one and the prompt is still pending.

-- name: closed
SELECT r.prompt_id, r.render_id, coalesce(r.token, '') FROM media_generator_renders AS r
WHERE
    r.outcome IS NOT NULL AND r.render_id IN {ids:render_ids}
    AND NOT EXISTS (
        SELECT 1 FROM media_generator_renders AS l
        WHERE l.prompt_id = r.prompt_id AND l.outcome IS NULL
    )
    AND NOT (
        EXISTS (
            SELECT 1 FROM media_generator_renders AS k
            WHERE
                k.prompt_id = r.prompt_id AND k.render_id >= r.render_id
                AND k.outcome = 'released' AND k.failure_code = 'database_constraint'
        )
        AND NOT EXISTS (
            SELECT 1 FROM media_generator_renders AS e
            WHERE
                e.prompt_id = r.prompt_id AND e.render_id >= r.render_id
                AND (e.outcome NOT IN ('released', 'abandoned') OR e.failure_code = 'cancelled')
        )
        AND EXISTS (
            SELECT 1 FROM prompts AS p
            WHERE
                p.id = r.prompt_id AND p.status = 'completed' AND p.artifact_status = 'pending'
                AND p.output_reference {is} r.output_reference
        )
    );

-- name: named
SELECT file_path FROM prompt_artifacts
WHERE file_path IN {texts:file_paths};
