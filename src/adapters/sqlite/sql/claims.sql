-- Runs whenever there is nothing to claim: CROSS JOIN makes SQLite begin with the few prompts that
-- wait instead of all prompts.

-- name: next_retry
SELECT min(r.retry_at)
FROM media_generator_renders AS r
CROSS JOIN prompts AS p ON p.id = r.prompt_id
CROSS JOIN writings AS w ON w.id = p.output_reference
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
