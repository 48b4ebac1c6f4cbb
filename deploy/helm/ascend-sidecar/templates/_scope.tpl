{{/*
Calls a template (the second of a list) with this chart's own scope: its values are elsewhere where an app's chart, whose
scope is the first, includes it.
*/}}
{{- define "ascend-sidecar.call" -}}
{{- $caller := index . 0 -}}
{{- $own := index $caller.Subcharts "ascend-sidecar" -}}
{{- if not $own -}}
  {{- if ne $caller.Chart.Name "ascend-sidecar" -}}
    {{- fail (printf "%s: ascend-sidecar must be a dependency that is on, under no alias" $caller.Chart.Name) -}}
  {{- end -}}
  {{- $own = $caller -}}
{{- end -}}
{{- include (index . 1) $own -}}
{{- end -}}
