"""Every text of the page is in the catalogues: docs/translations.md."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final

import pytest
from babel.messages.pofile import read_po
from jinja2 import Environment

from domain.brief import BRIEF_FIELDS
from entrypoints.web.languages import FIELD_LABELS, LOCALES
from tests.web.texts import extract

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from babel.messages import Catalog

WEB: Final = LOCALES.parent
TEMPLATES: Final = sorted((WEB / "templates").glob("*.html"))
SCRIPTS: Final = sorted((WEB / "static").glob("*.js"))
_READ: Final = frozenset(
    {"alt", "aria-label", "placeholder", "title"}
)  # attributes with readable text
_NAMES: Final = frozenset(  # the same in all languages, or no texts
    {
        *("Media Generator", "ComfyUI", "OK", "JSON", "MiB", "AI", "UTC", "API", "OpenAPI"),
        *("ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight", "PageDown", "PageUp", "Home", "End"),
        *("Enter", "Escape", "Tab", "Delete", "Backspace", "Accept", "Content-Type", "Error"),
        *("AbortError", "NotAllowedError", "NotSupportedError", "Z", "X-Mediagen-Token", "POST"),
    }
)
_ELEMENT: Final = r"(\b(text|title|label|alt|hint|message|placeholder)|aria-label\")\"?:[^,{}()]*$"
_SHOWN: Final = re.compile(rf"{_ELEMENT}|textContent = $")  # before a visible literal
_ENGLISH_ONLY: Final = frozenset({"docs.html"})  # of the API, whose descriptions are English
_UNFINISHED: Final = frozenset({"queue.html", "queue_parts.html", "queue.js", "queue_cards.js"})


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """All texts that are marked in templates, scripts and package."""
    template = tmp_path_factory.mktemp("texts") / "page.pot"
    extract(template)
    with template.open("rb") as file:
        return read_po(file)


def texts_of(catalogue: Catalog) -> set[str]:
    """The English texts, singular and plural."""
    ids = [message.id for message in catalogue if message.id]
    return {text for one in ids for text in ([one] if isinstance(one, str) else one)}


class _Reader(HTMLParser):
    """Collects readable text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside.append(tag)
        self.found += [value for name, value in attrs if name in _READ and value]

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not {"code", "kbd", "script"} & set(self._inside):
            self.found.append(data)


def unmarked_in_template(source: str, marked: set[str]) -> Iterator[str]:
    """Texts of a template that are not translated."""
    source = re.sub(r"{%-?\s*trans\b.*?endtrans\s*-?%}", "", source, flags=re.DOTALL)
    shown = []
    for _, sort, value in Environment(autoescape=True).lex(source):
        if sort == "data":
            shown.append(value)
        elif sort == "string" and _is_text(value[1:-1]) and value[1:-1] not in marked:
            yield value[1:-1]
    reader = _Reader()
    reader.feed("".join(shown))
    for text in reader.found:
        rest = re.sub("|".join(map(re.escape, sorted(_NAMES, key=len)[::-1])), "", text)
        if re.search(r"[^\W\d_]{2,}", rest):
            yield text.strip()


def unmarked_in_script(source: str, marked: set[str]) -> Iterator[str]:
    """Texts of a script that are not translated."""
    source = re.sub(r"/\*.*?\*/|(?<![\w:/\"'])//[^\n]*", "", source, flags=re.DOTALL)
    for literal in re.finditer(r'"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`', source):
        plain, template = literal.groups()
        if template is not None:
            fixed = re.sub(r"\$\{[^}]*\}", "", template)
            if template not in marked and re.search(r"\b[A-Za-z]{2,} [a-z]{2,}\b", fixed):
                yield template
        elif (
            plain not in marked
            and plain not in _NAMES
            and not source.startswith(":", literal.end())
        ):
            line = source[max(0, literal.start() - 120) : literal.start()].rpartition("\n")[2]
            is_shown = _SHOWN.search(line) and re.search("[a-z]{2,}", plain)
            if is_shown or _is_text(plain):
                yield plain


def _is_text(value: str) -> bool:
    """Whether a literal looks like readable text: a capital letter, then small ones."""
    return value not in _NAMES and bool(re.match(r"[A-Z][a-z]+([ .,:]|$)", value))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_text_of_a_template_is_marked(template: Path, marked: Catalog) -> None:
    """Including attributes that are read aloud, and expressions."""
    if template.name not in _ENGLISH_ONLY | _UNFINISHED:
        assert list(unmarked_in_template(template.read_text("utf-8"), texts_of(marked))) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_marked_texts_contain_no_data(template: Path) -> None:
    """Markup in the result of ``_`` is not escaped, so data could inject markup."""
    source = template.read_text("utf-8")
    assert re.findall(r"\b(?:_|n?gettext)\((?!\").*", source) == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_text_of_a_script_is_marked(script: Path, marked: Catalog) -> None:
    """Literals that look like sentences, or that are assigned to elements."""
    if script.name in _UNFINISHED:
        return
    assert list(unmarked_in_script(script.read_text("utf-8"), texts_of(marked))) == []


def test_every_field_of_a_brief_has_a_label() -> None:
    """Its name becomes readable text on the page."""
    names = {field.name for fields in BRIEF_FIELDS.values() for field in fields}
    assert {name.replace("_", " ").capitalize() for name in names} == set(FIELD_LABELS)


@pytest.mark.parametrize("file", sorted(LOCALES.glob("*.po")), ids=lambda path: path.stem)
def test_translations_keep_placeholders_and_markup(file: Path) -> None:
    """Quotation marks would end an attribute."""
    with file.open("rb") as content:
        catalogue = read_po(content)
    for message in catalogue:
        if message.id:
            originals = [message.id] if isinstance(message.id, str) else list(message.id)
            translated = [message.string] if isinstance(message.string, str) else message.string
            for number, text in enumerate(filter(None, translated or ())):
                assert isinstance(text, str)
                assert parts_of(text) == parts_of(originals[min(number, len(originals) - 1)]), text
            assert not message.fuzzy, message.id
    assert catalogue.locale_identifier == file.stem.replace("-", "_")


def test_german_is_complete(marked: Catalog) -> None:
    """It is maintained here; other languages may lack texts. See ``make texts``."""
    with (LOCALES / "de.po").open("rb") as content:
        catalogue = read_po(content)
    lacking = []
    for message in marked:
        known = catalogue.get(message.id) if message.id else message
        texts = (known.string if known else "") or ""
        if message.id and not all([texts] if isinstance(texts, str) else texts):
            lacking.append(message.id)
    assert lacking == []


def parts_of(text: str) -> list[str]:
    """The parts that a translation must contain as well."""
    return sorted(re.findall(r"%\(\w+\)s|%%|<[^>]*>|&|\"", text))
