package cache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"healthportal/app/health"
)

// shelf is a cache with a database that answers as the test says.
type shelf struct {
	*kept
	mu    sync.Mutex
	asked int
	// reply is what the database answers; nil: the question's version.
	reply func(ctx context.Context) (string, health.DataVersion, error)
}

func newShelf(limit int) *shelf { return &shelf{kept: newKept(limit, time.Now)} }

func (s *shelf) ask(ctx context.Context, question string, at health.DataVersion) (string, error) {
	return answerOf(ctx, s.kept, at, asking[string]{
		question: question,
		ask: func(ctx context.Context) (string, health.DataVersion, error) {
			s.mu.Lock()
			s.asked++
			s.mu.Unlock()
			if s.reply != nil {
				return s.reply(ctx)
			}
			return question + " at " + string(at), at, nil
		},
		size: func(v string) int { return len(v) },
	})
}

func (s *shelf) want(t *testing.T, question string, at health.DataVersion, answer string, asked int) {
	t.Helper()
	if got, err := s.ask(t.Context(), question, at); err != nil || got != answer || s.asked != asked {
		t.Errorf("%s at %s: %q, %v after %d queries; want %q after %d", question, at, got, err, s.asked, answer, asked)
	}
}

func TestAnswersByVersion(t *testing.T) {
	s := newShelf(keptBytes)
	s.want(t, "q", "1", "q at 1", 1)
	s.want(t, "q", "1", "q at 1", 1)
	s.want(t, "p", "1", "p at 1", 2)
	s.want(t, "q", "2", "q at 2", 3)
	s.want(t, "q", "1", "q at 1", 4) // of an older request that comes late
	s.want(t, "q", "2", "q at 2", 5)
	s.want(t, "q", "", "q at ", 6) // nobody knows the version
	s.want(t, "q", "", "q at ", 7)
	s.want(t, "q", "2", "q at 2", 7)
	if c := s.counts(); c != (Counts{Hits: 2, Misses: 5, Passed: 2, Entries: 2, Bytes: c.Bytes}) || c.Bytes < 2*keptOverhead || c.Bytes > 3*keptOverhead {
		t.Errorf("%+v", c)
	}
}

// What was written between the check and the query is shown, and kept as what it is.
func TestNewerThanAsked(t *testing.T) {
	s := newShelf(keptBytes)
	s.reply = func(context.Context) (string, health.DataVersion, error) { return "new", "2", nil }
	s.want(t, "q", "1", "new", 1)
	s.want(t, "q", "2", "new", 1)
	s.want(t, "q", "1", "new", 2)
	s.reply = func(context.Context) (string, health.DataVersion, error) { return "unknown", "", nil }
	s.want(t, "r", "1", "unknown", 3)
	s.want(t, "r", "1", "unknown", 4)
}

func TestAnswersEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(keptBytes)
		s.want(t, "q", "1", "q at 1", 1)
		s.want(t, "old", "1", "old at 1", 2)
		time.Sleep(keptLife - time.Second)
		s.want(t, "q", "1", "q at 1", 2)
		time.Sleep(time.Second)
		s.want(t, "q", "1", "q at 1", 3)
		if c := s.counts(); c.Entries != 1 {
			t.Errorf("what has ended is still there: %+v", c)
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	s := newShelf(10_000)
	for i := range 100 {
		if _, err := s.ask(t.Context(), fmt.Sprintf("question %d", i), "1"); err != nil {
			t.Fatal(err)
		}
		s.want(t, "often", "1", "often at 1", i+2)
	}
	if c := s.counts(); c.Bytes > 10_000 || c.Entries < 10 || c.Entries > 20 {
		t.Errorf("%+v", c)
	}
	s.want(t, "question 0", "1", "question 0 at 1", 102)
	large := strings.Repeat("x", keptLargest)
	s.reply = func(context.Context) (string, health.DataVersion, error) { return large, "1", nil }
	s.want(t, "large", "1", large, 103)
	s.want(t, "large", "1", large, 104)
	if c := s.counts(); c.Bytes > 10_000 || c.Entries < 10 {
		t.Errorf("a large answer pushed the others out: %+v", c)
	}
}

