-- Indexes of other programs.

-- name: indexes_by_prompt
SELECT count(*)
FROM pragma_index_list('prompt_artifacts') AS i, pragma_index_info(i.name) AS c
WHERE NOT i.partial AND c.seqno = 0 AND lower(c.name) = 'prompt_id';
