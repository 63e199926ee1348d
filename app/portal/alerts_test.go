package portal

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/config"
)

// What was sent before the end reaches the webhook, and nobody waited for it.
func TestAlertsAreSentBeforeTheEnd(t *testing.T) {
	release, bodies := make(chan struct{}), make(chan string, 2)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		<-release // the webhook hangs
		bodies <- string(body)
	}))
	defer server.Close()
	p := &Portal{Config: config.Config{AlertWebhookURL: server.URL, Origin: "https://portal.example"}, Log: slog.New(slog.DiscardHandler)}
	if first := p.Alerts(); first != p.Alerts() {
		t.Error("two senders would each hold back what repeats")
	}
	began := time.Now()
	for range 2 {
		p.Alerts().Send(access.Alert{Kind: access.AlertBreakGlass, Text: "A patient was opened.", Path: "/admin/break-glass"})
	}
	if waited := time.Since(began); waited > time.Second {
		t.Errorf("a hanging webhook delayed the sender by %s", waited)
	}
	close(release)
	p.closeAlerts()
	for range 2 {
		if body := <-bodies; !strings.Contains(body, "https://portal.example/admin/break-glass") {
			t.Errorf("the webhook got %s", body)
		}
	}
	(&Portal{}).closeAlerts() // without any alert there is nothing to end
}
