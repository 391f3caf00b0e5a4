{{/* The release's name, with the chart's unless it stands in it. */}}
{{- define "kouplet.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "kouplet.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "kouplet.labels" -}}
{{ include "kouplet.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "kouplet.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "kouplet.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name: say which, or let the chart create one" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Refuses what cannot work, in words. */}}
{{- define "kouplet.check" -}}
{{- if not .Values.broker.external.url -}}
{{- if gt (int .Values.replicas) 1 -}}
{{- fail "replicas: the embedded broker lives in one process; set broker.external.url for more than one replica" -}}
{{- end -}}
{{- if not .Values.broker.embedded.usersSecret -}}
{{- fail "broker.embedded.usersSecret: name a Secret with the key users.yaml (who may connect as which base), or set broker.external.url" -}}
{{- end -}}
{{- if and .Values.broker.embedded.mutualTls (not .Values.broker.embedded.tlsSecret) -}}
{{- fail "broker.embedded.mutualTls: name the Secret with tls.crt, tls.key and ca.crt in broker.embedded.tlsSecret" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.broker.external.mutualTls (not .Values.broker.external.tlsSecret) -}}
{{- fail "broker.external.mutualTls: name the Secret with tls.crt and tls.key in broker.external.tlsSecret" -}}
{{- end -}}
{{- end -}}
