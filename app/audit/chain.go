package audit

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"healthportal/app/access"
)

// chain is the chain that a log writes.
type chain struct {
	id   string
	seq  int64 // of the last entry that is stored for certain
	hash []byte
	mac  *hasher
	file *headFile
}

// Tail is the end of a chain about which nobody knows whether it was stored:
// the entries after Seq up to Upto.
type Tail struct {
	Chain string `json:"chain"`
	Seq   int64  `json:"seq"`
	Upto  int64  `json:"upto"`
}

// startDetail is the detail of a chain's first entries.
type startDetail struct {
	Host string `json:"host,omitempty"`
	// Part counts from 1 to Parts: many heads take several entries.
	Part  int `json:"part"`
	Parts int `json:"parts"`
	// Heads are the heads of other chains that no chain's start has recorded before.
	Heads []Head `json:"heads,omitempty"`
	// Uncertain are the ends that this process's earlier chains may have or not.
	Uncertain []Tail `json:"uncertain,omitempty"`
}

// Bounds that keep the detail of a chain's start below maxDetail.
const (
	headsPerPart = 60
	maxUncertain = 40
)

// write stores entries, in a new chain where there is none, and moves the head.
func (l *Log) write(ctx context.Context, entries []Entry) error {
	ctx, cancel := context.WithTimeout(ctx, groupTimeout)
	defer cancel()
	c, started := l.chain, false
	if c == nil {
		begun, starts, err := l.begin(ctx)
		if err != nil {
			return err
		}
		c, started, entries = begun, true, slices.Concat(starts, entries)
	}
	rows := c.place(entries, l.cfg.Keys.Chain.ID)
	if err := l.cfg.Store.InsertEntries(ctx, rows); err != nil {
		return l.unwritten(c, started, rows, err)
	}
	last := rows[len(rows)-1]
	c.seq, c.hash = last.Seq, last.Hash
	if started {
		l.chain, l.uncertain = c, nil
	}
	return c.file.write(Head{Chain: c.id, Seq: c.seq, Hash: hex.EncodeToString(c.hash), At: l.cfg.Now().UTC()})
}

// unwritten leaves a chain whose end is uncertain: going on could make two
// entries of one number. A chain that has not begun for certain is left as well.
func (l *Log) unwritten(c *chain, started bool, rows []StoredEntry, err error) error {
	uncertain := errors.Is(err, ErrUncertain)
	if uncertain {
		l.cfg.Logger.Warn("the audit log goes on in a new chain: the connection was lost during a commit", "chain", c.id, "after", c.seq)
		l.uncertain = append(l.uncertain, Tail{Chain: c.id, Seq: c.seq, Upto: rows[len(rows)-1].Seq})
		l.uncertain = l.uncertain[max(0, len(l.uncertain)-maxUncertain):]
	}
	if uncertain || started {
		l.chain = nil
		err = errors.Join(err, c.file.close())
	}
	return err
}

// place numbers and chains entries behind the chain's last one.
func (c *chain) place(entries []Entry, keyID string) []StoredEntry {
	rows := make([]StoredEntry, len(entries))
	previous := c.hash
	for i, e := range entries {
		row := StoredEntry{Entry: e, Chain: c.id, Seq: c.seq + int64(i) + 1, MACKey: keyID}
		row.Hash = slices.Clone(c.mac.hash(previous, &row, row.Seq))
		previous = row.Hash
		rows[i] = row
	}
	return rows
}

// begin prepares a new chain and its first entries.
func (l *Log) begin(ctx context.Context) (*chain, []Entry, error) {
	heads, err := l.unrecorded(ctx)
	if err != nil {
		return nil, nil, err
	}
	c := &chain{id: newChainID(), mac: newHasher(l.cfg.Keys.Chain.Secret)}
	c.hash = chainOrigin(c.id)
	starts, err := l.starts(heads)
	if err != nil {
		return nil, nil, err
	}
	if c.file, err = makeHeadFile(l.cfg.HeadsDir, c.id, l.cfg.Keys.Head); err != nil {
		return nil, nil, err
	}
	return c, starts, nil
}

// newChainID is 80 random bits as 16 characters of a-z and 2-7: short, because
// it stands in every row and index.
func newChainID() string {
	random := make([]byte, 10)
	rand.Read(random) // never fails: crypto/rand ends the program instead
	return strings.ToLower(base32.StdEncoding.EncodeToString(random))
}

// unrecorded are the heads of the database's chains that no chain's start
// records as they are now. What an older start records is found through that.
func (l *Log) unrecorded(ctx context.Context) ([]Head, error) {
	heads, err := l.cfg.Store.ChainHeads(ctx)
	if err != nil {
		return nil, fmt.Errorf("heads of the other chains: %w", err)
	}
	open := make(map[string]Head, len(heads))
	for _, h := range heads {
		open[h.Chain] = h
	}
	err = l.cfg.Store.ChainStarts(ctx, func(e *StoredEntry) error {
		var d startDetail
		if json.Unmarshal([]byte(e.Detail), &d) != nil {
			return nil // somebody changed it; verifying says so
		}
		for _, h := range d.Heads {
			if at, ok := open[h.Chain]; ok && at.Seq == h.Seq && at.Hash == h.Hash {
				delete(open, h.Chain)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("what the other chains record: %w", err)
	}
	list := make([]Head, 0, len(open))
	for _, h := range open {
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b Head) int { return strings.Compare(a.Chain, b.Chain) })
	return list, nil
}

// starts are the first entries of a chain.
func (l *Log) starts(heads []Head) ([]Entry, error) {
	parts := slices.Collect(slices.Chunk(heads, headsPerPart))
	if len(parts) == 0 {
		parts = [][]Head{nil}
	}
	entries := make([]Entry, len(parts))
	for i, part := range parts {
		d := startDetail{Host: cutHost(l.cfg.Host), Part: i + 1, Parts: len(parts), Heads: part}
		if i == 0 {
			d.Uncertain = l.uncertain
		}
		var err error
		if entries[i], err = l.own(access.KindChainStart, d); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// cutHost bounds the name that a machine gives itself.
func cutHost(host string) string { return host[:min(len(host), 255)] }

// own is an entry of the log about itself.
func (l *Log) own(kind access.Kind, detail any) (Entry, error) {
	text, err := json.Marshal(detail)
	if err != nil {
		return Entry{}, fmt.Errorf("detail of %s: %w", kind, err)
	}
	return storable(Entry{Kind: kind, Outcome: Done, Detail: string(text)}, l.cfg.Now())
}

// end writes the chain's last entry and closes its head file.
func (l *Log) end() error {
	if l.chain == nil {
		return nil // the last group was uncertain, and nobody came after it
	}
	e, err := l.own(access.KindChainEnd, map[string]int64{"entries": l.chain.seq + 1})
	if err == nil {
		err = l.write(l.work, []Entry{e})
	}
	if l.chain != nil {
		err = errors.Join(err, l.chain.file.close())
	}
	if err != nil {
		return fmt.Errorf("end the audit chain: %w", err)
	}
	return nil
}
