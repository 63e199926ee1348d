package config

import (
	"slices"
	"strings"
)

// The names of the settings.
const (
	nameDatabase      = "DATABASE_URL"
	nameDatabaseAlias = "HP_DSN"
	nameRedis         = "REDIS_URL"
	nameAddr          = "PORTAL_ADDR"
	nameOrigin        = "PORTAL_ORIGIN"
	nameMetrics       = "PORTAL_METRICS_ADDR"
	nameData          = "PORTAL_DATA"
	nameKeys          = "PORTAL_KEYS"
	nameRate          = "PORTAL_RATE_LIMIT"
	nameExportCheck   = "PORTAL_EXPORT_CHECK_ROWS"
	nameZone          = "PORTAL_TIMEZONE"
	nameProxies       = "PORTAL_TRUSTED_PROXIES"
	nameManifest      = "GENOMICS_MANIFEST"
	nameWebhook       = "ALERT_WEBHOOK_URL"
	nameLogFormat     = "LOG_FORMAT"
	nameLogLevel      = "LOG_LEVEL"
	namePGBin         = "PG_BINDIR"

	prefix      = "PORTAL_"
	nameRetired = "HP_API_KEY"
)

// Setting describes an environment variable that the portal reads.
type Setting struct {
	// Name is the variable's name.
	Name string
	// Default is the value in effect where the variable is unset or empty; empty means none.
	Default string
	// Meaning says in a sentence what the setting does.
	Meaning string
}

// Settings lists every environment variable that the portal reads, in the order
// of the documentation.
func Settings() []Setting {
	return []Setting{
		{nameDatabase, "", "Address of PostgreSQL 15 or later, as URL or key=value list. Unset: a private embedded PostgreSQL in PORTAL_DATA."},
		{nameDatabaseAlias, "", "Another name for DATABASE_URL. Setting both to different values is an error."},
		{nameRedis, "", "Address of Redis, redis:// or rediss://. Unset: an in-process cache."},
		{nameAddr, "127.0.0.1:8080", "Host and port to listen at."},
		{nameOrigin, "http://localhost:8080", "Scheme, host and port that browsers show, as in https://portal.example. " +
			"Passkeys are bound to its host name, so it can't be an IP address, and only localhost may use http. " +
			"Unset: http://localhost with the port of PORTAL_ADDR."},
		{nameMetrics, "", "Host and port at which /metrics answers Prometheus, and whoever else reaches it. Unset: nowhere."},
		{nameData, "./.portal", "Folder of private data: embedded database, report index mirror, journals."},
		{nameKeys, "./.portal-keys", "Folder of secret keys, made at first start. It must lie outside PORTAL_DATA."},
		{nameZone, "", "Time zone of days for people without one of their own, as in Europe/Berlin. Unset: the manifest's zone."},
		{nameProxies, "", "Networks of reverse proxies whose X-Forwarded-For header is believed, separated by commas."},
		{nameRate, "50", "Requests per second that one user, API key or signed-out address may make for long; ten seconds' worth may come at once."},
		{nameExportCheck, "10000", "Rows that a person may export without a fresh passkey check; everything of a patient always needs one."},
		{nameManifest, "docs/genomics_data_manifest.yaml", "File of the genomics manifest."},
		{nameWebhook, "", "URL that receives alerts by POST. Unset: alerts are logged only."},
		{nameLogFormat, "text", "Format of log lines: text or json."},
		{nameLogLevel, "info", "Least level that is logged: debug, info, warn or error."},
		{namePGBin, "", "Folder of the embedded PostgreSQL's programs. Unset: PATH and the usual folders are searched."},
	}
}

func defaultOf(name string) string {
	list := Settings()
	i := slices.IndexFunc(list, func(s Setting) bool { return s.Name == name })
	if i < 0 {
		return ""
	}
	return list[i].Default
}

// nearest returns the PORTAL_ setting whose name differs least from name.
func nearest(name string) string {
	best, least := "", -1
	for _, s := range Settings() {
		if !strings.HasPrefix(s.Name, prefix) {
			continue
		}
		if d := distance(name, s.Name); least < 0 || d < least {
			best, least = s.Name, d
		}
	}
	return best
}

// distance is Levenshtein's: the least number of letters to insert, delete or change.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
