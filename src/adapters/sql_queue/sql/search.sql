-- What the index of words takes in, from the shared tables. Nothing here writes.

-- name: last_ids
SELECT
    (SELECT coalesce(max(id), 0) FROM prompts),
    (SELECT coalesce(max(id), 0) FROM writings);

-- name: texts_after
SELECT p.id, p.status, p.prompt_text, w.content
FROM prompts AS p {unindexed}
LEFT JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.id > :after AND p.id <= :last
    AND p.prompt_type IN ('image_prompt', 'lyrics_prompt')
ORDER BY p.id
LIMIT :limit;

-- name: texts_of
SELECT p.id, p.status, p.prompt_text, w.content
FROM prompts AS p
LEFT JOIN writings AS w ON w.id = p.output_reference
WHERE p.id IN {ids:ids} AND p.prompt_type IN ('image_prompt', 'lyrics_prompt');

-- name: writings_after
SELECT id, source_prompt_id
FROM writings
WHERE id > :after AND id <= :last
ORDER BY id
LIMIT :limit;

-- The tags that people gave to files; their own collections count, too.

-- name: tags_version
SELECT count(*), max(added_at) FROM media_generator_tags;

-- name: tags
SELECT a.prompt_id, t.name
FROM media_generator_tags AS t
INNER JOIN prompt_artifacts AS a ON a.id = t.artifact_id
ORDER BY a.prompt_id, t.name;

-- Which of the prompts that were found meet the other conditions.

-- name: matching
SELECT p.id
FROM prompts AS p
WHERE
    p.id IN {ids:ids}
    AND (:prompt_type IS NULL OR p.prompt_type = :prompt_type)
    AND (:status IS NULL OR :status = {p.shown_status});
