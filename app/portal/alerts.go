package portal

import (
	"context"
	"time"

	"healthportal/app/alert"
)

// alertDrain is how long the end waits for a webhook that is slow or away; what
// it does not take by then stands in the log.
const alertDrain = 5 * time.Second

// Alerts tells people at once what can't wait. Close of the Portal sends what is queued.
func (p *Portal) Alerts() *alert.Sender {
	if p.alerts == nil {
		p.alerts = alert.New(alert.Config{URL: p.Config.AlertWebhookURL, Origin: p.Config.Origin, Logger: p.Log, Now: time.Now})
	}
	return p.alerts
}

// closeAlerts sends what is queued and ends the sender.
func (p *Portal) closeAlerts() {
	if p.alerts == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), alertDrain)
	defer cancel()
	if err := p.alerts.Close(ctx); err != nil {
		p.Log.Warn("alerts are lost", "error", err)
	}
}
