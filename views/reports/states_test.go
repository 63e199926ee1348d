package reports

import (
	"strings"
	"testing"
	"time"

	"healthportal/app/genomics"
	"healthportal/app/health"
	"healthportal/views/ui"
)

// A report whose file can't be shown says which of the reasons it is, in list and
// viewer, and frames nothing.
func TestReportsWithoutADocument(t *testing.T) {
	for state, words := range map[genomics.State][2]string{
		genomics.Gone:       {"Gone", "The report&#39;s file is gone"},
		genomics.Empty:      {"Empty", "The report&#39;s file is empty"},
		genomics.Mismatch:   {"Not what its name says", "The file is not what its name says"},
		genomics.Outside:    {"Outside its folder", "The file lies outside its folder"},
		genomics.Unreadable: {"Unreadable", "The file can&#39;t be read"},
		"of a later portal": {"Unreadable", "The file can&#39;t be read"},
	} {
		for _, format := range []genomics.Format{genomics.PDF, genomics.HTML} {
			e := Entry{Report: genomics.Report{ID: "abc", PersonID: 1, State: state, Format: format, Problem: "the <b>sidecar</b> says otherwise", SHA256: "0f0f"}}
			html := view(t, ViewerProps{Entry: e, Zone: time.UTC, Scripts: true, PDF: PDFAssets{Library: "/l.mjs", Worker: "/w.mjs"}})
			want(t, html, words[1], "The &lt;b&gt;sidecar&lt;/b&gt; says otherwise.", "0f0f", "never completely compared")
			wantNot(t, html, "<iframe", "<canvas", "/l.mjs", "<b>sidecar")
			want(t, render(t, ListProps{Entries: []Entry{e}, Zone: time.UTC, Indexed: true}), words[0])
		}
	}
	// One that is there has none of these words.
	if _, bad := stateBadge(&genomics.Report{State: genomics.Present}); bad {
		t.Error("a file that is there has a badge")
	}
	gone := noDocument(&genomics.Report{State: genomics.Gone})
	if !strings.Contains(gone.Text, "indexed once") {
		t.Errorf("a file that is gone without a word: %+v", gone)
	}
}

// A status is the author's; one that nobody stated is not taken for final.
func TestStatusWords(t *testing.T) {
	for status, word := range map[genomics.ReportStatus]string{
		genomics.Final: "Final", genomics.Amended: "Amended", genomics.Preliminary: "Preliminary", genomics.Withdrawn: "Withdrawn",
		genomics.UnknownStatus: "Status not stated", "of a later portal": "Status not stated",
	} {
		b := statusBadge(status)
		if b.Label != word || (b.Kind == ui.Good) != (status == genomics.Final) {
			t.Errorf("%q: %+v", status, b)
		}
	}
}

// An empty list says why it is empty and what to do about it.
func TestEmptyReportLists(t *testing.T) {
	tests := []struct {
		name string
		p    ListProps
		want string
		all  bool // a way back to all reports
	}{
		{"nothing indexed", ListProps{}, "No report is indexed yet", false},
		{"nothing indexed, filtered", ListProps{Filtered: true, Text: "x"}, "No report is indexed yet", true},
		{"nothing matches", ListProps{Indexed: true, Filtered: true, Text: `"><script>`}, "No report matches", true},
		{"an analyst behind the end", ListProps{Indexed: true, Analyst: true}, "No report to show", false},
		{"a clinician without patients", ListProps{Indexed: true}, "No report of your patients", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.p.Zone = time.UTC
			html := render(t, tt.p)
			want(t, html, tt.want)
			wantNot(t, html, "<script>")
			if (tt.p.clearHref() == Path) != tt.all || tt.p.clearHref() != "" && tt.p.clearHref() != Path {
				t.Errorf("leads back to %q", tt.p.clearHref())
			}
		})
	}
}

// The patient of a list stays the patient, whatever else is chosen; only analysts ask for unassigned reports.
func TestWhatAListKeeps(t *testing.T) {
	p := ListProps{Zone: time.UTC, Indexed: true, Analyst: true, Unassigned: true, Kind: "pgx"}
	if got := p.sizeHidden(); len(got) != 2 || got[0] != (ui.Hidden{Name: "kind", Value: "pgx"}) || got[1] != (ui.Hidden{Name: "unassigned", Value: "1"}) {
		t.Errorf("everybody's: %+v", got)
	}
	want(t, render(t, p), "Unassigned only")
	p.Person, p.Unassigned = &health.Person{PublicID: "pub"}, false
	if got := p.sizeHidden(); len(got) != 2 || got[0] != (ui.Hidden{Name: "person", Value: "pub"}) || got[1].Name != "kind" {
		t.Errorf("one patient's: %+v", got)
	}
	wantNot(t, render(t, p), "Unassigned only")
	p.Person, p.Analyst = nil, false
	wantNot(t, render(t, p), "Unassigned only")
	crumbs := ViewerProps{Entry: Entry{Person: &health.Person{PublicID: "pub"}}}.crumbs()
	if len(crumbs) != 2 || crumbs[1].Href != Path+"?person=pub" {
		t.Errorf("crumbs %+v", crumbs)
	}
	if len(ViewerProps{}.crumbs()) != 1 {
		t.Error("a report of nobody leads to somebody's")
	}
}
