package applehealth

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Error is what stops the reading of an export. Its words hold nothing of the
// file's content, which the errors of parsers quote.
type Error struct {
	// Line counts from 1; 0 where no line is known.
	Line  int
	words string
	err   error
}

// Error says where, what and what to do.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.words
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.words)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.err }

// ErrNotExport is wrapped where a file is no Apple Health export.
var ErrNotExport = errors.New("not an Apple Health export")

const again = "; what stands before this was read. Export or copy the file again"

func stopped(line int, words string, err error) error {
	return &Error{line, fmt.Sprintf("%s (%v)", words, err), err}
}

// notExport words the errors of the prolog, which hold no content.
func notExport(line int, err error) error {
	advice := "choose the file export.xml, or the zip, that the Health app made"
	if errors.Is(err, errEncoding) {
		advice = "Apple Health writes UTF-8; take the file as the Health app made it"
	}
	if errors.Is(err, errElement) {
		err = fmt.Errorf("more than %d MiB stand before the first element", maxElement>>20)
	}
	return &Error{line, fmt.Sprintf("%v: %v; %s", ErrNotExport, err, advice), errors.Join(ErrNotExport, err)}
}

// ended turns an error of the tokenizer, io.EOF included, into Next's. The token
// that failed began on the line start.
func (r *Reader) ended(err error, start int) error {
	line := r.line()
	var syntax *xml.SyntaxError
	errors.As(err, &syntax)
	broken := r.clean.broken()
	switch {
	case errors.Is(broken, errElement):
		return &Error{start, fmt.Sprintf("an element is longer than %d MiB, which no export holds%s", maxElement>>20, again), broken}
	case broken != nil:
		return stopped(line, "the file can't be read further", broken)
	case errors.Is(err, io.EOF) && r.done:
		return io.EOF
	case errors.Is(err, io.EOF), syntax != nil && syntax.Msg == "unexpected EOF":
		return &Error{line, "the file ends in the middle: it was cut off" + again, io.ErrUnexpectedEOF}
	case syntax != nil && strings.HasPrefix(syntax.Msg, "invalid character entity"):
		return &Error{line, "an entity is used that XML does not define, and entities are not expanded" + again, err}
	default:
		return &Error{line, "the XML is damaged" + again, err}
	}
}
