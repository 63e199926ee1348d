// Package attacks is the portal's attack suite: one numbered test for each line
// of the list "The attack suite" in the threat model
// (docs/genomics_auth_design.md), against the real server over real
// connections, a real database and real ceremonies. Each test names the defence
// whose removal makes it fail. It has no code but tests.
package attacks
