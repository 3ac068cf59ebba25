"""Searching prompts by words, with an index of our own that is filled by looking at the tables.

No trigger tells it about changes, since the tables belong to other programs. New prompts and new
writings are seen by their ids; prompts whose writing is still to come are looked at again; and
with every update a part of the older ones is compared, so that later changes are found in time.
"""

from __future__ import annotations

import json
import time
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from adapters.sql_queue.gallery_prompts import GalleryPrompts
from adapters.sql_queue.shared_schema import check_shared_tables
from adapters.sql_queue.statements import column_text
from application.ports.gallery import PromptPosition
from application.ports.search import FoundPage
from domain.search import searchable_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapters.sql_queue.connection import Connection
    from application.ports.search import SearchQuery
    from domain.search import Search, SearchTerm

_BATCH: Final = 500  # prompts in one transaction: some 50 ms
_MAX_OPEN: Final = 500  # prompts without their writing that are looked at again
_CHECKED: Final = 250  # older prompts that are compared in one update
_MAX_READ: Final = 5_000  # ids that one page reads at most
_MAX_ID: Final = (1 << 59) - 1
_MIN_EXPANDED: Final = 4  # letters of a beginning that becomes words
_MAX_EXPANDED: Final = 64  # such words
_LAST_CHARACTER: Final = "\U0010ffff"
_VOCABULARY: Final = "media_generator_search_vocabulary"
_TAGS: Final = "media_generator_tags"
_Row = tuple[Any, ...]


class Alternatives(NamedTuple):
    """A term of a search, with the words that its last one stands for.

    Attributes:
        term: of the search.
        phrases: of which a text must contain one; the last word of each is whole, unless the only
            phrase is a prefix.
        is_prefix: whether the last word is only the beginning of one: too many words begin so.
    """

    term: SearchTerm
    phrases: Sequence[tuple[str, ...]]
    is_prefix: bool = False


class SearchDialect(Protocol):
    """What differs between the databases."""

    def check(self, connection: Connection) -> None:
        """Raise SearchUnavailableError if the database cannot search texts."""
        ...

    def put(
        self,
        connection: Connection,
        sql: Mapping[str, str],
        values: Mapping[str, object],
        text: str,
    ) -> None:
        """Write the words of a prompt, inside a transaction."""
        ...

    def expression(self, terms: Sequence[Alternatives]) -> str:
        """A search in the database's own language."""
        ...

    def position(self, before: int) -> int:
        """The value of ``:before`` for prompts with smaller ids."""
        ...


