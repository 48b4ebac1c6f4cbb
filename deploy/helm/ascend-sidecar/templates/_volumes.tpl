{{- define "ascend-sidecar.own.mounts" -}}
- name: ascend-sidecar-run
  mountPath: /run/ascend-sidecar
- name: ascend-sidecar-state
  mountPath: /var/lib/ascend-sidecar
- name: ascend-sidecar-config
  mountPath: /etc/ascend-sidecar
  readOnly: true
{{- if include "ascend-sidecar.own.policyVolume" . }}
- name: ascend-sidecar-policies
  mountPath: {{ include "ascend-sidecar.own.policyPlace" . }}
  readOnly: true
{{- end }}
{{- if .Values.secretFiles }}
- name: ascend-sidecar-secrets
  mountPath: /etc/ascend-sidecar-secrets
  readOnly: true
{{- end }}
{{- if .Values.aws.roleArn }}
- name: ascend-sidecar-aws
  mountPath: /etc/ascend-sidecar-aws
  readOnly: true
{{- end }}
{{- end -}}

{{/* Sockets take no room; memory keeps them off the node's disk. */}}
{{- define "ascend-sidecar.own.sidecarVolumes" -}}
- name: ascend-sidecar-run
  emptyDir:
    medium: Memory
    sizeLimit: 1Mi
{{ include "ascend-sidecar.own.volumes" . }}
{{- end -}}

{{- define "ascend-sidecar.own.volumes" -}}
- name: ascend-sidecar-state
  {{- include "ascend-sidecar.own.state" .Values.state | nindent 2 }}
- name: ascend-sidecar-config
  configMap:
    name: {{ include "ascend-sidecar.fullname" . }}
{{- with include "ascend-sidecar.own.policyVolume" . }}
- name: ascend-sidecar-policies
  {{- . | nindent 2 }}
{{- end }}
{{- with .Values.secretFiles }}
- name: ascend-sidecar-secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range $setting, $secret := . }}
      - secret:
          name: {{ $secret.name }}
          items:
            - key: {{ $secret.key }}
              path: {{ $setting }}
      {{- end }}
{{- end }}
{{- if .Values.aws.roleArn }}
{{ include "ascend-sidecar.own.awsVolume" .Values.aws }}
{{- end }}
{{- end -}}

{{- define "ascend-sidecar.own.state" -}}
{{- if eq .kind "emptyDir" -}}
emptyDir:
  sizeLimit: {{ .size }}
{{- else if eq .kind "claim" -}}
persistentVolumeClaim:
  claimName: {{ .claim }}
{{- else if eq .kind "ephemeral" -}}
ephemeral:
  volumeClaimTemplate:
    spec:
      accessModes: [ReadWriteOncePod]
      {{- with .storageClass }}
      storageClassName: {{ . }}
      {{- end }}
      resources:
        requests:
          storage: {{ .size }}
{{- else -}}
hostPath:
  path: {{ .hostPath }}
  type: DirectoryOrCreate
{{- end -}}
{{- end -}}
