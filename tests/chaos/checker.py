"""Invariant I, examined from outside: plain SQL, the files, and other people's decoders."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.chaos.databases import open_database, their_schema
from tests.chaos.workflow import OVERLAPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.installation import Installation

_OURS = "prompt_type IN ('image_prompt', 'lyrics_prompt') AND w.id IS NOT NULL"
_PROMPTS = f"""
SELECT p.id, p.prompt_type || ' ' || p.prompt_text, p.artifact_status, p.error_message, w.content,
    (SELECT count(*) FROM requested_again AS a WHERE a.prompt_id = p.id),
    (SELECT count(*) FROM media_generator_renders AS r
        WHERE r.prompt_id = p.id AND r.outcome = 'published'),
    p.id IN (SELECT h.prompt_id FROM external_changes AS h WHERE h.change = 'set to unsupported')
FROM prompts AS p LEFT JOIN writings AS w ON w.id = p.output_reference
WHERE p.status = 'completed' AND {_OURS}
"""  # noqa: S608 (both halves stand here)
_FOREIGN = (
    "SELECT * FROM poet_notes ORDER BY prompt_id",
    "SELECT * FROM prompts WHERE id <= 3 ORDER BY id",
    "SELECT * FROM prompt_artifacts WHERE id = 1",
)
_SCHEMA = (
    (
        "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'media_generator_%'"
        " AND tbl_name NOT LIKE 'media_generator_%' ORDER BY name"
    ),
    "PRAGMA journal_mode",
    "PRAGMA user_version",
)


class Checker:
    """Compares an installation with its state before the first fault.

    Args:
        installation: not yet touched by any worker.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._foreign = self._others_rows()
        self._strangers = {
            path: path.read_bytes() for path in installation.root.rglob("*") if path.is_file()
        }
        self._decoded: set[tuple[str, str]] = set()

    def violations(self) -> list[str]:
        """Everything that is not as it must be, once nothing is left to do."""
        return [
            *self._database(),
            *self._prompts(),
            *self._files(),
            *self._leftovers(),
            *self._processes(),
            *self._overlaps(),
        ]

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(open_database(self._installation.database)) as driver:
            return list(driver.execute(statement).fetchall())

    def _others_rows(self) -> list[list[tuple[Any, ...]]]:
        schema = their_schema(self._installation.database) or _SCHEMA
        return [self._rows(statement) for statement in (*_FOREIGN, *schema)]

    def _database(self) -> Iterator[str]:
        whole = [("ok",)]
        if isinstance(self._installation.database, Path):
            whole = self._rows("PRAGMA integrity_check")
        if whole != [("ok",)]:
            yield f"integrity_check: {whole}"
        if self._others_rows() != self._foreign:
            yield "rows, tables or the mode of others were changed"
        for row in self._rows("SELECT * FROM media_generator_renders WHERE outcome IS NULL"):
            yield f"a render is live though no worker runs: {row}"

    def _prompts(self) -> Iterator[str]:
        groups = self._groups()
        for prompt_id, words, status, error, content, asked, published, taken in self._rows(
            _PROMPTS
        ):
            if prompt_id == 2:  # theirs
                continue
            name = f"prompt {prompt_id} ({words!r})"
            mine = groups.pop(prompt_id, Counter())
            if taken:
                if (status, published, len(mine)) != ("unsupported", 0, 0):
                    yield f"{name} was taken away, and is {status} with rows of {len(mine)} renders"
                continue
            if status not in {"ready", "error"}:
                yield f"{name} is {status} after the drain"
                continue
            accepted = asked + (status == "ready")
            if (error is None) != (status == "ready"):
                yield f"{name} is {status} with the message {error!r}"
            if not published == len(mine) == accepted:
                yield (
                    f"{name} is {status}: accepted {accepted} times to its end,"
                    f" {published} renders published, rows of {len(mine)} renders"
                )
            files = 2 if "pair" in words and words.startswith("image") else 1
            if any(count != files for count in mine.values()):
                yield f"{name} has rows {dict(mine)} by render"
            yield from self._ends_rightly(name, words, status, content)
        for prompt_id in groups.keys() - {2}:
            yield f"rows of prompt {prompt_id}, which was never accepted"

    def _ends_rightly(self, name: str, words: str, status: str, content: str) -> Iterator[str]:
        hopeless = "fails" in words or "half" in words or content == '{"prompt": '
        if hopeless != (status == "error"):
            yield f"{name} is {status}"

    def _groups(self) -> dict[int, Counter[int]]:
        groups: dict[int, Counter[int]] = defaultdict(Counter)
        for prompt_id, metadata in self._rows("SELECT prompt_id, metadata FROM prompt_artifacts"):
            if metadata is not None:
                groups[prompt_id][json.loads(metadata)["render_id"]] += 1
        return groups

    def _files(self) -> Iterator[str]:
        rows = self._rows(
            "SELECT a.file_path, a.metadata, a.artifact_type, w.title, p.id"
            " FROM prompt_artifacts AS a JOIN prompts AS p ON p.id = a.prompt_id"
            " JOIN writings AS w ON w.id = p.output_reference WHERE a.metadata IS NOT NULL"
        )
        paths = [path for path, *_ in rows]
        yield from (f"{path} has two rows" for path, n in Counter(paths).items() if n > 1)
        for path, metadata, kind, said, prompt_id in rows:
            about = json.loads(metadata)
            if about["prompt" if kind == "image" else "title"] != said:
                yield f"{path} says it is of {about}, prompt {prompt_id}"
            if not path.startswith(f"{kind}/{prompt_id}_"):
                yield f"{path} is a path of prompt {prompt_id}"
            yield from self._file(path, about)
        shelved = {
            str(path.relative_to(self._installation.root))
            for shelf in ("image", "audio")
            for path in (self._installation.root / shelf).rglob("*")
            if path.is_file() and path not in self._strangers
        }
        yield from (f"{path} has no row" for path in sorted(shelved - set(paths)))
        for path, content in self._strangers.items():
            if not path.is_file() or path.read_bytes() != content:
                yield f"another program's {path} was changed"

    def _file(self, path: str, about: dict[str, Any]) -> Iterator[str]:
        file = self._installation.root / path
        try:
            content = file.read_bytes()
        except OSError as error:
            yield f"{path} has a row, but: {error}"
            return
        digest = hashlib.sha256(content).hexdigest()
        if digest != about["sha256"] or len(content) != about["file_size"]:
            yield f"{path} is not what its row says"
        if file.stat().st_mode & 0o777 != 0o644 or file.parent.stat().st_mode & 0o777 != 0o755:
            yield f"{path} cannot be read by the web server"
        if (path, digest) not in self._decoded:
            try:
                _decode(file)
            except Exception as error:  # noqa: BLE001 (whatever a decoder says)
                yield f"{path} does not decode: {error!r}"
            self._decoded.add((path, digest))

    def _leftovers(self) -> Iterator[str]:
        kept = {path.relative_to(self._installation.root).parts[1] for path in self._strangers}
        for entry in self._installation.staging.iterdir():
            if entry.name not in kept:
                inside = sorted(str(path.relative_to(entry)) for path in entry.rglob("*"))
                yield f"left in the staging area: {entry.name} {inside}"

    def _overlaps(self) -> Iterator[str]:
        """A prompt that was changed by hand may be rendered before its last owner notices."""
        log = self._installation.comfyui / OVERLAPS
        if not log.exists():
            return
        changed = {
            prompt_id for (prompt_id,) in self._rows("SELECT prompt_id FROM external_changes")
        }
        for line in log.read_text().splitlines():
            prompt_id, last, new = map(int, line.split())
            if prompt_id not in changed:
                yield f"prompt {prompt_id} was rendered by group {new} while {last} still ran"

    def _processes(self) -> Iterator[str]:
        for pid in marked_processes(self._installation):
            yield f"process {pid} of a workflow still runs"


def marked_processes(installation: Installation) -> list[int]:
    """Processes with the mark of a render of this installation; Linux only, else none."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            marked = b"MEDIAGEN_RENDER=" in (entry / "environ").read_bytes()
            if marked and (entry / "cwd").readlink() == installation.comfyui.resolve():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def _decode(file: Path) -> None:
    """Decode to the last byte."""
    if file.suffix == ".png":
        from PIL import Image  # noqa: PLC0415 (only where it is needed)

        with Image.open(file) as picture:
            picture.load()
        return
    import av  # noqa: PLC0415

    with av.open(str(file)) as container:
        frames = sum(1 for _ in container.decode(audio=0))
    assert frames, "it holds no sound"
