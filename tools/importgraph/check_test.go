package importgraph

import (
	"go/token"
	"path"
	"strings"
	"testing"

	"healthportal/tools/source"
)

// TestRepository is the check itself: it holds this checkout to the table.
func TestRepository(t *testing.T) {
	root, err := source.Root(".")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := source.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Packages) == 0 {
		t.Fatal("no Go package found in the checkout")
	}
	for _, v := range Check(tree) {
		t.Error(v)
	}
}

func planted(t *testing.T, name, text string) source.Tree {
	t.Helper()
	fset := token.NewFileSet()
	file, err := source.Parse(fset, name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return source.Tree{Fset: fset, Packages: []source.Package{{
		Dir: path.Dir(name), Name: file.AST.Name.Name, Files: []source.File{file},
	}}}
}

func TestImports(t *testing.T) {
	const ok, refused = "", "import"
	tests := []struct {
		file, imports, want string
	}{
		{"app/main.go", "healthportal/app/cli", ok},
		{"app/main.go", "healthportal/app/portal", refused},
		{"app/cli/serve.go", "healthportal/app/portal", ok},
		{"app/cli/serve.go", "healthportal/app/config", ok},
		{"app/cli/serve.go", "healthportal/tools/source", refused},
		{"app/cli/serve.go", "healthportal/store/storetest", refused},
		{"app/cli/serve_test.go", "healthportal/store/storetest", ok},
		{"app/portal/portal.go", "healthportal/store/postgres", ok},
		{"app/portal/portal.go", "healthportal/app/web", ok},
		{"app/portal/portal.go", "healthportal/app/cli", refused},
		{"app/portal/portal.go", "healthportal/app/demo", refused},
		{"app/demo/demo.go", "healthportal/app/portal", ok},
		{"app/demo/demo.go", "healthportal/app/cli", refused},
		{"app/web/events.go", "healthportal/views/events", ok},
		{"app/web/events.go", "healthportal/static", ok},
		{"app/web/events.go", "healthportal/app/genomics", ok},
		{"app/web/events.go", "healthportal/store/postgres", refused},
		{"app/web/events.go", "healthportal/app/config", refused},
		{"app/web/events.go", "healthportal/app/intake/fhir", refused},
		{"app/web/events_test.go", "healthportal/store/storetest", ok},
		{"app/web/events_test.go", "healthportal/store/postgres", ok},
		{"app/web/events.go", "healthportal/app/apikey", ok},
		{"app/web/admin_users.go", "healthportal/app/people", ok},
		{"app/people/link.go", "healthportal/app/passkey", ok},
		{"app/people/link.go", "healthportal/app/audit", refused},
		{"app/people/link.go", "healthportal/store/postgres", refused},
		{"app/passkey/enrol.go", "healthportal/app/people", refused},
		{"views/users/show.go", "healthportal/app/people", refused},
		{"app/apikey/make.go", "healthportal/app/access", ok},
		{"app/apikey/make.go", "healthportal/app/session", refused},
		{"app/apikey/make.go", "healthportal/store/postgres", refused},
		{"app/access/access.go", "healthportal/app/apikey", refused},
		{"views/events/table.go", "healthportal/app/apikey", refused},
		{"views/events/table.go", "healthportal/app/health", ok},
		{"views/events/table.go", "healthportal/views/ui", ok},
		{"views/events/table.go", "healthportal/app/session", refused},
		{"views/events/table.go", "healthportal/store/postgres", refused},
		{"views/events/table_templ.go", "healthportal/app/web", refused},
		{"store/postgres/event.go", "healthportal/app/health", ok},
		{"store/postgres/event.go", "healthportal/app/session", ok},
		{"store/postgres/event.go", "healthportal/app/apikey", ok},
		{"store/postgres/event.go", "healthportal/migrations", ok},
		{"store/postgres/event.go", "healthportal/app/web", refused},
		{"store/postgres/event.go", "healthportal/app/intake/fhir", refused},
		{"store/postgres/event_test.go", "healthportal/app/intake/fhir", ok},
		{"store/postgres/event_test.go", "healthportal/app/web", refused},
		{"store/postgres/event.go", "healthportal/app/config", refused},
		{"store/postgres/event.go", "healthportal/views/ui", refused},
		{"store/storetest/open.go", "healthportal/store/embedded", ok},
		{"store/storetest/open.go", "healthportal/app/health", ok},
		{"store/storetest/open.go", "healthportal/app/web", refused},
		{"app/session/session.go", "healthportal/app/access", ok},
		{"app/session/session.go", "healthportal/app/genomics", refused},
		{"app/jobs/run.go", "healthportal/store/postgres", refused},
		{"app/keyring/ring.go", "healthportal/app/access", ok},
		{"app/keyring/ring.go", "healthportal/store/postgres", refused},
		{"app/keyring/ring.go", "healthportal/app/config", refused},
		{"app/research/events.go", "healthportal/app/keyring", ok},
		{"app/research/events.go", "healthportal/app/health", ok},
		{"app/research/events.go", "healthportal/store/postgres", refused},
		{"app/research/events.go", "healthportal/app/web", refused},
		{"store/postgres/keys.go", "healthportal/app/keyring", ok},
		{"app/web/research.go", "healthportal/app/research", ok},
		{"views/research/events.go", "healthportal/app/research", refused},
		{"app/health/event.go", "healthportal/app/keyring", refused},
		{"app/jobs/run_test.go", "healthportal/store/postgres", ok},
		{"app/health/event.go", "healthportal/app/access", refused},
		{"app/health/event.go", "time", ok},
		{"app/health/event.go", "golang.org/x/sync/errgroup", refused},
		{"app/health/event_test.go", "healthportal/app/health", ok},
		{"app/health/event_test.go", "healthportal/store/storetest", refused},
		{"app/access/role.go", "healthportal/app/health", ok},
		{"app/access/role.go", "healthportal/app/genomics", refused},
		{"app/access/role_test.go", "healthportal/store/postgres", refused},
		{"app/config/load.go", "healthportal/app/health", refused},
		{"static/embed.go", "healthportal/app/config", refused},
		{"migrations/embed.go", "healthportal/store/postgres", refused},
		{"migrations/embed_test.go", "healthportal/store/postgres", ok},
		{"app/genomics/report.go", "healthportal/app/health", refused},
		{"app/genomics/vep/read.go", "healthportal/app/genomics", ok},
		{"app/genomics/vep/read.go", "healthportal/app/health", refused},
		{"app/intake/fhir/read.go", "healthportal/app/health", ok},
		{"app/intake/fhir/read.go", "healthportal/app/genomics", refused},
		{"app/intake/portable/reader.go", "healthportal/store/postgres", refused},
		{"app/intake/portable/roundtrip_test.go", "healthportal/store/postgres", ok},
		{"tools/bench/main.go", "healthportal/store/storetest", ok},
		{"tools/bench/main.go", "healthportal/tools/source", ok},
		{"app/newroom/a.go", "fmt", refused},
		{"internal/a.go", "fmt", refused},
		{"app/web/a.go", "github.com/gofiber/fiber/v2", ok},
		{"store/cache/a.go", "github.com/gofiber/storage/redis/v3", ok},
		{"app/session/a.go", "github.com/gofiber/fiber/v2", refused},
		{"app/passkey/a_test.go", "github.com/gofiber/fiber/v2", refused},
		{"store/postgres/a.go", "github.com/jackc/pgx/v5", ok},
		{"app/portal/a.go", "github.com/jackc/pgx/v5/pgxpool", refused},
		{"app/portal/a_test.go", "github.com/jackc/pgx/v5", ok},
		{"app/web/a.go", "modernc.org/sqlite", refused},
		{"app/web/a.go", "database/sql", refused},
		{"migrations/a.go", "github.com/pressly/goose/v3", ok},
		{"app/cli/a.go", "github.com/pressly/goose/v3", refused},
	}
	for _, test := range tests {
		t.Run(test.file+"<-"+test.imports, func(t *testing.T) {
			name := path.Base(path.Dir(test.file))
			text := "package " + name + "\n\nimport _ \"" + test.imports + "\"\n"
			expect(t, Check(planted(t, test.file, text)), Kind(test.want))
		})
	}
}

func expect(t *testing.T, got []Violation, want Kind) {
	t.Helper()
	switch {
	case want == "" && len(got) > 0:
		t.Errorf("refused: %v", got)
	case want != "" && len(got) == 0:
		t.Errorf("allowed, want a violation of kind %s", want)
	}
	for _, v := range got {
		if want != "" && v.Kind != want {
			t.Errorf("kind %s, want %s: %v", v.Kind, want, v)
		}
	}
}

func TestNamesEnvironmentAndSQL(t *testing.T) {
	tests := []struct {
		name, file, text string
		want             Kind
	}{
		{"utils folder", "app/web/utils/a.go", "package utils\n", Name},
		{"misc package in a good folder", "app/web/a.go", "package misc\n", Name},
		{"helpers test package", "app/web/helpers/a_test.go", "package helpers_test\n", Name},
		{"good name", "app/web/a.go", "package web\n", ""},
		{"getenv in web", "app/web/a.go", "package web\nimport \"os\"\nvar a = os.Getenv(\"A\")\n", Environment},
		{"lookupenv in store", "store/postgres/a.go", "package postgres\nimport \"os\"\nvar a, _ = os.LookupEnv(\"A\")\n", Environment},
		{"environ in cli", "app/cli/a.go", "package cli\nimport \"os\"\nvar a = os.Environ()\n", Environment},
		{"expandenv", "app/cli/a.go", "package cli\nimport \"os\"\nvar a = os.ExpandEnv(\"$A\")\n", Environment},
		{"environ handed on by main", "app/main.go", "package main\nimport \"os\"\nvar a = os.Environ()\n", ""},
		{"getenv in main", "app/main.go", "package main\nimport \"os\"\nvar a = os.Getenv(\"A\")\n", Environment},
		{"getenv in config", "app/config/a.go", "package config\nimport \"os\"\nvar a = os.Getenv(\"A\")\n", ""},
		{"getenv in a test", "app/web/a_test.go", "package web\nimport \"os\"\nvar a = os.Getenv(\"A\")\n", ""},
		{"another os", "app/web/a.go", "package web\nimport os \"example.org/os\"\nvar a = os.Getenv(\"A\")\n", ""},
		{"select in web", "app/web/a.go", "package web\nconst q = `SELECT a\nFROM b`\n", SQL},
		{"select in pieces", "app/portal/a.go", "package portal\nfunc q(c string) string { return \"SELECT \" + c + \" FROM t\" }\n", SQL},
		{"lower-case select", "app/cli/a.go", "package cli\nconst q = \"select a from health.event\"\n", SQL},
		{"lower-case count", "app/cli/a.go", "package cli\nconst q = \"select count(*) from event\"\n", SQL},
		{"insert", "app/jobs/a.go", "package jobs\nconst q = \"INSERT INTO a VALUES (1)\"\n", SQL},
		{"update", "app/jobs/a.go", "package jobs\nconst q = \"UPDATE ops.job AS j SET a = 1\"\n", SQL},
		{"lower-case update", "app/jobs/a.go", "package jobs\nconst q = \"update job set a = 1\"\n", SQL},
		{"delete", "app/jobs/a.go", "package jobs\nconst q = \"DELETE FROM a\"\n", SQL},
		{"lower-case delete", "app/jobs/a.go", "package jobs\nconst q = \"delete from a where b = 1\"\n", SQL},
		{"english select", "app/web/a.go", "package web\nconst q = \"select a patient from the list\"\n", ""},
		{"english update", "app/web/a.go", "package web\nconst q = \"Update the set of filters\"\n", ""},
		{"english delete", "app/web/a.go", "package web\nconst q = \"delete from the list what you don't need\"\n", ""},
		{"not a string", "app/web/a.go", "package web\nconst q = 'S' + 1\n", ""},
		{"subtraction", "app/web/a.go", "package web\nvar q = 2 - 1\n", ""},
		{"select in store", "store/postgres/a.go", "package postgres\nconst q = `SELECT a FROM b`\n", ""},
		{"select in migrations", "migrations/a.go", "package migrations\nconst q = `SELECT a FROM b`\n", ""},
		{"select in a test", "app/web/a_test.go", "package web\nconst q = `SELECT a FROM b`\n", ""},
		{"the demo's manifest", "app/demo/manifest.go", "package demo\nconst q = `SELECT a FROM b`\n", ""},
		{"the demo elsewhere", "app/demo/clinic.go", "package demo\nconst q = `SELECT a FROM b`\n", SQL},
		{"generated", "views/ui/a_templ.go", "package ui\nconst q = `SELECT a FROM b`\n", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			expect(t, Check(planted(t, test.file, test.text)), test.want)
		})
	}
}

func TestViolationNamesPlaceAndRemedy(t *testing.T) {
	got := Check(planted(t, "app/web/a.go", "package web\n\nimport \"os\"\n\nvar a = os.Getenv(\"A\")\n"))
	if len(got) != 1 {
		t.Fatalf("%d violations, want 1: %v", len(got), got)
	}
	line := got[0].String()
	for _, part := range []string{"app/web/a.go:5", "environment", "os.Getenv", "config.Config"} {
		if !strings.Contains(line, part) {
			t.Errorf("%q lacks %q", line, part)
		}
	}
}

func TestEveryRoomOfTheHouseHasARule(t *testing.T) {
	for _, room := range []string{"app", "app/cli", "app/portal", "app/config", "app/health", "app/genomics",
		"app/genomics/vep", "app/intake", "app/access", "app/passkey", "app/session", "app/audit", "app/jobs",
		"app/demo", "app/web", "views", "views/events", "static", "store/postgres", "store/mirror", "store/cache",
		"store/embedded", "store/storetest", "migrations", "tools/bench"} {
		if _, ok := findRule(room); !ok {
			t.Errorf("no rule for %s", room)
		}
	}
}
