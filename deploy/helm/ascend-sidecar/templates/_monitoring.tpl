{{- define "ascend-sidecar.own.monitorLabels" -}}
{{- $labels := include "ascend-sidecar.labels" (index . 0) | fromYaml -}}
{{- toYaml (merge (dict) (index . 1) $labels) -}}
{{- end -}}
