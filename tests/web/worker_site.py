"""An installation with its page, for tests in which workers really run."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from entrypoints.settings.loader import load_settings
from entrypoints.web.server import start_server
from tests.acceptance.mediagen import Installation
from tests.web.tabs import shared_tab

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from entrypoints.settings.loader import LoadedSettings

# Shows 25 %, then 75 % once the file ``on`` exists, then ends once ``go`` exists.
_STEPS: Final = """
import sys, time
from importlib import import_module
from pathlib import Path

good = import_module("good")
output = good.parse().output

def bar(percent):
    print(f"Sampling: {percent:3}%|##   | {percent // 5}/20 [00:01<00:03,  5.0it/s]",
          end="\\r", file=sys.stderr, flush=True)

def wait_for(name):
    end = time.monotonic() + 100
    while not Path(name).exists() and time.monotonic() < end:
        time.sleep(0.01)

bar(25)
Path("began").touch()
wait_for("on")
bar(75)
wait_for("go")
good.write_media(output)
"""


class Site:
    """An installation and its page, served from this process.

    Attributes:
        installation: its folders, database and shell.
        url: the page's address.
        browser: the browser for its tabs.
    """

    def __init__(self, folder: Path, browser: Browser) -> None:
        self.installation = Installation(folder)
        state = str(self.installation.folder / "state")
        self.installation.shell.environment["MEDIA_GENERATOR_PATHS__STATE"] = state
        (self.installation.scripts / "steps.py").write_text(_STEPS, "utf-8")
        self.installation.use_scripts("good.py", "good.py")
        self.browser = browser
        self.url = ""
        self._serving: Any = None
        self.serve()

    def serve(self, port: int = 0) -> None:
        """Start serving."""
        self._serving = start_server(self._settings(port))
        self.url = self._serving.url

    def stop(self) -> None:
        """Stop serving."""
        self._serving.close()

    @property
    def loaded(self) -> LoadedSettings:
        """The settings, as a worker of the installation has them."""
        return self._settings(0)

    @property
    def port(self) -> int:
        """The port of the server."""
        return int(self.url.rpartition(":")[2])

    @contextmanager
    def page(self, path: str, *, fails: bool = False, **options: Any) -> Iterator[Page]:  # noqa: ANN401
        """A tab that shows a page of this site; it must have no errors unless ``fails``.

        Args:
            path: the page's path.
            fails: whether the test lets requests fail.
            options: as for ``shared_tab``.
        """
        said: list[str] = []
        with shared_tab(self.browser, self.url, said, **options) as page:
            page.goto(self.url + path)
            yield page
        assert fails or said == []

    @contextmanager
    def rendering(self) -> Iterator[subprocess.Popen[str]]:
        """A worker in the middle of the first prompt, which shows 25 %."""
        self.installation.use_scripts("steps.py")
        with self.installation.started("run") as process:
            self.installation.wait_until_started(process)
            yield process

    def step(self) -> None:
        """Let the render show 75 %."""
        (self.installation.comfyui / "on").touch()

    def _settings(self, port: int) -> LoadedSettings:
        home = self.installation.shell.home
        return load_settings(
            config_file=home / "media_generator_config.json",
            overrides={"web.port": str(port)},
            environ=self.installation.shell.variables(),
            cwd=home,
        )


@contextmanager
def worker_site(folder: Path, browser: Browser) -> Iterator[Site]:
    """A site; everything that it started is ended with the block."""
    site = Site(folder, browser)
    try:
        yield site
    finally:
        site.stop()
        site.installation.end_leftovers()
