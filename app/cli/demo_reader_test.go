package cli_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/html"

	"healthportal/app/passkey/passkeytest"
)

// demoOrigin is where the office's portal believes to be.
const demoOrigin = "http://localhost:8080"

// reader is somebody who is signed in at a demo's portal and asks it over HTTP.
type reader struct {
	t      *testing.T
	addr   string
	cookie *http.Cookie
	// asked counts the requests of all readers made of this one.
	asked *atomic.Int64
}

// with makes a subtest's failures the subtest's own.
func (r *reader) with(t *testing.T) *reader {
	t.Helper()
	own := *r
	own.t = t
	return &own
}

// enrolledReader makes a passkey by an enrolment link and signs in with it.
func enrolledReader(t *testing.T, addr, link string) *reader {
	t.Helper()
	r := &reader{t: t, addr: addr, asked: &atomic.Int64{}}
	device := passkeytest.Authenticator{Origin: demoOrigin, RPID: "localhost"}
	_, token, _ := strings.Cut(link, "#")
	type step = map[string]any
	begun := r.ceremony("/enrol/begin", step{"token": token})
	credential, key, err := device.Create(begun.Options)
	if err != nil {
		t.Fatal(err)
	}
	r.ceremony("/enrol/finish", step{"ceremony": begun.Ceremony, "token": token, "credential": json.RawMessage(credential), "name": "Test"})
	begun = r.ceremony("/login/begin", step{})
	if credential, err = device.Get(begun.Options, key); err != nil {
		t.Fatal(err)
	}
	r.ceremony("/login/finish", step{"ceremony": begun.Ceremony, "credential": json.RawMessage(credential)})
	if r.cookie == nil {
		t.Fatal("no session cookie was set")
	}
	return r
}

// begun is the portal's half of a ceremony.
type begun struct {
	Ceremony string
	Options  json.RawMessage
}

func (r *reader) ceremony(path string, step map[string]any) begun {
	r.t.Helper()
	body, err := json.Marshal(step)
	if err != nil {
		r.t.Fatal(err)
	}
	req := r.request(http.MethodPost, path, bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", demoOrigin)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	res, text := r.send(req)
	for _, c := range res.Cookies() {
		if strings.HasSuffix(c.Name, "hp_session") && c.Value != "" {
			r.cookie = c
		}
	}
	var b begun
	if err := json.Unmarshal(text, &b); err != nil {
		r.t.Fatalf("%s answered %q: %v", path, text, err)
	}
	return b
}

func (r *reader) request(method, path string, body io.Reader) *http.Request {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+r.addr+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Host = strings.TrimPrefix(demoOrigin, "http://")
	req.Header.Set("Accept", "text/html")
	if r.cookie != nil {
		req.AddCookie(r.cookie)
	}
	return req
}

// send returns a whole answer, which must be 200.
func (r *reader) send(req *http.Request) (*http.Response, []byte) {
	r.t.Helper()
	r.asked.Add(1)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		r.t.Fatalf("%s: %v", req.URL, err)
	}
	if res.StatusCode != http.StatusOK {
		r.t.Fatalf("%s: status %d: %.500s", req.URL, res.StatusCode, text)
	}
	return res, text
}

// get opens a whole page.
func (r *reader) get(href string) []byte {
	r.t.Helper()
	_, text := r.send(r.request(http.MethodGet, href, nil))
	return text
}

// part opens what htmx swaps into a page.
func (r *reader) part(href string) []byte {
	r.t.Helper()
	req := r.request(http.MethodGet, href, nil)
	req.Header.Set("HX-Request", "true")
	req.Header.Set("HX-Request-Type", "partial")
	_, text := r.send(req)
	return text
}

// file downloads an export, which must prove itself complete, and says how many rows it promises.
func (r *reader) file(href string) (text []byte, rows int) {
	r.t.Helper()
	res, text := r.send(r.request(http.MethodGet, href, nil))
	sum := sha256.Sum256(text)
	if got := res.Trailer.Get("X-Content-Sha256"); got != hex.EncodeToString(sum[:]) {
		r.t.Fatalf("%s: the trailer's SHA-256 is %q, the file's %x", href, got, sum)
	}
	rows, err := strconv.Atoi(res.Trailer.Get("X-Row-Count"))
	if err != nil {
		r.t.Fatalf("%s: the trailer has no number of rows: %v", href, err)
	}
	return text, rows
}

// document parses a page.
func (r *reader) document(text []byte) *html.Node {
	r.t.Helper()
	doc, err := html.Parse(bytes.NewReader(text))
	if err != nil {
		r.t.Fatal(err)
	}
	return doc
}

// attr is an attribute of an element; empty where it has none.
func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// words is the text of a node and all below it.
func words(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// all lists the elements of a name below a node, in the page's order.
func all(n *html.Node, name string) []*html.Node {
	var list []*html.Node
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.Data == name {
			list = append(list, d)
		}
	}
	return list
}

// byID is the element with the id.
func (r *reader) byID(n *html.Node, id string) *html.Node {
	r.t.Helper()
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && attr(d, "id") == id {
			return d
		}
	}
	r.t.Fatalf("the page has no element with the id %s", id)
	return nil
}
