-- Places of prompts in the list of all of them, newest first. Nothing here writes. All are templates:
-- the type stands in the words of the index, or SQLite could not use it.

-- name: places_by_age
SELECT p.created_at, p.id
FROM prompts AS p {index}
WHERE p.prompt_type = '{prompt_type}' AND {after} AND {dated}
ORDER BY p.created_at DESC, p.id DESC
LIMIT :limit;

-- name: places_by_state
SELECT p.created_at, p.id
FROM prompts AS p {index}
WHERE
    p.prompt_type = '{prompt_type}' AND {p.shown_status} IS {status}
    AND {p.is_completed} = :is_completed AND {after} AND {dated}
ORDER BY p.created_at DESC, p.id DESC
LIMIT :limit;

-- The rows are looked at by their ids, the youngest first, which is about the order that is
-- wanted: so each row after the first few is seen at once to come too late. SQLite keeps an
-- order within only where there is a limit.

-- name: scan
SELECT created_at, id
FROM (
    SELECT p.created_at, p.id
    FROM prompts AS p NOT INDEXED
    WHERE
        (:status IS NULL OR :status = {p.shown_status})
        AND {of_type} AND {after} AND {dated}
    ORDER BY p.id DESC
    LIMIT -1
)
ORDER BY created_at DESC, id DESC
LIMIT :limit;
