{{- define "ascend-sidecar.own.sidecar" -}}
{{- if ne .Values.mode "sidecar" -}}
  {{- fail (printf "mode: %s, and an app includes \"ascend-sidecar.container\"; leave one of them out" .Values.mode) -}}
{{- end -}}
- {{ include "ascend-sidecar.own.container" . | nindent 2 | trim }}
  restartPolicy: Always
{{- end -}}

{{- define "ascend-sidecar.own.container" -}}
name: ascend-sidecar
image: {{ include "ascend-sidecar.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [serve, --config, /etc/ascend-sidecar/config.yaml]
env: {{- include "ascend-sidecar.own.env" . | nindent 2 }}
ports:
  - name: ascend-ops
    containerPort: {{ .Values.ops.port }}
{{ include "ascend-sidecar.own.probes" . }}
securityContext: {{- include "ascend-sidecar.own.securityContext" . | nindent 2 }}
resources: {{- toYaml .Values.resources | nindent 2 }}
volumeMounts: {{- include "ascend-sidecar.own.mounts" . | nindent 2 }}
{{- end -}}

{{/* Folders are variables because the image's own would win over the file; CONFIG rolls pods when the file changes. */}}
{{- define "ascend-sidecar.own.env" -}}
- name: ASCEND_SIDECAR_RUN_DIR
  value: /run/ascend-sidecar
- name: ASCEND_SIDECAR_STATE_DIR
  value: /var/lib/ascend-sidecar/state
- name: CONFIG_SHA256
  value: {{ include "ascend-sidecar.own.config" . | sha256sum }}
{{- include "ascend-sidecar.own.placeEnv" . }}
{{- include "ascend-sidecar.own.awsEnv" .Values.aws }}
{{- end -}}

{{- define "ascend-sidecar.own.probes" -}}
startupProbe: {{- include "ascend-sidecar.own.probe" (list "/readyz" .Values.probes.startup) | nindent 2 }}
livenessProbe: {{- include "ascend-sidecar.own.probe" (list "/livez" .Values.probes.liveness) | nindent 2 }}
{{- with .Values.probes.readiness }}
{{- if .enabled }}
readinessProbe: {{- include "ascend-sidecar.own.probe" (list "/readyz" (omit . "enabled")) | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "ascend-sidecar.own.probe" -}}
httpGet:
  path: {{ index . 0 }}
  port: ascend-ops
{{ toYaml (index . 1) }}
{{- end -}}

{{- define "ascend-sidecar.own.securityContext" -}}
runAsUser: 65532
runAsGroup: 65532
runAsNonRoot: true
readOnlyRootFilesystem: true
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* Halts of hosts are known by the node's name; a pod's would be another at each start. */}}
{{- define "ascend-sidecar.own.placeEnv" -}}
{{- $onNode := eq .Values.mode "daemonset" -}}
{{- if $onNode }}
- name: NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
- name: ASCEND_SIDECAR_KILLSWITCH_HOST
  value: $(NODE_NAME)
{{- else if .Values.killswitch.queueUrl }}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- end }}
{{- with .Values.killswitch.queueUrl }}
- name: ASCEND_SIDECAR_KILLSWITCH_QUEUE_URL
  value: {{ . | quote }}
{{- end }}
{{- end -}}
