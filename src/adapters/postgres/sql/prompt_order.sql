-- Places of prompts in the list of all of them, newest first: a template. The planner takes an index
-- by age where there is one.

-- name: scan
SELECT p.created_at, p.id
FROM prompts AS p
WHERE
    (:status IS NULL OR :status = {p.shown_status})
    AND {of_type} AND {after} AND {dated}
ORDER BY {newest_first}
LIMIT :limit;