func TestFailuresAreNotKept(t *testing.T) {
	s := newShelf(keptBytes)
	broken := errors.New("the database is away")
	s.reply = func(context.Context) (string, health.DataVersion, error) { return "half", "1", broken }
	for range 2 {
		if got, err := s.ask(t.Context(), "q", "1"); !errors.Is(err, broken) || got != "" {
			t.Errorf("%q, %v", got, err)
		}
	}
	s.reply = func(context.Context) (string, health.DataVersion, error) { panic("a mistake") }
	if _, err := s.ask(t.Context(), "q", "1"); err == nil || !strings.Contains(err.Error(), "a mistake") {
		t.Errorf("a panic: %v", err)
	}
	s.reply = nil
	s.want(t, "q", "1", "q at 1", 4)
	if c := s.counts(); c.Failures != 3 || c.Entries != 1 {
		t.Errorf("%+v", c)
	}
}

// Many ask the same at once: one query answers all, also where those who came first leave.
func TestSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(keptBytes)
		release := make(chan struct{})
		s.reply = func(ctx context.Context) (string, health.DataVersion, error) {
			select {
			case <-release:
				return "answer", "1", nil
			case <-ctx.Done():
				return "", "", ctx.Err()
			}
		}
		first, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := s.ask(first, "q", "1"); !errors.Is(err, context.Canceled) {
				t.Errorf("who left got %v", err)
			}
		})
		synctest.Wait()
		for range 9 {
			wg.Go(func() {
				if got, err := s.ask(t.Context(), "q", "1"); got != "answer" || err != nil {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
		wg.Go(func() { // another version is another query
			if got, err := s.ask(t.Context(), "q", "0"); got != "answer" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		})
		synctest.Wait()
		leave()
		synctest.Wait()
		close(release)
		wg.Wait()
		if c := s.counts(); s.asked != 2 || c.Shared != 9 || c.Misses != 2 || c.Failures != 0 {
			t.Errorf("%d queries, %+v", s.asked, c)
		}
		s.want(t, "q", "1", "answer", 2)
	})
}

// Where all have left the query goes on, for a time, and its answer is kept.
func TestFlightWithoutAskers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(keptBytes)
		takes := flightLimit - time.Second
		s.reply = func(ctx context.Context) (string, health.DataVersion, error) {
			select {
			case <-time.After(takes):
				return "answer", "1", nil
			case <-ctx.Done():
				return "", "", ctx.Err()
			}
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.ask(short, "q", "1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who had a second got %v", err)
		}
		time.Sleep(takes)
		s.want(t, "q", "1", "answer", 1)
		takes = 2 * flightLimit
		began := time.Now()
		if _, err := s.ask(t.Context(), "r", "1"); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != flightLimit {
			t.Errorf("an endless query: %v after %v", err, time.Since(began))
		}
	})
}

// Many readers and writers: nobody gets an answer of another question or of an
// older state, and the count of bytes stays that of what is kept.
func TestManyAtOnce(t *testing.T) {
	s := newShelf(20_000)
	var wg sync.WaitGroup
	for seed := range 8 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(seed), 1)) //nolint:gosec // a test that repeats
			for range 2000 {
				q, at := fmt.Sprintf("question %d", rnd.IntN(40)), health.DataVersion(fmt.Sprint(1+rnd.IntN(3)))
				if got, err := s.ask(t.Context(), q, at); err != nil || got != q+" at "+string(at) {
					t.Errorf("%s at %s: %q, %v", q, at, got, err)
				}
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, a := range s.lru.Values() {
		sum += a.size
	}
	if c := s.counts(); int(c.Bytes) != sum || sum == 0 || sum > 20_000 || c.Hits == 0 {
		t.Errorf("%+v, the entries have %d bytes", c, sum)
	}
}
