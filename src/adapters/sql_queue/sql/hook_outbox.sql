-- The hook outbox. A row is written in the transaction that ends a prompt, and deleted once it was
-- delivered.

-- name: insert
INSERT INTO media_generator_notices (
    delivery_id, event, channel, prompt_id, render_id, report, created_at, next_try_at
)
VALUES (
    :delivery_id, :event, :channel, :prompt_id, :render_id, :report, :created_at, :created_at
);

-- A time that lies further ahead than any wait was written while the clock ran ahead.

-- name: is_due
SELECT 1 FROM media_generator_notices
WHERE
    event = :event AND channel = :channel
    AND (next_try_at <= :now OR next_try_at > :latest)
LIMIT 1;

-- name: acquire
UPDATE media_generator_notices SET next_try_at = :until
WHERE notice_id = coalesce(
    (
        SELECT n.notice_id FROM media_generator_notices AS n
        WHERE n.event = :event AND n.channel = :channel AND n.next_try_at <= :now
        ORDER BY n.next_try_at, n.notice_id
        LIMIT 1
    ),
    (
        SELECT n.notice_id FROM media_generator_notices AS n
        WHERE n.event = :event AND n.channel = :channel AND n.next_try_at > :latest
        ORDER BY n.next_try_at, n.notice_id
        LIMIT 1
    )
)
RETURNING
    notice_id, delivery_id, prompt_id, render_id, created_at, failed_attempts, report;

-- name: delivered
DELETE FROM media_generator_notices WHERE notice_id = :notice_id;

-- The end of the lease tells whether another holder has acquired the message since.

-- name: release
UPDATE media_generator_notices SET next_try_at = :now
WHERE notice_id = :notice_id AND next_try_at = :leased_until;

-- name: postpone
UPDATE media_generator_notices
SET next_try_at = :next_try_at, failed_attempts = failed_attempts + 1, last_error = :error
WHERE notice_id = :notice_id AND next_try_at = :leased_until;

-- name: give_up
UPDATE media_generator_notices
SET
    next_try_at = NULL, given_up_at = :now, failed_attempts = failed_attempts + 1,
    last_error = :error
WHERE notice_id = :notice_id AND next_try_at = :leased_until;

-- name: counts
SELECT count(next_try_at), count(given_up_at) FROM media_generator_notices;

-- name: prune
DELETE FROM media_generator_notices WHERE created_at < :before;
