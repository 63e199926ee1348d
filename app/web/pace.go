package web

import (
	"errors"
	"io"
	"time"
)

// A reader must take paceLeast bytes for each paceWindow that the export waits
// for it: an export holds one of few places and a snapshot of the database. How
// long the whole takes does not matter, nor does the time that the database needs.
const (
	paceWindow = time.Minute
	paceLeast  = 256 << 10
)

// errSlowReader ends an export whose reader hardly reads.
var errSlowReader = errors.New("the reader takes too little")

// pace passes writes on and fails when they wait too long for too little.
type pace struct {
	w   io.Writer
	now func() time.Time
	// waited and taken count since the window began.
	waited time.Duration
	taken  int
}

// Write passes p on.
func (p *pace) Write(b []byte) (int, error) {
	began := p.now()
	n, err := p.w.Write(b)
	p.waited += p.now().Sub(began)
	p.taken += n
	if err != nil || p.waited < paceWindow {
		return n, err //nolint:wrapcheck // the pipe's own
	}
	if p.taken < paceLeast {
		return n, errSlowReader
	}
	p.waited, p.taken = 0, 0
	return n, nil
}
