-- Numbers of prompts. A subquery for each pending prompt, as in SQLite, is slow here, and so is an index: PostgreSQL
-- does not count by an index on an expression without visiting the rows. Two passes that several processes share.

-- name: counts
WITH sums AS MATERIALIZED (
    SELECT
        p.prompt_type, {p.shown_status} AS status, {p.is_completed} AS is_completed,
        count(*) AS number
    FROM prompts AS p
    WHERE p.prompt_type IN ('image_prompt', 'lyrics_prompt')
    GROUP BY 1, 2, 3
),

written AS MATERIALIZED (
    SELECT
        p.prompt_type, count(*) AS number, min(p.created_at COLLATE "C") AS oldest,
        max(CASE WHEN p.created_at IS NULL THEN 1 ELSE 0 END) AS is_undated
    FROM prompts AS p
    INNER JOIN writings AS w ON w.id = p.output_reference
    WHERE
        p.status = 'completed' AND p.artifact_status = 'pending'
        AND p.prompt_type IN ('image_prompt', 'lyrics_prompt')
    GROUP BY p.prompt_type
)

SELECT
    s.prompt_type, s.status, s.is_completed, FALSE, s.number - coalesce(w.number, 0), NULL, 0
FROM sums AS s
LEFT JOIN written AS w
    ON w.prompt_type = s.prompt_type AND s.status = 'pending' AND s.is_completed = 1
WHERE s.number > coalesce(w.number, 0)
UNION ALL
SELECT w.prompt_type, 'pending', 1, TRUE, w.number, w.oldest, w.is_undated
FROM written AS w;
