-- Ratings, hidden files, tags, collections and the wastebasket. Only our own tables are written.

-- name: known
SELECT id FROM prompt_artifacts WHERE id IN {ids:ids};

-- name: curated
SELECT
    c.artifact_id, c.favourite, c.rating, c.hidden,
    CASE WHEN c.discarded_path = a.file_path THEN c.discarded_at END,
    CASE WHEN c.discarded_path = a.file_path THEN c.removing_at END
FROM media_generator_curation AS c
LEFT JOIN prompt_artifacts AS a ON a.id = c.artifact_id
WHERE c.artifact_id IN {ids:ids};

-- name: groups_of
SELECT artifact_id, sort, name FROM media_generator_tags
WHERE artifact_id IN {ids:ids}
ORDER BY artifact_id, name;

-- A template, for one column.

-- name: set_value
INSERT INTO media_generator_curation (artifact_id, {column})
SELECT a.id, :value FROM prompt_artifacts AS a WHERE a.id IN {ids:ids}
ON CONFLICT (artifact_id) DO UPDATE SET {column} = excluded.{column};

-- name: add_to_group
INSERT INTO media_generator_tags (sort, name, artifact_id)
SELECT CAST(:sort AS TEXT), CAST(:name AS TEXT), a.id
FROM prompt_artifacts AS a WHERE a.id IN {ids:ids}
ON CONFLICT (sort, name, artifact_id) DO NOTHING;

-- name: remove_from_group
DELETE FROM media_generator_tags
WHERE sort = :sort AND name = :name AND artifact_id IN {ids:ids};

-- One group takes the place of another, which may exist.

-- name: copy_group
INSERT INTO media_generator_tags (sort, name, artifact_id, added_at)
SELECT l.sort, CAST(:new_name AS TEXT), l.artifact_id, l.added_at
FROM media_generator_tags AS l WHERE l.sort = :sort AND l.name = :name
ON CONFLICT (sort, name, artifact_id) DO NOTHING;

-- name: drop_group
DELETE FROM media_generator_tags WHERE sort = :sort AND name = :name;

-- name: names
SELECT name, count(*) FROM media_generator_tags
WHERE sort = :sort
GROUP BY name
ORDER BY name;

-- What is in the wastebasket already keeps its date.

-- name: discard
INSERT INTO media_generator_curation (artifact_id, discarded_path, discarded_at)
SELECT a.id, a.file_path, {now_precise} FROM prompt_artifacts AS a WHERE a.id IN {ids:ids}
ON CONFLICT (artifact_id) DO UPDATE SET
    discarded_path = excluded.discarded_path, discarded_at = excluded.discarded_at,
    removing_at = NULL, purged_at = NULL
WHERE
    media_generator_curation.discarded_path IS NULL
    OR media_generator_curation.discarded_path <> excluded.discarded_path;

-- name: restore
UPDATE media_generator_curation SET discarded_path = NULL, discarded_at = NULL
WHERE artifact_id IN {ids:ids} AND discarded_at IS NOT NULL AND removing_at IS NULL;

-- name: waste
SELECT
    a.id, a.prompt_id, a.artifact_type, a.file_path, a.preview_path, a.metadata, a.created_at,
    p.prompt_text, p.artifact_status
FROM media_generator_curation AS c
{ordered} JOIN prompt_artifacts AS a ON a.id = c.artifact_id
LEFT JOIN prompts AS p ON p.id = a.prompt_id
WHERE
    c.discarded_at IS NOT NULL AND c.purged_at IS NULL AND a.file_path = c.discarded_path
    AND c.artifact_id > :after
    AND (:before IS NULL OR c.discarded_at < :before OR c.removing_at IS NOT NULL)
ORDER BY c.artifact_id
LIMIT :limit;

-- From here on nothing brings it back.

-- name: begin_removal
UPDATE media_generator_curation SET removing_at = {now_precise}
WHERE artifact_id = :artifact_id AND discarded_path = :path AND purged_at IS NULL;

-- name: end_removal
UPDATE media_generator_curation SET purged_at = {now_precise}
WHERE artifact_id = :artifact_id AND discarded_path = :path AND removing_at IS NOT NULL;

-- Files that other rows name too, and that these rows still need. Every row is read.

-- name: shared_paths
SELECT a.file_path, a.preview_path
FROM prompt_artifacts AS a
LEFT JOIN media_generator_curation AS c
    ON c.artifact_id = a.id AND c.discarded_path = a.file_path
WHERE
    (a.file_path IN {texts:paths} OR a.preview_path IN {texts:paths})
    AND c.discarded_at IS NULL;

-- What is not known of the newest files; ids need not become visible in their order.

-- name: newest_file
SELECT coalesce(max(artifact_id), 0) FROM media_generator_files;

-- name: unread
SELECT a.id, a.metadata
FROM prompt_artifacts AS a
WHERE
    a.id > :after
    AND NOT EXISTS (SELECT 1 FROM media_generator_files AS f WHERE f.artifact_id = a.id)
ORDER BY a.id
LIMIT :limit;

-- name: insert_file
INSERT INTO media_generator_files (artifact_id, workflow, seed, width, height, pixels)
VALUES (:artifact_id, :workflow, :seed, :width, :height, :pixels)
ON CONFLICT (artifact_id) DO NOTHING;

-- One step along the index for each workflow.

-- name: workflows
WITH RECURSIVE workflows (workflow) AS (
    SELECT min(f.workflow) FROM media_generator_files AS f WHERE f.workflow IS NOT NULL
    UNION ALL
    SELECT (
        SELECT min(f.workflow) FROM media_generator_files AS f WHERE f.workflow > s.workflow
    )
    FROM workflows AS s
    WHERE s.workflow IS NOT NULL
)

SELECT workflow FROM workflows WHERE workflow IS NOT NULL LIMIT :limit;

-- name: owners
SELECT id, metadata FROM prompt_artifacts WHERE id IN {ids:ids};
