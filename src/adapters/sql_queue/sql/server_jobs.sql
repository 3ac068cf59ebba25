-- Jobs on render servers and their renders. A row is written before the job is submitted, and
-- removed when the job has ended or is no longer needed.

-- Only for a live render whose prompt is as it was claimed, and never from another live one. A
-- render that continues the job of an earlier one leaves its time as it is.

-- name: hold_job
INSERT INTO media_generator_server_jobs (job_id, render_id, server, variant, fingerprint, seed)
SELECT :job_id, :render_id, :server, :variant, :fingerprint, :seed
FROM media_generator_renders AS r
INNER JOIN prompts AS p ON p.id = r.prompt_id
WHERE
    r.render_id = :render_id AND r.outcome IS NULL
    AND p.artifact_status = 'processing' AND p.status = 'completed'
    AND p.output_reference {is} r.output_reference
ON CONFLICT (job_id) DO UPDATE
SET
    render_id = excluded.render_id,
    held_at = CASE
        WHEN media_generator_server_jobs.render_id = excluded.render_id THEN {now}
        ELSE media_generator_server_jobs.held_at
    END
WHERE
    media_generator_server_jobs.render_id = excluded.render_id
    OR NOT EXISTS (
        SELECT 1 FROM media_generator_renders AS o
        WHERE o.render_id = media_generator_server_jobs.render_id AND o.outcome IS NULL
    );

-- An acceptance continues after renders that were given back or whose worker died, unless the
-- prompt was cancelled in between. Jobs of earlier acceptances are orphaned.

-- name: earlier_jobs
SELECT j.job_id, j.server, j.variant, j.fingerprint, j.seed, j.held_at, {now}
FROM media_generator_server_jobs AS j
INNER JOIN media_generator_renders AS r ON r.render_id = j.render_id
WHERE
    r.prompt_id = :prompt_id AND r.render_id < :render_id
    AND NOT EXISTS (
        SELECT 1 FROM media_generator_renders AS f
        WHERE
            f.prompt_id = r.prompt_id AND f.render_id BETWEEN r.render_id AND :render_id - 1
            AND (
                f.outcome IS NULL OR f.outcome NOT IN ('released', 'abandoned')
                OR f.failure_code = 'cancelled'
            )
    )
ORDER BY r.render_id DESC, j.held_at DESC, j.variant;

-- A render may not end a job of another live render; after its own end, any job but its own; after
-- a takeover, not even its own.

-- name: job_of_others
SELECT 1
FROM media_generator_server_jobs AS j
LEFT JOIN media_generator_renders AS r ON r.render_id = j.render_id
WHERE
    j.job_id = :job_id
    AND CASE
        WHEN j.render_id = :render_id THEN r.outcome {is} 'abandoned'
        WHEN r.render_id IS NOT NULL AND r.outcome IS NULL THEN TRUE
        ELSE NOT EXISTS (
            SELECT 1 FROM media_generator_renders AS m
            WHERE m.render_id = :render_id AND m.outcome IS NULL
        )
    END;

-- name: drop_job
DELETE FROM media_generator_server_jobs
WHERE job_id = :job_id AND (:render_id IS NULL OR render_id <= :render_id);

-- Jobs are few and renders are many: a join might be planned the other way round.

-- name: published_jobs
SELECT 1
FROM media_generator_server_jobs AS j
WHERE
    (
        SELECT r.outcome FROM media_generator_renders AS r WHERE r.render_id = j.render_id
    ) = 'published'
LIMIT 1;

-- name: drop_published_jobs
DELETE FROM media_generator_server_jobs
WHERE job_id IN (
    SELECT j.job_id
    FROM media_generator_server_jobs AS j
    WHERE
        (
            SELECT r.outcome FROM media_generator_renders AS r WHERE r.render_id = j.render_id
        ) = 'published'
);

-- Jobs of closed renders that no render of the same acceptance can continue.

-- name: orphaned_jobs
SELECT j.job_id, j.server, j.variant, j.fingerprint, j.seed, j.held_at, {now}
FROM media_generator_server_jobs AS j
LEFT JOIN media_generator_renders AS r ON r.render_id = j.render_id
WHERE
    r.render_id IS NULL
    OR (
        r.outcome IS NOT NULL
        AND (
            NOT EXISTS (
                SELECT 1 FROM prompts AS p
                WHERE
                    p.id = r.prompt_id AND p.status = 'completed'
                    AND p.artifact_status IN ('pending', 'processing')
            )
            OR EXISTS (
                SELECT 1 FROM media_generator_renders AS f
                WHERE
                    f.prompt_id = r.prompt_id AND f.render_id >= r.render_id
                    AND f.outcome IS NOT NULL
                    AND (
                        f.outcome NOT IN ('released', 'abandoned')
                        OR f.failure_code = 'cancelled'
                    )
            )
        )
    )
ORDER BY j.held_at, j.job_id
LIMIT 50;
