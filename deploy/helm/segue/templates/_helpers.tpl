{{/* The name of every object: the release's, with the chart's where that does not say it already. */}}
{{- define "segue.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods; it can never change. */}}
{{- define "segue.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "segue.labels" -}}
{{ include "segue.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "segue.claim" -}}
{{- .Values.store.existingClaim | default (printf "%s-releases" (include "segue.name" .)) -}}
{{- end -}}

{{/* Memory, in MiB: the program, the tables that are held at once, and the models. */}}
{{- define "segue.memory" -}}
{{- with .Values.memory -}}
{{- add .programMi (mul .tables .tableMi) .modelMi -}}Mi
{{- end -}}
{{- end -}}
