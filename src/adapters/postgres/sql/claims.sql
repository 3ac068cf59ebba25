-- The wait for a retry is judged once more under the prompt's lock: the statement that found the
-- prompt may not have seen that another worker took and postponed it in the meantime.

-- name: take
UPDATE prompts SET artifact_status = :target
WHERE
    id = :prompt_id AND artifact_status = :source AND status = 'completed'
    AND NOT EXISTS (
        SELECT 1 FROM media_generator_renders AS r
        WHERE
            r.prompt_id = :prompt_id AND r.retry_at > :now AND r.retry_at <= :latest
            AND NOT EXISTS (
                SELECT 1 FROM media_generator_renders AS n
                WHERE n.prompt_id = r.prompt_id AND n.render_id > r.render_id
            )
    );

-- name: next_retry
SELECT min(r.retry_at)
FROM media_generator_renders AS r
INNER JOIN prompts AS p ON p.id = r.prompt_id
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    r.retry_at > :now AND r.retry_at <= :latest
    AND p.status = 'completed' AND p.artifact_status = 'pending'
    AND (
        (:image AND p.prompt_type = 'image_prompt')
        OR (:audio AND p.prompt_type = 'lyrics_prompt')
    )
    AND (:only IS NULL OR p.id IN {ids:only})
    AND p.id NOT IN {ids:excluding}
    AND NOT EXISTS (
        SELECT 1 FROM media_generator_renders AS n
        WHERE n.prompt_id = r.prompt_id AND n.render_id > r.render_id
    );
