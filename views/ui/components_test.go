package ui

import (
	"strconv"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"golang.org/x/net/html"
)

func TestKinds(t *testing.T) {
	for kind, want := range map[Kind][2]string{Neutral: {"neutral", "Note"}, Info: {"info", "Note"}, Good: {"good", "Done"}, Warn: {"warn", "Warning"}, Bad: {"bad", "Problem"}, "odd": {"neutral", "Note"}} {
		if kind.class() != want[0] || kind.word() != want[1] {
			t.Errorf("%q: class %s, word %s", kind, kind.class(), kind.word())
		}
		badge := one(t, dom(t, Badge(BadgeProps{Label: "final", Kind: kind})), "span", "class=badge kind-"+want[0])
		if signs := len(all(badge, "svg")); (kind == Neutral) != (signs == 0) {
			t.Errorf("badge %q has %d signs beside its colour", kind, signs)
		}
		wantText(t, dom(t, Banner(BannerProps{Kind: kind, Text: "x"})), want[1]+": x")
	}
}

func TestBadgeTitleIsReadAloud(t *testing.T) {
	wantText(t, dom(t, Badge(BadgeProps{Label: "high", Kind: Warn, Title: "above range"})), "high", ": above range")
}

func TestBanner(t *testing.T) {
	action := Button(ButtonProps{Label: "End now"})
	root := dom(t, withText(Banner(BannerProps{Kind: Bad, Title: "Lost", Text: "Gone.", Alert: true, Action: action}), "child"))
	banner := one(t, root, "div", "role=alert")
	wantText(t, banner, "Problem:", "Lost", "Gone.", "child", "End now")
	one(t, dom(t, Banner(BannerProps{Text: "x"})), "div", "role=note")
}

func TestToast(t *testing.T) {
	root := dom(t, Toast(ToastProps{ID: "saved", Kind: Good, Text: "Saved."}))
	wantText(t, one(t, root, "div", "data-toast", "id=saved"), "Done: Saved.")
	if button := one(t, root, "button", "data-dismiss"); get(button, "aria-label") != "Dismiss" || get(button, "type") != "button" {
		t.Error("the toast's button has no name, or sends a form")
	}
}

func TestButton(t *testing.T) {
	for want, p := range map[string]ButtonProps{
		"button": {Label: "Save"}, "button button-primary": {Label: "Save", Kind: Primary}, "button button-quiet": {Label: "Save", Kind: Quiet},
		"button button-danger button-icon": {Label: "Save", Kind: Danger, Icon: IconClose, IconOnly: true}, "button button-icon": {Label: "Save", Kind: "odd", IconOnly: true},
	} {
		b := one(t, dom(t, Button(p)), "button", "class="+want)
		if get(b, "type") != "button" || hasAttr(b, "disabled") || hasAttr(b, "name") || hasAttr(b, "form") {
			t.Errorf("%s: attributes %v", want, b.Attr)
		}
		if name := text(b) + get(b, "aria-label"); name != "Save" {
			t.Errorf("%s: accessible name %q", want, name)
		}
	}
	b := one(t, dom(t, Button(ButtonProps{Label: "x", Type: "submit", ID: "i", Name: "n", Value: "v", Form: "f", Disabled: true, HX: HX{Post: "/p"}, Attrs: templ.Attributes{"data-x": "1"}})), "button")
	for _, attr := range []string{"type=submit", "id=i", "name=n", "value=v", "form=f", "disabled", "hx-post=/p", "data-x=1"} {
		if !hasAttr(b, attr) {
			t.Errorf("button lacks %s: %v", attr, b.Attr)
		}
	}
}

// An arrow to what comes next stands behind its words, all other icons before them.
func TestLinkButtonArrow(t *testing.T) {
	for icon, first := range map[Icon]string{IconNext: "span", IconPrevious: "svg", IconTable: "svg", "": "span"} {
		a := one(t, dom(t, LinkButton(LinkProps{Label: "Later month", Href: "/x", Icon: icon})), "a")
		child := a.FirstChild
		for child.Type != html.ElementNode {
			child = child.NextSibling
		}
		if child.Data != first {
			t.Errorf("the button with the icon %.8q begins with %s, want %s", icon, child.Data, first)
		}
	}
}

