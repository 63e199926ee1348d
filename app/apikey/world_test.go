package apikey_test

import (
	"bytes"
	"log/slog"
	"slices"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/apikey"
	"healthportal/app/apikey/apikeytest"
)

// world is a service over a store in memory with one clinician, and its clock.
type world struct {
	*apikeytest.Store
	t       *testing.T
	service *apikey.Service
	log     bytes.Buffer
	now     time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC), Store: apikeytest.New(
		apikey.Owner{UserID: 7, Name: "m.weber", DisplayName: "Dr. Weber", Roles: []access.Role{access.Clinician, access.Researcher}})}
	w.service = apikey.NewService(w.Store, func() time.Time { return w.now }, slog.New(slog.NewTextHandler(&w.log, nil)))
	return w
}

// owner is the one user.
func (w *world) owner() *apikey.Owner { return &w.Owners[0] }

// make makes a key of 90 days.
func (w *world) make(scopes ...access.Permission) apikey.Made {
	w.t.Helper()
	made, err := w.service.Make(w.t.Context(), 1, apikey.Request{Owner: "m.weber", Name: "nightly export", Scopes: scopes, Expires: w.now.Add(90 * 24 * time.Hour)})
	if err != nil {
		w.t.Fatal(err)
	}
	return made
}

func sameScopes(a, b []access.Permission) bool { return slices.Equal(a, b) }
