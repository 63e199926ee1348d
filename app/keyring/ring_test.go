package keyring

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestFirstStartMakesKeys(t *testing.T) {
	p := newPlace(t)
	r := p.open()
	if len(p.files()) != len(Purposes()) || len(p.store.records) != len(Purposes()) {
		t.Fatalf("%d files, %d records", len(p.files()), len(p.store.records))
	}
	info, err := os.Stat(p.dir)
	p.do(err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v", info.Mode())
	}
	seen := map[string]bool{}
	for _, purpose := range Purposes() {
		k := r.Current(purpose)
		if k.Purpose != purpose || len(k.Secret) != secretSize || seen[string(k.Secret)] {
			t.Errorf("%s: %v", purpose, k)
		}
		seen[string(k.Secret)] = true
		info, err := os.Stat(p.file(k))
		p.do(err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", p.file(k), info.Mode())
		}
		if got, err := r.ByID(purpose, k.ID); err != nil || got.Fingerprint() != k.Fingerprint() {
			t.Errorf("by id: %v, %v", got, err)
		}
	}
	again := p.open()
	for _, purpose := range Purposes() {
		if !bytes.Equal(again.Current(purpose).Secret, r.Current(purpose).Secret) {
			t.Errorf("%s changes from start to start", purpose)
		}
	}
	for _, rec := range p.store.records {
		for secret := range seen {
			if strings.Contains(rec.Fingerprint, secret) || strings.Contains(rec.String(), rec.Fingerprint) {
				t.Error("a record tells too much")
			}
		}
	}
}

func TestProcessesThatStartAtOnce(t *testing.T) {
	p := newPlace(t)
	rings, errs := make([]*Ring, 8), make([]error, 8)
	var wg sync.WaitGroup
	for i := range rings {
		wg.Go(func() { rings[i], errs[i] = Open(t.Context(), p.dir, p.store) })
	}
	wg.Wait()
	p.do(errors.Join(errs...))
	for _, r := range rings {
		for _, purpose := range Purposes() {
			if r.Current(purpose).ID != rings[0].Current(purpose).ID {
				t.Fatalf("two processes have different keys for %s", purpose)
			}
		}
	}
	if len(p.files()) != len(Purposes()) {
		t.Errorf("%d files", len(p.files()))
	}
}

func TestAnotherFolderAtTheSameTime(t *testing.T) {
	p := newPlace(t)
	store := &racingStore{memory: p.store, rival: recordOf(newKey(ViewIDs, time.Now()))}
	_, err := Open(t.Context(), p.dir, store)
	if !errors.Is(err, ErrTaken) || !strings.Contains(err.Error(), "share one PORTAL_KEYS") {
		t.Errorf("the loser of the race: %v", err)
	}
	if len(p.files()) != 0 {
		t.Errorf("the loser leaves %d keys behind", len(p.files()))
	}
}

// racingStore gets a rival's key between the look and the write.
type racingStore struct {
	*memory
	rival Record
}

// AddKeyRecords comes second.
func (s *racingStore) AddKeyRecords(ctx context.Context, records []Record) error {
	s.records = append(s.records, s.rival)
	return s.memory.AddKeyRecords(ctx, records)
}

func TestFreshDatabaseAdoptsAFolder(t *testing.T) {
	p := newPlace(t)
	first := p.open()
	old := first.Current(Pseudonyms)
	rotated, err := first.Rotate(t.Context(), Pseudonyms)
	p.do(err)
	p.do(os.Remove(p.file(first.Current(ViewIDs))))
	p.store = &memory{}
	r := p.open()
	if r.Current(AuditChain).ID != first.Current(AuditChain).ID {
		t.Error("the folder's key was not taken over")
	}
	if id := r.Current(Pseudonyms).ID; id != rotated.ID || id == old.ID {
		t.Errorf("the current pseudonym key is %s", id)
	}
	if r.Current(ViewIDs).ID == first.Current(ViewIDs).ID {
		t.Error("a purpose without a key did not get one")
	}
	if n := len(p.store.records); n != len(Purposes())+1 {
		t.Errorf("%d records", n)
	}
}

