package apikey

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"healthportal/app/access"
	"healthportal/app/health"
)

// Request asks for a key.
type Request struct {
	// Owner is the short name of the user whose rights the key uses.
	Owner string
	// Name says what the key is for; it may be empty.
	Name   string
	Scopes []access.Permission
	// Expires is exclusive: from then on the key is dead.
	Expires time.Time
}

// Made is a new key. Text is the key itself, which exists nowhere else.
type Made struct {
	Text string
	Key  Key
}

// The fields that a FieldError names.
const (
	FieldOwner   = "user"
	FieldName    = "name"
	FieldScope   = "scope"
	FieldExpires = "expires"
)

// FieldError is what is wrong with one field of a Request, in words for whoever asked.
type FieldError struct {
	// Field is one of the Field constants.
	Field string
	cause error
}

// Error is what is wrong and how to put it right.
func (e *FieldError) Error() string { return e.cause.Error() }

// Told is Error: the words are meant for whoever asked.
func (e *FieldError) Told() string { return e.Error() }

// Unwrap returns the cause.
func (e *FieldError) Unwrap() error { return e.cause }

// Make stores a new key; by is the acting user, 0 for a command. What can't be
// asked for is a *FieldError.
func (s *Service) Make(ctx context.Context, by int64, r Request) (Made, error) {
	now := s.now()
	r.Name = strings.TrimSpace(r.Name)
	if err := r.check(now); err != nil {
		return Made{}, err
	}
	scopes := slices.DeleteFunc(access.Scopes(), func(p access.Permission) bool { return !slices.Contains(r.Scopes, p) })
	id, secret := random(idAlphabet, idChars), random(secretAlphabet, secretChars)
	k := Key{ID: id, Name: r.Name, Scopes: scopes, Created: now.UTC(), Expires: r.Expires.UTC()}
	owner, err := s.store.InsertAPIKey(ctx, New{
		ID: id, Name: r.Name, SecretHash: hash(secret), Owner: r.Owner, Scopes: scopes, By: by, Created: k.Created, Expires: k.Expires,
	})
	if errors.Is(err, ErrNoOwner) {
		return Made{}, &FieldError{FieldOwner, err}
	}
	if err != nil {
		return Made{}, fmt.Errorf("store an API key: %w", err)
	}
	k.Owner = owner
	return Made{Text: prefix + id + "_" + secret, Key: k}, nil
}

func (r Request) check(now time.Time) error {
	switch {
	case !utf8.ValidString(r.Owner) || strings.ContainsRune(r.Owner, 0):
		return &FieldError{FieldOwner, ErrNoOwner}
	case len(r.Name) > MaxName:
		return &FieldError{FieldName, fmt.Errorf("the name is longer than %d bytes: shorten it", MaxName)}
	case !utf8.ValidString(r.Name) || strings.ContainsFunc(r.Name, unicode.IsControl):
		return &FieldError{FieldName, errors.New("the name holds characters that can't be shown: use letters, digits and spaces")}
	case len(r.Scopes) == 0:
		return &FieldError{FieldScope, errors.New("the key would open nothing: choose at least one scope")}
	case !r.Expires.After(now):
		return &FieldError{FieldExpires, errors.New("the key would be dead already: choose a later day")}
	case r.Expires.After(now.Add(MaxLife)):
		return &FieldError{FieldExpires, errors.New("a key lives at most 366 days: choose an earlier day and make a new key in time")}
	}
	for _, scope := range r.Scopes {
		if _, err := access.ParseScope(string(scope)); err != nil {
			return &FieldError{FieldScope, err}
		}
	}
	return nil
}

// ParseExpires reads when a key shall end: a date YYYY-MM-DD means the end of
// that day in zone, and 90d, 12w or 36h so long after now.
func ParseExpires(s string, now time.Time, zone *time.Location) (time.Time, error) {
	bad := &FieldError{FieldExpires, errors.New("write the last day as YYYY-MM-DD, or a time to live such as 90d, 12w or 36h")}
	if len(s) < 2 || len(s) > len("YYYY-MM-DD") {
		return time.Time{}, bad
	}
	if day, err := health.ParseDay(s); err == nil {
		return day.AddDays(1).Start(zone).UTC(), nil
	}
	units := map[byte]time.Duration{'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	unit, known := units[s[len(s)-1]]
	n, err := strconv.Atoi(s[:len(s)-1])
	if err != nil || !known || n < 1 || n > 9999 { // 9999 weeks fit a time.Duration
		return time.Time{}, bad
	}
	return now.Add(time.Duration(n) * unit).UTC(), nil
}
