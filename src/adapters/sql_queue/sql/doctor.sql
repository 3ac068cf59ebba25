-- The doctor's checks of the queue. Nothing here writes.

-- Templates, for one kind.

-- name: processing
SELECT p.id FROM prompts AS p {index}
WHERE p.prompt_type = '{prompt_type}' AND {p.shown_status} = 'processing';

-- A prompt for a rehearsal: one that is pending, or else one that ended.

-- name: pending_prompt
SELECT p.id FROM prompts AS p {index}
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.status = 'completed' AND p.artifact_status = 'pending' AND p.prompt_type = '{prompt_type}'
    AND p.output_reference IS NOT NULL
LIMIT 1;

-- name: ended_prompt
SELECT p.id FROM prompts AS p {index}
INNER JOIN writings AS w ON w.id = p.output_reference
WHERE
    p.prompt_type = '{prompt_type}' AND {p.shown_status} IN ('ready', 'error')
    AND {p.is_completed} = 1
LIMIT 1;

-- name: newest_artifacts
SELECT prompt_id, file_path FROM prompt_artifacts ORDER BY id DESC LIMIT :limit;

-- name: known_renders
SELECT prompt_id, render_id, coalesce(token, '') FROM media_generator_renders
WHERE render_id IN {ids:render_ids};

-- Prompts whose folders must have rows: not those that are published right now.

-- name: settled_prompts
SELECT id FROM prompts
WHERE coalesce(artifact_status, '') <> 'processing' AND id IN {ids:prompt_ids};

-- Files that people removed by way of the wastebasket; their rows stay.

-- name: purged
SELECT discarded_path FROM media_generator_curation WHERE removing_at IS NOT NULL;
