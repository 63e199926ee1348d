package genomics

// Why a report waits in the unassigned queue.
const (
	UnassignedNobody   = "neither the sidecar, nor the document, nor its path names a patient"
	UnassignedUnknown  = "the patient that it names is not known here"
	UnassignedConflict = "sidecar, document and path do not name the same known patient"
)

// Assign sets the report's person from its claims. Every claim must resolve,
// and all of them to one person; otherwise the report is unassigned.
func (r *Report) Assign(known map[PatientRef]int64) {
	r.PersonID, r.Unassigned = 0, ""
	persons := map[int64]bool{}
	refs := map[PatientRef]bool{}
	for _, c := range r.Claims {
		persons[known[c.PatientRef]] = true
		refs[c.PatientRef] = true
	}
	switch {
	case len(refs) == 0:
		r.Unassigned = UnassignedNobody
	case len(persons) > 1:
		r.Unassigned = UnassignedConflict
	case persons[0] && len(refs) > 1:
		r.Unassigned = UnassignedConflict
	case persons[0]:
		r.Unassigned = UnassignedUnknown
	default:
		for id := range persons {
			r.PersonID = id
		}
	}
}
