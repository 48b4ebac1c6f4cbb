"""Fixtures that several kinds of test share."""

import pytest
from hypothesis import settings

from tests.tools.daemon import PATIENT, Daemon

# How long an example takes says something of the machine, not of the law it tests.
settings.register_profile("laws", deadline=None, print_blob=True)
settings.load_profile("laws")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    """One daemon with the default policies for the tests of a module."""
    with Daemon(tmp_path_factory.mktemp("daemon"), environ=PATIENT) as running:
        yield running
