-- The index of words: PostgreSQL's own, in our own tables.

-- name: create_state
CREATE TABLE IF NOT EXISTS media_generator_search_state (
    only_row integer PRIMARY KEY CHECK (only_row = 1),
    last_prompt bigint NOT NULL DEFAULT 0,
    last_writing bigint NOT NULL DEFAULT -1,
    checked bigint NOT NULL DEFAULT 0
);

-- name: create_row
INSERT INTO media_generator_search_state (only_row) VALUES (1) ON CONFLICT DO NOTHING;

-- name: create_documents
CREATE TABLE IF NOT EXISTS media_generator_search (
    prompt_id bigint PRIMARY KEY,
    digest bigint NOT NULL,
    is_open integer NOT NULL,
    words tsvector NOT NULL
);

-- name: create_open_index
CREATE INDEX IF NOT EXISTS media_generator_search_open
ON media_generator_search (prompt_id) WHERE is_open = 1;

-- name: create_words
CREATE INDEX IF NOT EXISTS media_generator_search_words
ON media_generator_search USING gin (words);

-- Words of four letters and more: the beginning of one becomes the few words that it stands for, of
-- which the planner knows how common they are.

-- name: create_vocabulary
CREATE TABLE IF NOT EXISTS media_generator_search_vocabulary (word text COLLATE "C" PRIMARY KEY);

-- name: state
SELECT last_prompt, last_writing, checked FROM media_generator_search_state WHERE only_row = 1;

-- name: lock_state
SELECT last_prompt, last_writing, checked FROM media_generator_search_state WHERE only_row = 1
FOR UPDATE;

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
INSERT INTO media_generator_search (prompt_id, digest, is_open, words)
VALUES (:prompt_id, :digest, :is_open, CAST(:words AS tsvector))
ON CONFLICT (prompt_id) DO UPDATE
SET digest = excluded.digest, is_open = excluded.is_open, words = excluded.words;

-- name: put_vocabulary
INSERT INTO media_generator_search_vocabulary (word)
SELECT value FROM json_array_elements_text(CAST(:words AS json))
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

-- name: drop_documents
DROP TABLE IF EXISTS media_generator_search;

-- name: drop_vocabulary
DROP TABLE IF EXISTS media_generator_search_vocabulary;

-- name: drop_state
DROP TABLE IF EXISTS media_generator_search_state;

-- A common word is found by walking back from the newest prompt, for a while; otherwise the index finds
-- all of its prompts, which then are few. Left to itself the planner walks back through all prompts for a
-- word that its statistics do not know.

-- name: find
WITH newest AS MATERIALIZED (
    SELECT part.prompt_id
    FROM (
        SELECT prompt_id, words
        FROM media_generator_search
        WHERE prompt_id < :before
        ORDER BY prompt_id DESC
        LIMIT 100 * CAST(:limit AS bigint)
    ) AS part
    WHERE part.words @@ CAST(:expression AS tsquery)
    ORDER BY part.prompt_id DESC
    LIMIT :limit
),
matching AS MATERIALIZED (
    SELECT prompt_id
    FROM media_generator_search
    WHERE words @@ CAST(:expression AS tsquery) AND (SELECT count(*) FROM newest) < :limit
)
SELECT prompt_id FROM newest WHERE (SELECT count(*) FROM newest) >= :limit
UNION ALL
(SELECT prompt_id FROM matching WHERE prompt_id < :before ORDER BY prompt_id DESC LIMIT :limit)
ORDER BY prompt_id DESC;
