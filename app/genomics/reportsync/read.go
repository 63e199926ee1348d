package reportsync

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"healthportal/app/genomics"
	"healthportal/app/genomics/document"
	"healthportal/app/genomics/reportfile"
)

// MaxFile is the largest report that is indexed, in bytes; larger ones are
// listed as unreadable.
const MaxFile = 512 << 20

// errMoving says that the file changed while it was read: the next run takes it.
var errMoving = errors.New("the file is still being written")

// reader reads the candidates of one root.
type reader struct {
	open *reportfile.Root
	root *genomics.ReportRoot
	now  time.Time
	full bool
	// limit is MaxFile, smaller in tests.
	limit int64
}

// read makes the report of a candidate, or returns old where nothing changed.
func (rd *reader) read(ctx context.Context, c candidate, old *genomics.Report) (*genomics.Report, error) {
	f, info, err := rd.open.Open(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		if !c.link {
			return nil, errMoving // deleted since its folder was listed
		}
		return rd.broken(c, genomics.Unreadable, "a link that leads nowhere"), nil
	}
	if err != nil {
		return rd.failed(ctx, c, err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	switch {
	case rd.unsettled(c.newest), rd.unsettled(info.ModTime()):
		return nil, errMoving
	case info.Size() > rd.limit:
		r := rd.broken(c, genomics.Unreadable, "the file is larger than 512 MiB, more than the portal shows")
		r.Size, r.ModTime = info.Size(), micro(info.ModTime())
		return r, nil
	case !rd.full && unchanged(old, c, info):
		return old, nil
	}
	return rd.readOpen(ctx, c, f, info)
}

// readOpen reads the open file, and looks whether it changed meanwhile.
func (rd *reader) readOpen(ctx context.Context, c candidate, f *os.File, info fs.FileInfo) (*genomics.Report, error) {
	doc, err := document.Read(ctx, f, info.Size(), c.format)
	if err != nil {
		return rd.failed(ctx, c, err)
	}
	after, err := f.Stat()
	if err != nil {
		return rd.failed(ctx, c, err)
	}
	if after.Size() != info.Size() || !after.ModTime().Equal(info.ModTime()) {
		return nil, errMoving
	}
	return rd.report(c, info, doc), nil
}

// unchanged reports whether the index knows the file as it is now.
func unchanged(old *genomics.Report, c candidate, info fs.FileInfo) bool {
	return old != nil && old.Mark == c.mark && old.Size == info.Size() && old.ModTime.Equal(micro(info.ModTime())) && wasRead(old.State)
}

// wasRead tells the states in which the content was looked at.
func wasRead(s genomics.State) bool {
	return s == genomics.Present || s == genomics.Empty || s == genomics.Mismatch
}

// unsettled reports whether t is too recent. A time in the future (the share's
// clock is ahead) can't be waited for; the look after reading must do.
func (rd *reader) unsettled(t time.Time) bool {
	age := rd.now.Sub(t)
	return age >= 0 && age < rd.root.SettleTime()
}

func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// failed turns an error of opening or reading into a state, unless the run ends.
func (rd *reader) failed(ctx context.Context, c candidate, err error) (*genomics.Report, error) {
	switch {
	case ctx.Err() != nil:
		return nil, err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errMoving
	case errors.Is(err, reportfile.ErrOutside):
		return rd.broken(c, genomics.Outside, "a symbolic link that leaves the root; link_targets in the manifest can allow its folder"), nil
	case errors.Is(err, reportfile.ErrNotRegular):
		return rd.broken(c, genomics.Unreadable, "not a regular file"), nil
	case errors.Is(err, fs.ErrPermission):
		return rd.broken(c, genomics.Unreadable, "the portal may not read the file: give its user read access"), nil
	default:
		return rd.broken(c, genomics.Unreadable, "the file could not be read; the share may be failing"), nil
	}
}

// broken is the report of a file whose content is unknown.
func (rd *reader) broken(c candidate, state genomics.State, problem string) *genomics.Report {
	r := rd.blank(c)
	r.State, r.Problem = state, problem
	r.ModTime = micro(c.newest)
	if c.newest.IsZero() {
		r.ModTime = time.Unix(0, 0).UTC()
	}
	rd.claimPath(r, c.link)
	return r
}

func (rd *reader) blank(c candidate) *genomics.Report {
	kind := rd.root.Kind
	if kind == "" {
		kind = "report"
	}
	return &genomics.Report{
		Root: rd.root.Name, Path: c.path, Kind: kind, Title: genomics.CleanText(path.Base(c.path)),
		Format: c.format, Status: genomics.UnknownStatus, Mark: c.mark,
	}
}

// claimPath adds the patient whom the path names and, for a symbolic link, the
// one whom the linked file's own path names: a link must not carry one patient's
// document into another's folder unnoticed.
func (rd *reader) claimPath(r *genomics.Report, link bool) {
	if ref, ok := rd.root.PatientOf(r.Path); ok {
		r.Claims = append(r.Claims, genomics.Claim{PatientRef: ref, From: "path"})
	}
	if !link {
		return
	}
	if ref, ok := rd.root.PatientOf(linkedPath(rd.root.Root, r.Path)); ok {
		r.Claims = append(r.Claims, genomics.Claim{PatientRef: ref, From: "link"})
	}
}

// linkedPath is the path below root that the link at name leads to, or empty
// where it leads elsewhere.
func linkedPath(root, name string) string {
	base, err := filepath.EvalSymlinks(root)
	if err != nil {
		return ""
	}
	real, err := filepath.EvalSymlinks(filepath.Join(base, filepath.FromSlash(name)))
	if err != nil {
		return ""
	}
	rel, err := filepath.Rel(base, real)
	if err != nil || !filepath.IsLocal(rel) {
		return ""
	}
	return filepath.ToSlash(rel)
}

// report puts together what sidecar, document and path say, in this order.
func (rd *reader) report(c candidate, info fs.FileInfo, doc document.Info) *genomics.Report {
	r := rd.blank(c)
	r.State, r.SHA256, r.Size, r.ModTime = doc.State, doc.SHA256, info.Size(), micro(info.ModTime())
	r.Tool, r.GeneratedAt = doc.Tool, micro(doc.GeneratedAt)
	if doc.Kind != "" {
		r.Kind = doc.Kind
	}
	if doc.Title != "" {
		r.Title = doc.Title
	}
	problems := []string{}
	if doc.Problem != "" {
		problems = append(problems, doc.Problem)
	}
	if c.companion != "" && r.GeneratedAt.IsZero() {
		rd.companion(r, c, doc)
	}
	trusted := true
	if c.sidecar != "" {
		side := rd.sidecar(c)
		problems = append(problems, side.Problems...)
		side.apply(r)
		trusted = !side.Untrusted
	}
	if doc.Patient.Value != "" {
		r.Claims = append(r.Claims, genomics.Claim{PatientRef: doc.Patient, From: "document"})
	}
	rd.claimPath(r, c.link)
	if !trusted {
		// A sidecar that can't be read might have contradicted the path.
		r.Claims = nil
	}
	r.Problem = strings.Join(problems, "; ")
	return r
}

func (rd *reader) companion(r *genomics.Report, c candidate, doc document.Info) {
	f, _, err := rd.open.Open(c.companion)
	if err != nil {
		return // the report itself is complete without it
	}
	defer f.Close() //nolint:errcheck // nothing was written
	if at, ok := document.PharmCATTime(f, doc); ok {
		r.GeneratedAt = micro(at)
	}
}

// side is a sidecar with the way to apply it.
type side struct{ document.Sidecar }

func (rd *reader) sidecar(c candidate) side {
	data, problem := rd.readSidecar(c.sidecar)
	if problem != "" {
		return side{document.Sidecar{Status: genomics.UnknownStatus, Untrusted: true, Problems: []string{problem}}}
	}
	return side{document.ParseSidecar(data, path.Base(c.path))}
}

func (rd *reader) readSidecar(name string) (data []byte, problem string) {
	f, info, err := rd.open.Open(name)
	if err != nil {
		return nil, "the sidecar can't be opened"
	}
	defer f.Close() //nolint:errcheck // nothing was written
	if info.Size() > document.MaxSidecar {
		return nil, "the sidecar is larger than 1 MiB"
	}
	return readAll(f)
}

func readAll(f *os.File) (data []byte, problem string) {
	data, err := io.ReadAll(io.LimitReader(f, document.MaxSidecar))
	if err != nil {
		return nil, "the sidecar can't be read"
	}
	return data, ""
}

// apply writes what the sidecar says over what the document said.
func (s side) apply(r *genomics.Report) {
	if s.Patient.Value != "" {
		r.Claims = append(r.Claims, genomics.Claim{PatientRef: s.Patient, From: "sidecar"})
	}
	if s.Kind != "" {
		r.Kind = s.Kind
	}
	if s.Title != "" {
		r.Title = s.Title
	}
	if !s.GeneratedAt.IsZero() {
		r.GeneratedAt = s.GeneratedAt
	}
	r.Status, r.Risk, r.Summary = s.Status, s.Risk, s.Summary
	r.Supersedes, r.Synthetic = s.Supersedes, s.Synthetic
}
