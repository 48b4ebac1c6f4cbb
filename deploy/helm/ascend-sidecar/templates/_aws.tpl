{{/*
IRSA without its webhook, which would give the role to every container of the pod, agents among them.
*/}}
{{- define "ascend-sidecar.own.awsEnv" -}}
{{- if .region }}
- name: AWS_REGION
  value: {{ .region }}
{{- end }}
{{- if .roleArn }}
- name: AWS_STS_REGIONAL_ENDPOINTS
  value: regional
- name: AWS_ROLE_ARN
  value: {{ .roleArn }}
- name: AWS_WEB_IDENTITY_TOKEN_FILE
  value: /etc/ascend-sidecar-aws/token
{{- end }}
{{- end -}}

{{- define "ascend-sidecar.own.awsVolume" -}}
- name: ascend-sidecar-aws
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken:
          path: token
          audience: {{ .audience }}
          expirationSeconds: {{ .tokenExpirationSeconds | int }}
{{- end -}}
