-- Examining the database for the checklist. Nothing here writes.

-- name: journal_mode
PRAGMA journal_mode;

-- name: anything
SELECT count(*) FROM sqlite_schema;

-- name: processing
SELECT id FROM prompts
WHERE artifact_status = 'processing' AND prompt_type IN ('image_prompt', 'lyrics_prompt')
ORDER BY id;

-- name: newest_artifacts
SELECT prompt_id, file_path FROM prompt_artifacts ORDER BY id DESC LIMIT 50;
