"""Metrics in the Prometheus text format."""

from sidecar.adapters.metrics_prometheus.metrics import PrometheusMetrics

__all__ = ["PrometheusMetrics"]
