-- Indexes that begin with the prompt.

-- name: indexes_by_prompt
SELECT count(*)
FROM pg_index AS i
INNER JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE
    i.indrelid = to_regclass('prompt_artifacts') AND a.attname = 'prompt_id'
    AND i.indisvalid AND i.indpred IS NULL;
