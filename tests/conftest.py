"""Hypothesis profiles: HYPOTHESIS_PROFILE chooses one, CI=true means `ci`, otherwise `dev`.

``make slow`` runs the property tests once more, with `thorough`.

Signals have the same handlers as in a terminal, however the tests were started.
"""

import os
import signal

import pytest
from hypothesis import settings

from tests.postgres import availability as postgres_availability
from tests.ray_cluster import availability as ray_availability
from tests.web import availability as web_availability

pytest_plugins = ["tests.object_store.fixtures", "tests.postgres.fixtures"]

# A shell that runs something in the background makes it ignore these signals, and every program
# that the tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Without a parent they would inherit the profile that Hypothesis chooses itself if CI is set.
_default = settings.get_profile("default")

# No deadline anywhere: a slow machine is no bug, and pytest-timeout ends tests that hang.
settings.register_profile("dev", _default, deadline=None, max_examples=30)
settings.register_profile("ci", parent=settings.get_profile("dev"), derandomize=True, database=None)
settings.register_profile(
    "thorough",
    _default,
    deadline=None,
    max_examples=200,
    derandomize=os.environ.get("CI") == "true",
    database=None,
    print_blob=True,
)
settings.register_profile("nightly", _default, deadline=None, max_examples=1000, print_blob=True)

_DEFAULT_PROFILE = "ci" if os.environ.get("CI") == "true" else "dev"
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or _DEFAULT_PROFILE)


# Each takes most of a minute on its own: started last, they would delay the end of the whole run.
_LONGEST = ("tests/chaos/", "state_machine", "test_demo", "test_claim_crowd")


@pytest.hookimpl(trylast=True)  # the plugin of Hypothesis marks its tests first
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest tests first; others stay in order, since neighbours share fixtures.

    A property test that hangs ends with its process: Hypothesis would take an exception that the
    time limit raises inside it for a finding, and run the same endless example again and again.
    """
    items.sort(key=lambda item: not any(name in item.nodeid for name in _LONGEST))
    for item in items:
        if item.get_closest_marker("hypothesis"):
            limit = item.get_closest_marker("timeout")
            arguments = limit.args if limit else ()
            item.add_marker(pytest.mark.timeout(*arguments, method="thread"), append=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Here, since with several processes the one that reports loads no conftest but this."""
    web_availability.summarise(terminalreporter)
    postgres_availability.summarise(terminalreporter)
    ray_availability.summarise(terminalreporter)