func TestLinkButton(t *testing.T) {
	a := one(t, dom(t, LinkButton(LinkProps{Label: "Next", Href: "/x?a=1&b=2"})), "a")
	if get(a, "href") != "/x?a=1&b=2" || hasAttr(a, "hx-get") || hasAttr(a, "target") || hasAttr(a, "download") {
		t.Errorf("plain link: %v", a.Attr)
	}
	a = one(t, dom(t, LinkButton(LinkProps{Label: "Next", Href: "/x", HX: HX{Target: "#t", PushURL: true}})), "a")
	if get(a, "hx-get") != "/x" || get(a, "href") != "/x" || get(a, "hx-push-url") != "true" {
		t.Errorf("htmx link: %v", a.Attr)
	}
	a = one(t, dom(t, LinkButton(LinkProps{Label: "ClinVar", Href: "https://example.org/", External: true, Download: true, Icon: IconDownload, IconOnly: true, ID: "c"})), "a")
	if get(a, "rel") != "noreferrer noopener external" || get(a, "aria-label") != "ClinVar" || !hasAttr(a, "download") {
		t.Errorf("external link: %v", a.Attr)
	}
	wantText(t, a, "(opens a new tab)")
}

func columns() []Column {
	return []Column{{Label: "Time", Sort: Descending, SortHref: "?sort=t"}, {Label: "Metric", Sort: Unsorted, SortHref: "?sort=m"}, {Label: "Value", Numeric: true}, {Label: "Actions", Hidden: true}, {Label: "Note", Wide: true, Sort: Ascending}}
}

func TestTable(t *testing.T) {
	row := Row(RowProps{Columns: columns(), Cells: []Cell{{Text: "10:00", Header: true}, {Text: "Heart rate", Href: "/m"}, {Text: "0"}, {Content: Button(ButtonProps{Label: "Open"})}, {Text: "n", Muted: true, Sub: "later"}}})
	root := dom(t, Table(TableProps{ID: "events", Caption: "Events", Columns: columns(), Rows: []templ.Component{row, row}, HX: HX{Target: "#list"}}))
	region := one(t, root, "div", "role=region")
	if get(region, "tabindex") != "0" || get(region, "aria-labelledby") != get(one(t, root, "caption"), "id") {
		t.Error("the scrolling region can't be reached by keyboard or has no name")
	}
	heads := all(root, "th", "scope=col")
	if len(heads) != 5 || len(all(root, "tr")) != 3 {
		t.Fatalf("%d heads, %d rows", len(heads), len(all(root, "tr")))
	}
	for i, want := range []string{"descending", "none", "", "", "ascending"} {
		if get(heads[i], "aria-sort") != want {
			t.Errorf("aria-sort of %s = %q, want %q", text(heads[i]), get(heads[i], "aria-sort"), want)
		}
	}
	if link := one(t, heads[0], "a"); get(link, "href") != "?sort=t" || get(link, "hx-get") != "?sort=t" || get(link, "hx-target") != "#list" {
		t.Errorf("sort link: %v", link.Attr)
	}
	if len(all(heads[4], "a")) != 0 {
		t.Error("a column without sort address has a link")
	}
	wantText(t, heads[3], "Actions")
}

func TestRow(t *testing.T) {
	root := dom(t, Row(RowProps{ID: "r1", Selected: true, Columns: columns(), Cells: []Cell{
		{Text: "10:00", Header: true}, {Text: "Heart rate", Href: "/m", HX: HX{Target: "#x"}}, {Text: "0"}, {Text: "high", Kind: Warn}, {Text: "n", Muted: true, Sub: "later"}, {Text: "spare"},
		{Mark: Mark{Label: "odd", Why: "because"}},
	}}))
	row := one(t, root, "tr", "id=r1", "aria-current=true")
	if th := one(t, row, "th"); get(th, "scope") != "row" || get(th, "data-label") != "Time" {
		t.Errorf("row head: %v", th.Attr)
	}
	cells := all(row, "td")
	for i, want := range []struct{ label, class, text string }{{"Metric", "", "Heart rate"}, {"Value", "num", "0"}, {"Actions", "", "high"}, {"Note", "wide muted", "n later"}, {"", "", "spare"}, {"", "", "odd because"}} {
		if get(cells[i], "data-label") != want.label || get(cells[i], "class") != want.class || text(cells[i]) != want.text {
			t.Errorf("cell %d: %v %q", i, cells[i].Attr, text(cells[i]))
		}
	}
	if link := one(t, row, "a"); get(link, "hx-get") != "/m" {
		t.Errorf("cell link: %v", link.Attr)
	}
	one(t, cells[2], "span", "class=badge kind-warn")
	one(t, cells[5], "span", "class=sub mark")
	one(t, cells[5], "span", "class=badge kind-warn")
}

