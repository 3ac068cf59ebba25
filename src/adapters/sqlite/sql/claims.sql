-- Taking a prompt. It waits for the time that its last render set; a wait that a later render
-- ended does not come back when the clock is set back.

-- A template, for one kind and one order. The conditions stand in the words of the partial index, or SQLite
-- could not use it; the index is named where it is there, since one of others on the status
-- looks just as good to SQLite and would walk through the whole history.

-- name: next_pending
SELECT p.id, p.output_reference, w.id, w.content, p.created_at, {urgency}
FROM prompts AS p {index}
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.status = 'completed' AND p.artifact_status = 'pending'
    AND p.prompt_type = '{prompt_type}' AND p.output_reference IS NOT NULL
    AND (:excluding = '[]' OR p.id NOT IN (SELECT value FROM json_each(:excluding)))
    AND NOT EXISTS (
        SELECT 1 FROM media_generator_renders AS r
        WHERE
            r.prompt_id = p.id AND r.retry_at > :now
            AND NOT EXISTS (
                SELECT 1 FROM media_generator_renders AS n
                WHERE n.prompt_id = r.prompt_id AND n.render_id > r.render_id
            )
    )
ORDER BY {order}
LIMIT 1;

-- A template, for one order.

-- name: next_pending_among
SELECT p.id, p.output_reference, w.id, w.content, p.created_at, {urgency}, p.prompt_type
FROM prompts AS p
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.id IN (SELECT value FROM json_each(:only))
    AND p.id NOT IN (SELECT value FROM json_each(:excluding))
    AND p.status = 'completed' AND p.artifact_status = 'pending'
    AND (
        (:image AND p.prompt_type = 'image_prompt')
        OR (:audio AND p.prompt_type = 'lyrics_prompt')
    )
    AND NOT EXISTS (
        SELECT 1 FROM media_generator_renders AS r
        WHERE
            r.prompt_id = p.id AND r.retry_at > :now
            AND NOT EXISTS (
                SELECT 1 FROM media_generator_renders AS n
                WHERE n.prompt_id = r.prompt_id AND n.render_id > r.render_id
            )
    )
ORDER BY {order}
LIMIT 1;

-- name: count_pending
SELECT count(*)
FROM prompts AS p
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.status = 'completed' AND p.artifact_status = 'pending'
    AND (
        (:image AND p.prompt_type = 'image_prompt')
        OR (:audio AND p.prompt_type = 'lyrics_prompt')
    )
    AND (:only IS NULL OR p.id IN (SELECT value FROM json_each(:only)))
    AND p.id NOT IN (SELECT value FROM json_each(:excluding));

-- name: next_retry
SELECT min(r.retry_at)
FROM media_generator_renders AS r
INNER JOIN prompts AS p ON p.id = r.prompt_id
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    r.retry_at > :now AND p.status = 'completed' AND p.artifact_status = 'pending'
    AND (
        (:image AND p.prompt_type = 'image_prompt')
        OR (:audio AND p.prompt_type = 'lyrics_prompt')
    )
    AND (:only IS NULL OR p.id IN (SELECT value FROM json_each(:only)))
    AND p.id NOT IN (SELECT value FROM json_each(:excluding))
    AND NOT EXISTS (
        SELECT 1 FROM media_generator_renders AS n
        WHERE n.prompt_id = r.prompt_id AND n.render_id > r.render_id
    );

-- name: linked_writings
SELECT w.id, w.content
FROM prompt_writings AS pw
INNER JOIN writings AS w ON w.id = pw.writing_id
WHERE pw.prompt_id = :prompt_id AND w.content_type = :prompt_type
ORDER BY pw.writing_order, w.id;

-- name: take
UPDATE prompts SET artifact_status = :target
WHERE id = :prompt_id AND artifact_status = :source AND status = 'completed';

-- name: supersede_live
UPDATE media_generator_renders
SET outcome = 'superseded', finished_at = CURRENT_TIMESTAMP
WHERE prompt_id = :prompt_id AND outcome IS NULL;

-- An acceptance goes on while the last render was given back, or waits for another try, and
-- nobody cancelled the prompt meanwhile.

-- name: history
SELECT
    CASE
        WHEN outcome = 'failed' AND retry_at IS NOT NULL THEN attempt + 1
        WHEN failure_code = 'cancelled' THEN 1
        WHEN outcome IN ('released', 'abandoned') THEN attempt
        ELSE 1
    END,
    CASE
        WHEN failure_code = 'cancelled' THEN 0
        WHEN outcome = 'abandoned' THEN crashes + 1
        WHEN outcome = 'released' OR retry_at IS NOT NULL THEN crashes
        ELSE 0
    END
FROM media_generator_renders
WHERE prompt_id = :prompt_id
ORDER BY render_id DESC
LIMIT 1;

-- name: open_render
INSERT INTO media_generator_renders (
    prompt_id, kind, output_reference, attempt, crashes,
    owner_host, owner_boot, owner_namespace, owner_pid, owner_started
)
VALUES (
    :prompt_id, :kind, :output_reference, :attempt, :crashes,
    :owner_host, :owner_boot, :owner_namespace, :owner_pid, :owner_started
)
RETURNING render_id, claimed_at;
