package audit

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"healthportal/app/access"
)

// The example of docs/audit.md: changing the form breaks every stored hash.
func TestHashIsAsDocumented(t *testing.T) {
	chain := "00112233445566778899aabbccddeeff"
	if got := hex.EncodeToString(chainOrigin(chain)); got != "5b0ca8db648ebae6a554e769805a1d26028f55cf583d4eecc45b2a6c947b5986" {
		t.Errorf("origin %s", got)
	}
	e := StoredEntry{Entry: Entry{At: time.Date(2026, 4, 1, 12, 0, 0, 123456000, time.UTC), Kind: access.KindPatient, Outcome: Done, UserID: 7,
		Roles: "clinician", SessionID: "s1", PersonID: 42, Subject: "p1", Route: "GET /patients/:id", RequestID: "r1", Address: "192.0.2.1",
		Detail: `{"n":1}`}, Chain: chain, Seq: 1, MACKey: "k1"}
	got := hex.EncodeToString(newHasher(bytes.Repeat([]byte{1}, 32)).hash(chainOrigin(chain), &e, 1))
	if got != "84381227d398989caa232263f594b677063abb07ed2f29c08e92498e07a6cfd2" {
		t.Errorf("hash %s of %x", got, canonical(nil, &e, 1))
	}
}

// Every field counts, and no text can be taken for a part of its neighbour.
func TestEachFieldIsHashed(t *testing.T) {
	base := StoredEntry{Entry: someEntry(1), Chain: "c", MACKey: "k"}
	base.At = testNow().Truncate(time.Microsecond)
	seen := map[string]string{string(canonical(nil, &base, 1)): "the base", string(canonical(nil, &base, 2)): "the number"}
	add := func(what string, e StoredEntry) {
		if was, twice := seen[string(canonical(nil, &e, 1))]; twice {
			t.Errorf("%s hashes like %s", what, was)
		}
		seen[string(canonical(nil, &e, 1))] = what
	}
	fields := reflect.TypeFor[Entry]()
	for i := range fields.NumField() {
		e := base
		switch f := reflect.ValueOf(&e.Entry).Elem().Field(i); f.Kind() {
		case reflect.String:
			f.SetString(f.String() + "x")
		case reflect.Int64:
			f.SetInt(f.Int() + 1)
		case reflect.Struct:
			e.At = e.At.Add(time.Microsecond)
		default:
			t.Errorf("what is %s?", fields.Field(i).Name)
		}
		add(fields.Field(i).Name, e)
	}
	e := base
	e.Chain = "d"
	add("the chain", e)
	e = base
	e.MACKey = "l"
	add("the key", e)
	e = base
	e.Subject, e.Route = e.Subject+e.Route, ""
	add("joined texts", e)
}

