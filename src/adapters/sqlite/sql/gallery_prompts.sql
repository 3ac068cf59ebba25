-- Prompts for the page. Nothing here writes, and only the statements about renders need our own
-- tables.

-- Templates: places in the list of all prompts, newest first. The first is for one kind and one
-- index; the type stands in the words of that, or SQLite could not use it.

-- name: places
SELECT p.created_at, p.id
FROM prompts AS p {index}
WHERE p.prompt_type = '{prompt_type}' AND {after} AND {dated}
ORDER BY p.created_at DESC, p.id DESC
LIMIT :limit;

-- The rows are looked at by their ids, the youngest first, which is about the order that is
-- wanted: so each row after the first few is seen at once to come too late. SQLite keeps an
-- order within only where there is a limit.

-- name: scan
SELECT created_at, id
FROM (
    SELECT p.created_at, p.id
    FROM prompts AS p NOT INDEXED
    WHERE
        (:status IS NULL OR :status = CASE
                WHEN
                    p.artifact_status = 'error' AND (
                        CAST(p.error_message AS TEXT) = 'cancelled'
                        OR CAST(p.error_message AS TEXT) LIKE 'cancelled:%'
                    )
                    THEN 'cancelled'
                ELSE p.artifact_status
            END)
        AND {of_type} AND {after} AND {dated}
    ORDER BY p.id DESC
    LIMIT -1
)
ORDER BY created_at DESC, id DESC
LIMIT :limit;

-- name: matching
SELECT p.id
FROM prompts AS p
LEFT JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.id IN (SELECT value FROM json_each(:ids))
    AND (:status IS NULL OR :status = CASE
            WHEN
                p.artifact_status = 'error' AND (
                    CAST(p.error_message AS TEXT) = 'cancelled'
                    OR CAST(p.error_message AS TEXT) LIKE 'cancelled:%'
                )
                THEN 'cancelled'
            ELSE p.artifact_status
        END)
    AND (
        :pattern IS NULL
        OR CAST(p.prompt_text AS TEXT) LIKE :pattern ESCAPE '\'
        OR CAST(w.content AS TEXT) LIKE :pattern ESCAPE '\'
    );

-- name: listed
SELECT
    p.id, p.prompt_type, p.prompt_text, p.status, p.artifact_status, p.created_at,
    p.error_message, w.id, w.content
FROM prompts AS p
LEFT JOIN writings AS w ON w.id = p.output_reference
WHERE p.id IN (SELECT value FROM json_each(:ids));

-- name: plain
SELECT
    id, prompt_text, prompt_type, status, artifact_status, output_reference, created_at,
    error_message
FROM prompts
WHERE id IN (SELECT value FROM json_each(:ids)) AND (:status IS NULL OR status = :status);

-- name: artifact_counts
SELECT prompt_id, count(*)
FROM prompt_artifacts
WHERE prompt_id IN (SELECT value FROM json_each(:ids))
GROUP BY prompt_id;

-- A template, for one kind. The conditions stand in the words of the partial index that claims
-- use too.

-- name: waiting
SELECT p.id, p.prompt_text, p.created_at, w.id, w.content
FROM prompts AS p {index}
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.status = 'completed' AND p.artifact_status = 'pending'
    AND p.prompt_type = '{prompt_type}' AND p.output_reference IS NOT NULL
ORDER BY p.created_at, p.id
LIMIT :limit;

-- What ended in error: what failed, or what a person cancelled.

-- name: failed_ids
SELECT id FROM prompts
WHERE
    artifact_status = 'error' AND status = 'completed'
    AND prompt_type IN ('image_prompt', 'lyrics_prompt')
    AND :cancelled = (
        coalesce(CAST(error_message AS TEXT), '') = 'cancelled'
        OR coalesce(CAST(error_message AS TEXT), '') LIKE 'cancelled:%'
    )
ORDER BY created_at DESC, id DESC
LIMIT :limit;

-- name: failed_last
SELECT p.id
FROM prompts AS p
LEFT JOIN media_generator_renders AS r
    ON r.render_id = (
        SELECT max(n.render_id) FROM media_generator_renders AS n WHERE n.prompt_id = p.id
    )
WHERE
    p.artifact_status = 'error' AND p.status = 'completed'
    AND p.prompt_type IN ('image_prompt', 'lyrics_prompt')
    AND :cancelled = (
        coalesce(CAST(p.error_message AS TEXT), '') = 'cancelled'
        OR coalesce(CAST(p.error_message AS TEXT), '') LIKE 'cancelled:%'
    )
ORDER BY r.finished_at DESC, p.created_at DESC, p.id DESC
LIMIT :limit;
