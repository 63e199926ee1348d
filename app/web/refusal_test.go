package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"healthportal/app/passkey"
)

// tally is an Attempts that remembers, and fails when something is added.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
	fail   error
}

// CountAttempt adds n to the bucket.
func (a *tally) CountAttempt(_ context.Context, bucket string, n int, _ time.Duration) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.counts == nil {
		a.counts = map[string]int{}
	}
	a.counts[bucket] += n
	if n > 0 && strings.HasPrefix(bucket, "failures") {
		return a.counts[bucket], a.fail
	}
	return a.counts[bucket], nil
}

func (a *tally) failures() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for bucket, count := range a.counts {
		if strings.HasPrefix(bucket, "failures") {
			n += count
		}
	}
	return n
}

// Refused passkeys and unknown links count against the address; slips of the
// person, and checks within a session, don't.
func TestFailuresAreCounted(t *testing.T) {
	c := newClinic(t)
	p := c.enter("ada")
	counted := &tally{}
	c.server.deps.Attempts = counted
	c.step("/login/finish", map[string]any{"ceremony": strings.Repeat("A", 43)}).wantStatus(t, 409)
	p.verify("/").wantStatus(t, 200)
	p.key.Count = 0
	p.verify("/").wantStatus(t, 422)
	if n := counted.failures(); n != 0 {
		t.Errorf("%d failures are counted, want none", n)
	}
	p.key.Count = 0
	c.signIn(p.key, "").wantStatus(t, 401)
	c.step("/enrol/begin", map[string]any{"token": strings.Repeat("A", 43)}).wantStatus(t, 404)
	if n := counted.failures(); n != 2 {
		t.Errorf("%d failures are counted, want 2", n)
	}
	counted.fail = errors.New("pq: secret detail")
	c.step("/enrol/begin", map[string]any{"token": strings.Repeat("A", 43)}).wantStatus(t, 503).wantNoText(t, "secret")
}

func TestRefusalStatus(t *testing.T) {
	for code, want := range map[passkey.Code]int{
		passkey.CodeMalformed: http.StatusBadRequest, passkey.CodeNotAccepted: http.StatusUnauthorized, passkey.CodeCeremonyGone: http.StatusConflict,
		passkey.CodeKnown: http.StatusConflict, passkey.CodeLast: http.StatusConflict, passkey.CodeLinkUnknown: http.StatusNotFound,
		passkey.CodeLinkUsed: http.StatusGone, passkey.CodeLinkExpired: http.StatusGone, passkey.CodeLinkRevoked: http.StatusGone,
		passkey.CodeName: http.StatusUnprocessableEntity, passkey.CodeNotCreated: http.StatusUnprocessableEntity,
	} {
		if got := refusalStatus(code); got != want {
			t.Errorf("%s answers %d, want %d", code, got, want)
		}
	}
}
