-- What was published for jobs that other prompts may ask for again.

-- name: find
SELECT u.prompt_id, u.render_id, u.files
FROM media_generator_reuse AS u
WHERE
    u.reuse_key = :reuse_key
    AND u.prompt_id <> :prompt_id
    AND NOT EXISTS (
        SELECT 1 FROM media_generator_renders AS r
        WHERE r.prompt_id = :prompt_id AND r.outcome = 'published'
    );

-- name: remember
INSERT INTO media_generator_reuse (reuse_key, prompt_id, render_id, files)
VALUES (:reuse_key, :prompt_id, :render_id, :files)
ON CONFLICT (reuse_key) DO UPDATE
SET prompt_id = excluded.prompt_id, render_id = excluded.render_id, files = excluded.files;
