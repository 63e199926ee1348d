// Package migrations embeds the numbered SQL of each engine and knows which
// database objects it makes. It imports nothing of ours.
package migrations

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"sort"
	"strings"
)

// Program is the schema generation of this program. A migration that older
// programs can't live with raises ops.schema_state.min_program to it.
const Program = 1

//go:embed postgres/*.sql
var files embed.FS

// Postgres returns the PostgreSQL migrations, named NNNNN_topic.sql.
func Postgres() (fs.FS, error) {
	sub, err := fs.Sub(files, "postgres")
	if err != nil {
		return nil, fmt.Errorf("embedded migrations: %w", err)
	}
	return sub, nil
}

// Object is a database object that a migration makes.
type Object struct {
	// Kind is schema, table, view, "materialized view", sequence, function, index, trigger, policy or role.
	Kind string
	// Name is schema-qualified; an index has its table's schema; a trigger or policy is "name on table".
	Name string
	// Migration is the file that makes it.
	Migration string
}

var (
	reObject  = regexp.MustCompile(`(?m)^CREATE (?:OR REPLACE |UNLOGGED )?(SCHEMA|TABLE|VIEW|MATERIALIZED VIEW|SEQUENCE|FUNCTION) ([a-z_0-9.]+)`)
	reIndex   = regexp.MustCompile(`(?m)^CREATE (?:UNIQUE )?INDEX ([a-z_0-9]+) ON ([a-z_0-9]+)\.`)
	rePart    = regexp.MustCompile(`(?m)^CREATE (TRIGGER|POLICY) ([a-z_0-9]+)[^;]*? ON ([a-z_0-9.]+)`)
	reDropped = regexp.MustCompile(`(?m)^DROP (SCHEMA|TABLE|VIEW|MATERIALIZED VIEW|SEQUENCE|FUNCTION) (?:IF EXISTS )?([a-z_0-9.]+)`)
)

// Objects lists what all PostgreSQL migrations together leave behind, in order
// of kind and name. It reads the SQL itself, so that nothing can be forgotten.
func Objects() ([]Object, error) {
	fsys, err := Postgres()
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("embedded migrations: %w", err)
	}
	sort.Strings(names)
	found := map[Object]bool{}
	for role, file := range map[string]string{"hp_owner": names[0], "hp_app": names[0], "hp_audit": names[0], "hp_research": names[1]} {
		found[Object{"role", role, file}] = true
	}
	for _, name := range names {
		sql, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("embedded migration %s: %w", name, err)
		}
		collect(found, name, string(sql))
	}
	list := make([]Object, 0, len(found))
	for o := range found {
		list = append(list, o)
	}
	sort.Slice(list, func(i, j int) bool {
		return list[i].Kind+" "+list[i].Name < list[j].Kind+" "+list[j].Name
	})
	return list, nil
}

func collect(found map[Object]bool, file, sql string) {
	for _, m := range reDropped.FindAllStringSubmatch(sql, -1) {
		for o := range found {
			if o.Kind == strings.ToLower(m[1]) && o.Name == m[2] {
				delete(found, o)
			}
		}
	}
	for _, m := range reObject.FindAllStringSubmatch(sql, -1) {
		found[Object{strings.ToLower(m[1]), m[2], file}] = true
	}
	for _, m := range reIndex.FindAllStringSubmatch(sql, -1) {
		found[Object{"index", m[2] + "." + m[1], file}] = true
	}
	for _, m := range rePart.FindAllStringSubmatch(sql, -1) {
		found[Object{strings.ToLower(m[1]), m[2] + " on " + m[3], file}] = true
	}
}
