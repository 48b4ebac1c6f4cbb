{{/* Values that contradict each other, which no schema can tell. */}}
{{- define "ascend-sidecar.own.checks" -}}
{{- include "ascend-sidecar.own.checkPolicy" .Values -}}
{{- include "ascend-sidecar.own.checkState" .Values -}}
{{- include "ascend-sidecar.own.checkAws" .Values -}}
{{- include "ascend-sidecar.own.checkMonitors" .Values -}}
{{- if and (eq .Values.mode "daemonset") .Values.networkPolicy.enabled -}}
  {{- include "ascend-sidecar.own.checkEgress" .Values -}}
{{- end -}}
{{- $account := .Values.daemonset.serviceAccount -}}
{{- if and (not $account.create) (empty $account.name) -}}
  {{- fail "daemonset.serviceAccount.name: is empty; set it to an account that is there, or daemonset.serviceAccount.create to true" -}}
{{- end -}}
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
{{- if and (hasPrefix "bundle" (join "" $given)) (empty $keys) -}}
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

{{- define "ascend-sidecar.own.checkAws" -}}
{{- if and .aws.roleArn (empty .aws.region) -}}
  {{- fail "aws.region: is empty beside aws.roleArn; set it to the region whose STS gives the role" -}}
{{- end -}}
{{- $name := ternary "$(NODE_NAME)" "$(POD_NAME)" (eq .mode "daemonset") -}}
{{- if and .killswitch.queueUrl (not (contains $name .killswitch.queueUrl)) -}}
  {{- fail (printf "killswitch.queueUrl: daemons that share a queue take orders away from each other; have %s in it with mode %s" $name .mode) -}}
{{- end -}}
{{- end -}}

{{- define "ascend-sidecar.own.checkMonitors" -}}
{{- $selects := compact (list
  (ternary "serviceMonitor.enabled" "" .serviceMonitor.enabled)
  (ternary "networkPolicy.appIngress" "" (kindIs "slice" .networkPolicy.appIngress))) -}}
{{- if and (eq .mode "sidecar") $selects (empty .podSelector) -}}
  {{- fail (printf "podSelector: is empty, so that %s would be for every pod of the release; set it to labels of those with the daemon" (first $selects)) -}}
{{- end -}}
{{- $isScraped := or .podMonitor.enabled .serviceMonitor.enabled -}}
{{- if and .podMonitor.enabled .serviceMonitor.enabled -}}
  {{- fail "serviceMonitor.enabled: beside podMonitor.enabled everything would be scraped twice; switch one of them off" -}}
{{- end -}}
{{- $isClosed := and .networkPolicy.enabled (or (eq .mode "daemonset") (kindIs "slice" .networkPolicy.appIngress)) -}}
{{- if and $isScraped $isClosed (empty .networkPolicy.scrapers) -}}
  {{- fail "networkPolicy.scrapers: is empty, so that nobody could scrape what is monitored; list the pods of Prometheus" -}}
{{- end -}}
{{- end -}}

{{/* What the daemon goes out for, where nothing lets it out. */}}
{{- define "ascend-sidecar.own.checkEgress" -}}
{{- $remote := compact (list
  (ternary "policy.bundle.source" "" (not (empty .policy.bundle.source)))
  (ternary "killswitch.queueUrl" "" (not (empty .killswitch.queueUrl)))
  (ternary "config.killswitch.state" "" (contains "://" (dig "killswitch" "state" "" .config)))
  (ternary "config.platform.url" "" (not (empty (dig "platform" "url" "" .config))))
  (ternary "aws.roleArn" "" (not (empty .aws.roleArn)))) -}}
{{- if and $remote (empty .networkPolicy.egress) -}}
  {{- fail (printf "networkPolicy.egress: is empty, so that %s could not be reached; list what the daemon may reach, or set networkPolicy.enabled to false" (join ", " $remote)) -}}
{{- end -}}
{{- end -}}
