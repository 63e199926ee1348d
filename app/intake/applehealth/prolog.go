package applehealth

import (
	"bufio"
	"errors"
	"io"
)

// prolog reads what stands before the root element. The document type is passed
// over without being understood: exports of iOS 16 carry one that is not even
// well-formed (declarations without their ">"), and nothing that it could
// declare is ever used.
type prolog struct {
	in *bufio.Reader
	// line is the number of the line that is being read.
	line int
	err  error
}

var (
	errEmpty   = errors.New("the file is empty")
	errProlog  = errors.New("nothing here looks like XML")
	errNever   = errors.New("the file ends before its first element")
	errDoctype = errors.New("the document type never ends")
)

// skip reads up to the "<" of the root element.
func (p *prolog) skip() error {
	p.line = 1
	if p.peek("\ufeff") {
		p.take(len("\ufeff"))
	}
	for p.space(); p.err == nil; p.space() {
		switch {
		case p.peek("<?"):
			p.instruction()
		case p.peek("<!--"):
			p.until("-->")
		case p.peek("<!DOCTYPE"):
			p.doctype()
		case p.peek("<"):
			return nil
		default:
			return errProlog
		}
	}
	return p.err
}

// next reads one byte; 0 once there is an error.
func (p *prolog) next() byte {
	if p.err != nil {
		return 0
	}
	b, err := p.in.ReadByte()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = errNever
		}
		p.err = err
		return 0
	}
	if b == '\n' {
		p.line++
	}
	return b
}

func (p *prolog) peek(s string) bool {
	b, err := p.in.Peek(len(s))
	return err == nil && string(b) == s
}

func (p *prolog) take(n int) {
	for range n {
		p.next()
	}
}

func (p *prolog) space() {
	for p.err == nil {
		b, err := p.in.Peek(1)
		if err == nil && !isSpace(b[0]) {
			return
		}
		p.next()
	}
}

func isSpace(b byte) bool { return b == ' ' || b == '\n' || b == '\t' || b == '\r' }

// until reads to the end of s and returns what stood before, at most 1 KiB of it.
func (p *prolog) until(s string) string {
	var seen, last []byte
	for p.err == nil {
		b := p.next()
		if len(seen) < 1<<10 {
			seen = append(seen, b)
		}
		if last = append(last, b); len(last) > len(s) {
			last = last[1:]
		}
		if string(last) == s {
			break
		}
	}
	return string(seen)
}

// doctype passes over <!DOCTYPE ... [ ... ]>. Comments and quoted texts are
// known, because they may hold any bracket; declarations are not.
func (p *prolog) doctype() {
	inside := false
	for p.err == nil {
		if p.peek("<!--") {
			p.until("-->")
			continue
		}
		switch b := p.next(); b {
		case '"', '\'':
			p.until(string(b))
		case '[':
			inside = true
		case ']':
			inside = false
		case '>':
			if !inside {
				return
			}
		}
	}
	if errors.Is(p.err, errNever) || errors.Is(p.err, errElement) {
		p.err = errDoctype
	}
}
