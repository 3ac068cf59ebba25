-- The index of words, in a file of its own: FTS5 without the texts. A row of it cannot be changed
-- without the old text, so each new text of a prompt gets a row of its own, and the old ones are
-- left out. After 16 texts of one prompt the first row is used again, and finds both of them.

-- name: create_state
CREATE TABLE IF NOT EXISTS media_generator_search_state (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    last_prompt INTEGER NOT NULL DEFAULT 0,
    last_writing INTEGER NOT NULL DEFAULT -1,
    checked INTEGER NOT NULL DEFAULT 0
);

-- name: create_row
INSERT INTO media_generator_search_state (only_row) VALUES (1) ON CONFLICT DO NOTHING;

-- name: create_documents
CREATE TABLE IF NOT EXISTS media_generator_search (
    prompt_id INTEGER PRIMARY KEY,
    generation INTEGER NOT NULL DEFAULT 0,
    digest INTEGER NOT NULL,
    is_open INTEGER NOT NULL
);

-- name: create_open_index
CREATE INDEX IF NOT EXISTS media_generator_search_open
ON media_generator_search (prompt_id) WHERE is_open = 1;

-- name: create_words
CREATE VIRTUAL TABLE IF NOT EXISTS media_generator_search_words USING fts5 (
    words, content = '', tokenize = 'unicode61 remove_diacritics 0', prefix = '1 2 3'
);

-- Words of four letters and more: the beginning of one becomes the few words that it stands for, whose
-- rows are found one by one, newest first. FTS5 would collect the rows of all of them. Shorter
-- beginnings have an index of their own.

-- name: create_vocabulary
CREATE TABLE IF NOT EXISTS media_generator_search_vocabulary (word TEXT PRIMARY KEY) WITHOUT ROWID;

-- name: state
SELECT last_prompt, last_writing, checked FROM media_generator_search_state WHERE only_row = 1;

-- name: lock_state
SELECT last_prompt, last_writing, checked FROM media_generator_search_state WHERE only_row = 1;

-- name: set_state
UPDATE media_generator_search_state
SET last_prompt = :last_prompt, last_writing = :last_writing, checked = :checked
WHERE only_row = 1;

-- name: digests_of
SELECT prompt_id, digest, is_open FROM media_generator_search WHERE prompt_id IN {ids:ids};

-- name: ids_between
SELECT prompt_id FROM media_generator_search WHERE prompt_id > :after AND prompt_id <= :last;

-- name: open_prompts
SELECT prompt_id FROM media_generator_search
WHERE is_open = 1
ORDER BY prompt_id DESC
LIMIT :limit;

-- name: put
INSERT INTO media_generator_search (prompt_id, digest, is_open)
VALUES (:prompt_id, :digest, :is_open)
ON CONFLICT (prompt_id) DO UPDATE
SET
    generation = (media_generator_search.generation + 1) % 16, digest = excluded.digest,
    is_open = excluded.is_open;

-- name: put_words
INSERT INTO media_generator_search_words (rowid, words)
SELECT prompt_id * 16 + generation, :words
FROM media_generator_search
WHERE prompt_id = :prompt_id;

-- name: put_vocabulary
INSERT INTO media_generator_search_vocabulary (word)
SELECT value FROM json_each(:words) WHERE TRUE
ON CONFLICT DO NOTHING;

-- name: words_between
SELECT word FROM media_generator_search_vocabulary
WHERE word >= :first AND word < :beyond
ORDER BY word
LIMIT :limit;

-- name: set_open
UPDATE media_generator_search SET is_open = :is_open WHERE prompt_id = :prompt_id;

-- name: remove
DELETE FROM media_generator_search WHERE prompt_id = :prompt_id;

-- name: drop_words
DROP TABLE IF EXISTS media_generator_search_words;

-- name: drop_documents
DROP TABLE IF EXISTS media_generator_search;

-- name: drop_vocabulary
DROP TABLE IF EXISTS media_generator_search_vocabulary;

-- name: drop_state
DROP TABLE IF EXISTS media_generator_search_state;

-- name: find
SELECT d.prompt_id
FROM media_generator_search_words AS w
CROSS JOIN media_generator_search AS d
ON d.prompt_id = w.rowid / 16 AND d.generation = w.rowid % 16
WHERE w.words MATCH :expression AND w.rowid < :before
ORDER BY w.rowid DESC
LIMIT :limit;
