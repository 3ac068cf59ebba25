-- Adding a prompt in the order of the Poets Service: prompt, writing, reference, completion.
-- The inserts name only the columns that the table has.

-- name: insert_row
INSERT INTO {table} ({columns}) VALUES ({values}) RETURNING id;

-- An expression for the dates of a new row.

-- name: now
{now}

-- name: complete
UPDATE prompts
SET output_reference = :writing_id, status = 'completed', artifact_status = 'pending'
WHERE id = :prompt_id;

-- name: link
INSERT INTO prompt_writings (prompt_id, writing_id, writing_order)
VALUES (:prompt_id, :writing_id, 1);

-- name: request
SELECT digest, prompt_ids FROM media_generator_requests WHERE request_key = :request_key;

-- name: add_request
INSERT INTO media_generator_requests (request_key, digest, prompt_ids, requested_at)
VALUES (:request_key, :digest, :prompt_ids, {now});
