package migrations

import _ "embed" // the mirror's schema

//go:embed sqlite/mirror.sql
var mirrorSchema string

// MirrorVersion goes up with every change of the mirror's schema.
const MirrorVersion = 1

// Mirror returns the schema of the SQLite mirror. The mirror is a copy, so it
// is built anew rather than migrated.
func Mirror() string { return mirrorSchema }
