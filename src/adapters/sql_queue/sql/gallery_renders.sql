-- Renders for the page; all of them are in our own table. Nothing here writes.

-- name: last_renders
SELECT
    r.prompt_id, r.attempt, r.failure_code, r.failure_message, r.finished_at,
    CASE
        WHEN
            r.retry_at > {now_precise}
            AND r.retry_at <= {longest_wait}
            THEN r.retry_at
    END,
    r.outcome IN ('released', 'abandoned') OR r.retry_at IS NOT NULL
FROM media_generator_renders AS r
WHERE
    r.render_id IN (
        SELECT max(n.render_id) FROM media_generator_renders AS n
        WHERE n.prompt_id IN {ids:ids}
        GROUP BY n.prompt_id
    );

-- name: ended
SELECT
    render_id, prompt_id, kind, owner_host, owner_pid, claimed_at, finished_at, outcome,
    failure_code, failure_message, seconds, attempt, crashes, retry_at
FROM media_generator_renders
WHERE outcome IS NOT NULL
ORDER BY render_id DESC
LIMIT :limit;

-- Renders end about in the order of their numbers, so that old ones need not be read.

-- name: ended_before
SELECT
    render_id, finished_at >= :since, {epoch:finished_at}, kind, outcome,
    failure_code, seconds
FROM media_generator_renders
WHERE render_id < :before AND outcome IS NOT NULL
ORDER BY render_id DESC
LIMIT :limit;
