package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"healthportal/app/access"
)

// message is an alert on its way.
type message struct {
	kind access.AlertKind
	body []byte
}

// message is the alert as the webhook gets it. The field "text" is what chat
// services show by themselves.
func (s *Sender) message(a access.Alert) message {
	link := ""
	if a.Path != "" {
		link = s.cfg.Origin + a.Path
	}
	body, err := json.Marshal(struct {
		Kind      string `json:"kind"`
		Text      string `json:"text"`
		At        string `json:"at"`
		Link      string `json:"link,omitempty"`
		RequestID string `json:"request_id,omitempty"`
	}{string(a.Kind), a.Text, a.At.Format(time.RFC3339), link, a.RequestID})
	if err != nil {
		body = nil // strings always marshal
	}
	return message{a.Kind, body}
}

// work sends what is queued, one at a time and in order, until the queue is
// closed and empty. When ctx ends, what is left is dropped.
func (s *Sender) work(ctx context.Context) {
	defer close(s.done)
	for m := range s.queue {
		if err := s.deliver(ctx, m); err != nil {
			s.drop(m.kind, err)
		}
	}
}

// deliver tries until the webhook takes the message, refuses it for good, or
// all attempts are used up.
func (s *Sender) deliver(ctx context.Context, m message) error {
	waits := pauses()
	for attempt := 0; ; attempt++ {
		again, err := s.post(ctx, m.body)
		if err == nil || !again || attempt == len(waits) || ctx.Err() != nil {
			return err
		}
		s.cfg.Logger.Warn("the webhook did not take an alert, trying again", "kind", string(m.kind), "in", waits[attempt].String(), "error", err)
		select {
		case <-time.After(waits[attempt]):
		case <-ctx.Done():
			return err
		}
	}
}

// post makes one attempt; again says whether another one may help.
func (s *Sender) post(ctx context.Context, body []byte) (again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return false, errors.New("the address of the webhook can't be used")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "health-portal")
	res, err := s.client.Do(req)
	if err != nil {
		return true, withoutAddress(err)
	}
	defer res.Body.Close() //nolint:errcheck // the answer's body is of no interest
	// Reading a little lets the connection be used again.
	_, _ = io.CopyN(io.Discard, res.Body, 4<<10)
	switch {
	case res.StatusCode >= 200 && res.StatusCode < 300:
		return false, nil
	case res.StatusCode >= 500, res.StatusCode == http.StatusTooManyRequests, res.StatusCode == http.StatusRequestTimeout:
		return true, fmt.Errorf("the webhook answered %d", res.StatusCode)
	default:
		// Redirects too: an alert goes where the configuration says, nowhere else.
		return false, fmt.Errorf("the webhook refused with %d", res.StatusCode)
	}
}

// withoutAddress takes the webhook's address out of an error.
func withoutAddress(err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		return withURL.Err
	}
	return err
}
