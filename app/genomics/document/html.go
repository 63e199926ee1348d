package document

import (
	"bytes"
	"regexp"
	"strings"

	"golang.org/x/net/html"

	"healthportal/app/genomics"
)

// Kinds of the documents that are known by their own words.
const (
	kindPGx     = "pharmacogenomics"
	kindVEP     = "annotation-summary"
	kindQuality = "quality-control"
)

const maxTitle = 1000

// page is what the start of an HTML document holds.
type page struct {
	title string
	metas map[string]string
	// facts are the pairs of table heading and cell, as PharmCAT and VEP write them.
	facts map[string]string
	// comments are joined.
	comments string
}

func (i *Info) readHTML(head []byte) {
	if bytes.HasPrefix(head, []byte("\xFE\xFF")) || bytes.HasPrefix(head, []byte("\xFF\xFE")) {
		i.mismatch("the file is UTF-16 text; the portal shows HTML in UTF-8 or with its own charset mark only")
		return
	}
	if !looksHTML(head) {
		i.mismatch("the name says HTML, the content is something else")
		return
	}
	p := scan(head)
	if len(p.title) <= maxTitle {
		i.Title = genomics.CleanText(p.title)
	}
	i.Tool = genomics.CleanText(p.metas["generator"])
	i.Patient.Value = strings.TrimSpace(p.metas["patient-record-number"])
	switch {
	case strings.HasPrefix(i.Title, "PharmCAT "):
		i.Kind, i.Tool = kindPGx, withVersion("PharmCAT", p.facts["PharmCAT Version"])
		i.Day = p.facts["Date created"]
	case i.Title == "VEP summary":
		i.Kind, i.Tool = kindVEP, withVersion("Ensembl VEP", p.facts["VEP version (API)"])
	case strings.Contains(i.Title, "MultiQC"):
		i.Kind, i.Tool = kindQuality, withVersion("MultiQC", multiQCVersion(p.comments))
	}
}

func withVersion(tool, version string) string {
	return strings.TrimSpace(tool + " " + genomics.CleanText(version))
}

var reMultiQC = regexp.MustCompile(`MultiQC,? (?:version |v)([0-9][0-9A-Za-z.]*)`)

func multiQCVersion(comments string) string {
	if m := reMultiQC.FindStringSubmatch(comments); m != nil {
		return strings.TrimRight(m[1], ".")
	}
	return ""
}

// scan reads the start of a document token by token; a cut-off last token is
// left out.
func scan(head []byte) page {
	s := scanner{page: page{metas: map[string]string{}, facts: map[string]string{}}}
	z := html.NewTokenizer(bytes.NewReader(head))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return s.page
		case html.CommentToken:
			if len(s.page.comments) < 4096 {
				s.page.comments += string(z.Text()) + "\n"
			}
		case html.TextToken:
			s.text(string(z.Text()))
		case html.StartTagToken, html.SelfClosingTagToken:
			s.start(z.Token())
		case html.EndTagToken:
			name, _ := z.TagName()
			s.end(string(name))
		}
	}
}

// scanner gathers a page from its tokens.
type scanner struct {
	page  page
	in    string
	seen  bool
	cell  strings.Builder
	label string
}

func (s *scanner) start(t html.Token) {
	switch t.Data {
	case "tr":
		s.label = ""
	case "title", "th", "td":
		s.in = t.Data
		s.cell.Reset()
	case "meta":
		var name, content string
		for _, a := range t.Attr {
			switch a.Key {
			case "name":
				name = strings.ToLower(a.Val)
			case "content":
				content = a.Val
			}
		}
		if _, dup := s.page.metas[name]; name != "" && !dup {
			s.page.metas[name] = content
		}
	}
}

func (s *scanner) text(t string) {
	if s.in != "" {
		s.cell.WriteString(t)
	}
}

func (s *scanner) end(name string) {
	if name != s.in || s.in == "" {
		return
	}
	text := strings.Join(strings.Fields(s.cell.String()), " ")
	switch {
	case name == "title":
		if !s.seen {
			s.page.title, s.seen = text, true
		}
	case name == "th":
		s.label = text
	case s.label != "":
		s.fact(s.label, text)
		s.label = ""
	default:
		// VEP writes its labels in plain cells: a label, then its value.
		s.label = text
	}
	s.in = ""
}

func (s *scanner) fact(label, value string) {
	if _, dup := s.page.facts[label]; !dup && len(s.page.facts) < 64 {
		s.page.facts[label] = value
	}
}
