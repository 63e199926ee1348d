package alert_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"healthportal/app/access"
	"healthportal/app/alert"
)

// syncBuffer is a log that several goroutines write.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends.
func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// String is the log so far.
func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// webhook is a receiver without a network, for tests in fake time.
type webhook func(*http.Request) (int, error)

// RoundTrip answers with the function's status or error.
func (w webhook) RoundTrip(r *http.Request) (*http.Response, error) {
	status, err := w(r)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader("ok")), Header: http.Header{}, Request: r}, nil
}

const address = "https://alerts.example/hook/secret-path"

func glass() access.Alert {
	return access.Alert{Kind: access.AlertBreakGlass, Text: "A patient was opened.", Path: "/admin/break-glass", RequestID: "r1",
		At: time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)}
}

// sender makes a Sender whose receiver is w.
func sender(w webhook) (*alert.Sender, *syncBuffer) {
	log := &syncBuffer{}
	return alert.New(alert.Config{URL: address, Origin: "https://portal.example", Client: &http.Client{Transport: w},
		Logger: slog.New(slog.NewTextHandler(log, nil))}), log
}

func TestWebhookGetsTheAlert(t *testing.T) {
	got := make(chan map[string]string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body map[string]string
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %v, %v", r.Method, r.Header, err)
		}
		got <- body
	}))
	defer server.Close()
	log := &syncBuffer{}
	s := alert.New(alert.Config{URL: server.URL, Origin: "https://portal.example", Logger: slog.New(slog.NewTextHandler(log, nil))})
	s.Send(glass())
	body := <-got
	want := map[string]string{"kind": "break-glass", "text": "A patient was opened.", "at": "2026-03-29T12:00:00Z",
		"link": "https://portal.example/admin/break-glass", "request_id": "r1"}
	for name, value := range want {
		if body[name] != value {
			t.Errorf("%s is %q, want %q", name, body[name], value)
		}
	}
	if len(body) != len(want) {
		t.Errorf("the webhook got %v", body)
	}
	if err := s.Close(t.Context()); err != nil || s.Dropped() != 0 {
		t.Errorf("close: %v, %d dropped", err, s.Dropped())
	}
	if text := log.String(); !strings.Contains(text, "level=WARN msg=alert kind=break-glass") || strings.Contains(text, server.URL) {
		t.Errorf("log %s", text)
	}
}

func TestRetries(t *testing.T) {
	tests := []struct {
		name     string
		answers  []int // 0 is a network error
		attempts int
		dropped  int64
		within   time.Duration
	}{
		{"at once", []int{204}, 1, 0, 0},
		{"after a network error", []int{0, 200}, 2, 0, time.Second},
		{"after 503 and 429", []int{503, 429, 200}, 3, 0, 6 * time.Second},
		{"never", []int{500, 500, 500, 500, 500, 200}, 5, 1, 156 * time.Second},
		{"refused", []int{404, 200}, 1, 1, 0},
		{"a redirect is not followed", []int{307, 200}, 1, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, began := 0, time.Now()
				s, log := sender(func(*http.Request) (int, error) {
					n++
					if tt.answers[n-1] == 0 {
						return 0, errors.New("connection refused")
					}
					return tt.answers[n-1], nil
				})
				s.Send(glass())
				if err := s.Close(t.Context()); err != nil {
					t.Error(err)
				}
				if n != tt.attempts || s.Dropped() != tt.dropped || time.Since(began) != tt.within {
					t.Errorf("%d attempts, %d dropped, in %s", n, s.Dropped(), time.Since(began))
				}
				if text := log.String(); strings.Contains(text, "secret-path") || (tt.dropped > 0) != strings.Contains(text, "did not reach") {
					t.Errorf("log %s", text)
				}
			})
		})
	}
}

func TestRedirectLeadsNowhere(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	s := alert.New(alert.Config{URL: server.URL, Logger: slog.New(slog.DiscardHandler)})
	s.Send(glass())
	if err := s.Close(t.Context()); err != nil || elsewhere.Load() != 0 || s.Dropped() != 1 {
		t.Errorf("close %v, followed %d times, %d dropped", err, elsewhere.Load(), s.Dropped())
	}
}

// A receiver that hangs costs its sender nothing, and the queue is bounded.
func TestHangingWebhook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := sender(func(r *http.Request) (int, error) {
			<-r.Context().Done()
			return 0, r.Context().Err()
		})
		began := time.Now()
		for range 400 {
			s.Send(glass())
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("sending took %s", waited)
		}
		if dropped := s.Dropped(); dropped < 140 || dropped > 150 {
			t.Errorf("%d alerts were dropped at once", dropped)
		}
		if n := strings.Count(log.String(), "msg=alert "); n != 400 {
			t.Errorf("%d alerts are in the log", n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err == nil || s.Dropped() != 400 || time.Since(began) > 11*time.Second {
			t.Errorf("close: %v, %d dropped after %s", err, s.Dropped(), time.Since(began))
		}
		s.Send(glass())
		if s.Dropped() != 401 {
			t.Error("an alert after the end was not counted as dropped")
		}
	})
}

func TestAttemptsEndAfterFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries []time.Duration
		began := time.Now()
		s, _ := sender(func(r *http.Request) (int, error) {
			tries = append(tries, time.Since(began))
			if len(tries) == 1 {
				<-r.Context().Done()
				return 0, r.Context().Err()
			}
			return 200, nil
		})
		s.Send(glass())
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(tries) != 2 || tries[1] != 6*time.Second {
			t.Errorf("attempts after %v", tries)
		}
	})
}

func TestKindsThatRepeatAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var texts []string
		s, _ := sender(func(r *http.Request) (int, error) {
			var body struct{ Text string }
			err := json.NewDecoder(r.Body).Decode(&body)
			texts = append(texts, body.Text)
			return 200, err
		})
		failing := access.Alert{Kind: access.AlertAudit, Text: "The log fails.", Every: 5 * time.Minute}
		for range 10 {
			s.Send(failing)
		}
		s.Send(glass()) // another kind is not held back
		time.Sleep(5 * time.Minute)
		s.Send(failing)
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []string{"The log fails.", "A patient was opened.", "The log fails. Since the last alert of this kind it happened 9 times more."}
		if strings.Join(texts, "|") != strings.Join(want, "|") {
			t.Errorf("sent %q", texts)
		}
	})
}

func TestWithoutWebhook(t *testing.T) {
	log := &syncBuffer{}
	s := alert.New(alert.Config{Logger: slog.New(slog.NewTextHandler(log, nil))})
	s.Send(access.Alert{Kind: access.AlertClone, Text: "A passkey looks copied."})
	if err := s.Close(t.Context()); err != nil || s.Dropped() != 0 {
		t.Errorf("close %v, %d dropped", err, s.Dropped())
	}
	if err := s.Close(t.Context()); err != nil {
		t.Errorf("close twice: %v", err)
	}
	if !strings.Contains(log.String(), "kind=passkey-clone") {
		t.Errorf("log %s", log)
	}
}

func TestAddressThatCantBeUsed(t *testing.T) {
	log := &syncBuffer{}
	s := alert.New(alert.Config{URL: "https://alerts.example/\x7fsecret-path", Logger: slog.New(slog.NewTextHandler(log, nil))})
	s.Send(glass())
	if err := s.Close(t.Context()); err != nil || s.Dropped() != 1 || strings.Contains(log.String(), "secret-path") {
		t.Errorf("close %v, %d dropped, log %s", err, s.Dropped(), log)
	}
}
