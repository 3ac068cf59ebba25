-- Published files for the page. The table has no index that we may count on but its key, so a
-- page walks a bounded stretch of that, newest first. Nothing here writes.

-- name: newest_id
SELECT max(id) FROM prompt_artifacts WHERE id <= :last;

-- Dates are compared as text, a day wider than asked for; who reads them looks closer.

-- name: page
SELECT
    a.id, a.prompt_id, a.artifact_type, a.file_path, a.preview_path, a.metadata, a.created_at,
    p.prompt_text, p.artifact_status
FROM prompt_artifacts AS a
LEFT JOIN prompts AS p ON p.id = a.prompt_id
WHERE
    a.id <= :last AND a.id >= :first
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
