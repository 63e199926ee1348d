package apikey_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/apikey"
)

func TestWhatCannotBeMade(t *testing.T) {
	w := newWorld(t)
	good := apikey.Request{Owner: "m.weber", Name: "export", Scopes: []access.Permission{access.EventsRead}, Expires: w.now.Add(apikey.MaxLife)}
	tests := []struct {
		name, field string
		change      func(*apikey.Request)
	}{
		{"nobody", apikey.FieldOwner, func(r *apikey.Request) { r.Owner = "nobody" }},
		{"no user", apikey.FieldOwner, func(r *apikey.Request) { r.Owner = "" }},
		{"NUL in the user", apikey.FieldOwner, func(r *apikey.Request) { r.Owner = "m.weber\x00" }},
		{"bytes for a user", apikey.FieldOwner, func(r *apikey.Request) { r.Owner = "\xff" }},
		{"long name", apikey.FieldName, func(r *apikey.Request) { r.Name = strings.Repeat("x", 101) }},
		{"newline in the name", apikey.FieldName, func(r *apikey.Request) { r.Name = "a\nb" }},
		{"bytes for a name", apikey.FieldName, func(r *apikey.Request) { r.Name = "\xff" }},
		{"no scope", apikey.FieldScope, func(r *apikey.Request) { r.Scopes = nil }},
		{"a permission that is no scope", apikey.FieldScope, func(r *apikey.Request) { r.Scopes = []access.Permission{access.UsersManage} }},
		{"the research permission", apikey.FieldScope, func(r *apikey.Request) { r.Scopes = []access.Permission{access.EventsRead, access.ResearchRead} }},
		{"no expiry", apikey.FieldExpires, func(r *apikey.Request) { r.Expires = time.Time{} }},
		{"now", apikey.FieldExpires, func(r *apikey.Request) { r.Expires = w.now }},
		{"too late", apikey.FieldExpires, func(r *apikey.Request) { r.Expires = w.now.Add(apikey.MaxLife + time.Second) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := good
			tt.change(&r)
			_, err := w.service.Make(t.Context(), 1, r)
			var field *apikey.FieldError
			if !errors.As(err, &field) || field.Field != tt.field || field.Error() == "" {
				t.Errorf("%v", err)
			}
		})
	}
	if len(w.Keys) != 0 {
		t.Error("a refused key was stored")
	}
	if _, err := w.service.Make(t.Context(), 1, good); err != nil {
		t.Errorf("a year and a day: %v", err)
	}
	w.owner().Disabled = true
	if _, err := w.service.Make(t.Context(), 1, good); !errors.Is(err, apikey.ErrNoOwner) {
		t.Errorf("for a disabled user: %v", err)
	}
}

func TestParseExpires(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]string{
		"2026-03-28": "2026-03-28T23:00:00Z", // the day ends at 24:00 in winter time
		"2026-03-29": "2026-03-29T22:00:00Z", // 23 hours long
		"2026-12-31": "2026-12-31T23:00:00Z",
		"2020-01-01": "2020-01-01T23:00:00Z", // Make refuses it
		"90d":        "2026-05-30T12:00:00Z",
		"12w":        "2026-05-24T12:00:00Z",
		"36h":        "2026-03-03T00:00:00Z",
		"9999w":      "2217-10-19T12:00:00Z",
	} {
		if got, err := apikey.ParseExpires(in, now, berlin); err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%q: %v, %v; want %s", in, got, err, want)
		}
	}
	for _, bad := range []string{"", "d", "90", "0d", "-1d", "1.5d", "90 d", "90D", "10000w", "99999999d", "2026-02-30", "30.03.2026", "2026-3-1", "never", "d90", "2026-03-29T00:00:00Z", "９0d", "\x00d"} {
		got, err := apikey.ParseExpires(bad, now, berlin)
		var field *apikey.FieldError
		if !errors.As(err, &field) || field.Field != apikey.FieldExpires || !got.IsZero() || !strings.Contains(err.Error(), "YYYY-MM-DD") {
			t.Errorf("%q: %v, %v", bad, got, err)
		}
	}
}

func TestStates(t *testing.T) {
	now := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	k := apikey.Key{Expires: now.Add(time.Hour)}
	tests := []struct {
		name   string
		change func(*apikey.Key)
		want   apikey.State
	}{
		{"fresh", func(*apikey.Key) {}, apikey.Live},
		{"at its end", func(k *apikey.Key) { k.Expires = now }, apikey.Expired},
		{"owner disabled", func(k *apikey.Key) { k.Owner.Disabled = true }, apikey.OwnerDisabled},
		{"revoked and expired", func(k *apikey.Key) { k.Revoked, k.Expires = now, now }, apikey.Revoked},
		{"expired, owner disabled", func(k *apikey.Key) { k.Owner.Disabled, k.Expires = true, now }, apikey.Expired},
	}
	for _, tt := range tests {
		changed := k
		tt.change(&changed)
		if got := changed.StateAt(now); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
