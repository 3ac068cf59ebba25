-- A rehearsal is valid until a column, constraint, trigger or right of the shared tables changes.

-- name: schema_version
SELECT md5(string_agg(line, ';' ORDER BY line))
FROM (
    SELECT concat_ws(' ', c.relname, c.relacl, a.attname, a.atttypid, a.attnotnull, a.atthasdef)
    FROM pg_class AS c
    INNER JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
    WHERE c.relname IN ('prompts', 'prompt_artifacts') AND pg_table_is_visible(c.oid)
    UNION ALL
    SELECT concat_ws(' ', c.relname, k.conname, k.oid, k.xmin)
    FROM pg_class AS c
    INNER JOIN pg_constraint AS k ON k.conrelid = c.oid
    WHERE c.relname IN ('prompts', 'prompt_artifacts') AND pg_table_is_visible(c.oid)
    UNION ALL
    SELECT concat_ws(' ', c.relname, t.tgname, t.oid, t.tgenabled, f.xmin)
    FROM pg_class AS c
    INNER JOIN pg_trigger AS t ON t.tgrelid = c.oid
    INNER JOIN pg_proc AS f ON f.oid = t.tgfoid
    WHERE c.relname IN ('prompts', 'prompt_artifacts') AND pg_table_is_visible(c.oid)
    UNION ALL
    SELECT concat_ws(' ', c.relname, i.indexrelid, i.indisunique)
    FROM pg_class AS c
    INNER JOIN pg_index AS i ON i.indrelid = c.oid
    WHERE c.relname IN ('prompts', 'prompt_artifacts') AND pg_table_is_visible(c.oid)
) AS parts (line);
