-- The switches that survive a restart; one row, made with our tables.

-- name: paused
SELECT paused_by, pause_reason, pause_code, paused_at, pause_suspects
FROM media_generator_state
WHERE paused_by IS NOT NULL;

-- name: pause
UPDATE media_generator_state
SET
    paused_by = :paused_by, pause_reason = :pause_reason, pause_code = :pause_code,
    pause_suspects = :pause_suspects,
    -- What is found broken again by a probe has been broken all the while.
    paused_at = CASE
        WHEN :paused_by = 'environment' AND paused_by = 'environment'
            AND pause_code = :pause_code THEN paused_at
        ELSE CURRENT_TIMESTAMP
    END
WHERE :paused_by = 'person' OR paused_by IS NOT 'person';

-- name: resume
UPDATE media_generator_state
SET
    paused_by = NULL, pause_reason = NULL, pause_code = NULL, paused_at = NULL,
    pause_suspects = NULL
WHERE paused_by IS NOT NULL AND (:paused_by IS NULL OR paused_by = :paused_by);
