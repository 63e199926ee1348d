package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

func TestGet(t *testing.T) {
	rows := strings.Repeat("<tr><td>1</td></tr>", pageSize)
	tests := []struct {
		name   string
		status int
		body   string
		absent string
	}{
		{"a full page", http.StatusOK, rows, ""},
		{"no such page", http.StatusNotFound, rows, "answers 404"},
		{"signed out", http.StatusSeeOther, rows, "answers 303"},
		{"half a page", http.StatusOK, rows[:len(rows)/2], "not 50"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Cookie") != "hp_session=x" || r.URL.RequestURI() != "/dashboard/events?person=p" {
					t.Errorf("asked for %s with cookie %q", r.URL, r.Header.Get("Cookie"))
				}
				w.WriteHeader(tt.status)
				w.Write([]byte(tt.body)) //nolint:errcheck // the reader notices
			}))
			defer server.Close()
			s := site{
				client: &fasthttp.HostClient{Addr: strings.TrimPrefix(server.URL, "http://"), ReadTimeout: time.Minute},
				page:   server.URL + "/dashboard/events?person=p", cookie: "hp_session=x",
			}
			err := s.get(t.Context())
			var absent *absentError
			if tt.absent == "" && err != nil || tt.absent != "" && (!errors.As(err, &absent) || !strings.Contains(err.Error(), tt.absent)) {
				t.Errorf("error %v, want %q", err, tt.absent)
			}
		})
	}
}

func TestGetFails(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	s := site{client: &fasthttp.HostClient{Addr: strings.TrimPrefix(server.URL, "http://")}, page: server.URL + "/"}
	server.Close()
	var absent *absentError
	if err := s.get(t.Context()); err == nil || errors.As(err, &absent) {
		t.Errorf("nobody answers: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.get(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
