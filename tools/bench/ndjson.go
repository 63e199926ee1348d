package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"healthportal/app/demo"
	"healthportal/app/health"
)

// The seed and day of the synthetic clinic, fixed so that runs can be compared.
const clinicSeed = 1

func clinic() *demo.Clinic {
	return demo.New(clinicSeed, health.Day{Year: 2026, Month: time.November, Dom: 22})
}

// errEnough ends the writing of Observations.
var errEnough = errors.New("enough lines")

// firstLines passes the first n lines on to out and then fails with errEnough.
type firstLines struct {
	out  io.Writer
	left int
}

// Write passes on what belongs to the first lines.
func (f *firstLines) Write(p []byte) (int, error) {
	end := 0
	for f.left > 0 && end < len(p) {
		i := bytes.IndexByte(p[end:], '\n')
		if i < 0 {
			end = len(p)
			break
		}
		end += i + 1
		f.left--
	}
	if n, err := f.out.Write(p[:end]); err != nil {
		return n, fmt.Errorf("write the events: %w", err)
	}
	if f.left == 0 {
		return end, errEnough
	}
	return end, nil
}

// The files of a run.
func (p *place) patientsFile() string { return filepath.Join(p.dir, "patients.ndjson") }
func (p *place) eventsFile() string   { return filepath.Join(p.dir, "events.ndjson") }

// writeNDJSON writes all patients, and up to n lines of Observations, of the
// synthetic clinic. It returns the number of lines of Observations.
func (p *place) writeNDJSON(n int) (int, error) {
	c := clinic()
	err := writeFile(p.patientsFile(), func(w io.Writer) error {
		for _, team := range c.Teams() {
			if err := c.WritePatients(w, team.Name); err != nil {
				return err //nolint:wrapcheck // says what itself
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	var lines firstLines
	err = writeFile(p.eventsFile(), func(w io.Writer) error {
		lines = firstLines{out: w, left: n}
		for _, team := range c.Teams() {
			if err := c.WriteObservations(&lines, team.Name); err != nil {
				return err //nolint:wrapcheck // says what itself
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return 0, err
	}
	return n - lines.left, nil
}

func writeFile(name string, fill func(io.Writer) error) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // a file of the run
	if err != nil {
		return fmt.Errorf("make a file of the run: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return fill(f)
}
