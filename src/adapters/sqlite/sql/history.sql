-- Renders that ended long ago. They are looked at in the order of their numbers, a few at a
-- time: no lock is held for long, and no index has to be kept for it.

-- name: look
SELECT
    r.render_id,
    r.finished_at < :moment
    AND EXISTS (
        SELECT 1 FROM media_generator_renders AS n
        WHERE n.prompt_id = r.prompt_id AND n.render_id > r.render_id
    )
FROM media_generator_renders AS r
WHERE r.render_id > :after
ORDER BY r.render_id
LIMIT :limit;

-- name: forget
DELETE FROM media_generator_renders
WHERE
    render_id IN (SELECT value FROM json_each(:render_ids))
    AND outcome IS NOT NULL
    AND EXISTS (
        SELECT 1 FROM media_generator_renders AS n
        WHERE
            n.prompt_id = media_generator_renders.prompt_id
            AND n.render_id > media_generator_renders.render_id
    )
RETURNING render_id;
