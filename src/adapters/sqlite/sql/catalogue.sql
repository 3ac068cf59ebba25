-- Looking at the queue. Nothing here writes, and none but the last four statements need our
-- own tables.

-- name: counts
SELECT prompt_type, artifact_status, count(*)
FROM prompts
WHERE
    status = 'completed' AND prompt_type IN ('image_prompt', 'lyrics_prompt')
    AND artifact_status IS NOT 'pending'
GROUP BY prompt_type, artifact_status;

-- name: pending
SELECT p.prompt_type, count(*), min(p.created_at), max(p.created_at IS NULL)
FROM prompts AS p
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.status = 'completed' AND p.artifact_status = 'pending'
    AND p.prompt_type IN ('image_prompt', 'lyrics_prompt')
GROUP BY p.prompt_type;

-- name: unwritten
SELECT p.prompt_type, count(*)
FROM prompts AS p
LEFT JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.artifact_status = 'pending' AND p.prompt_type IN ('image_prompt', 'lyrics_prompt')
    AND (p.status IS NOT 'completed' OR w.id IS NULL)
GROUP BY p.prompt_type;

-- name: search
SELECT p.id, p.prompt_type, p.prompt_text, p.artifact_status, p.created_at, p.error_message
FROM prompts AS p
WHERE
    p.prompt_type IN ('image_prompt', 'lyrics_prompt')
    AND (:prompt_type IS NULL OR p.prompt_type = :prompt_type)
    AND (:artifact_status IS NULL OR p.artifact_status = :artifact_status)
    AND (
        :pattern IS NULL
        OR p.prompt_text LIKE :pattern ESCAPE '\'
        OR EXISTS (
            SELECT 1 FROM writings AS w
            WHERE w.id = p.output_reference AND w.content LIKE :pattern ESCAPE '\'
        )
    )
ORDER BY p.created_at DESC, p.id DESC
LIMIT :limit;

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

-- name: rendering
SELECT
    render_id, prompt_id, kind, owner_host, owner_pid, claimed_at, finished_at, outcome,
    failure_code, failure_message, seconds, attempt, crashes, retry_at
FROM media_generator_renders
WHERE outcome IS NULL
ORDER BY render_id;

-- name: newest_render
SELECT
    render_id, prompt_id, kind, owner_host, owner_pid, claimed_at, finished_at, outcome,
    failure_code, failure_message, seconds, attempt, crashes, retry_at
FROM media_generator_renders
ORDER BY render_id DESC
LIMIT 1;

-- The time is written as the claims write theirs, so that texts can be compared.

-- name: waiting
SELECT p.prompt_type, count(DISTINCT p.id), min(r.retry_at)
FROM media_generator_renders AS r
INNER JOIN prompts AS p ON p.id = r.prompt_id
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    r.retry_at > strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')
    AND p.status = 'completed' AND p.artifact_status = 'pending'
    AND p.prompt_type IN ('image_prompt', 'lyrics_prompt')
    AND NOT EXISTS (
        SELECT 1 FROM media_generator_renders AS n
        WHERE n.prompt_id = r.prompt_id AND n.render_id > r.render_id
    )
GROUP BY p.prompt_type;
