package fhir

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"healthportal/app/health"
	"healthportal/app/intake"
)

// check refuses what is no Bundle, and Bundles whose type gives their entries a meaning of its own.
func (h *header) check() error {
	switch {
	case h.resourceType != typeBundle:
		return errors.New("the file is not a FHIR Bundle: its resourceType is missing or another one. One resource on each line is fhir-ndjson")
	case h.kind == "":
		return errors.New("the Bundle has no type: it must be transaction, batch, collection, searchset, history or document")
	}
	switch h.kind {
	case "transaction", "batch", "collection", "searchset", "history", "document":
		return nil
	case "message", "transaction-response", "batch-response":
		return fmt.Errorf("a Bundle of type %s is not read: take a transaction, batch, collection, searchset, history or document", h.kind)
	default:
		return errors.New("the Bundle's type is not one of FHIR R4: it must be transaction, batch, collection, searchset, history or document")
	}
}

// early is check for a single reading, which has to know before the first entry.
func (h *header) early() error {
	if !h.typed || !h.kinded {
		return errors.New("the Bundle says its resourceType and type only behind its entries, and standard input can't be read twice: import it by its file name")
	}
	if h.kind == "history" {
		return errors.New("a history Bundle has to be read twice, which standard input can't: import it by its file name")
	}
	return h.check()
}

// maxHistory bounds the resources of a history Bundle, whose versions have to be compared.
const maxHistory = 2_000_000

// bundle is what one entry's meaning depends on.
type bundle struct {
	mapper
	// links are the Patients by fullUrl; the zero Identifier where two share one.
	links map[string]health.Identifier
	// here are the identifiers of the Patients of the Bundle.
	here map[health.Identifier]bool
	// history is what becomes of the versions of each resource; nil in other Bundles.
	history map[string]*fate
	base    string // the server of the entry at hand
	unmet   bool   // its subject is no Patient of the Bundle so far
}

// fate is which version of a resource counts in a history Bundle.
type fate struct {
	entry   int // the newest version's number
	updated time.Time
	deleted bool // the newest version is a deletion
	former  int  // a version with content, else 0
}

func newBundle() bundle {
	return bundle{mapper: newMapper(), links: map[string]health.Identifier{}, here: map[health.Identifier]bool{}, history: map[string]*fate{}}
}

// learn takes from an entry of a first reading what the second one needs.
func (b *bundle) learn(e *entry, number int) error {
	if e.kind == typePatient && e.problem == "" {
		b.patientEntry(e, &intake.Record{})
	}
	if b.history == nil {
		return nil
	}
	key := e.key()
	if key == "" {
		return nil
	}
	f := b.history[key]
	if f == nil {
		if len(b.history) == maxHistory {
			return fmt.Errorf("line %d: the Bundle has more than %d resources: split it", e.line, maxHistory)
		}
		f = &fate{}
		b.history[key] = f
	}
	if at := e.updated(); f.entry == 0 || !at.IsZero() && !f.updated.IsZero() && at.After(f.updated) {
		f.entry, f.updated, f.deleted = number, at, !e.given
	}
	if e.given && f.former == 0 {
		f.former = number
	}
	return nil
}

// record turns an entry into what is imported of it.
func (b *bundle) record(e *entry, number int) intake.Record {
	rec := intake.Record{Line: e.line}
	b.unmet = false
	var f *fate
	if b.history != nil {
		f = b.history[e.key()]
	}
	switch {
	case e.problem != "":
		rec.Problems = []string{e.problem}
	case f != nil && f.entry != number && f.deleted && f.former == number && e.kind == typeObservation:
		b.observationEntry(e, &rec, f)
	case f != nil && f.entry != number:
		rec.LeftOut = "older versions"
	case !e.given:
		e.withoutResource(f, &rec)
	case strings.EqualFold(e.request.Method, "PATCH"):
		rec.Problems = []string{"a PATCH can't be applied here: send the whole resource"}
	case e.kind == typeObservation:
		b.observationEntry(e, &rec, nil)
	case e.kind == typePatient:
		b.patientEntry(e, &rec)
	default:
		leaveOut(e.kind, &rec)
	}
	return rec
}

// withoutResource takes an entry that only asks for something.
func (e *entry) withoutResource(f *fate, rec *intake.Record) {
	kind, _, _ := strings.Cut(strings.TrimPrefix(e.request.URL, "/"), "/")
	kind, _, _ = strings.Cut(kind, "?")
	deleted := strings.EqualFold(e.request.Method, "DELETE")
	switch {
	case deleted && kind == typeObservation && f != nil && f.former != 0:
		// The version before it is retracted in its place.
		rec.LeftOut = "deletions, done by retracting the version before"
	case deleted && kind == typeObservation:
		rec.Problems = []string{"the Observation was deleted at its source, but the Bundle does not say whose it was: nothing was retracted. " +
			"Send it with the status entered-in-error"}
	case deleted && kind == typePatient:
		rec.Problems = []string{"the Patient was deleted at its source: an import removes nobody, the person and the data stay"}
	case deleted && isType(kind):
		rec.LeftOut = kind
	case strings.EqualFold(e.request.Method, "GET"), strings.EqualFold(e.request.Method, "HEAD"):
		rec.LeftOut = "requests without a resource"
	default:
		rec.Problems = []string{"the entry holds no resource"}
	}
}

