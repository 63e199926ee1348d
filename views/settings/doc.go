// Package settings draws the pages of one's own account: passkeys, sessions,
// and what others did to it.
package settings
