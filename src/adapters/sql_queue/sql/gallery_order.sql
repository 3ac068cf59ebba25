-- Ids of files in an order, with the value that they are sorted by; each follows one index.
-- All are templates. Nothing here writes.

-- name: every
SELECT a.id, 0 FROM prompt_artifacts AS a
WHERE a.id {beyond} :place
ORDER BY a.id {direction}
LIMIT :limit;

-- name: of_prompts
SELECT prompt_id, id FROM prompt_artifacts WHERE prompt_id IN {ids:ids};

-- name: favourites
SELECT c.artifact_id, 0 FROM media_generator_curation AS c
WHERE c.favourite = 1 AND c.artifact_id {beyond} :place
ORDER BY c.artifact_id {direction}
LIMIT :limit;

-- name: hidden
SELECT c.artifact_id, 0 FROM media_generator_curation AS c
WHERE c.hidden = 1 AND c.artifact_id {beyond} :place
ORDER BY c.artifact_id {direction}
LIMIT :limit;

-- name: discarded
SELECT c.artifact_id, 0 FROM media_generator_curation AS c
WHERE
    c.discarded_at IS NOT NULL AND c.purged_at IS NULL AND c.artifact_id {beyond} :place
ORDER BY c.artifact_id {direction}
LIMIT :limit;

-- name: of_group
SELECT l.artifact_id, 0 FROM media_generator_tags AS l
WHERE l.sort = :sort AND l.name = :name AND l.artifact_id {beyond} :place
ORDER BY l.artifact_id {direction}
LIMIT :limit;

-- name: with_rating
SELECT c.artifact_id, 0 FROM media_generator_curation AS c
WHERE c.rating > 0 AND c.rating = :rating AND c.artifact_id {beyond} :place
ORDER BY c.artifact_id {direction}
LIMIT :limit;

-- name: of_workflow
SELECT f.artifact_id, 0 FROM media_generator_files AS f
WHERE f.workflow = :workflow AND f.artifact_id {beyond} :place
ORDER BY f.artifact_id {direction}
LIMIT :limit;

-- name: of_seed
SELECT f.artifact_id, 0 FROM media_generator_files AS f
WHERE f.seed = :seed AND f.artifact_id {beyond} :place
ORDER BY f.artifact_id {direction}
LIMIT :limit;

-- name: of_size
SELECT f.artifact_id, 0 FROM media_generator_files AS f
WHERE f.width = :width AND f.height = :height AND f.artifact_id {beyond} :place
ORDER BY f.artifact_id {direction}
LIMIT :limit;

-- name: by_rating
SELECT c.artifact_id, c.rating FROM media_generator_curation AS c
WHERE c.rating > 0 AND (c.rating, c.artifact_id) < (:key, :place)
ORDER BY c.rating DESC, c.artifact_id DESC
LIMIT :limit;

-- name: by_pixels
SELECT f.artifact_id, f.pixels FROM media_generator_files AS f
WHERE (f.pixels, f.artifact_id) < (:key, :place)
ORDER BY f.pixels DESC, f.artifact_id DESC
LIMIT :limit;

-- The values of some files, where few match.

-- name: ratings_of
SELECT artifact_id, rating FROM media_generator_curation WHERE artifact_id IN {ids:ids};

-- name: pixels_of
SELECT artifact_id, pixels FROM media_generator_files WHERE artifact_id IN {ids:ids};

-- The middle of a search for a date, by halving.

-- name: date_below
SELECT a.id, a.created_at FROM prompt_artifacts AS a
WHERE a.id <= :place
ORDER BY a.id DESC
LIMIT 1;

-- name: oldest_id
SELECT min(id) FROM prompt_artifacts;
