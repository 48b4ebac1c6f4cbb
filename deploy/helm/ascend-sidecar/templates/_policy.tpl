{{/* The volume that policies or a bundle come in; nothing where they are of the package, or of the network. */}}
{{- define "ascend-sidecar.own.policyVolume" -}}
{{- $policy := .Values.policy -}}
{{- if $policy.files -}}
configMap:
  name: {{ include "ascend-sidecar.fullname" . }}-policies
  items:
    {{- range $file := keys $policy.files | sortAlpha }}
    - key: {{ $file | replace "/" "_." }}
      path: {{ $file }}
    {{- end }}
{{- else if $policy.configMap.name -}}
configMap:
  name: {{ $policy.configMap.name }}
  {{- with $policy.configMap.items }}
  items: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- else if $policy.secret.name -}}
secret:
  secretName: {{ $policy.secret.name }}
  defaultMode: 0440
  {{- with $policy.secret.items }}
  items: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- else if $policy.bundle.configMap.name -}}
configMap:
  name: {{ $policy.bundle.configMap.name }}
  items:
    - key: {{ $policy.bundle.configMap.key }}
      path: bundle.dsse
{{- else if $policy.bundle.secret.name -}}
secret:
  secretName: {{ $policy.bundle.secret.name }}
  defaultMode: 0440
  items:
    - key: {{ $policy.bundle.secret.key }}
      path: bundle.dsse
{{- end -}}
{{- end -}}

{{- define "ascend-sidecar.own.policyPlace" -}}
/etc/ascend-sidecar-policies
{{- end -}}
