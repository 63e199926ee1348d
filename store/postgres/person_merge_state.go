package postgres

import "healthportal/app/health"

// mergeState is what a merge moved and changed, as health.person_merge keeps it
// for the split.
type mergeState struct {
	// Keep and Gone are the two records before, After is the kept one after.
	Keep, Gone, After recordState
	// NumberAdded says that the other's record number became an identifier of the kept record.
	NumberAdded bool
	Identifiers []health.Identifier
	// Teams are memberships that moved, by public id; Ended are the other's that
	// ended, because one of Widened holds their time.
	Teams       []string
	Ended       []membershipRow
	Widened     []widened
	Emergencies []int64
	Reports     []string
}

// widened is a membership of the kept record before and after.
type widened struct{ Before, After membershipRow }

// recordState is what a record says of its person.
type recordState struct {
	RecordNumber, FamilyName, GivenName, BirthDate, Sex, TimeZone string
	Consent                                                       bool
}

func stateOf(r record) recordState {
	sex := r.Sex
	if sex == "" {
		sex = health.UnknownSex
	}
	return recordState{r.RecordNumber, r.FamilyName, r.GivenName, r.BirthDate.String(), string(sex), r.TimeZone, r.Consent}
}

// back is the record as it was before the merge where it still says what the merge
// wrote; what somebody changed since stays changed.
func (now recordState) back(before, after recordState) recordState {
	field := func(now *string, before, after string) {
		if *now == after {
			*now = before
		}
	}
	field(&now.RecordNumber, before.RecordNumber, after.RecordNumber)
	if now.FamilyName == after.FamilyName && now.GivenName == after.GivenName {
		now.FamilyName, now.GivenName = before.FamilyName, before.GivenName
	}
	field(&now.BirthDate, before.BirthDate, after.BirthDate)
	field(&now.Sex, before.Sex, after.Sex)
	field(&now.TimeZone, before.TimeZone, after.TimeZone)
	if now.Consent == after.Consent {
		now.Consent = before.Consent
	}
	return now
}
