-- Named workflows: what decides which of them renders a prompt, and which one did.

-- name: config_names
SELECT id, config_name FROM prompts WHERE id IN {ids:prompt_ids};

-- name: chosen
SELECT prompt_id, workflow FROM media_generator_choices WHERE prompt_id IN {ids:prompt_ids};

-- name: choose
INSERT INTO media_generator_choices (prompt_id, workflow) VALUES (:prompt_id, :workflow)
ON CONFLICT (prompt_id) DO UPDATE SET workflow = excluded.workflow;

-- name: record
INSERT INTO media_generator_render_workflows (render_id, variant, prompt_id, workflow, reason)
VALUES (:render_id, :variant, :prompt_id, :workflow, :reason)
ON CONFLICT (render_id, variant) DO UPDATE SET
    workflow = excluded.workflow, reason = excluded.reason;

-- name: rendered_with
SELECT workflow, reason
FROM media_generator_render_workflows
WHERE render_id = (
    SELECT max(n.render_id) FROM media_generator_render_workflows AS n
    WHERE n.prompt_id = :prompt_id
)
ORDER BY variant;

-- The last render of each prompt; several variants have their first one's.

-- name: names
SELECT w.prompt_id, w.workflow
FROM media_generator_render_workflows AS w
WHERE
    w.prompt_id IN {ids:prompt_ids}
    AND w.variant = (
        SELECT min(v.variant) FROM media_generator_render_workflows AS v
        WHERE v.render_id = w.render_id
    )
    AND w.render_id = (
        SELECT max(n.render_id) FROM media_generator_render_workflows AS n
        WHERE n.prompt_id = w.prompt_id
    );
