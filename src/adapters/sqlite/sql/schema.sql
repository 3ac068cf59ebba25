-- The shared tables with the widest set of columns found in the field.

-- name: create_prompts
CREATE TABLE prompts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    prompt_text TEXT NOT NULL,
    prompt_type TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'unprocessed',
    artifact_status TEXT DEFAULT 'pending',
    output_reference INTEGER,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    error_message TEXT,
    priority INTEGER DEFAULT 5,
    config_name TEXT,
    metadata TEXT,
    processed_at TIMESTAMP,
    completed_at TIMESTAMP,
    processing_duration REAL,
    artifact_metadata TEXT
);

-- name: create_writings
CREATE TABLE writings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    content_type TEXT NOT NULL,
    content TEXT NOT NULL,
    source_prompt_id INTEGER REFERENCES prompts (id),
    original_filename TEXT,
    created_date TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    file_timestamp TIMESTAMP,
    word_count INTEGER,
    character_count INTEGER,
    line_count INTEGER,
    publication_status TEXT DEFAULT 'draft',
    mood TEXT,
    explicit_content BOOLEAN DEFAULT 0,
    notes TEXT,
    content_hash TEXT,
    generation_method TEXT
);

-- name: create_prompt_artifacts
CREATE TABLE prompt_artifacts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    prompt_id INTEGER NOT NULL REFERENCES prompts (id),
    artifact_type TEXT NOT NULL,
    file_path TEXT NOT NULL,
    preview_path TEXT,
    metadata TEXT,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

-- name: create_artifacts_by_prompt
CREATE INDEX idx_prompt_artifacts_prompt_id ON prompt_artifacts (prompt_id);

-- name: create_prompt_writings
CREATE TABLE prompt_writings (
    prompt_id INTEGER NOT NULL REFERENCES prompts (id),
    writing_id INTEGER NOT NULL REFERENCES writings (id),
    writing_order INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (prompt_id, writing_id)
);