func TestTableWithoutRows(t *testing.T) {
	empty := EmptyState(EmptyStateProps{Title: "No events match", Text: "Widen the range.", Action: Button(ButtonProps{Label: "Clear"})})
	root := dom(t, Table(TableProps{ID: "e", Caption: "Events", Columns: columns(), Empty: empty}))
	if len(all(root, "table")) != 0 {
		t.Error("an empty table is drawn beside its empty state")
	}
	wantText(t, root, "No events match", "Widen the range.", "Clear")
	one(t, dom(t, Table(TableProps{ID: "e", Caption: "Events", CaptionHidden: true, Stacked: true})), "table", "class=table table-stacked")
}

func TestFieldBindsLabelHintAndError(t *testing.T) {
	for _, kind := range []FieldType{FieldText, FieldSearch, FieldEmail, FieldNumber, FieldDate, FieldDateTime, FieldArea, FieldSelect, FieldCheckbox} {
		root := dom(t, Field(FieldProps{Name: "n", Label: "Name", Type: kind, Hint: "As in the record.", Error: "Missing.", Required: true, Disabled: true, ReadOnly: true, AutoFocus: true}))
		control := one(t, root, "*", "id=n")
		if get(one(t, root, "label"), "for") != "n" || get(control, "name") != "n" {
			t.Errorf("%q: label and control are not bound", kind)
		}
		if get(control, "aria-describedby") != "n-hint n-error" || get(control, "aria-invalid") != "true" {
			t.Errorf("%q: %v", kind, control.Attr)
		}
		for _, flag := range []string{"required", "disabled", "readonly", "autofocus"} {
			if !hasAttr(control, flag) {
				t.Errorf("%q lacks %s", kind, flag)
			}
		}
		wantText(t, one(t, root, "p", "id=n-error"), "Error: Missing.")
		wantText(t, one(t, root, "p", "id=n-hint"), "As in the record.")
		wantText(t, one(t, root, "label"), "(required)")
	}
}

func TestFieldTypes(t *testing.T) {
	in := one(t, dom(t, Field(FieldProps{ID: "i", Name: "d", Label: "Day", Type: FieldDate, Value: "2026-03-29", Min: "2020-01-01", Max: "2030-01-01", Step: "1", MaxLength: 10, InputMode: "numeric", Placeholder: "p"})), "input")
	for _, attr := range []string{"id=i", "name=d", "type=date", "value=2026-03-29", "min=2020-01-01", "max=2030-01-01", "step=1", "maxlength=10", "inputmode=numeric", "placeholder=p", "autocomplete=off"} {
		if !hasAttr(in, attr) {
			t.Errorf("date field lacks %s: %v", attr, in.Attr)
		}
	}
	if hasAttr(in, "aria-describedby") || hasAttr(in, "aria-invalid") {
		t.Error("a field without hint and error points to some")
	}
	in = one(t, dom(t, Field(FieldProps{Name: "u", Label: "User", Autocomplete: "username webauthn", LabelHidden: true, HX: HX{Get: "/s", Trigger: "input changed delay:300ms"}, Attrs: templ.Attributes{"data-a": "b"}})), "input")
	if get(in, "autocomplete") != "username webauthn" || get(in, "type") != "text" || get(in, "hx-trigger") == "" || get(in, "data-a") != "b" {
		t.Errorf("text field: %v", in.Attr)
	}
	area := one(t, dom(t, Field(FieldProps{Name: "a", Label: "A", Type: FieldArea, Value: " two\nlines ", Rows: 7})), "textarea")
	if get(area, "rows") != "7" || area.FirstChild.Data != " two\nlines " {
		t.Errorf("textarea: %v %q", area.Attr, area.FirstChild.Data)
	}
	if get(one(t, dom(t, Field(FieldProps{Name: "a", Type: FieldArea})), "textarea"), "rows") != "4" {
		t.Error("textarea without rows")
	}
}

