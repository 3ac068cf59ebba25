"""The language of a page: which one a request gets, and its texts.

The English text is the key. Every other language is one file, ``locales/CODE.po``, in the format of
GNU gettext; templates, this package and the scripts of the page share it. docs/translations.md says
how to add one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from flask import Response, g, request

if TYPE_CHECKING:
    import gettext as gnu

    from flask import Flask

LOCALES: Final = Path(__file__).with_name("locales")
COOKIE: Final = "mediagen_language"  # set by static/texts.js; holds a code
ENGLISH: Final = "en"
_MINUTE: Final = 60  # seconds
_NOW_SECONDS: Final = 5  # in which a time to come is now


def N_(text: str) -> str:  # noqa: N802 - the name by which gettext's tools know it
    """Mark a text that is shown by another place, so that it is in the catalogue."""
    return text


FIELD_LABELS: Final = (  # of briefs, as field_label() makes them of names
    N_("Prompt"),
    N_("Negative prompt"),
    N_("Style tags"),
    N_("Aspect ratio"),
    N_("Quality"),
    N_("Mood"),
    N_("Subject"),
    N_("Background"),
    N_("Lighting"),
    N_("Width"),
    N_("Height"),
    N_("Seed"),
    N_("Lyrics"),
    N_("Tags"),
    N_("Title"),
    N_("Genre"),
    N_("Tempo"),
    N_("Key"),
    N_("Time signature"),
    N_("Language"),
    N_("Vocal style"),
    N_("Instrumentation"),
    N_("Seconds"),
)
FIELD_TIPS: Final = (  # of fields that have no place of their own on the form
    N_("language of the lyrics, such as English."),
    N_("length of the song, in seconds."),
)
WORDS: Final = (  # of data that the page shows
    N_("pending"),
    N_("processing"),
    N_("ready"),
    N_("error"),
    N_("cancelled"),
    N_("published"),
    N_("failed"),
    N_("released"),
    N_("abandoned"),
    N_("superseded"),
    N_("configuration"),
    N_("database"),
    N_("output root"),
    N_("state"),
    *FIELD_LABELS,
    *FIELD_TIPS,
)


class Catalogue(NamedTuple):
    """The texts of one language.

    Attributes:
        translations: for templates and this package.
        document: the same for the scripts: texts by English text, and for each plural category of
            Intl.PluralRules the index of the form to use.
    """

    translations: gnu.GNUTranslations
    document: dict[str, Any]


@cache
def languages() -> tuple[str, ...]:
    """The codes of all languages, as in the ``lang`` attribute; English is the first."""
    return (ENGLISH, *sorted(file.stem for file in LOCALES.glob("*.po")))


@cache
def language_names() -> dict[str, str]:
    """What each language calls itself, by its code."""
    from babel import Locale

    locales = {code: Locale.parse(code, sep="-") for code in languages()}
    return {code: str(locale.get_display_name()).capitalize() for code, locale in locales.items()}


@cache
def catalogue(language: str) -> Catalogue:
    """Read the texts of a language other than English.

    Raises:
        KeyError: there is no such language.
    """
    if language not in languages()[1:]:
        raise KeyError(language)
    # Imported here, since English pages need none of this.
    import gettext as gnu
    from io import BytesIO

    from babel import Locale
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with (LOCALES / f"{language}.po").open("rb") as file:
        messages = read_po(file)
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    form_of = gnu.c2py(messages.plural_expr)
    category_of = Locale.parse(language, sep="-").plural_form
    texts = {
        message.id if isinstance(message.id, str) else message.id[0]: message.string
        for message in messages
        if message.id and message.string and all(message.string) and not message.fuzzy
    }
    forms = {category_of(number): form_of(number) for number in reversed(range(1000))}
    return Catalogue(gnu.GNUTranslations(compiled), {"texts": texts, "forms": forms})


def language() -> str:
    """The language of the page that answers this request: the chosen one, or the browser's."""
    if "language" not in g:
        chosen = request.cookies.get(COOKIE)
        g.language = chosen if chosen in languages() else _browser_language()
    return cast("str", g.language)


def gettext(text: str, **values: object) -> str:
    """A text in the language of the page, with ``%(name)s`` replaced by values."""
    return _translated(text) % values


def ngettext(one: str, many: str, num: int, **values: object) -> str:
    """The text for a number in the language of the page; ``%(num)s`` is the number."""
    return _translated_plural(one, many, num) % {"num": num, **values}


def word(text: str) -> str:
    """Data in the language of the page, if it is one of ``WORDS``; templates escape it."""
    return _translated(text)


def ago(iso: str) -> str:
    """How long ago a time of the API was, as static/site.js says it, so that nothing moves then.

    Args:
        iso: in UTC, such as 2026-01-06T21:30:45; anything else is left as it is.
    """
    from babel.dates import format_timedelta

    try:
        passed = datetime.fromisoformat(iso).replace(tzinfo=UTC) - datetime.now(UTC)
    except ValueError:
        return iso
    seconds = passed.total_seconds()
    if abs(seconds) < _MINUTE:
        soon = seconds > _NOW_SECONDS
        return gettext("in %(seconds)s s", seconds=round(seconds)) if soon else gettext("just now")
    locale = language().replace("-", "_")
    return format_timedelta(passed, threshold=1, add_direction=True, locale=locale)


def install_languages(app: Flask) -> None:
    """Give templates ``_``, ``ngettext``, ``trans``, ``word`` and the names of the languages.

    The texts of ``_`` may have markup, so only literals may be given to it; ``word`` is for data.
    """
    environment = cast("Any", app.jinja_env)
    environment.add_extension("jinja2.ext.i18n")
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_callables(_translated, _translated_plural, newstyle=True)
    environment.globals |= {
        "language": language,
        "word": word,
        "ago": ago,
        "language_names": language_names,
        "ENGLISH": ENGLISH,
    }

    @app.after_request
    def vary(response: Response) -> Response:
        if "language" in g:
            response.vary.update(("Accept-Language", "Cookie"))
        return response


def _browser_language() -> str:
    """The first language of the browser that there is; "de-AT" is German."""
    from babel import negotiate_locale

    preferred = [code for code, quality in request.accept_languages if quality]
    return negotiate_locale(preferred, languages(), sep="-") or ENGLISH


def _translated(text: str) -> str:
    code = language()
    return text if code == ENGLISH else catalogue(code).translations.gettext(text)


def _translated_plural(one: str, many: str, number: int) -> str:
    code = language()
    if code == ENGLISH:
        return one if number == 1 else many
    return catalogue(code).translations.ngettext(one, many, number)
