"""Hypothesis profiles: HYPOTHESIS_PROFILE chooses one, CI=true means `ci`, otherwise `dev`."""

import os

from hypothesis import settings

# No deadline anywhere: a slow machine is no bug, and pytest-timeout catches what hangs.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile("nightly", deadline=None, max_examples=1000, print_blob=True)

_DEFAULT_PROFILE = "ci" if os.environ.get("CI") == "true" else "dev"
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or _DEFAULT_PROFILE)
