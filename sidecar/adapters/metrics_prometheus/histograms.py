"""Histograms: observing is two additions; the family is made at a scrape."""

import itertools
from bisect import bisect_left
from collections.abc import Mapping, Sequence

from prometheus_client.core import HistogramMetricFamily, Metric

Observed = dict[str, tuple[list[int], list[float]]]


def observe(into: Observed, label: str, seconds: float, bounds: Sequence[float]) -> None:
    found = into.get(label)
    if found is None:
        found = into[label] = ([0] * (len(bounds) + 1), [0.0])
    found[0][bisect_left(bounds, seconds)] += 1
    found[1][0] += seconds


def filled(
    family: HistogramMetricFamily,
    observed: Mapping[str, tuple[list[int], list[float]]],
    bounds: Sequence[float],
) -> Metric:
    """The family with a series for each label that was observed."""
    names = [*(str(bound) for bound in bounds), "+Inf"]
    for label, (counts, total) in observed.items():
        family.add_metric([label], list(zip(names, itertools.accumulate(counts), strict=True)), total[0])
    return family
