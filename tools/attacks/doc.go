// Package attacks is the portal's attack suite: one numbered test for each
// attack that docs/genomics_auth_design.md names, against the real server over
// real connections, a real database and real ceremonies. Each test says which
// defence it would miss. The package has no code but tests.
package attacks
