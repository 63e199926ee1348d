package cache

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"healthportal/app/session"
)

const (
	// entryFormat changes with session.Row, so that programs of two releases never
	// misread each other's entries.
	entryFormat = 1
	entryLimit  = 128 << 10
)

// wire is an entry as Redis keeps it. The token is not part of it.
type wire struct {
	Format int         `json:"format"`
	Read   time.Time   `json:"read"`
	Row    session.Row `json:"row"`
}

func encode(e session.Entry) ([]byte, error) {
	value, err := json.Marshal(wire{entryFormat, e.Read, e.Row})
	if err != nil {
		return nil, fmt.Errorf("encode a cached session: %w", err)
	}
	return value, nil
}

// decode reads what encode wrote and refuses everything that can't be a session.
func decode(value []byte) (session.Entry, error) {
	if len(value) > entryLimit {
		return session.Entry{}, errors.New("cached session: too long")
	}
	var w wire
	if err := json.Unmarshal(value, &w); err != nil {
		return session.Entry{}, fmt.Errorf("cached session: %w", err)
	}
	if w.Format != entryFormat || w.Row.UserID <= 0 || w.Row.ID == "" || w.Row.CSRF == "" || w.Row.Snapshot.Max == 0 {
		return session.Entry{}, errors.New("cached session: incomplete, or of another release")
	}
	return session.Entry{Row: w.Row, Read: w.Read}, nil
}
