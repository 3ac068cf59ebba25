-- Numbers of prompts without our indexes. A subquery for each pending prompt, as in SQLite, is slow here: two passes that
-- several processes share.

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

-- A template for one kind, with our indexes, which find every state but the usual one: most prompts are ready. Their
-- number is what is left of all, which PostgreSQL counts by reading the table or an index of it.

-- name: counts_of_kind
WITH RECURSIVE statuses (status) AS (
    SELECT min({p.shown_status}) FROM prompts AS p WHERE p.prompt_type = '{prompt_type}'
    UNION ALL
    SELECT (
        SELECT min({p.shown_status})
        FROM prompts AS p
        WHERE p.prompt_type = '{prompt_type}' AND {p.shown_status} > s.status
    )
    FROM statuses AS s
    WHERE s.status IS NOT NULL
),

others AS MATERIALIZED (
    SELECT
        s.status, c.is_completed,
        CASE
            WHEN s.status IS NULL THEN (
                SELECT count(*)
                FROM prompts AS p
                WHERE
                    p.prompt_type = '{prompt_type}' AND {p.shown_status} IS NULL
                    AND {p.is_completed} = c.is_completed
            )
            ELSE (
                SELECT count(*)
                FROM prompts AS p
                WHERE
                    p.prompt_type = '{prompt_type}' AND {p.shown_status} = s.status
                    AND {p.is_completed} = c.is_completed
            )
        END AS number
    FROM statuses AS s
    CROSS JOIN (VALUES (0), (1)) AS c (is_completed)
    WHERE s.status IS DISTINCT FROM 'ready' OR c.is_completed = 0
),

written AS MATERIALIZED (
    SELECT
        count(*) AS number, min(p.created_at COLLATE "C") AS oldest,
        max(CASE WHEN p.created_at IS NULL THEN 1 ELSE 0 END) AS is_undated
    FROM prompts AS p
    WHERE
        p.status = 'completed' AND p.artifact_status = 'pending'
        AND p.prompt_type = '{prompt_type}' AND p.output_reference IS NOT NULL
        AND EXISTS (SELECT 1 FROM writings AS w WHERE w.id = p.output_reference)
),

states (status, is_completed, is_written, number, oldest, is_undated) AS (
    SELECT
        o.status, o.is_completed, FALSE,
        o.number - CASE
            WHEN o.status = 'pending' AND o.is_completed = 1
                THEN (SELECT w.number FROM written AS w)
            ELSE 0
        END,
        NULL, 0
    FROM others AS o
    UNION ALL
    SELECT 'pending', 1, TRUE, w.number, w.oldest, w.is_undated FROM written AS w
    UNION ALL
    SELECT 'ready', 1, FALSE, a.number - coalesce((SELECT sum(o.number) FROM others AS o), 0), NULL, 0
    FROM (SELECT count(*) AS number FROM prompts AS p WHERE p.prompt_type = '{prompt_type}') AS a
)

SELECT '{prompt_type}', status, is_completed, is_written, number::bigint, oldest, is_undated
FROM states
WHERE number > 0;
