"""Fixtures that several kinds of test share."""

import signal

import pytest
from hypothesis import settings

from tests.tools.daemon import PATIENT, Daemon

# How long an example takes says something of the machine, not of the law it tests.
settings.register_profile("laws", deadline=None, print_blob=True)
settings.load_profile("laws")
# What a shell starts in the background ignores SIGINT, and so would all programs that tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    """One daemon with the default policies for the tests of a module."""
    with Daemon(tmp_path_factory.mktemp("daemon"), environ=PATIENT) as running:
        yield running
