{{/*
What an app's chart includes, each with its own scope (`.`):

  securityContext: {{- include "ascend-sidecar.podSecurityContext" . | nindent 8 }}
  initContainers: {{- include "ascend-sidecar.container" . | nindent 8 }}
  volumes: {{- include "ascend-sidecar.volumes" . | nindent 8 }}

and in the container of the agent

  volumeMounts: {{- include "ascend-sidecar.agentMount" . | nindent 12 }}
*/}}
{{- define "ascend-sidecar.podSecurityContext" -}}
{{- include "ascend-sidecar.call" (list . "ascend-sidecar.own.podSecurityContext") -}}
{{- end -}}

{{- define "ascend-sidecar.container" -}}
{{- include "ascend-sidecar.call" (list . "ascend-sidecar.own.sidecar") -}}
{{- end -}}

{{- define "ascend-sidecar.volumes" -}}
{{- include "ascend-sidecar.call" (list . "ascend-sidecar.own.sidecarVolumes") -}}
{{- end -}}

{{/* Read-only: who could write there could put another socket in the place of the daemon's. */}}
{{- define "ascend-sidecar.agentMount" -}}
- name: ascend-sidecar-run
  mountPath: /run/ascend-sidecar
  readOnly: true
{{- end -}}

{{/*
The pod's group owns what is shared. Files of a claim keep their modes: keys stay the daemon's own at the next mount.
*/}}
{{- define "ascend-sidecar.own.podSecurityContext" -}}
runAsNonRoot: true
fsGroup: {{ .Values.fsGroup }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}
