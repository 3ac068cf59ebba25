-- Renders that ended long ago, among those of a range of numbers: locks are short, and no index is
-- needed.

-- name: look
SELECT r.render_id
FROM media_generator_renders AS r
WHERE
    r.render_id > :after AND r.render_id <= :last
    AND r.finished_at < :moment
    AND EXISTS (
        SELECT 1 FROM media_generator_renders AS n
        WHERE n.prompt_id = r.prompt_id AND n.render_id > r.render_id
    )
ORDER BY r.render_id
LIMIT :limit;

-- name: first_after
SELECT min(render_id) FROM media_generator_renders WHERE render_id > :after;

-- name: forget
DELETE FROM media_generator_renders
WHERE
    render_id IN {ids:render_ids}
    AND outcome IS NOT NULL
    AND EXISTS (
        SELECT 1 FROM media_generator_renders AS n
        WHERE
            n.prompt_id = media_generator_renders.prompt_id
            AND n.render_id > media_generator_renders.render_id
    )
RETURNING render_id;

-- name: forget_workflows
DELETE FROM media_generator_render_workflows WHERE render_id IN {ids:render_ids};

-- Outcomes of a machine's renders, oldest first. The limit includes the renders of other machines,
-- so that the search ends.

-- name: ended
SELECT
    n.kind, n.prompt_id, n.failure_code, n.failure_message,
    coalesce(
        (
            SELECT w.workflow FROM media_generator_render_workflows AS w
            WHERE w.render_id = n.render_id ORDER BY w.variant DESC LIMIT 1
        ),
        ''
    )
FROM (SELECT * FROM media_generator_renders ORDER BY render_id DESC LIMIT :limit) AS n
WHERE
    n.outcome IN ('published', 'failed', 'released')
    AND (n.owner_host = :host OR (:boot <> '' AND n.owner_boot = :boot))
ORDER BY n.render_id;

-- name: old_request
SELECT 1 FROM media_generator_requests WHERE requested_at < :moment LIMIT 1;

-- name: forget_requests
DELETE FROM media_generator_requests WHERE requested_at < :moment;
