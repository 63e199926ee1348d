package audit

import (
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Head is how far a chain reached: its last entry's number and hash.
type Head struct {
	Chain string `json:"chain"`
	Seq   int64  `json:"seq"`
	// Hash is the entry's hash in hex.
	Hash string `json:"hash"`
	// At is when the head was written, in UTC to the microsecond; zero for heads read from the database.
	At time.Time `json:"-"`
}

// A head file has two slots which are written in turn, so that one of them is
// whole whatever write a crash interrupts. They lie a block of the disk apart.
const (
	slotSize   = 512
	slotApart  = 4096
	headEnding = ".head"
	headTries  = 5
)

// The states of a head file, as errors.
var (
	errHeadUnreadable = errors.New("no slot of the file holds a head with a valid signature")
	errHeadKey        = errors.New("it is signed with a key that is not known here")
)

// headFile is the file of one chain's heads. It gets its name with its first
// head, so that none is ever empty.
type headFile struct {
	file *os.File
	name string
	key  Key
	// named says that the file has its name, n counts heads written so far.
	named bool
	n     int
}

// makeHeadFile makes the file for a new chain in dir.
func makeHeadFile(dir, chain string, key Key) (*headFile, error) {
	f := &headFile{name: filepath.Join(dir, chain+headEnding), key: key}
	var err error
	f.file, err = os.OpenFile(f.name+".new", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the head file of an audit chain: %w", err)
	}
	return f, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the configured folder
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// write makes h the chain's head, for good once it returns.
func (f *headFile) write(h Head) error {
	_, err := f.file.WriteAt(slot(h, f.key), int64(f.n%2)*slotApart)
	if err == nil {
		err = f.file.Sync()
	}
	if err == nil && !f.named {
		err = os.Rename(f.name+".new", f.name)
		f.named = err == nil
	}
	if err == nil && f.n == 0 {
		err = syncDir(filepath.Dir(f.name))
	}
	if err != nil {
		return fmt.Errorf("write the head of audit chain %s: %w", h.Chain, err)
	}
	f.n++
	return nil
}

// close closes the file; one that never had a head is removed.
func (f *headFile) close() error {
	err := f.file.Close()
	if !f.named {
		err = errors.Join(err, os.Remove(f.name+".new"))
	}
	if err != nil {
		return fmt.Errorf("close a head file of the audit log: %w", err)
	}
	return nil
}

// headText is what is signed.
func headText(h Head, keyID string) string {
	return fmt.Sprintf("%s %d %s %s %s", h.Chain, h.Seq, h.Hash, h.At.UTC().Format(time.RFC3339Nano), keyID)
}

// slot is a slot's bytes: a line, and spaces up to its size.
func slot(h Head, key Key) []byte {
	text := headText(h, key.ID)
	line := text + " " + hex.EncodeToString(sign(key.Secret, headForm, text))
	return []byte(line + strings.Repeat(" ", slotSize-1-len(line)) + "\n")
}

// parseSlot reads a slot. The error is errHeadKey for a well-formed one of an
// unknown key, errHeadUnreadable for anything else that is not a head.
func parseSlot(b []byte, keys Keys) (Head, error) {
	if len(b) > slotSize {
		b = b[:slotSize]
	}
	text, signature, ok := cutLast(strings.TrimRight(string(b), " \n"))
	if !ok || len(b) < slotSize {
		return Head{}, errHeadUnreadable
	}
	parts := strings.Split(text, " ")
	mac, err := hex.DecodeString(signature)
	if err != nil || len(parts) != 5 {
		return Head{}, errHeadUnreadable
	}
	seq, serr := strconv.ParseInt(parts[1], 10, 64)
	hash, herr := hex.DecodeString(parts[2])
	at, terr := time.Parse(time.RFC3339Nano, parts[3])
	h := Head{Chain: parts[0], Seq: seq, Hash: parts[2], At: at}
	if serr != nil || herr != nil || terr != nil || seq < 1 || len(hash) != HashSize || !validChain(h.Chain) || headText(h, parts[4]) != text {
		return Head{}, errHeadUnreadable
	}
	secret, known := keys.head(parts[4])
	if !known {
		return Head{}, errHeadKey
	}
	if !hmac.Equal(mac, sign(secret, headForm, text)) {
		return Head{}, errHeadUnreadable
	}
	return h, nil
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, ' ')
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}

// readHeadFile returns the newest head in a file.
func readHeadFile(name string, keys Keys) (Head, error) {
	var h Head
	var err error
	for range headTries { // whoever writes meanwhile may spoil both slots for one read, hardly for five
		var b []byte
		if b, err = os.ReadFile(name); err != nil { //nolint:gosec // a file of the named folder
			return Head{}, fmt.Errorf("read a head file of the audit log: %w", err)
		}
		if h, err = newestSlot(b, keys); err == nil {
			break
		}
	}
	if err == nil && h.Chain+headEnding != filepath.Base(name) {
		err = errHeadUnreadable // another chain's head under this chain's name
	}
	return h, err
}

func newestSlot(b []byte, keys Keys) (Head, error) {
	newest, err := parseSlot(b, keys)
	if len(b) <= slotApart {
		return newest, err
	}
	other, oerr := parseSlot(b[slotApart:], keys)
	switch {
	case oerr == nil && (err != nil || other.Seq > newest.Seq):
		return other, nil
	case err != nil && errors.Is(oerr, errHeadKey):
		return newest, oerr
	}
	return newest, err
}

// source is a head that is claimed, or why it can't be read, and by which file.
type source struct {
	head Head
	file string
	err  error
}

// readHeads reads every head file of the folders. A folder that doesn't exist
// is an error: whoever names it expects heads there.
func readHeads(dirs []string, keys Keys) ([]source, error) {
	var list []source
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, fmt.Errorf("read the heads of the audit log: %w", err)
		}
		for _, e := range entries {
			if e.IsDir() || filepath.Ext(e.Name()) != headEnding {
				continue
			}
			name := filepath.Join(dir, e.Name())
			h, err := readHeadFile(name, keys)
			if errors.Is(err, fs.ErrPermission) {
				return nil, err
			}
			list = append(list, source{head: h, file: name, err: err})
		}
	}
	slices.SortFunc(list, func(a, b source) int { return strings.Compare(a.file, b.file) })
	return list, nil
}
