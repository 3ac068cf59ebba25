-- name: create_server_jobs
CREATE TABLE IF NOT EXISTS media_generator_server_jobs (
    job_id TEXT PRIMARY KEY NOT NULL CHECK (length(job_id) = 36),
    render_id BIGINT NOT NULL,
    server TEXT NOT NULL CHECK (length(server) > 0),
    variant BIGINT NOT NULL CHECK (variant >= 1),
    fingerprint TEXT NOT NULL,
    seed TEXT NOT NULL,
    held_at TEXT COLLATE "C" NOT NULL DEFAULT {now}
);

-- name: create_server_jobs_index
CREATE INDEX IF NOT EXISTS media_generator_server_jobs_of_render
ON media_generator_server_jobs (render_id);
