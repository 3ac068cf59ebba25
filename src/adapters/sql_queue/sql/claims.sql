-- Claiming a prompt, not before the retry time of its last render.

-- A template for one kind and one order. The conditions repeat those of the partial index
-- literally, so that SQLite can use it. The index is named if it exists because SQLite might prefer
-- an index of another program on the status and read the whole history.

-- name: next_pending
SELECT p.id, p.output_reference, w.id, w.content, p.created_at, {urgency}
FROM prompts AS p {index}
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.status = 'completed' AND p.artifact_status = 'pending'
    AND p.prompt_type = '{prompt_type}' AND p.output_reference IS NOT NULL
    AND (:excluding = '[]' OR p.id NOT IN {ids:excluding})
    AND NOT EXISTS (SELECT 1 FROM media_generator_priorities AS m WHERE m.prompt_id = p.id)
    AND NOT {p.waits_for_retry}
ORDER BY {first}{oldest_first}
LIMIT :limit
{locked};

-- A template for one kind: the first of those that a person gave another place in the queue, if any.

-- name: next_moved
SELECT p.id, p.output_reference, w.id, w.content, p.created_at, m.priority
FROM media_generator_priorities AS m
CROSS JOIN prompts AS p
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.id = m.prompt_id AND p.status = 'completed' AND p.artifact_status = 'pending'
    AND p.prompt_type = '{prompt_type}'
    AND (:excluding = '[]' OR p.id NOT IN {ids:excluding})
    AND NOT {p.waits_for_retry}
ORDER BY m.priority DESC, {oldest_first}
LIMIT :limit
{locked};

-- Templates as the two above: the first prompts, of which one will be claimed; read without a lock.

-- name: pending_candidates
SELECT
    p.id, w.id, w.content, p.created_at, {urgency}, {config_name},
    (SELECT c.workflow FROM media_generator_choices AS c WHERE c.prompt_id = p.id)
FROM prompts AS p {index}
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.status = 'completed' AND p.artifact_status = 'pending'
    AND p.prompt_type = '{prompt_type}' AND p.output_reference IS NOT NULL
    AND {among}
    AND (:excluding = '[]' OR p.id NOT IN {ids:excluding})
    AND NOT EXISTS (SELECT 1 FROM media_generator_priorities AS m WHERE m.prompt_id = p.id)
    AND NOT {p.waits_for_retry}
ORDER BY {first}{oldest_first}
LIMIT :window;

-- name: moved_candidates
SELECT
    p.id, w.id, w.content, p.created_at, m.priority, {config_name},
    (SELECT c.workflow FROM media_generator_choices AS c WHERE c.prompt_id = p.id)
FROM media_generator_priorities AS m
CROSS JOIN prompts AS p
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.id = m.prompt_id AND p.status = 'completed' AND p.artifact_status = 'pending'
    AND p.prompt_type = '{prompt_type}'
    AND {among}
    AND (:excluding = '[]' OR p.id NOT IN {ids:excluding})
    AND NOT {p.waits_for_retry}
ORDER BY m.priority DESC, {oldest_first}
LIMIT :window;

-- A template for one order.

-- name: next_pending_among
SELECT
    p.id, p.output_reference, w.id, w.content, p.created_at,
    coalesce(
        (SELECT m.priority FROM media_generator_priorities AS m WHERE m.prompt_id = p.id), {urgency}
    ) AS urgency,
    p.prompt_type
FROM prompts AS p
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.id IN {ids:only}
    AND p.id NOT IN {ids:excluding}
    AND p.status = 'completed' AND p.artifact_status = 'pending'
    AND (
        (:image AND p.prompt_type = 'image_prompt')
        OR (:audio AND p.prompt_type = 'lyrics_prompt')
    )
    AND NOT {p.waits_for_retry}
ORDER BY urgency DESC, {oldest_first}
LIMIT :limit
{locked};

-- An expression: a prompt is among some.

-- name: among
p.id IN {ids:only};

-- A template for one kind; by the index, or among some prompts.

-- name: count_pending
SELECT count(*)
FROM (
    SELECT p.id
    FROM prompts AS p {index}
    INNER JOIN writings AS w ON w.id = p.output_reference
    WHERE
        p.status = 'completed' AND p.artifact_status = 'pending'
        AND p.prompt_type = '{prompt_type}' AND p.output_reference IS NOT NULL
        AND {among}
        AND (:excluding = '[]' OR p.id NOT IN {ids:excluding})
    LIMIT :at_most
) AS n;

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
SET outcome = 'superseded', finished_at = {now}
WHERE prompt_id = :prompt_id AND outcome IS NULL;

-- An acceptance continues if the last render was given back or waits for a retry, and the prompt
-- was not cancelled since. Only the last render of a prompt may be live.

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
    END,
    outcome IS NULL
FROM media_generator_renders
WHERE prompt_id = :prompt_id
ORDER BY render_id DESC
LIMIT 1;

-- Renders of this acceptance that may have left finished files because the database refused to
-- publish them, or refused to publish the files of an earlier one.

-- name: unpublished
SELECT r.render_id, coalesce(r.token, '') FROM media_generator_renders AS r
WHERE
    r.prompt_id = :prompt_id AND r.output_reference {is} :output_reference
    AND r.render_id <= (
        SELECT max(k.render_id) FROM media_generator_renders AS k
        WHERE
            k.prompt_id = :prompt_id
            AND k.outcome = 'released' AND k.failure_code = 'database_constraint'
    )
    AND NOT EXISTS (
        SELECT 1 FROM media_generator_renders AS e
        WHERE
            e.prompt_id = :prompt_id AND e.render_id >= r.render_id
            AND (e.outcome NOT IN ('released', 'abandoned') OR e.failure_code = 'cancelled')
    )
ORDER BY r.render_id;

-- name: open_render
INSERT INTO media_generator_renders (
    prompt_id, kind, output_reference, attempt, crashes,
    owner_host, owner_boot, owner_namespace, owner_pid, owner_started,
    workflow_group, workflow_started, token
)
VALUES (
    :prompt_id, :kind, :output_reference, :attempt, :crashes,
    :owner_host, :owner_boot, :owner_namespace, :owner_pid, :owner_started,
    :workflow_group, :workflow_started,
    {token}
)
RETURNING render_id, claimed_at, token;
