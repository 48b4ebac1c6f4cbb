{{/* Values that contradict each other, which no schema can tell. */}}
{{- define "ascend-sidecar.own.checks" -}}
{{- include "ascend-sidecar.own.checkPolicy" .Values -}}
{{- include "ascend-sidecar.own.checkState" .Values -}}
{{- end -}}

{{- define "ascend-sidecar.own.checkPolicy" -}}
{{- $policy := .policy -}}
{{- $bundle := $policy.bundle -}}
{{- $given := compact (list
  (ternary "default" "" $policy.default)
  (ternary "files" "" (not (empty $policy.files)))
  (ternary "configMap" "" (not (empty $policy.configMap.name)))
  (ternary "secret" "" (not (empty $policy.secret.name)))
  (ternary "bundle.source" "" (not (empty $bundle.source)))
  (ternary "bundle.configMap" "" (not (empty $bundle.configMap.name)))
  (ternary "bundle.secret" "" (not (empty $bundle.secret.name)))) -}}
{{- if ne (len $given) 1 -}}
  {{- $told := ternary (join ", " $given) "none" (not (empty $given)) -}}
  {{- fail (printf "policy: policies come from one place, and given is %s; set one of policy.default, policy.files, policy.configMap, policy.secret and policy.bundle" $told) -}}
{{- end -}}
{{- $keys := dig "trust" "keys" list .config -}}
{{- if and (hasPrefix "bundle" (first $given)) (empty $keys) -}}
  {{- fail (printf "policy.%s: a bundle that nothing could verify; set config.trust.keys to the public keys that sign it" (first $given)) -}}
{{- end -}}
{{- end -}}

{{- define "ascend-sidecar.own.checkState" -}}
{{- $kind := .state.kind -}}
{{- if and (eq $kind "claim") (eq .mode "daemonset") -}}
  {{- fail "state.kind: claim: daemons of several nodes cannot share a claim; use hostPath, ephemeral or emptyDir with mode daemonset" -}}
{{- end -}}
{{- if and (eq $kind "claim") (empty .state.claim) -}}
  {{- fail "state.claim: is empty; set it to the name of the claim, or state.kind to ephemeral" -}}
{{- end -}}
{{- if and (eq $kind "hostPath") (ne .mode "daemonset") -}}
  {{- fail "state.kind: hostPath: pods of one node would share it; use claim, ephemeral or emptyDir with mode sidecar" -}}
{{- end -}}
{{- end -}}
