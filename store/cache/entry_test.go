package cache

import (
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/session"
)

func someEntry() session.Entry {
	at := time.Date(2026, 3, 29, 1, 59, 59, 123456000, time.UTC)
	return session.Entry{Read: at, Row: session.Row{ID: "abc", UserID: 7, DisplayName: "Dr. Ada <Weber>", Roles: []access.Role{access.Clinician}, PasskeyID: 3,
		CSRF: "c", Research: true, Created: at, LastSeen: at.Add(time.Minute), Expires: at.Add(time.Hour), Verified: at,
		Snapshot: session.Snapshot{Server: "s", Min: 5, Max: 9, Open: []uint64{5, 7}}}}
}

// Every field survives, those of tomorrow too.
func TestEntryKeepsEverything(t *testing.T) {
	want := someEntry()
	want.Row.Locked, want.Row.Ended, want.Row.Disabled, want.Row.PasskeyRevoked = want.Read, want.Read, true, true
	for i, v := 0, reflect.ValueOf(want.Row); i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("the test's entry has no %s", v.Type().Field(i).Name)
		}
	}
	value, err := encode(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decode(value); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v (%v), want %+v", got, err, want)
	}
}

func TestDecodeRefuses(t *testing.T) {
	value, err := encode(someEntry())
	if err != nil {
		t.Fatal(err)
	}
	good := string(value)
	for name, text := range map[string]string{
		"empty": "", "no JSON": "x", "cut": good[:len(good)-2], "another release": strings.Replace(good, `"format":1`, `"format":2`, 1),
		"nobody": strings.Replace(good, `"UserID":7`, `"UserID":0`, 1), "negative": strings.Replace(good, `"UserID":7`, `"UserID":-7`, 1),
		"no CSRF": strings.Replace(good, `"CSRF":"c"`, `"CSRF":""`, 1), "no id": strings.Replace(good, `"ID":"abc"`, `"ID":""`, 1),
		"no snapshot": strings.Replace(good, `"s|5:9:5,7"`, `""`, 1), "a wrong time": strings.Replace(good, "2026-03-29T", "2026-13-29T", 1),
		"too long": good + strings.Repeat(" ", entryLimit),
	} {
		if got, err := decode([]byte(text)); err == nil {
			t.Errorf("%s: %+v, want an error", name, got)
		}
	}
	if strings.Contains(keyPrefix, " ") || key([]byte{0xab, 1}) != "hp:session:ab01" {
		t.Errorf("key %s", key([]byte{0xab, 1}))
	}
}

// Values of Redis are foreign input.
func FuzzDecode(f *testing.F) {
	value, err := encode(someEntry())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(value)
	f.Add([]byte(`{"format":1,"row":{}}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, value []byte) {
		e, err := decode(value)
		if err != nil {
			return
		}
		if e.Row.UserID <= 0 || e.Row.CSRF == "" || !e.Row.Snapshot.Sees(e.Row.Snapshot) {
			t.Errorf("%q became %+v", value, e)
		}
	})
}

// An entry whose time lies ahead, by another host's clock, is as old as now.
func TestNearComesFirst(t *testing.T) {
	now := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	s, err := Open("", func() time.Time { return now }, nil)
	if err != nil {
		t.Fatal(err)
	}
	e := someEntry()
	e.Read = now
	if _, ok := s.Get(t.Context(), []byte("h")); ok {
		t.Error("an empty cache knows something")
	}
	s.Put(t.Context(), []byte("h"), e)
	if got, ok := s.Get(t.Context(), []byte("h")); !ok || !reflect.DeepEqual(got, e) {
		t.Errorf("got %+v", got)
	}
	s.Drop(t.Context(), []byte("h"))
	if _, ok := s.Get(t.Context(), []byte("h")); ok {
		t.Error("a dropped entry is there")
	}
	for i := range nearEntries + 10 {
		s.Put(t.Context(), []byte{byte(i), byte(i >> 8), byte(i >> 16)}, e)
	}
	if n := s.near.Len(); n != nearEntries {
		t.Errorf("%d entries, want %d at most", n, nearEntries)
	}
}

// HangingServer takes connections and says nothing.
func HangingServer(t *testing.T) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
		}
	}()
	return ln.Addr().String()
}
