{{/*
With the thresholds of the values, and `pods`: the labels that a scrape of one of our daemons has.
What is counted under a label is there from the first time on only, which increase() does not see: hence the `unless`.
*/}}
{{- define "ascend-sidecar.own.alerts" -}}
- alert: AscendSidecarDown
  expr: up{ {{- .pods -}} } == 0
  for: 2m
  labels:
    severity: critical
  annotations:
    summary: A daemon does not answer, so agents beside it are refused.
{{- if .absent }}
- alert: AscendSidecarAbsent
  expr: absent(ascend_sidecar_build_info{ {{- .pods -}} })
  for: 5m
  labels:
    severity: warning
  annotations:
    summary: No daemon of this namespace is seen at all.
{{- end }}
- alert: AscendSidecarKillSwitchBlind
  expr: ascend_sidecar_killswitch_blind{ {{- .pods -}} } == 1
  for: 1m
  labels:
    severity: critical
  annotations:
    summary: A daemon does not see what is halted, and denies its agents until it does.
- alert: AscendSidecarKillSwitchDamaged
  expr: ascend_sidecar_killswitch_damaged{ {{- .pods -}} } == 1
  labels:
    severity: critical
  annotations:
    summary: The halts on a daemon's disk cannot be read, and it halts everything.
- alert: AscendSidecarKillSwitchQueueShared
  expr: ascend_sidecar_killswitch_queue_shared{ {{- .pods -}} } == 1
  for: 1m
  labels:
    severity: warning
  annotations:
    summary: Somebody else reads a daemon's queue, and takes orders away from it.
- alert: AscendSidecarBundleUnusable
  expr: >-
    sum by (namespace, pod) (
      rate(ascend_sidecar_decisions_total{code=~"no_bundle|bundle_stale|bundle_expired",{{ .pods }}}[5m])) > 0
    or sum by (namespace, pod) (ascend_sidecar_build_info{ {{- .pods -}} })
    unless sum by (namespace, pod) (ascend_sidecar_bundle_info{ {{- .pods -}} })
  for: 1m
  labels:
    severity: critical
  annotations:
    summary: A daemon denies everything, because its policies are stale, expired or missing.
- alert: AscendSidecarBundleUnconfirmed
  expr: >-
    time() - (ascend_sidecar_bundle_checked_timestamp_seconds{ {{- .pods -}} } > 0)
    > {{ .bundleUnconfirmedSeconds }}
  for: 5m
  labels:
    severity: warning
  annotations:
    summary: A daemon has not reached the source of its policies for long; from bundle.max_staleness on it denies.
- alert: AscendSidecarBundleExpires
  expr: >-
    (ascend_sidecar_bundle_expires_timestamp_seconds{ {{- .pods -}} } > 0) - time()
    < {{ .bundleExpirySeconds }}
  labels:
    severity: warning
  annotations:
    summary: The bundle of a daemon is about to expire, and nobody has issued a newer one.
- alert: AscendSidecarBundleRefused
  expr: >-
    increase(ascend_sidecar_bundle_refusals_total{reason!~"source_.*",{{ .pods }}}[15m]) > 0
    or (ascend_sidecar_bundle_refusals_total{reason!~"source_.*",{{ .pods }}}
    unless ascend_sidecar_bundle_refusals_total{reason!~"source_.*",{{ .pods }}} offset 15m)
  labels:
    severity: warning
  annotations:
    summary: A daemon refuses what its source gives it for a bundle.
- alert: AscendSidecarAuditUnwritable
  expr: ascend_sidecar_audit_writable{ {{- .pods -}} } == 0
  for: 30s
  labels:
    severity: critical
  annotations:
    summary: A daemon cannot write its decision log, and denies everything.
- alert: AscendSidecarAuditLag
  expr: max_over_time(ascend_sidecar_audit_lag_seconds{ {{- .pods -}} }[5m]) > {{ .auditLagSeconds }}
  for: 2m
  labels:
    severity: warning
  annotations:
    summary: Records take about as long to reach the disk as audit.deadline allows; beyond it, decisions are denies.
- alert: AscendSidecarDenySpike
  expr: >-
    sum by (namespace, pod) (rate(ascend_sidecar_decisions_total{verdict="deny",{{ .pods }}}[10m]))
    > {{ .denySpikePerSecond }}
    and sum by (namespace, pod) (rate(ascend_sidecar_decisions_total{verdict="deny",{{ .pods }}}[10m]))
    > {{ .denySpikeFactor }} * (
      sum by (namespace, pod) (rate(ascend_sidecar_decisions_total{verdict="deny",{{ .pods }}}[6h] offset 10m))
      or 0 * sum by (namespace, pod) (ascend_sidecar_build_info{ {{- .pods -}} }))
  for: 5m
  labels:
    severity: warning
  annotations:
    summary: A daemon denies far more than it did in the hours before.
- alert: AscendSidecarOverloaded
  expr: >-
    sum by (namespace, pod) (
      rate(ascend_sidecar_unrecorded_denies_total{code="overloaded",{{ .pods }}}[5m])) > 0
  for: 2m
  labels:
    severity: warning
  annotations:
    summary: A daemon is asked more at once than it answers, and denies the rest.
- alert: AscendSidecarUngoverned
  expr: increase(ascend_sidecar_ungoverned_actions_total{ {{- .pods -}} }[15m]) > 0
  labels:
    severity: critical
  annotations:
    summary: Agents went ahead without a decision, because no daemon was reached and fail_mode is open.
{{- end -}}
