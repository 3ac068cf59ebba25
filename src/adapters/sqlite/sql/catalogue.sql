-- Numbers of prompts by our indexes.

-- Templates: the same for one type, by the indexes.

-- name: count_of_kind
SELECT count(*) FROM prompts AS p {index} WHERE p.prompt_type = '{prompt_type}';

-- name: count_of_state
SELECT count(*)
FROM prompts AS p {index}
WHERE
    p.prompt_type = '{prompt_type}' AND {p.shown_status} IS {status}
    AND {p.is_completed} = :is_completed;

-- name: written
SELECT count(*), min(p.created_at), max(p.created_at IS NULL)
FROM prompts AS p {index}
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.status = 'completed' AND p.artifact_status = 'pending'
    AND p.prompt_type = '{prompt_type}' AND p.output_reference IS NOT NULL;