// key names the resource of an entry among the versions of a history; empty for
// types that are not imported and for what has no id.
func (e *entry) key() string {
	if p := placeOf(e.fullURL); p.id != "" {
		return keyOf(p.base, p.kind, p.id)
	}
	kind, id, _ := strings.Cut(strings.TrimPrefix(e.request.URL, "/"), "/")
	id, _, _ = strings.Cut(id, "/_history")
	if e.body == nil {
		return keyOf("", kind, id)
	}
	if head := e.head(); head.ID != "" {
		return keyOf("", e.kind, head.ID)
	}
	return keyOf("", kind, id)
}

func keyOf(base, kind, id string) string {
	if id == "" || kind != typeObservation && kind != typePatient {
		return ""
	}
	return base + "/" + kind + "/" + id
}

// open decodes the resource of an entry and settles its id. The reason is empty where that is possible.
func (b *bundle) open(e *entry) (*resource, place, string) {
	b.unit = "resource"
	res, _, problem := b.decode(e.body)
	if problem != "" {
		return nil, place{}, problem
	}
	p := placeOf(e.fullURL)
	b.base = p.base
	switch {
	case p.id == "":
	case p.kind != e.kind:
		return nil, p, "the fullUrl of the entry names a resource of another type than the entry holds"
	case res.ID != "" && res.ID != p.id:
		return nil, p, "the fullUrl of the entry names another id than the resource has"
	default:
		res.ID = p.id
	}
	return res, p, ""
}

// observationEntry reads an Observation; deletion is of the version after it, nil where none came.
func (b *bundle) observationEntry(e *entry, rec *intake.Record, deletion *fate) {
	res, p, problem := b.open(e)
	if problem != "" {
		rec.Problems = []string{problem}
		return
	}
	// What ties components together need not last longer than the Bundle.
	res.group = firstOf(p.uuid, e.fullURL)
	res.Meta.LastUpdated = firstOf(res.Meta.LastUpdated, e.modified)
	if deletion != nil {
		res.Status, res.Meta.LastUpdated = string(health.EnteredInError), ""
		if !deletion.updated.IsZero() {
			res.Meta.LastUpdated = deletion.updated.Format(time.RFC3339Nano)
		}
	}
	b.resolve = b.subjectOf
	b.observation(res, rec)
	if id := rec.Subject; id.Value != "" && !b.here[id] {
		b.unmet = true
	}
}

// patientEntry reads a Patient and remembers by which references it is meant.
func (b *bundle) patientEntry(e *entry, rec *intake.Record) {
	res, p, problem := b.open(e)
	if problem != "" {
		rec.Problems = []string{problem}
		return
	}
	if res.ID == "" {
		res.ID = p.uuid
	}
	b.patient(res, rec)
	if rec.Person == nil {
		return
	}
	ids := rec.Person.Identifiers
	switch {
	case p.base != "":
		// An id counts on its server only.
		ids[0] = health.Identifier{System: p.base + "/" + typePatient, Value: p.id}
	case p.uuid != "" && p.uuid != res.ID:
		rec.Person.Identifiers = append(ids, health.Identifier{System: health.SystemFHIR, Value: p.uuid})
	}
	for _, id := range rec.Person.Identifiers {
		b.here[id] = true
	}
	if e.fullURL == "" {
		return
	}
	if known, ok := b.links[e.fullURL]; ok && known != ids[0] {
		b.links[e.fullURL] = health.Identifier{}
		return
	}
	b.links[e.fullURL] = ids[0]
}

// subjectOf resolves a reference: within the Bundle by fullUrl, a relative one
// on the server of the entry that holds it.
func (b *bundle) subjectOf(ref string) (health.Identifier, error) {
	ref, _, _ = strings.Cut(ref, "/_history/")
	if b.base != "" && strings.HasPrefix(ref, typePatient+"/") {
		ref = b.base + "/" + ref
	}
	if id, ok := b.links[ref]; ok {
		if id.Value == "" {
			return id, errors.New("the subject fits two Patients of the Bundle that share a fullUrl")
		}
		return id, nil
	}
	if uuid, ok := strings.CutPrefix(ref, "urn:uuid:"); ok && !isUUID(uuid) {
		b.unmet = true
		return health.Identifier{}, errors.New("the subject fits no Patient of the Bundle, and is no UUID that could name one elsewhere")
	}
	return PatientIdentifier(ref), nil
}
