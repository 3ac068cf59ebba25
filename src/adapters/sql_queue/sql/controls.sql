-- Pauses: a person's, in the single row of media_generator_state, and those of the environment.

-- name: person
SELECT pause_reason, paused_at FROM media_generator_state WHERE paused_by = 'person';

-- Those of other machines and settings are left out once nothing has renewed them for a day: their
-- workers were removed, or have other settings now.

-- name: environment
SELECT
    host = :host OR (boot <> '' AND boot = :boot), settings = :settings,
    kind, code, reason, suspects, paused_at, host, settings
FROM media_generator_pauses
WHERE
    (settings = :settings AND (host = :host OR (boot <> '' AND boot = :boot)))
    OR renewed_at > {days_ago:1}
ORDER BY paused_at, host, settings, kind DESC;

-- name: is_any
SELECT 1 FROM media_generator_pauses LIMIT 1;

-- name: pause_by_person
UPDATE media_generator_state
SET
    paused_by = 'person', pause_reason = :reason, pause_code = '', pause_suspects = '[]',
    paused_at = {now}
WHERE only_row = 1;

-- What a probe finds broken again has been broken the whole time.

-- name: pause_by_environment
INSERT INTO media_generator_pauses (host, boot, settings, kind, code, reason, suspects)
VALUES (:host, :boot, :settings, :kind, :code, :reason, :suspects)
ON CONFLICT (host, settings, kind) DO UPDATE SET
    paused_at = CASE
        WHEN media_generator_pauses.code = excluded.code THEN media_generator_pauses.paused_at
        ELSE excluded.paused_at
    END,
    boot = excluded.boot, code = excluded.code, reason = excluded.reason,
    suspects = excluded.suspects, renewed_at = excluded.renewed_at;

-- name: forget_old
DELETE FROM media_generator_pauses WHERE renewed_at < {days_ago:30};

-- name: resume_person
UPDATE media_generator_state
SET
    paused_by = NULL, pause_reason = NULL, pause_code = NULL, paused_at = NULL,
    pause_suspects = NULL
WHERE paused_by IS NOT NULL;

-- name: resume_all
DELETE FROM media_generator_pauses;

-- name: resume_here
DELETE FROM media_generator_pauses
WHERE
    settings = :settings AND (host = :host OR (boot <> '' AND boot = :boot))
    AND kind IN {texts:kinds};

-- Named workflows that hold back their prompts, those of this place first.

-- name: is_any_held
SELECT 1 FROM media_generator_holds LIMIT 1;

-- name: holds
SELECT
    host = :host OR (boot <> '' AND boot = :boot), settings = :settings,
    kind, workflow, code, message, held_at, host, settings
FROM media_generator_holds
ORDER BY held_at, host, settings, kind DESC, workflow;

-- name: hold
INSERT INTO media_generator_holds (host, boot, settings, kind, workflow, code, message)
VALUES (:host, :boot, :settings, :kind, :workflow, :code, :message)
ON CONFLICT (host, settings, kind, workflow) DO UPDATE SET
    held_at = CASE
        WHEN media_generator_holds.code = excluded.code THEN media_generator_holds.held_at
        ELSE excluded.held_at
    END,
    boot = excluded.boot, code = excluded.code, message = excluded.message;

-- name: forget_old_holds
DELETE FROM media_generator_holds
WHERE held_at < {days_ago:30} AND NOT (settings = :settings AND host = :host);

-- name: end_hold
DELETE FROM media_generator_holds
WHERE
    settings = :settings AND (host = :host OR (boot <> '' AND boot = :boot))
    AND kind = :kind AND workflow = :workflow;