func TestChoices(t *testing.T) {
	options := []Option{{Value: "a", Label: "A", Hint: "12"}, {Value: "b", Label: "B"}, {Value: "c", Label: "C", Disabled: true}}
	selected := one(t, dom(t, Field(FieldProps{Name: "s", Label: "S", Type: FieldSelect, Value: "b", Options: options})), "option", "selected")
	if get(selected, "value") != "b" {
		t.Errorf("chosen option: %v", selected.Attr)
	}
	for kind, want := range map[FieldType]string{FieldRadios: "radio", FieldChecks: "checkbox"} {
		root := dom(t, Field(FieldProps{Name: "g", Label: "Group", Type: kind, Value: "b", Values: []string{"b"}, Options: options, Hint: "h", Required: true, LabelHidden: true}))
		group := one(t, root, "fieldset", "aria-describedby=g-hint")
		wantText(t, one(t, group, "legend"), "Group", "(required)")
		boxes := all(group, "input", "type="+want)
		if len(boxes) != 3 || get(one(t, group, "input", "checked"), "value") != "b" || get(one(t, group, "input", "disabled"), "value") != "c" {
			t.Errorf("%s: %d boxes", kind, len(boxes))
		}
		for i, box := range boxes {
			if get(box, "id") != "g-"+strconv.Itoa(i+1) || len(all(group, "label", "for="+get(box, "id"))) != 1 {
				t.Errorf("%s: box %d has no label", kind, i)
			}
			if hasAttr(box, "required") != (kind == FieldRadios) {
				t.Errorf("%s: a required group of boxes must not require each box", kind)
			}
		}
	}
	box := one(t, dom(t, Field(FieldProps{Name: "k", Label: "Keep", Type: FieldCheckbox, Value: "1", Checked: true})), "input", "checked")
	if get(box, "value") != "1" {
		t.Errorf("box: %v", box.Attr)
	}
}

func TestFilterBar(t *testing.T) {
	p := FilterBarProps{
		ID: "f", Label: "Filter events", Action: "/events", ClearHref: "/events?clear", Hidden: []Hidden{{"person", "p1"}},
		Fields: []FieldProps{{Name: "metric", Label: "Metric"}}, Chips: []Chip{{"Metric: sleep", "/events?x"}},
	}
	root := dom(t, withText(FilterBar(p), "more"))
	form := one(t, root, "form", "role=search", "aria-label=Filter events", "method=get", "action=/events")
	if hasAttr(form, "hx-get") || len(all(form, "input", "name=csrf")) != 0 {
		t.Error("a plain filter bar has htmx or a token in its address")
	}
	one(t, form, "button", "type=submit")
	one(t, form, "input", "type=hidden", "name=person", "value=p1")
	one(t, form, "a", "href=/events?clear")
	wantText(t, one(t, form, "a", "class=chip"), "Metric: sleep", "(remove)")
	wantText(t, form, "Apply", "more")

	p.HX = HX{Target: "#list", PushURL: true}
	one(t, dom(t, FilterBar(p)), "form", "hx-get=/events", "hx-target=#list")
	p.Post, p.CSRF, p.ApplyLabel = true, "tok", "Find"
	form = one(t, dom(t, FilterBar(p)), "form", "method=post", "hx-post=/events")
	if hasAttr(form, "hx-get") {
		t.Error("a search by POST also asks by GET: names would stand in the address")
	}
	one(t, form, "input", "name=csrf", "value=tok")
	wantText(t, form, "Find")
}

