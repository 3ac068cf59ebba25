-- Taking a prompt.

-- A template, for one kind. The conditions stand in the words of the partial index, or SQLite
-- could not use it; the index is named where it is there, since one of others on the status
-- looks just as good to SQLite and would walk through the whole history.

-- name: next_pending
SELECT p.id, p.output_reference, w.id, w.content, p.created_at
FROM prompts AS p {index}
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.status = 'completed' AND p.artifact_status = 'pending'
    AND p.prompt_type = '{prompt_type}' AND p.output_reference IS NOT NULL
    AND (:excluding = '[]' OR p.id NOT IN (SELECT value FROM json_each(:excluding)))
ORDER BY p.created_at, p.id
LIMIT 1;

-- name: next_pending_among
SELECT p.id, p.output_reference, w.id, w.content, p.created_at, p.prompt_type
FROM prompts AS p
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.id IN (SELECT value FROM json_each(:only))
    AND p.id NOT IN (SELECT value FROM json_each(:excluding))
    AND p.status = 'completed' AND p.artifact_status = 'pending'
    AND (
        (:image AND p.prompt_type = 'image_prompt')
        OR (:audio AND p.prompt_type = 'lyrics_prompt')
    )
ORDER BY p.created_at, p.id
LIMIT 1;

-- name: count_pending
SELECT count(*)
FROM prompts AS p
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.status = 'completed' AND p.artifact_status = 'pending'
    AND (
        (:image AND p.prompt_type = 'image_prompt')
        OR (:audio AND p.prompt_type = 'lyrics_prompt')
    )
    AND (:only IS NULL OR p.id IN (SELECT value FROM json_each(:only)))
    AND p.id NOT IN (SELECT value FROM json_each(:excluding));

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
SET outcome = 'superseded', finished_at = CURRENT_TIMESTAMP
WHERE prompt_id = :prompt_id AND outcome IS NULL;

-- name: open_render
INSERT INTO media_generator_renders (prompt_id, kind, output_reference, worker)
VALUES (:prompt_id, :kind, :output_reference, :worker)
RETURNING render_id, claimed_at;
