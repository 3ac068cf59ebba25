-- The workers of all machines, as they describe themselves.

-- name: register
INSERT INTO media_generator_workers (
    worker_id, host, boot, namespace, pid, started, command, version, slots, renderers, stopped,
    started_at
)
VALUES (
    :worker_id, :host, :boot, :namespace, :pid, :started, :command, :version, :slots, :renderers,
    :stopped, :started_at
)
ON CONFLICT (worker_id) DO UPDATE SET
    host = excluded.host, slots = excluded.slots, renderers = excluded.renderers,
    stopped = excluded.stopped, seen_at = excluded.seen_at;

-- name: unregister
DELETE FROM media_generator_workers WHERE worker_id = :worker_id;

-- name: forget_gone
DELETE FROM media_generator_workers WHERE seen_at < {days_ago:1};

-- name: workers
SELECT
    host, boot, namespace, pid, started, command, version, slots, renderers, stopped, started_at,
    seen_at, {now}
FROM media_generator_workers
WHERE seen_at >= {days_ago:1}
ORDER BY host, started_at, worker_id;

-- name: live_renders
SELECT owner_boot, owner_namespace, owner_pid, owner_started, prompt_id
FROM media_generator_renders
WHERE outcome IS NULL
ORDER BY +render_id;
