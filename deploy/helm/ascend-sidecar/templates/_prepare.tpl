{{/*
Kubelet makes folders of the node as root's. The folder of the sockets is for its group to pass; by its setgid bit
sockets are the group's, of which the daemon need not be.
*/}}
{{- define "ascend-sidecar.own.prepare" -}}
name: prepare
image: {{ include "ascend-sidecar.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
command:
  - python3
  - -c
  - |
    import os, sys
    for place, owner, group, mode in zip(*[iter(sys.argv[1:])] * 4):
        os.chown(place, int(owner), int(group))
        os.chmod(place, int(mode, 8))
  - /run/ascend-sidecar
  - "65532"
  - {{ .Values.daemonset.hostSocket.group | quote }}
  - "2750"
  {{- if eq .Values.state.kind "hostPath" }}
  - /var/lib/ascend-sidecar
  - "65532"
  - "65532"
  - "0700"
  {{- end }}
securityContext:
  runAsUser: 0
  # In the group that it gives the folder to, or the setgid bit would need a capability more.
  runAsGroup: {{ .Values.daemonset.hostSocket.group }}
  runAsNonRoot: false
  readOnlyRootFilesystem: true
  allowPrivilegeEscalation: false
  capabilities:
    drop: [ALL]
    add: [CHOWN, FOWNER]
  seccompProfile:
    type: RuntimeDefault
resources:
  requests:
    cpu: 10m
    memory: 32Mi
  limits:
    memory: 64Mi
volumeMounts:
  - name: ascend-sidecar-run
    mountPath: /run/ascend-sidecar
  {{- if eq .Values.state.kind "hostPath" }}
  - name: ascend-sidecar-state
    mountPath: /var/lib/ascend-sidecar
  {{- end }}
{{- end -}}
