-- Prompts for the page. Nothing here writes, and only the statements about renders need our own
-- tables.

-- name: matching
SELECT p.id
FROM prompts AS p
LEFT JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.id IN {ids:ids}
    AND (
        CAST(p.prompt_text AS TEXT) {like} :pattern ESCAPE '\'
        OR CAST(w.content AS TEXT) {like} :pattern ESCAPE '\'
    );

-- name: listed
SELECT
    p.id, p.prompt_type, p.prompt_text, p.status, p.artifact_status, p.created_at,
    p.error_message, w.id, w.content
FROM prompts AS p
LEFT JOIN writings AS w ON w.id = p.output_reference
WHERE p.id IN {ids:ids};

-- name: plain
SELECT
    id, prompt_text, prompt_type, status, artifact_status, output_reference, created_at,
    error_message
FROM prompts
WHERE id IN {ids:ids} AND (:status IS NULL OR status = :status);

-- name: artifact_counts
SELECT prompt_id, count(*)
FROM prompt_artifacts
WHERE prompt_id IN {ids:ids}
GROUP BY prompt_id;

-- The newest files of prompts, among the last files of all: others may have no index by prompt.

-- name: newest_artifacts
SELECT prompt_id, max(id)
FROM prompt_artifacts
WHERE
    id > (SELECT max(n.id) FROM prompt_artifacts AS n) - 2000
    AND prompt_id IN {ids:ids}
GROUP BY prompt_id;

-- A template, for one kind. The conditions stand in the words of the partial index that claims
-- use too.

-- name: waiting
SELECT p.id
FROM prompts AS p {index}
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.status = 'completed' AND p.artifact_status = 'pending'
    AND p.prompt_type = '{prompt_type}' AND p.output_reference IS NOT NULL
    AND {unmoved}
ORDER BY {oldest_first}
LIMIT :limit OFFSET :offset;

-- A condition of it, where a person moved some: they stand before or behind the others.

-- name: unmoved
NOT EXISTS (
    SELECT 1 FROM media_generator_priorities AS m WHERE m.prompt_id = p.id AND m.priority <> 5
)

-- A template, for one kind: those that a person moved in the queue, in the order of claims.

-- name: waiting_moved
SELECT m.priority, p.id
FROM media_generator_priorities AS m
{ordered} JOIN prompts AS p ON p.id = m.prompt_id
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.status = 'completed' AND p.artifact_status = 'pending'
    AND p.prompt_type = '{prompt_type}' AND m.priority <> 5
ORDER BY m.priority DESC, {oldest_first};

-- A template, for one kind: prompts in error, in any order; those that failed, or those that a person
-- cancelled. Other programs may call their own prompts cancelled.

-- name: in_error
SELECT p.id, p.created_at
FROM prompts AS p {index}
WHERE
    p.prompt_type = '{prompt_type}' AND {p.shown_status} = :shown
    AND {p.is_completed} = 1 AND p.artifact_status = 'error'
LIMIT :limit;

-- Where many are: those whose last render failed, the last one first, and the others.

-- name: failed_last
SELECT p.id
FROM media_generator_renders AS r {by_failure}
{ordered} JOIN prompts AS p ON p.id = r.prompt_id
WHERE
    r.failure_code IS NOT NULL AND p.artifact_status = 'error' AND p.status = 'completed'
    AND p.prompt_type IN ('image_prompt', 'lyrics_prompt') AND {p.shown_status} = :shown
    AND NOT EXISTS (
        SELECT 1 FROM media_generator_renders AS n
        WHERE n.prompt_id = r.prompt_id AND n.render_id > r.render_id
    )
ORDER BY r.finished_at DESC, {newest_first}
LIMIT :limit;

-- name: failed_otherwise
SELECT p.id FROM prompts AS p
WHERE
    p.artifact_status = 'error' AND p.status = 'completed'
    AND p.prompt_type IN ('image_prompt', 'lyrics_prompt')
    AND {p.shown_status} = :shown
    AND p.id NOT IN {ids:ids}
ORDER BY {newest_first}
LIMIT :limit;
