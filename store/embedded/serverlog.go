package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const maxLogBytes = 4 << 20

// openLog opens the server's log for appending, keeping one older file, and
// returns where this start's lines begin.
func (c *cluster) openLog() (*os.File, int64, error) {
	if info, err := os.Stat(c.logFile()); err == nil && info.Size() > maxLogBytes {
		if err := os.Rename(c.logFile(), c.logFile()+".1"); err != nil {
			return nil, 0, fmt.Errorf("%w: %w", ErrDataDir, err)
		}
	}
	f, err := os.OpenFile(filepath.Clean(c.logFile()), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		err = c.owner.own(c.logFile())
	}
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("%w: %w", ErrDataDir, err), f.Close())
	}
	return f, end, nil
}

// causeInLog returns the line of the server's log, since a position, that says why it ended.
func (c *cluster) causeInLog(from int64) string {
	raw, err := os.ReadFile(c.logFile())
	if err != nil || int64(len(raw)) <= from {
		return "its log is empty"
	}
	return lastLine(string(raw[from:]))
}
