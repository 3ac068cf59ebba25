"""An installation with the page before it, for tests in which workers really run."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from entrypoints.settings.loader import load_settings
from entrypoints.web.server import start_server
from tests.acceptance.mediagen import Installation
from tests.web.lending import lent

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from entrypoints.settings.loader import LoadedSettings

# Shows a quarter, then three quarters when ``on`` is there, then ends when ``go`` is.
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
    """What a person has before them.

    Attributes:
        place: the installation.
        url: where its page is.
        browser: to look with.
    """

    def __init__(self, folder: Path, browser: Browser) -> None:
        self.place = Installation(folder)
        state = str(self.place.folder / "state")
        self.place.shell.environment["MEDIA_GENERATOR_PATHS__STATE"] = state
        (self.place.scripts / "steps.py").write_text(_STEPS, "utf-8")
        self.place.use_scripts("good.py", "good.py")
        self.browser = browser
        self.url = ""
        self._serving: Any = None
        self.serve()

    def serve(self, port: int = 0) -> None:
        """Begin to answer."""
        self._serving = start_server(self._settings(port))
        self.url = self._serving.url

    def stop(self) -> None:
        """Answer nobody any more."""
        self._serving.close()

    @property
    def loaded(self) -> LoadedSettings:
        """The settings, as a worker of the installation has them."""
        return self._settings(0)

    @property
    def port(self) -> int:
        """Where it answers."""
        return int(self.url.rpartition(":")[2])

    @contextmanager
    def page(self, path: str, *, fails: bool = False, **options: Any) -> Iterator[Page]:  # noqa: ANN401
        """A tab with a page of ours; nothing may go wrong in it unless ``fails``.

        Args:
            path: of the page.
            fails: whether the test lets requests fail.
            options: as for ``lent``.
        """
        said: list[str] = []
        with lent(self.browser, self.url, said, **options) as page:
            page.goto(self.url + path)
            yield page
        assert fails or said == []

    @contextmanager
    def rendering(self) -> Iterator[subprocess.Popen[str]]:
        """A worker in the middle of the first prompt, which shows a quarter."""
        self.place.use_scripts("steps.py")
        with self.place.started("run") as process:
            self.place.wait_until_started(process)
            yield process

    def step(self) -> None:
        """Let the render show three quarters."""
        (self.place.comfyui / "on").touch()

    def _settings(self, port: int) -> LoadedSettings:
        home = self.place.shell.home
        return load_settings(
            config_file=home / "media_generator_config.json",
            overrides={"web.port": str(port)},
            environ=self.place.shell.variables(),
            cwd=home,
        )


@contextmanager
def site_at(folder: Path, browser: Browser) -> Iterator[Site]:
    """A site, and the end of everything that it started."""
    site = Site(folder, browser)
    try:
        yield site
    finally:
        site.stop()
        site.place.end_leftovers()