func TestNewestAdoptedKeyIsCurrent(t *testing.T) {
	p := newPlace(t)
	p.do(os.Mkdir(p.dir, 0o700))
	old, recent := testKey(Pseudonyms), newKey(Pseudonyms, time.Now())
	for _, k := range []Key{recent, old} {
		p.do(folder{p.dir}.write(k))
	}
	if got := p.open().Current(Pseudonyms).ID; got != recent.ID {
		t.Errorf("current is %s, want the newest %s", got, recent.ID)
	}
	for _, rec := range p.store.records {
		if rec.ID == old.ID && !rec.Retired.Equal(recent.Created) {
			t.Errorf("the older key was retired at %v", rec.Retired)
		}
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(p *place, r *Ring)
		want  error
		words []string
	}{
		{"the folder is gone", func(p *place, _ *Ring) { p.do(os.RemoveAll(p.dir)) }, ErrMissing, []string{"holds no keys", "PORTAL_KEYS", "escrow"}},
		{"the folder is empty", func(p *place, _ *Ring) { p.do(os.RemoveAll(p.dir)); p.do(os.Mkdir(p.dir, 0o700)) }, ErrMissing, []string{"holds no keys"}},
		{"one key is gone", func(p *place, r *Ring) { p.do(os.Remove(p.file(r.Current(AuditChain)))) }, ErrMissing, []string{"audit-chain/", "portal keys forget"}},
		{"a retired key is gone", func(p *place, r *Ring) {
			k := r.Current(AuditChain)
			_, err := r.Rotate(p.t.Context(), AuditChain)
			p.do(err)
			p.do(os.Remove(p.file(k)))
		}, ErrMissing, []string{"audit-chain/"}},
		{"a foreign folder", func(p *place, _ *Ring) {
			p.do(os.RemoveAll(p.dir))
			_, err := Open(p.t.Context(), p.dir, &memory{})
			p.do(err)
		}, ErrMissing, []string{"belongs to another installation", "DATABASE_URL"}},
		{"another key under the same id", func(p *place, r *Ring) {
			k := newKey(DateShift, time.Now())
			k.ID = r.Current(DateShift).ID
			p.do(os.Remove(p.file(k)))
			p.do(folder{p.dir}.write(k))
		}, ErrMismatch, []string{"date-shift/", "escrow"}},
		{"a key from elsewhere", func(p *place, _ *Ring) { p.do(folder{p.dir}.write(testKey(Pseudonyms))) },
			ErrUnknown, []string{"pseudonyms/abcdefghij23", "portal keys adopt pseudonyms abcdefghij23", "move the file away"}},
		{"a half-written file", func(p *place, r *Ring) {
			k := r.Current(ViewIDs)
			p.write(p.file(k), encode(k)[:120])
		}, ErrFile, []string{"view-ids.", "half-written", "escrow"}},
		{"an empty file", func(p *place, r *Ring) { p.write(p.file(r.Current(ViewIDs)), nil) }, ErrFile, []string{"view-ids."}},
		{"a huge file", func(p *place, r *Ring) {
			p.write(p.file(r.Current(ViewIDs)), bytes.Repeat([]byte("# long\n"), 1<<20))
		}, ErrFile, []string{"view-ids."}},
		{"a renamed file", func(p *place, r *Ring) {
			p.do(os.Rename(p.file(r.Current(ViewIDs)), filepath.Join(p.dir, "copy.key")))
		}, ErrFile, []string{"copy.key", "rename it to view-ids."}},
		{"a file that others read", func(p *place, r *Ring) { p.do(os.Chmod(p.file(r.Current(ViewIDs)), 0o644)) }, ErrFile, []string{"mode 0644", "chmod 600"}},
		{"a folder that others enter", func(p *place, _ *Ring) { p.do(os.Chmod(p.dir, 0o755)) }, ErrFolder, []string{"mode 0755", "chmod 700"}},
		{"a link for a file", func(p *place, r *Ring) {
			path := p.file(r.Current(ViewIDs))
			p.do(os.Rename(path, p.dir+".moved"))
			p.do(os.Symlink(p.dir+".moved", path))
		}, ErrFile, []string{"not an ordinary file"}},
		{"a link for the folder", func(p *place, _ *Ring) {
			p.do(os.Rename(p.dir, p.dir+".moved"))
			p.do(os.Symlink(p.dir+".moved", p.dir))
		}, ErrFolder, []string{"symbolic link"}},
		{"a file for the folder", func(p *place, _ *Ring) { p.do(os.RemoveAll(p.dir)); p.write(p.dir, nil) }, ErrFolder, []string{"not a folder"}},
		{"the database does not answer", func(p *place, _ *Ring) { p.store.err = os.ErrDeadlineExceeded }, nil, []string{"compare the keys with the database"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlace(t)
			r := p.open()
			tt.spoil(p, r)
			records := len(p.store.records)
			_, err := Open(t.Context(), p.dir, p.store)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Fatalf("opened with %v, want %v", err, tt.want)
			}
			for _, w := range tt.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error lacks %q: %v", w, err)
				}
			}
			if len(p.store.records) != records {
				t.Error("a refused start changed the database")
			}
			if tt.name == "the folder is gone" {
				if _, err := os.Stat(p.dir); !errors.Is(err, fs.ErrNotExist) {
					t.Error("a refused start made the folder")
				}
			}
		})
	}
}

