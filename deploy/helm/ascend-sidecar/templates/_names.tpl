{{- define "ascend-sidecar.fullname" -}}
{{- .Values.fullnameOverride | default (printf "%s-ascend-sidecar" .Release.Name) | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "ascend-sidecar.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{ include "ascend-sidecar.selector" . }}
{{- end -}}

{{/* Of the pods of mode daemonset. */}}
{{- define "ascend-sidecar.selector" -}}
app.kubernetes.io/name: ascend-sidecar
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "ascend-sidecar.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Of the pods that the daemon is in: this chart's own, or the app's. */}}
{{- define "ascend-sidecar.own.pods" -}}
{{- if eq .Values.mode "daemonset" -}}
{{ include "ascend-sidecar.selector" . }}
{{- else -}}
{{ toYaml (.Values.podSelector | default (dict "app.kubernetes.io/instance" .Release.Name)) }}
{{- end -}}
{{- end -}}

{{- define "ascend-sidecar.own.serviceAccount" -}}
{{- with .Values.daemonset.serviceAccount -}}
{{- .create | ternary (include "ascend-sidecar.fullname" $) .name -}}
{{- end -}}
{{- end -}}
