-- Published files for the page. The table has no index that we may count on but its key, so a
-- page walks a bounded stretch of that, newest first. Nothing here writes.

-- name: newest_id
SELECT max(id) FROM prompt_artifacts WHERE id <= :last;

-- Dates are compared as text, a day wider than asked for; who reads them looks closer. A template: the
-- ids are a stretch of the key or a list, and where our own tables exist they are joined.

-- name: page
SELECT
    a.id, a.prompt_id, a.artifact_type, a.file_path, a.preview_path, a.metadata, a.created_at,
    p.prompt_text, p.artifact_status
FROM prompt_artifacts AS a
LEFT JOIN prompts AS p ON p.id = a.prompt_id {with_curation}
WHERE
    {within} {curated}
    AND (:artifact_type IS NULL OR a.artifact_type = :artifact_type)
    AND (:oldest IS NULL OR a.created_at >= :oldest)
    AND (:newest IS NULL OR a.created_at < :newest)
    AND (:status IS NULL OR :status = {p.shown_status})
    AND (
        :pattern IS NULL
        OR CAST(p.prompt_text AS TEXT) {like} :pattern ESCAPE '\'
        OR EXISTS (
            SELECT 1 FROM writings AS w
            WHERE
                w.id = p.output_reference
                AND CAST(w.content AS TEXT) {like} :pattern ESCAPE '\'
        )
        OR (p.id IS NULL AND CAST(a.metadata AS TEXT) {like} :pattern ESCAPE '\')
    )
ORDER BY a.id DESC
LIMIT :limit;

-- Parts of that.

-- name: within_stretch
a.id <= :last AND a.id >= :first;

-- name: within_list
a.id IN {ids:ids};

-- name: curation_tables
LEFT JOIN media_generator_curation AS c ON c.artifact_id = a.id
LEFT JOIN media_generator_files AS f ON f.artifact_id = a.id;

-- name: curation_terms
AND (
    :shown = 'all'
    OR CASE
        WHEN c.discarded_path = a.file_path THEN
            CASE WHEN c.purged_at IS NULL THEN 'wastebasket' ELSE 'purged' END
        WHEN c.hidden = 1 THEN 'hidden'
        ELSE 'visible'
    END = :shown
)
AND (:favourite = 0 OR c.favourite = 1)
AND (:rating = 0 OR c.rating >= :rating)
AND (
    :tag IS NULL
    OR EXISTS (
        SELECT 1 FROM media_generator_tags AS l
        WHERE l.sort = 'tag' AND l.name = :tag AND l.artifact_id = a.id
    )
)
AND (
    :collection IS NULL
    OR EXISTS (
        SELECT 1 FROM media_generator_tags AS l
        WHERE l.sort = 'collection' AND l.name = :collection AND l.artifact_id = a.id
    )
)
AND (:workflow IS NULL OR f.workflow = :workflow)
AND (:seed IS NULL OR f.seed = :seed)
AND (:width IS NULL OR (f.width = :width AND f.height = :height));

-- name: label_terms
AND EXISTS (
    SELECT 1 FROM media_generator_labels AS m
    WHERE m.label = :label AND m.prompt_id = a.prompt_id
);

-- name: by_id
SELECT
    a.id, a.prompt_id, a.artifact_type, a.file_path, a.preview_path, a.metadata, a.created_at,
    p.prompt_text, p.artifact_status
FROM prompt_artifacts AS a
LEFT JOIN prompts AS p ON p.id = a.prompt_id
WHERE a.id = :artifact_id AND (:path IS NULL OR :path IN (a.file_path, a.preview_path));

-- name: id_by_path
SELECT id FROM prompt_artifacts
WHERE file_path = :path OR preview_path = :path
ORDER BY id DESC
LIMIT 1;

-- Where others made an index that begins with the prompt.

-- name: id_by_prompt_and_path
SELECT id FROM prompt_artifacts
WHERE prompt_id = :prompt_id AND (file_path = :path OR preview_path = :path)
ORDER BY id DESC
LIMIT 1;

-- name: of_prompt
SELECT
    a.id, a.prompt_id, a.artifact_type, a.file_path, a.preview_path, a.metadata, a.created_at,
    p.prompt_text, p.artifact_status
FROM prompts AS p
LEFT JOIN prompt_artifacts AS a ON a.prompt_id = p.id
WHERE p.id = :prompt_id
ORDER BY a.id;
