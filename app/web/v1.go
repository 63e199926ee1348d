package web

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"healthportal/app/access"
	"healthportal/app/health"
)

// sendJSON answers a program.
func (r *request) sendJSON(v any) error {
	if err := r.c.JSON(v, fiber.MIMEApplicationJSONCharsetUTF8); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// onlyParameters refuses a query with parameters that are unknown or stand
// twice: a program must not take an answer for filtered that is not.
func (r *request) onlyParameters(known ...string) error {
	seen := map[string]bool{}
	for name := range r.c.Context().QueryArgs().All() {
		switch {
		case !slices.Contains(known, string(name)):
			return badInput("query", wrongInput("this address takes no other parameters than "+strings.Join(known, ", ")))
		case seen[string(name)]:
			return badInput(string(name), wrongInput("give it once"))
		}
		seen[string(name)] = true
	}
	return nil
}

// rows reads a number of rows from 1 to most; usual where none is given. Programs
// are told of a number that can't be had: they might take a short page for the last.
func (r *request) rows(name string, usual, most int) (int, error) {
	s := r.query(name)
	if s == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most {
		return 0, badInput(name, wrongInput(fmt.Sprintf("write a number of rows from 1 to %d", most)))
	}
	return n, nil
}

// teamOnly hides from keys a patient whom the owner sees by emergency access:
// that is for somebody at the screen, for an hour, under a banner.
func (r *request) teamOnly(p health.Patient) error {
	if r.principal().KeyID != "" && p.BreakGlassID != "" {
		return fmt.Errorf("by emergency access, which keys have no part in: %w", health.ErrNotFound)
	}
	return nil
}

// withoutEmergencies takes from a key what teamOnly hides.
func (r *request) withoutEmergencies(ids []health.PersonID) ([]health.PersonID, error) {
	if r.principal().KeyID == "" {
		return ids, nil
	}
	open, err := r.s.deps.Emergencies.OpenEmergencies(r.ctx, r.principal().UserID)
	if err != nil {
		return nil, fmt.Errorf("emergency accesses of the key's owner: %w", err)
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id health.PersonID) bool {
		return slices.ContainsFunc(open, func(e access.Emergency) bool { return e.Person == id })
	}), nil
}

// The parts of answers that may be missing are null, never absent or made up.

func textOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// instant is a time in UTC with all its digits, or null.
func instant(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return textOrNull(t.UTC().Format(time.RFC3339Nano))
}

// finite is a number as stored, or null for what JSON has no digits for.
func finite(f *float64) *float64 {
	if f == nil || math.IsNaN(*f) || math.IsInf(*f, 0) {
		return nil
	}
	return f
}
