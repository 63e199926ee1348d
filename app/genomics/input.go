package genomics

import "fmt"

// InputError says what is wrong with a reader's own input and what to write
// instead, in words meant for the reader. It quotes that input and nothing else.
type InputError struct{ err error }

// Error is the words.
func (e *InputError) Error() string { return e.err.Error() }

// Unwrap returns what the words were made of, such as ErrBadCursor.
func (e *InputError) Unwrap() error { return e.err }

// Told is the words for the reader; errors without this method are never shown.
func (e *InputError) Told() string { return e.err.Error() }

func inputError(format string, args ...any) error {
	return &InputError{fmt.Errorf(format, args...)}
}
