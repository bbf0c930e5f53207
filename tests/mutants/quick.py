"""A plugin of pytest: the first failure ends it, and properties have few examples, none shrunk."""

import os

from hypothesis import Phase, settings

settings.register_profile(
    "mutants",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=30,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
os.environ["HYPOTHESIS_PROFILE"] = "mutants"


def pytest_configure(config):
    config.option.maxfail = 1
    config.option.basetemp = None  # that of the project would be the same in all forks
