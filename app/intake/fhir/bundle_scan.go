package fhir

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxToken is the longest single text, in bytes, that can be skipped. It bounds
// the memory of the scan together with MaxLine.
const maxToken = 64 << 20

// scan walks the JSON of a Bundle token by token and knows the line of each.
// What is not imported is never held whole.
type scan struct {
	dec    *jsontext.Decoder
	in     *budget
	line   int   // of the token that comes next, once peeked
	at     int64 // the offset behind which line breaks are counted already
	header header
	open   bool // within the array of entries
}

// header is what a Bundle says about itself.
type header struct {
	resourceType, kind string
	typed, kinded      bool // whether the elements were there
	entries            bool
	next               bool // a searchset that goes on on another page
}

func newScan(r io.Reader) *scan {
	in := &budget{r: r}
	// An entry with an element twice, or with damaged text, is refused on its own, when it is decoded.
	dec := jsontext.NewDecoder(in, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	return &scan{dec: dec, in: in, line: 1, at: -1}
}

// budget is a reader that stops where a value gets too long.
type budget struct {
	r    io.Reader
	left int
	err  error // the reader's own, other than io.EOF; the decoder takes one within a value for a syntax error
}

// Read reads at most what is left of the budget.
func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

// peek looks at the next token and counts the lines up to it.
func (s *scan) peek() jsontext.Kind {
	s.in.left = maxToken
	kind := s.dec.PeekKind()
	if at := s.dec.InputOffset(); at != s.at && kind != 0 {
		s.at = at
		for _, c := range s.dec.UnreadBuffer() {
			if c == '\n' {
				s.line++
			} else if c != ' ' && c != '\t' && c != '\r' && c != ',' && c != ':' {
				break
			}
		}
	}
	return kind
}

// token reads one token.
func (s *scan) token() (jsontext.Token, error) {
	s.peek()
	t, err := s.dec.ReadToken()
	return t, s.explain(err)
}

// value reads a value of at most MaxLine bytes; a longer one is skipped, and
// long tells so. The bytes are valid until the next call.
func (s *scan) value() (v []byte, long bool, err error) {
	s.peek()
	s.in.left = MaxLine
	v, err = s.dec.ReadValue()
	if isTooLong(err) {
		_, err = s.skip()
		return nil, true, err
	}
	s.count(v)
	return v, len(v) > MaxLine, s.explain(err)
}

// count counts the lines of a value that was read.
func (s *scan) count(v []byte) { s.line += bytes.Count(v, []byte("\n")) }

func isTooLong(err error) bool { return errors.Is(err, errTooLong) }

// skip passes over a value and returns its resourceType, where it is an object with one.
func (s *scan) skip() (resourceType string, err error) {
	depth := s.dec.StackDepth()
	for {
		t, err := s.token()
		if err != nil {
			return "", err
		}
		inner := s.dec.StackDepth()
		if inner <= depth {
			return resourceType, nil
		}
		if _, n := s.dec.StackIndex(inner); inner != depth+1 || n%2 == 0 || t.Kind() != '"' || t.String() != "resourceType" {
			continue
		}
		if s.peek() == '"' {
			if t, err = s.token(); err != nil {
				return "", err
			}
			resourceType = t.String()
		}
	}
}

// text reads a short value that should be a text; anything else is skipped and not ok.
func (s *scan) text() (text string, ok bool, err error) {
	v, long, err := s.value()
	if err != nil || long || json.Unmarshal(v, &text) != nil {
		return "", false, err
	}
	return text, true, nil
}

var errEndOfEntries = errors.New("no more entries")

// toEntry goes to the next entry: it returns nil in front of one, and
// errEndOfEntries once the whole file is read.
func (s *scan) toEntry() error {
	for {
		if s.open {
			if s.peek() != ']' {
				return nil
			}
			if _, err := s.token(); err != nil {
				return err
			}
			s.open = false
		}
		done, err := s.element()
		if err != nil {
			return err
		}
		if done {
			return errEndOfEntries
		}
	}
}

// element reads one element of the Bundle itself.
func (s *scan) element() (done bool, err error) {
	if s.dec.InputOffset() == 0 {
		if s.peek() != '{' {
			return false, s.notAnObject()
		}
		if _, err := s.token(); err != nil {
			return false, err
		}
	}
	if s.peek() == '}' {
		return true, s.end()
	}
	name, err := s.token()
	if err != nil {
		return false, err
	}
	h := &s.header
	switch name.String() {
	case "resourceType":
		if h.typed {
			return false, s.twice("resourceType")
		}
		h.typed = true
		h.resourceType, _, err = s.text()
		return false, err
	case "type":
		if h.kinded {
			return false, s.twice("type")
		}
		h.kinded = true
		h.kind, _, err = s.text()
		return false, err
	case "link":
		return false, s.links()
	case "entry":
		if h.entries {
			return false, s.twice("entry")
		}
		h.entries = true
		if s.peek() != '[' {
			return false, fmt.Errorf("line %d: the Bundle's element entry is not an array", s.line)
		}
		s.open = true
		_, err = s.token()
		return false, err
	default:
		_, err = s.skip()
		return false, err
	}
}

// links looks for a next page.
func (s *scan) links() error {
	v, long, err := s.value()
	if err != nil || long {
		return err
	}
	var links []struct {
		Relation string `json:"relation"`
	}
	if json.Unmarshal(v, &links) == nil {
		for _, l := range links {
			s.header.next = s.header.next || l.Relation == "next"
		}
	}
	return nil
}

// end reads the end of the Bundle and of the file.
func (s *scan) end() error {
	if _, err := s.token(); err != nil {
		return err
	}
	s.peek()
	_, err := s.dec.ReadToken()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err == nil:
		return fmt.Errorf("line %d: something follows the end of the Bundle: a file holds one Bundle", s.line)
	default:
		return s.explain(err)
	}
}

func (s *scan) notAnObject() error {
	if _, err := s.dec.ReadToken(); errors.Is(err, io.EOF) {
		return errors.New("the file is empty: there is no Bundle in it")
	} else if err != nil {
		return s.explain(err)
	}
	return errors.New("the file is not a FHIR Bundle: it holds no JSON object")
}

func (s *scan) twice(name string) error {
	return fmt.Errorf("line %d: the Bundle's element %s stands twice", s.line, name)
}

// explain words an error of the decoder with its line, quoting nothing.
func (s *scan) explain(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case err == nil:
		return nil
	case s.in.err != nil:
		return fmt.Errorf("after line %d: %w", s.line, s.in.err)
	case isTooLong(err):
		return fmt.Errorf("line %d: a single text is longer than %d MiB, which no Bundle that can be read has", s.line, maxToken>>20)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("the file ends in line %d, in the middle of the Bundle: it was cut off, get it anew", s.lineOf(-1))
	case errors.As(err, &syntax):
		return fmt.Errorf("damaged JSON in line %d (byte %d of the file): nothing behind it can be told apart", s.lineOf(syntax.ByteOffset), syntax.ByteOffset+1)
	default:
		return fmt.Errorf("after line %d: %w", s.line, err)
	}
}

// lineOf is the line of an offset in what is buffered; -1 is the end of that.
func (s *scan) lineOf(offset int64) int {
	ahead := s.dec.UnreadBuffer()
	if n := offset - s.dec.InputOffset(); offset >= 0 && n >= 0 && n < int64(len(ahead)) {
		ahead = ahead[:n]
	}
	if s.at == s.dec.InputOffset() { // the lines up to the next token are counted
		ahead = bytes.TrimLeft(ahead, " \t\r\n,:")
	}
	return s.line + bytes.Count(ahead, []byte("\n"))
}
