{{- define "longshore.labels" -}}
app.kubernetes.io/name: longshore
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "longshore.secret" -}}
{{ default (printf "%s-longshore" .Release.Name) .Values.secret.existing }}
{{- end -}}

{{- define "longshore.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
