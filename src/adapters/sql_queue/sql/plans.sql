-- What renders are about to publish, for the machine that may have to finish it.

-- name: write_plan
INSERT INTO media_generator_plans (render_id, prompt_id, token, plan)
VALUES (:render_id, :prompt_id, :token, :plan)
ON CONFLICT (render_id) DO UPDATE SET
    prompt_id = excluded.prompt_id, token = excluded.token, plan = excluded.plan;

-- name: plan
SELECT plan FROM media_generator_plans
WHERE render_id = :render_id AND prompt_id = :prompt_id AND token = :token;

-- name: drop_plan
DELETE FROM media_generator_plans
WHERE render_id = :render_id AND prompt_id = :prompt_id AND token = :token;

-- name: planned
SELECT prompt_id, render_id, token FROM media_generator_plans;
