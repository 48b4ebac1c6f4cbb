"""Fixtures that several kinds of test share."""

import pytest
from tests.tools.daemon import Daemon


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    """One daemon with the default policies for the tests of a module."""
    with Daemon(tmp_path_factory.mktemp("daemon")) as running:
        yield running