class SqlSearchIndex:
    """An index of the words of all prompts.

    Args:
        shared: connection to the shared database.
        own: connection to the database with the index; the same one in PostgreSQL.
        dialect: how the database of the index writes words and searches.
    """

    def __init__(self, shared: Connection, own: Connection, dialect: SearchDialect) -> None:
        check_shared_tables(shared)
        self._shared = shared
        self._own = own
        self._dialect = dialect
        self._prompts = GalleryPrompts(shared)
        self._sql = shared.statements("search")
        self._index = own.statements("search_index")
        self._version: object | None = None
        self._tags: dict[int, str] = {}
        self._tags_version: object = None
        self._is_prepared = False

    def close(self) -> None:
        """Close the index, unless it is in the shared database."""
        if self._own is not self._shared:
            self._own.close()

    def update(self, seconds: float = 0.0) -> bool:
        """Take in what changed; True when all is taken in."""
        self._prepare()
        deadline = time.monotonic() + seconds
        while not self._take_in():
            if time.monotonic() >= deadline:
                return False
        return True

    def rebuild(self) -> None:
        """Forget everything."""
        with self._own.writing():
            self._drop()
        self._is_prepared = False
        self._prepare()

    def _drop(self) -> None:
        for name in ("drop_words", "drop_documents", "drop_vocabulary", "drop_state"):
            if name in self._index:
                self._own.change(self._index[name])

    def indexed(self) -> float:
        """The part of the prompts that the index has."""
        if not self._exists():
            return 0.0
        [(last, _, _)] = self._own.rows(self._index["state"])
        [(newest, _)] = self._shared.rows(self._sql["last_ids"])
        return 1.0 if newest <= last else last / newest

    def find(self, query: SearchQuery) -> FoundPage:
        """Prompts that contain the words, the greatest id first."""
        matches: list[int] = []
        before, read, length = query.before, 0, max(query.limit + 1, 100)
        while len(matches) <= query.limit:
            ids = list(self.find_ids(query.search, before, length))
            matches += self._matching(ids, query)
            read += len(ids)
            if len(ids) < length:
                before = None
                break
            before = ids[-1]
            if read >= _MAX_READ:
                break
            length = min(4 * length, _MAX_READ)
        if len(matches) > query.limit:
            before = matches[query.limit - 1]
        shown = matches[: query.limit]
        prompts = self._prompts.listed([PromptPosition(None, number) for number in shown])
        return FoundPage(prompts, before)

    def find_ids(self, search: Search, before: int | None, limit: int) -> Sequence[int]:
        """Ids of prompts that contain the words, the greatest first."""
        if not self._exists():
            return []
        values = {
            "expression": self._dialect.expression([*map(self._expanded, search.terms)]),
            "before": self._dialect.position(_MAX_ID if before is None else min(before, _MAX_ID)),
            "limit": limit,
        }
        return [prompt_id for (prompt_id,) in self._own.rows(self._index["find"], values)]

    def _matching(self, ids: list[int], query: SearchQuery) -> list[int]:
        values = {
            "ids": json.dumps(ids),
            "prompt_type": query.kind.prompt_type if query.kind else None,
            "status": column_text(query.status),
        }
        rows = self._shared.rows(self._sql["matching"], values)
        there = {prompt_id for (prompt_id,) in rows}
        return [prompt_id for prompt_id in ids if prompt_id in there]

    def _expanded(self, term: SearchTerm) -> Alternatives:
        """A term with the words that begin like its last one."""
        *before, last = term.words
        if not term.is_prefix or len(last) < _MIN_EXPANDED:
            return Alternatives(term, [term.words], term.is_prefix)
        values = {"first": last, "beyond": f"{last}{_LAST_CHARACTER}", "limit": _MAX_EXPANDED + 1}
        words = [word for (word,) in self._own.rows(self._index["words_between"], values)]
        if len(words) > _MAX_EXPANDED:
            return Alternatives(term, [term.words], is_prefix=True)
        return Alternatives(term, [(*before, word) for word in words] or [term.words])

    def _exists(self) -> bool:
        """Whether there is an index; commands that only read create none."""
        self._is_prepared = self._is_prepared or _VOCABULARY in self._own.names("table")
        return self._is_prepared

    def _prepare(self) -> None:
        if self._is_prepared:
            return
        self._dialect.check(self._own)
        with self._own.writing():
            if _VOCABULARY not in self._own.names("table"):  # none, or one of an earlier version
                self._drop()
            for name in ("state", "row", "documents", "open_index", "words", "vocabulary"):
                self._own.change(self._index[f"create_{name}"])
        self._is_prepared = True

    def _take_in(self) -> bool:
        """Take in one batch; True when nothing is left."""
        version = self._shared.version()
        [(newest, last_writing)] = self._shared.rows(self._sql["last_ids"])
        with self._own.writing():
            [(seen, seen_writing, checked)] = self._own.rows(self._index["lock_state"])
            if newest < seen:  # another database, or an old backup of this one
                seen, checked = newest, 0
            if seen_writing < 0:  # the index is new: its prompts are read with their writings
                seen_writing = last_writing
            rows = self._texts("texts_after", after=seen, last=newest, limit=_BATCH)
            is_complete = len(rows) < _BATCH
            seen = newest if is_complete else rows[-1][0]
            if is_complete:
                pairs = self._shared.rows(
                    self._sql["writings_after"],
                    {"after": seen_writing, "last": last_writing, "limit": _BATCH},
                )
                is_complete = len(pairs) < _BATCH
                seen_writing = last_writing if is_complete else pairs[-1][0]
                ids = {source for _, source in pairs if isinstance(source, int)}
                opened = self._own.rows(self._index["open_prompts"], {"limit": _MAX_OPEN})
                ids |= {prompt_id for (prompt_id,) in opened}
                rows += self._texts("texts_of", ids=json.dumps(sorted(ids)))
            if is_complete and (version is None or version != self._version):
                checked = self._compare(checked, seen)
                rows += self._texts("texts_of", ids=json.dumps(self._retagged()))
            self._put(rows)
            values = {"last_prompt": seen, "last_writing": seen_writing, "checked": checked}
            self._own.change(self._index["set_state"], values)
        if is_complete:
            self._version = version
        return is_complete

    def _compare(self, after: int, last: int) -> int:
        """Compare some prompts behind ``after`` with the index; returns where the next begins."""
        rows = self._texts("texts_after", after=after, last=last, limit=_CHECKED)
        is_end = len(rows) < _CHECKED
        end = last if is_end else rows[-1][0]
        there = {row[0] for row in rows}
        known = self._own.rows(self._index["ids_between"], {"after": after, "last": end})
        for (prompt_id,) in known:
            if prompt_id not in there:
                self._own.change(self._index["remove"], {"prompt_id": prompt_id})
        self._put(rows)
        return 0 if is_end else end

    def _put(self, rows: list[_Row]) -> None:
        """Index the texts that the index does not have yet."""
        ids = json.dumps([row[0] for row in rows])
        known = {
            prompt_id: (digest, is_open)
            for prompt_id, digest, is_open in self._own.rows(
                self._index["digests_of"], {"ids": ids}
            )
        }
        words: set[str] = set()
        for prompt_id, status, request, content in rows:
            request_text = f"{column_text(request) or ''} {self._tags.get(prompt_id, '')}"
            text = searchable_text(request_text, column_text(content) or "")
            digest = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), signed=True)
            is_open = int(status != "completed" or content is None)
            values = {"prompt_id": prompt_id, "digest": digest, "is_open": is_open}
            if known.get(prompt_id) == (digest, is_open):
                continue
            if known.get(prompt_id, (None,))[0] == digest:
                del values["digest"]
                self._own.change(self._index["set_open"], values)
            else:
                self._dialect.put(self._own, self._index, values, text)
                words.update(text.split(" "))
            known[prompt_id] = (digest, is_open)
        long_words = [word for word in sorted(words) if len(word) >= _MIN_EXPANDED]
        if long_words:
            self._own.change(self._index["put_vocabulary"], {"words": json.dumps(long_words)})

    def _retagged(self) -> list[int]:
        """Prompts whose tags changed since the last call; all tags are read, as people set them."""
        if _TAGS not in self._shared.names("table"):
            return []
        version = self._shared.rows(self._sql["tags_version"])
        if version == self._tags_version:
            return []
        tags: dict[int, str] = {}
        for prompt_id, name in self._shared.rows(self._sql["tags"]):
            tags[prompt_id] = f"{tags.get(prompt_id, '')} {name}"
        before, self._tags, self._tags_version = self._tags, tags, version
        return [
            prompt_id
            for prompt_id in before.keys() | tags
            if before.get(prompt_id) != tags.get(prompt_id)
        ]

    def _texts(self, name: str, **values: object) -> list[_Row]:
        return self._shared.rows(self._sql[name], values)
