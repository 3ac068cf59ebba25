-- name: create_server_jobs
CREATE TABLE IF NOT EXISTS media_generator_server_jobs (
    job_id TEXT PRIMARY KEY NOT NULL CHECK (length(job_id) = 36),
    render_id INTEGER NOT NULL,
    server TEXT NOT NULL CHECK (length(server) > 0),
    variant INTEGER NOT NULL CHECK (variant >= 1),
    fingerprint TEXT NOT NULL,
    seed TEXT NOT NULL, -- may be larger than an INTEGER
    held_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- name: create_server_jobs_index
CREATE INDEX IF NOT EXISTS media_generator_server_jobs_of_render
ON media_generator_server_jobs (render_id);
