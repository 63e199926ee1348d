package migrations

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

func TestObjectsNamesEveryKind(t *testing.T) {
	list, err := Objects()
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, o := range list {
		have[o.Kind+" "+o.Name] = true
		if o.Migration == "" {
			t.Errorf("%s %s names no migration", o.Kind, o.Name)
		}
	}
	for _, want := range []string{
		"role hp_owner", "role hp_app", "role hp_audit", "schema health", "schema genomics", "schema analytics", "schema auth", "schema ops",
		"table health.event", "table health.event_day", "sequence health.event_id_seq", "function health.ensure_partitions",
		"index health.event_dedupe", "trigger event_local_day on health.event", "policy scope on analytics.genomics_reports",
	} {
		if !have[want] {
			t.Errorf("Objects lacks %s", want)
		}
	}
}

// Every CREATE of the SQL must be found, however it is written.
func TestObjectsMissesNoCreate(t *testing.T) {
	fsys, err := Postgres()
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(fsys, "*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d migrations, %v", len(names), err)
	}
	anyCreate := regexp.MustCompile(`(?mi)^\s*CREATE\s`)
	for _, name := range names {
		sql, err := fs.ReadFile(fsys, name)
		if err != nil {
			t.Fatal(err)
		}
		found := map[Object]bool{}
		collect(found, name, string(sql))
		if got := len(anyCreate.FindAllString(string(sql), -1)); got != len(found) {
			t.Errorf("%s: %d CREATE statements, %d objects found", name, got, len(found))
		}
		if !regexp.MustCompile(`^\d{5}_[a-z_]+\.sql$`).MatchString(name) {
			t.Errorf("%s is not named NNNNN_topic.sql", name)
		}
		if !strings.Contains(string(sql), "-- +goose Up") {
			t.Errorf("%s has no Up section", name)
		}
	}
}

func TestCollectForgetsWhatIsDropped(t *testing.T) {
	found := map[Object]bool{}
	collect(found, "1", "CREATE TABLE a.b (\nCREATE VIEW a.c AS")
	collect(found, "2", "DROP VIEW a.c;\nDROP TABLE IF EXISTS a.b;")
	if len(found) != 0 {
		t.Errorf("still there: %v", found)
	}
}
