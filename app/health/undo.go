package health

import (
	"fmt"
	"strings"
	"time"
)

// ImportState is how an import ended.
type ImportState string

// The states of an import.
const (
	ImportRunning  ImportState = "running"
	ImportFinished ImportState = "finished"
	// ImportCutOff imports ended before the end of their file: what they had stored stays.
	ImportCutOff ImportState = "cut off"
	ImportUndone ImportState = "undone"
)

// ImportRecord is what is known of one import.
type ImportRecord struct {
	ID int64
	// Format names the reader: fhir-ndjson.
	Format string
	// Started and Finished are UTC; Finished is the zero time where the import was cut off or runs.
	Started, Finished time.Time
	State             ImportState
	// Read and the counts are those of the import's own report; all are 0 where it was cut off or runs.
	Read, Refused int
	ImportCounts
	// Undone is when the import was taken back, the zero time where it was not; By is who did it.
	Undone time.Time
	By     string
	// Took is what the undo took back.
	Took UndoCounts
}

// UndoCounts says what taking an import back does.
type UndoCounts struct {
	// Rows are the values that the import had stored, older versions included.
	Rows int64 `json:"rows"`
	// Current are values of earlier imports that are current again.
	Current int64 `json:"current_again"`
	// Superseded are values of earlier imports that the import had made current again and that are not any more.
	Superseded int64 `json:"superseded_again"`
	// Days are the days of charts that were counted anew.
	Days int64 `json:"days"`
	// Persons are the persons that the import made. They stay; Empty of them have neither values nor reports.
	Persons int64 `json:"persons"`
	Empty   int64 `json:"empty_persons"`
	// Surfaced are values of merged records that show again, because their like among these rows went.
	Surfaced int64 `json:"surfaced"`
}

// UndoReport is the outcome of taking an import back.
type UndoReport struct {
	Import ImportRecord
	UndoCounts
	// Repeated are later imports that met values which were known already. Which
	// ones is not recorded: some may be among those that this undo takes away.
	Repeated []int64
}

// ImportUse is a later import that changed what an earlier one stored.
type ImportUse struct {
	Import int64
	// Count is the number of external ids concerned.
	Count int64
}

// BuiltOnError says that an import can't be taken back because later ones built on it.
type BuiltOnError struct{ Uses []ImportUse }

// Error names the later imports.
func (e *BuiltOnError) Error() string {
	uses := make([]string, len(e.Uses))
	for i, u := range e.Uses {
		uses[i] = fmt.Sprintf("import %d (%d observations)", u.Import, u.Count)
	}
	return "later imports made new versions of what it stored: " + strings.Join(uses, ", ") + "; undo those first, the latest one before the others"
}

// UndoneError says that an import was taken back already.
type UndoneError struct {
	At time.Time
	By string
}

// Error says when and by whom.
func (e *UndoneError) Error() string {
	return fmt.Sprintf("it was undone already, on %s UTC by %s", e.At.UTC().Format(time.DateTime), e.By)
}