func TestNoFolderNamed(t *testing.T) {
	if _, err := Open(t.Context(), "", &memory{}); !errors.Is(err, ErrFolder) || !strings.Contains(err.Error(), "PORTAL_KEYS") {
		t.Errorf("opened nothing: %v", err)
	}
}

func TestFolderOfSomebodyElse(t *testing.T) {
	if os.Geteuid() != 0 {
		return // only root can give a file away; the check itself is one comparison
	}
	p := newPlace(t)
	r := p.open()
	path := p.file(r.Current(AuditHeads))
	p.do(os.Chown(path, 65534, 65534))
	if _, err := Open(t.Context(), p.dir, p.store); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), "belongs to user id 65534") {
		t.Errorf("a file of somebody else: %v", err)
	}
	p.do(os.Chown(path, 0, 0))
	p.do(os.Chown(p.dir, 65534, 65534))
	if _, err := Open(t.Context(), p.dir, p.store); !errors.Is(err, ErrFolder) || !strings.Contains(err.Error(), "belongs to user id 65534") {
		t.Errorf("a folder of somebody else: %v", err)
	}
}

func TestKilledWriterLeavesNothing(t *testing.T) {
	p := newPlace(t)
	p.open()
	half := filepath.Join(p.dir, tempStart+"123")
	p.write(half, []byte("purpose: audit"))
	p.open()
	if _, err := os.Stat(half); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the half-written file of a killed process stays")
	}
}

func TestUnknownKeys(t *testing.T) {
	p := newPlace(t)
	r := p.open()
	for _, id := range []string{"", "..", "../../etc/x", "abcdefghij23", strings.Repeat("a", 5000), "ABCDEFGHIJ23"} {
		if k, err := r.ByID(AuditChain, id); !errors.Is(err, ErrNoKey) || k.Secret != nil {
			t.Errorf("%.20q: %v, %v", id, k, err)
		}
	}
	if _, err := r.ByID("everything", r.Current(AuditChain).ID); !errors.Is(err, ErrNoKey) {
		t.Errorf("an unknown purpose: %v", err)
	}
	if _, err := r.ByID(AuditHeads, r.Current(AuditChain).ID); !errors.Is(err, ErrNoKey) {
		t.Errorf("a key of another purpose: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a purpose that does not exist has a current key")
		}
	}()
	r.Current("everything")
}
