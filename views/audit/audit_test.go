package audit

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
	"time"

	"healthportal/app/access"
	"healthportal/app/health"
)

// Every kind of entry has words and stands in the filter.
func TestEveryKindHasWords(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../app/access/kinds.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(file, func(node ast.Node) bool {
		value, ok := node.(*ast.ValueSpec)
		if !ok || len(value.Values) != 1 {
			return true
		}
		literal, ok := value.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		kind, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Fatal(err)
		}
		n++
		if !KnownKind(access.Kind(kind)) || words(access.Kind(kind)) == kind {
			t.Errorf("views/audit/words.go has no words for the kind %q", kind)
		}
		return true
	})
	if n < 40 {
		t.Errorf("only %d kinds were found", n)
	}
	seen := map[string]bool{}
	for _, k := range kindWords() {
		if seen[k.words] || seen[string(k.kind)] {
			t.Errorf("%s stands twice", k.kind)
		}
		seen[k.words], seen[string(k.kind)] = true, true
	}
	if words("of.later") != "of.later" || KnownKind("of.later") {
		t.Error("an unknown kind is known")
	}
}

// What a filter says in an address is what the address says back.
func TestFilterInAddresses(t *testing.T) {
	f := Filter{From: health.Day{Year: 2026, Month: time.March, Dom: 29}, Kind: access.KindSignIn, Outcome: "denied", User: "u", Patient: "p", Emergency: "e", Subject: "a b&c", Size: 25}
	if got := f.Query().Encode(); got != "emergency=e&from=2026-03-29&kind=sign-in&outcome=denied&patient=p&size=25&subject=a+b%26c&user=u" {
		t.Errorf("query %s", got)
	}
	if got := f.Query("size", "from", "kind", "outcome", "user", "patient", "emergency").Encode(); got != "subject=a+b%26c" {
		t.Errorf("query %s", got)
	}
	if (Filter{}).href() != Path || (Props{}).export() != ExportPath {
		t.Error("no filter makes a query")
	}
	p := Props{Filter: f, Older: "old"}
	if next := p.pagination().Next; !strings.Contains(next, "after=old") || !strings.Contains(next, "subject=a+b%26c") {
		t.Errorf("next page %s", next)
	}
	for _, h := range p.carried() {
		if h.Name == "patient" || h.Name == "emergency" {
			t.Errorf("another patient would keep %s", h.Name)
		}
	}
}

func TestNotes(t *testing.T) {
	got := noted(`{"z":"text","a":{"n":1},"list":[1,2]}`)
	if len(got) != 3 || got[0].Term != "a" || got[0].Text != `{"n":1}` || got[1].Text != "[1,2]" || got[2].Text != "text" {
		t.Errorf("notes %+v", got)
	}
	for detail, n := range map[string]int{"": 0, "no JSON": 1, "[1]": 1, `"x"`: 1, "{}": 0, "null": 0} {
		if got := noted(detail); len(got) != n {
			t.Errorf("%q: %+v", detail, got)
		}
	}
}

func TestRowsOfNobody(t *testing.T) {
	p := Props{Zone: time.UTC, Lines: []Line{{Route: "POST /login/finish", Outcome: "denied", Seq: 1}, {Route: "command user add", Outcome: "done", Seq: 2}, {Patient: access.PatientRef{ID: 3}, Seq: 3}}}
	var all strings.Builder
	for _, row := range p.rows() {
		if err := row.Render(t.Context(), &all); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"nobody signed in", "a command", "no longer here", "Denied", "Done", "Failed"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("the rows lack %q", want)
		}
	}
}
