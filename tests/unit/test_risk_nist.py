"""NIST SP 800-30 Rev. 1, Table I-2."""

import itertools

import pytest

from sidecar.core.risk.nist import LEVELS, Level, at_least, percent, risk_level

TABLE_I2 = {
    "very_high": "very_low low moderate high very_high",
    "high": "very_low low moderate high very_high",
    "moderate": "very_low low moderate moderate high",
    "low": "very_low low low low moderate",
    "very_low": "very_low very_low very_low low low",
}


@pytest.mark.parametrize("likelihood", TABLE_I2)
def test_each_row_is_that_of_table_i_2(likelihood):
    row = [risk_level(Level(likelihood), impact) for impact in LEVELS]
    assert row == TABLE_I2[likelihood].split()


def test_the_table_never_falls_in_either_direction():
    for likelihood, impact in itertools.product(LEVELS, LEVELS):
        here = percent(risk_level(likelihood, impact))
        for worse in LEVELS[LEVELS.index(impact) :]:
            assert percent(risk_level(likelihood, worse)) >= here
        for worse in LEVELS[LEVELS.index(likelihood) :]:
            assert percent(risk_level(worse, impact)) >= here


def test_the_more_severe_of_two_levels_holds():
    assert at_least(Level.LOW, Level.HIGH) is Level.HIGH
    assert at_least(Level.HIGH, Level.LOW) is Level.HIGH
    assert at_least(Level.LOW, None) is Level.LOW