func TestStorableTexts(t *testing.T) {
	long := strings.Repeat("ä", maxText)
	tests := []struct{ in, want string }{
		{"", ""},
		{"plain ä \\ text", "plain ä \\ text"},
		{"a\x00b", `esc:a\x00b`},
		{"a\xffb\\c", `esc:a\xffb\\c`},
		{"esc:x", "esc:esc:x"},
		{"\ufffd", "\ufffd"},
		{"\xed\xa0\x80", `esc:\xed\xa0\x80`},
	}
	for _, c := range tests {
		if got := storableText(c.in); got != c.want || OriginalText(got) != c.in {
			t.Errorf("%q became %q, want %q; back %q", c.in, got, c.want, OriginalText(got))
		}
		if got := storableDetail(c.in); got != c.want {
			t.Errorf("detail %q became %q", c.in, got)
		}
	}
	got := storableText(long)
	if !strings.HasPrefix(got, long[:maxText]) || !utf8.ValidString(got) || len(got) > maxText+150 {
		t.Errorf("%d bytes: %s", len(got), got)
	}
	contains(t, got, fmt.Sprintf("[cut: %d bytes, SHA-256 ", len(long)))
	if a, b := storableText(long+"a"), storableText(long+"b"); a == b {
		t.Error("texts that differ late are stored alike")
	}
	detail := storableDetail(`{"x":"` + strings.Repeat("\x00", maxDetail) + `"}`)
	contains(t, detail, `"cut":true`, `"sha256":"`, fmt.Sprint(maxDetail+8))
	if len(detail) > maxDetail {
		t.Errorf("%d bytes", len(detail))
	}
	for _, s := range []string{`esc:\`, `esc:\x`, `esc:\x0`, `esc:\xzz`, `esc:\q00`} {
		if got := OriginalText(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}

func FuzzStorableText(f *testing.F) {
	for _, s := range []string{"", "x", "\x00", "\xff\\", "esc:", "esc:\\x00", strings.Repeat("\xff", 3000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := storableText(s)
		if !utf8.ValidString(got) || strings.Contains(got, "\x00") {
			t.Errorf("%q became %q", s, got)
		}
		if len(s) <= maxText && OriginalText(got) != s {
			t.Errorf("%q came back as %q", s, OriginalText(got))
		}
		_ = OriginalText(s) // ends without a panic
		if d := storableDetail(s); !utf8.ValidString(d) || strings.Contains(d, "\x00") {
			t.Errorf("detail %q became %q", s, d)
		}
	})
}

func TestKeysShowNoSecret(t *testing.T) {
	k := Key{ID: "k1", Secret: []byte("topsecrettopsecret")}
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "key", k)
	text := fmt.Sprint(k) + fmt.Sprintf("%v %+v %#v", k, k, k) + out.String()
	if strings.Contains(text, "topsecret") || strings.Contains(text, "116 111") || !strings.Contains(text, "k1") {
		t.Error(text)
	}
}

func TestExport(t *testing.T) {
	rows := []Row{{Entry: someEntry(1), Chain: "c1", Seq: 2, UserName: "=cmd()"}, {Entry: Entry{Kind: access.KindSignIn, Outcome: Denied}, Chain: "c1", Seq: 1}}
	rows[0].At, rows[1].At = testNow(), testNow()
	write := func(format Format) (string, Receipt) {
		var out bytes.Buffer
		e, err := NewExport(&out, format)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if err := e.Write(r); err != nil {
				t.Fatal(err)
			}
		}
		receipt, err := e.Close()
		if err != nil {
			t.Fatal(err)
		}
		return out.String(), receipt
	}
	csv, receipt := write(CSV)
	lines := strings.Split(csv, "\r\n")
	if len(lines) != 4 || receipt.Rows != 2 || !strings.HasPrefix(lines[0], "at,chain,seq,kind,") {
		t.Errorf("%q, %+v", csv, receipt)
	}
	wantLine := `2026-04-01T12:00:00.123456789Z,c1,2,patient.view,done,7,'=cmd(),clinician,s1,,2,p1,GET /patients/:id,r1,192.0.2.1,"{""n"":1}"`
	if lines[1] != wantLine || lines[2] != "2026-04-01T12:00:00.123456789Z,c1,1,sign-in,denied,,,,,,,,,,," {
		t.Errorf("%q\n%q", lines[1], lines[2])
	}
	ndjson, receipt := write(NDJSON)
	body, last := ndjson[:strings.LastIndex(ndjson, "{")], ndjson[strings.LastIndex(ndjson, "{"):]
	if want := fmt.Sprintf("{\"rows\":2,\"sha256\":\"%s\"}\n", receipt.SHA256); last != want {
		t.Errorf("last line %q, want %q", last, want)
	}
	if strings.Count(body, "\n") != 2 || receipt.SHA256 != sha(body) {
		t.Errorf("%q", body)
	}
	contains(t, body, `"user_name":"=cmd()"`, `"detail":"{\"n\":1}"`)
	for s, ok := range map[string]bool{"csv": true, "ndjson": true, "": false, "xlsx": false} {
		if _, err := ParseFormat(s); (err == nil) != ok || err != nil && !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// broken is a writer that takes nothing.
type broken struct{}

// Write fails.
func (broken) Write([]byte) (int, error) { return 0, errDisk }

func TestExportsFailLoudly(t *testing.T) {
	for _, format := range []Format{CSV, NDJSON} {
		e, err := NewExport(broken{}, format)
		if err != nil {
			t.Fatal(err)
		}
		for range 2000 {
			if err = e.Write(Row{Entry: someEntry(1)}); err != nil {
				break
			}
		}
		if !errors.Is(err, errDisk) {
			t.Errorf("%s: %v", format, err)
		}
		if _, err := e.Close(); !errors.Is(err, errDisk) {
			t.Errorf("%s: %v", format, err)
		}
	}
}
