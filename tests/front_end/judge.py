"""The front end in a browser: it loads a workflow and exports it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playwright.sync_api import Browser, Page

_READY: Final = """() => window.app?.rootGraph && window.app.extensionManager
    && Object.keys(window.LiteGraph?.registered_node_types ?? {}).length > 300"""
# Of alternatives in a text it uses the first one, and drawn frames let late connections settle.
_EXPORT: Final = """async (workflow) => {
    await app.loadGraphData(workflow, true, false, null, {skipAssetScans: true})
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve))
    await frame()
    await frame()
    const random = Math.random
    Math.random = () => 0
    try {
        return {output: (await app.graphToPrompt()).output}
    } catch (error) {
        return {error: String(error)}
    } finally {
        Math.random = random
    }
}"""
_WORKFLOWS_PER_PAGE: Final = 40  # it keeps loaded workflows, and becomes slow
_PATIENCE: Final = 300_000  # milliseconds


class Judge:
    """Exports workflows with the front end at an address.

    Args:
        browser: a running Chromium.
        address: where the front end is served.
    """

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser = browser
        self._address = address
        self._page: Page | None = None
        self._loaded = 0

    def export(self, workflow: Mapping[str, object]) -> dict[str, Any] | None:
        """The graph that the front end exports; None if it cannot."""
        if self._page is None or self._loaded % _WORKFLOWS_PER_PAGE == 0:
            self._page = self._opened()
        self._loaded += 1
        result = self._page.evaluate(_EXPORT, workflow)
        output: dict[str, Any] | None = result.get("output")
        return output

    def _opened(self) -> Page:
        if self._page is not None:
            self._page.close()
        page = self._browser.new_page()
        page.set_default_timeout(_PATIENCE)
        page.goto(self._address)
        page.wait_for_function(_READY)
        return page
