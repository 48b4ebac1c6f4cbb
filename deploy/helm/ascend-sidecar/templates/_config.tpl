{{/* The daemon's config file: what the values say, and what only the chart knows. */}}
{{- define "ascend-sidecar.own.config" -}}
{{- include "ascend-sidecar.own.checks" . -}}
{{- $config := deepCopy .Values.config -}}
{{- $_ := set $config "ops_listen" (include "ascend-sidecar.own.opsListen" .Values.ops) -}}
{{- $policy := .Values.policy -}}
{{- $place := include "ascend-sidecar.own.policyPlace" . -}}
{{- if $policy.default -}}
  {{- $_ := set $config "policies" "default" -}}
{{- else if or $policy.files $policy.configMap.name $policy.secret.name -}}
  {{- $_ := set $config "policies" $place -}}
{{- else -}}
  {{- $source := $policy.bundle.source | default (printf "%s/bundle.dsse" $place) -}}
  {{- $_ := set $config "bundle" (merge (dict "source" $source) ($config.bundle | default dict)) -}}
{{- end -}}
{{- range $setting, $secret := .Values.secretFiles -}}
  {{- include "ascend-sidecar.own.put" (list $config (splitList "." $setting) (printf "/etc/ascend-sidecar-secrets/%s" $setting)) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* Sets the setting at this path of a config, of one or two words. */}}
{{- define "ascend-sidecar.own.put" -}}
{{- $config := index . 0 -}}
{{- $path := index . 1 -}}
{{- if eq (len $path) 1 -}}
  {{- $_ := set $config (first $path) (index . 2) -}}
{{- else -}}
  {{- $section := get $config (first $path) | default dict -}}
  {{- $_ := set $config (first $path) (set $section (last $path) (index . 2)) -}}
{{- end -}}
{{- end -}}

{{- define "ascend-sidecar.own.opsListen" -}}
{{- ternary (printf "[%s]" .address) .address (contains ":" .address) }}:{{ .port }}
{{- end -}}
