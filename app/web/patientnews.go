package web

import (
	"slices"

	"healthportal/app/access"
	"healthportal/app/genomics"
	"healthportal/app/health"
	"healthportal/views/patients"
)

// newestReports is how many reports a patient's page names.
const newestReports = 3

// beside reads what a patient's page has beside its chart. It returns the
// change of the report index up to which the page shows the reports; 0 where it
// shows none. Fragments are the chart alone.
func (h patientPages) beside(r *request, p health.Patient, props *patients.ShowProps) (reportsNo int64, err error) {
	if r.fragment() {
		return 0, nil
	}
	if len(props.Metrics) > 0 {
		if props.Sparks, err = h.home.Sparks(r.ctx, access.One(p.ID), p.ID); err != nil {
			return 0, err
		}
	}
	if !r.principal().Can(access.ReportsRead) {
		return 0, nil
	}
	props.Reports = &patients.ReportsProps{Zone: p.Zone(r.zone())}
	// The state first: reports that come in between are shown, and still count as new.
	state, err := h.reports.Status(r.ctx)
	if err == nil {
		var found genomics.ReportPage
		found, err = h.reports.Reports(r.ctx, genomics.ReportFilter{Persons: []int64{int64(p.ID)}, Person: int64(p.ID), Size: newestReports})
		props.Reports.List, props.Reports.Count = slices.Clip(found.Reports), found.Count
	}
	if err != nil {
		// The health data is worth showing without the reports; the page says what is missing.
		r.s.cfg.Logger.Warn("the report index does not answer", "request_id", r.id(), "error", err)
		props.Reports.Unreadable = true
		return 0, nil
	}
	return state.LastChange, nil
}

// noteSeen notes that the patient's page was opened. Where that fails the patient
// goes on counting as opened by nobody, which hides nothing.
func (h patientPages) noteSeen(r *request, p health.Patient, reportsNo int64) {
	if r.fragment() {
		return
	}
	if err := h.home.Seen(r.ctx, r.principal().UserID, p.ID, p.DataNo, reportsNo); err != nil {
		r.s.cfg.Logger.Warn("could not note that a patient's page was opened", "request_id", r.id(), "error", err)
	}
}
