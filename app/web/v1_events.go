package web

import (
	"net/url"
	"strconv"

	"healthportal/app/access"
	"healthportal/app/health"
)

// apiPages are the answers to programs.
type apiPages struct {
	keys      KeyReader
	events    EventStore
	patients  PatientStore
	reports   reportPages
	downloads downloads
}

// eventsPath is the address of the events for programs.
const eventsPath = "/v1/events"

// eventsAnswer is the answer of GET /v1/events. Previous leads to newer events, Next to older ones.
type eventsAnswer struct {
	Person   string      `json:"person"`
	TimeZone string      `json:"time_zone"`
	Total    int         `json:"total"`
	AtLeast  bool        `json:"total_capped"`
	Events   []eventItem `json:"events"`
	Previous *string     `json:"previous"`
	Next     *string     `json:"next"`
}

// eventItem is an event with all that is stored of it, nothing rounded.
type eventItem struct {
	ID            string   `json:"id"`
	Metric        string   `json:"metric"`
	MetricName    string   `json:"metric_name"`
	CodeSystem    string   `json:"code_system"`
	Code          string   `json:"code"`
	EffectiveAt   *string  `json:"effective_at"`
	EffectiveEnd  *string  `json:"effective_end"`
	OffsetMinutes *int     `json:"offset_minutes"`
	Day           string   `json:"day"`
	WholeDays     bool     `json:"whole_days"`
	Value         *float64 `json:"value"`
	Comparator    *string  `json:"comparator"`
	ValueText     *string  `json:"value_text"`
	Unit          *string  `json:"unit"`
	OriginalValue *string  `json:"original_value"`
	OriginalUnit  *string  `json:"original_unit"`
	RefLow        *float64 `json:"ref_low"`
	RefHigh       *float64 `json:"ref_high"`
	Flag          *string  `json:"flag"`
	Status        string   `json:"status"`
	Source        string   `json:"source"`
	SourceID      int      `json:"source_id"`
	Device        *string  `json:"device"`
	ExternalID    *string  `json:"external_id"`
	Group         *string  `json:"group"`
	Version       int      `json:"version"`
}

// listEvents answers GET /v1/events: a page of one patient's events, newest first.
func (h apiPages) listEvents(r *request) error {
	if err := r.onlyParameters("person", "metric", "source", "flag", "day", "from", "to", "size", "after", "before"); err != nil {
		return err
	}
	size, err := r.rows("size", health.DefaultPageSize, health.MaxLargePage)
	if err != nil {
		return err
	}
	publicID := r.query("person")
	if publicID == "" {
		return badInput("person", wrongInput("name the patient by the public id"))
	}
	f, day, err := readEventFilter(r.query)
	if err != nil {
		return err
	}
	p, err := r.patient(h.patients, publicID)
	if err != nil {
		return err
	}
	if err := r.teamOnly(p); err != nil {
		return err
	}
	f.Person, f.Size, f.Large = p.ID, size, true
	found, err := h.events.EventPage(r.ctx, access.One(p.ID), f)
	if err != nil {
		return err
	}
	r.note("rows", len(found.Events))
	answer := eventsAnswer{
		Person: p.PublicID, TimeZone: p.Zone(r.zone()).String(), Total: found.Total, AtLeast: found.AtLeast, Events: make([]eventItem, len(found.Events)),
		Previous: eventsHref(p.PublicID, f, day, "before", found.Newer), Next: eventsHref(p.PublicID, f, day, "after", found.Older),
	}
	for i := range found.Events {
		answer.Events[i] = newEventItem(&found.Events[i])
	}
	return r.sendJSON(answer)
}

func newEventItem(e *health.Event) eventItem {
	item := eventItem{
		ID: strconv.FormatInt(e.ID, 10), Metric: e.Metric, MetricName: e.MetricTitle, CodeSystem: e.CodeSystem, Code: e.Code,
		EffectiveAt: instant(e.EffectiveAt), EffectiveEnd: instant(e.EffectiveEnd), Day: e.Day.String(), WholeDays: !e.StartDay.IsZero(),
		Comparator: textOrNull(e.Comparator), ValueText: textOrNull(e.ValueText), Unit: textOrNull(e.Unit),
		OriginalValue: textOrNull(e.OrigValue), OriginalUnit: textOrNull(e.OrigUnit), RefLow: finite(e.RefLow), RefHigh: finite(e.RefHigh),
		Flag: textOrNull(e.Flag), Status: string(e.Status), Source: e.Source, SourceID: e.SourceID, Device: textOrNull(e.Device),
		ExternalID: textOrNull(e.ExternalID), Group: textOrNull(e.Group), Version: e.Version,
	}
	if e.HasOffset {
		item.OffsetMinutes = &e.OffsetMinutes
	}
	if e.HasValue {
		item.Value = finite(&e.Value)
		if item.Value == nil && item.ValueText == nil {
			// Not a number, or infinite: said in words rather than left out.
			item.ValueText = textOrNull(strconv.FormatFloat(e.Value, 'g', -1, 64))
		}
	}
	return item
}

// eventsHref is the address of a neighbouring page; null where there is none.
func eventsHref(person string, f health.EventFilter, day health.Day, name string, c *health.Cursor) *string {
	if c == nil {
		return nil
	}
	q := url.Values{"person": {person}, "size": {strconv.Itoa(f.Size)}, name: {c.String()}}
	if f.Metric != "" {
		q.Set("metric", f.Metric)
	}
	if f.Source != 0 {
		q.Set("source", strconv.Itoa(f.Source))
	}
	if f.Flag != "" {
		q.Set("flag", f.Flag)
	}
	if !day.IsZero() {
		q.Set("day", day.String())
		f.From, f.To = health.Day{}, health.Day{}
	}
	for name, v := range map[string]string{"from": f.Start(), "to": f.Stop()} {
		if v != "" {
			q.Set(name, v)
		}
	}
	return textOrNull(eventsPath + "?" + q.Encode())
}
