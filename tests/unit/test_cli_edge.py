"""Edge: what agents wrote does not steer the terminal."""

import pytest

from sidecar.cli.edge import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words", "plain words"),
        ("Zürich, 東京 😀", "Zürich, 東京 😀"),
        ("two\nlines", "two\nlines"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\rb\tc\x07\x7f", "a\\rb\\tc\\x07\\x7f"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\ud800", "\\ud800"),
    ],
)
def test_control_and_format_characters_are_shown_not_sent(text, shown):
    assert printable(text) == shown
