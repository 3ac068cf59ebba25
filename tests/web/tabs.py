"""One tab that tests use one after the other, since opening a tab takes longer than most tests."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from tests.web.chromium import PATIENCE
from tests.web.page_errors import record_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

_WINDOW: Final = {"width": 1280, "height": 720}
_CHANGEABLE: Final = frozenset({"viewport", "color_scheme", "reduced_motion"})
_tabs: WeakKeyDictionary[Browser, Page] = WeakKeyDictionary()


@contextmanager
def shared_tab(browser: Browser, url: str, troubles: list[str], **options: Any) -> Iterator[Page]:  # noqa: ANN401
    """A tab in its initial state, without a page.

    Args:
        browser: the browser that it belongs to.
        url: the address of the site that it will show.
        troubles: as for ``record_errors``.
        options: options of a context. Others than size, colours and motion open a separate tab,
            as does ``own=True``, for tests whose changes cannot be undone.
    """
    own = options.pop("own", False)
    if own or not options.keys() <= _CHANGEABLE:
        with browser.new_context(**options) as context:
            context.set_default_timeout(PATIENCE)
            record_errors(context, url, troubles)
            yield context.new_page()
        return
    page = _tabs.get(browser)
    if page is None or page.is_closed():
        page = _tabs[browser] = browser.new_context().new_page()
        page.set_default_timeout(PATIENCE)
    page.set_viewport_size(options.get("viewport", _WINDOW))
    page.emulate_media(
        color_scheme=options.get("color_scheme", "light"),
        reduced_motion=options.get("reduced_motion", "no-preference"),
    )
    forget = record_errors(page.context, url, troubles)
    try:
        yield page
    finally:
        forget()
        page.unroute_all(behavior="ignoreErrors")
        if page.url.startswith("http"):
            page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        page.goto("about:blank")