func TestPagination(t *testing.T) {
	p := PaginationProps{ID: "p", Label: "Pages of events", Next: "?after=2", Count: "50 of 10,000+ events", Sizes: []int{50, 100}, Size: 100, Action: "/events", Hidden: []Hidden{{"metric", "hr"}}}
	root := dom(t, Pagination(p))
	count := one(t, root, "p", "role=status", "data-announce", "tabindex=-1")
	wantText(t, count, "50 of 10,000+ events")
	next := one(t, root, "a", "rel=next", "id=p-next", "href=?after=2")
	if get(next, "data-focus-fallback") != get(count, "id") {
		t.Error("focus has nowhere to go when the last page is reached")
	}
	off := one(t, root, "span", "role=link", "aria-disabled=true")
	if text(off) != "Previous" || hasAttr(off, "href") {
		t.Errorf("missing page: %v %q", off.Attr, text(off))
	}
	one(t, root, "nav", "aria-label=Pages of events")
	form := one(t, root, "form", "action=/events", "method=get")
	one(t, form, "input", "name=metric", "value=hr")
	if get(one(t, form, "option", "selected"), "value") != "100" || get(one(t, form, "select"), "name") != "size" {
		t.Error("page size: wrong choice or name")
	}
	p.HX, p.Previous, p.Sizes, p.SizeName = HX{Target: "#list", Swap: "outerMorph"}, "?before=1", nil, "n"
	root = dom(t, Pagination(p))
	one(t, root, "a", "rel=prev", "hx-get=?before=1", "hx-swap=outerMorph")
	if len(all(root, "form")) != 0 {
		t.Error("a size form without sizes")
	}
	if p.sizeField().Name != "n" {
		t.Error("own name of the size is not used")
	}
}

func TestStates(t *testing.T) {
	root := dom(t, ErrorState(ErrorStateProps{Title: "Lost", What: "It went.", Do: "Wait.", RequestID: "r-1", RetryHref: "/again", Level: 1}))
	wantText(t, one(t, root, "div", "role=alert"), "Lost", "It went.", "Wait.", "Request r-1", "Try again")
	one(t, root, "h1")
	one(t, root, "a", "href=/again")
	root = dom(t, ErrorState(ErrorStateProps{Title: "Lost", RetryHref: "/a", RetryLabel: "Reload"}))
	one(t, root, "h2")
	wantText(t, root, "Reload")
	if len(all(dom(t, ErrorState(ErrorStateProps{Title: "x"})), "a")) != 0 || len(all(dom(t, EmptyState(EmptyStateProps{Title: "x", Icon: IconLock})), "p")) != 1 {
		t.Error("a state draws parts that nobody gave")
	}
	for lines, want := range map[int]int{0: 3, -1: 3, 5: 5} {
		root = dom(t, Skeleton(SkeletonProps{Lines: lines}))
		if n := len(all(root, "span", "aria-hidden=true")); n != want {
			t.Errorf("%d lines drawn for %d", n, lines)
		}
	}
	wantText(t, one(t, dom(t, Skeleton(SkeletonProps{Label: "Loading events"})), "div", "role=status"), "Loading events")
}

func TestDialog(t *testing.T) {
	root := dom(t, withText(Dialog(DialogProps{ID: "d", Title: "Revoke?"}), "body"))
	dialog := one(t, root, "dialog", "id=d")
	if get(dialog, "aria-labelledby") != get(one(t, dialog, "h2"), "id") || hasAttr(dialog, "open") {
		t.Errorf("dialog: %v", dialog.Attr)
	}
	if n := len(all(dialog, "form", "method=dialog")); n != 2 {
		t.Errorf("%d ways to close without scripts, want 2", n)
	}
	wantText(t, dialog, "Revoke?", "body", "Close")
	root = dom(t, Dialog(DialogProps{ID: "d", Title: "T", Foot: Button(ButtonProps{Label: "Do it"})}))
	wantText(t, root, "Do it")
	one(t, dom(t, DialogOpener(DialogOpenerProps{Dialog: "d", Label: "Revoke"})), "button", "data-dialog-open=d", "aria-haspopup=dialog")
	one(t, dom(t, DialogOpener(DialogOpenerProps{Dialog: "d", Label: "Revoke", Href: "/revoke"})), "a", "data-dialog-open=d", "href=/revoke")
}

func TestDefinitionList(t *testing.T) {
	root := dom(t, DefinitionList(DefinitionListProps{Label: "Report", Wide: true, Items: []Definition{
		{Term: "Score", Text: "0"}, {Term: "Supersedes"}, {Term: "Hash", Text: "9f86", Code: true}, {Term: "State", Content: Badge(BadgeProps{Label: "final"})},
	}}))
	one(t, root, "dl", "class=definitions definitions-wide", "aria-label=Report")
	values := all(root, "dd")
	for i, want := range []string{"0", "not stated", "9f86", "final"} {
		if text(values[i]) != want {
			t.Errorf("value %d = %q, want %q", i, text(values[i]), want)
		}
	}
	one(t, root, "code")
}

