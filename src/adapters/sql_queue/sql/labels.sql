-- Labels of prompts, and what makes prompts of the same label different.

-- A new prompt; one that was deleted may have had its number, and left its label.

-- name: set_label
INSERT INTO media_generator_labels (prompt_id, label, varied)
VALUES (:prompt_id, :label, :varied)
ON CONFLICT (prompt_id) DO UPDATE SET label = excluded.label, varied = excluded.varied;

-- name: add_label
INSERT INTO media_generator_labels (prompt_id, label, varied)
VALUES (:prompt_id, :label, :varied)
ON CONFLICT (prompt_id) DO NOTHING;

-- name: all_labels
SELECT label, count(*), max(prompt_id)
FROM media_generator_labels
GROUP BY label
ORDER BY max(prompt_id) DESC
LIMIT :limit;

-- name: prompts_of_label
SELECT prompt_id, label, varied
FROM media_generator_labels
WHERE label = :label
ORDER BY prompt_id;

-- name: labels_of
SELECT prompt_id, label, varied
FROM media_generator_labels
WHERE prompt_id IN {ids:ids};