func TestCardAndHeadings(t *testing.T) {
	for level, tag := range map[int]string{0: "h2", 2: "h2", 3: "h3", 4: "h4", 9: "h2"} {
		root := dom(t, withText(Card(CardProps{ID: "c", Title: "Events", Level: level, Note: "newest first", Flush: true, Actions: Button(ButtonProps{Label: "Export"})}), "content"))
		section := one(t, root, "section", "id=c", "class=card card-flush")
		if get(one(t, section, tag), "id") != "c-title" {
			t.Errorf("level %d: heading has no id", level)
		}
		wantText(t, section, "newest first", "Export", "content")
	}
	root := dom(t, PageHead(PageHeadProps{Title: "Events", Lead: "All", Crumbs: []Crumb{{"Patients", "/dashboard"}}, Actions: Button(ButtonProps{Label: "Export"})}))
	if text(one(t, root, "h1")) != "Events" {
		t.Error("page head without h1")
	}
	one(t, one(t, root, "nav", "aria-label=Breadcrumb"), "a", "href=/dashboard")
}

func TestStat(t *testing.T) {
	root := dom(t, withText(Stats(), "inside"))
	wantText(t, root, "inside")
	root = dom(t, Stat(StatProps{Label: "Potassium", Value: "4.10", Unit: "mmol/L", Note: "3 days ago", Kind: Warn, Flag: "high", Href: "/x"}))
	wantText(t, root, "Potassium", "4.10", "mmol/L", "3 days ago", "high")
	one(t, root, "a", "href=/x")
	if root = dom(t, Stat(StatProps{Label: "Zero", Value: "0"})); text(root) != "Zero 0" {
		t.Errorf("plain stat = %q", text(root))
	}
}

func TestPatientBanner(t *testing.T) {
	p := PatientBannerProps{Name: "Brandt, Johanna", BirthDate: "4 March 1961", Age: "65 years", Sex: "female", RecordNumber: "EC-1", Alike: "J. Brandt, born 1974", Note: "Until 14:20", Level: 1, Actions: Button(ButtonProps{Label: "End"})}
	root := dom(t, PatientBanner(p))
	group := one(t, root, "div", "role=group", "aria-label=Patient")
	wantText(t, group, "Born 4 March 1961 (65 years)", "Sex female", "Record no. EC-1", "Similar name: J. Brandt, born 1974", "Until 14:20", "End")
	if text(one(t, group, "h1")) != "Brandt, Johanna" {
		t.Error("the patient's name is not the heading of the patient's page")
	}
	p.Level, p.Href, p.Alike, p.Note = 0, "/patients/x", "", ""
	root = dom(t, PatientBanner(p))
	one(t, root, "a", "href=/patients/x")
	if len(all(root, "h1")) != 0 || strings.Contains(text(root), "Similar") {
		t.Error("another page's banner has a main heading or a warning without cause")
	}
	p.Href = ""
	one(t, dom(t, PatientBanner(p)), "strong")
}

// TestIdsAreUnique keeps labels bound where several components stand on one page.
func TestIdsAreUnique(t *testing.T) {
	root := &html.Node{Type: html.ElementNode, Data: "body"}
	for _, c := range []templ.Component{
		Pagination(PaginationProps{ID: "p", Sizes: []int{50}, Size: 50, Next: "?n", Previous: "?p"}),
		FilterBar(FilterBarProps{ID: "f", Fields: []FieldProps{{ID: "f-size", Name: "size", Label: "Size"}}}),
		Table(TableProps{ID: "t", Caption: "T"}), Dialog(DialogProps{ID: "d", Title: "D"}),
	} {
		part := dom(t, c)
		part.Data = "div"
		root.AppendChild(part)
	}
	seen := map[string]bool{}
	for _, n := range all(root, "*", "id") {
		if id := get(n, "id"); seen[id] {
			t.Errorf("id %s stands twice", id)
		} else {
			seen[id] = true
		}
	}
}
