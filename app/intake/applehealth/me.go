package applehealth

import (
	"encoding/xml"
	"strings"

	"healthportal/app/health"
	"healthportal/app/intake"
)

const (
	characteristic = "HKCharacteristicTypeIdentifier"
	reasonBirth    = "the birth date of Me is not a date: it was not compared with the person's"
	reasonSex      = "the sex of Me is none that HealthKit knows: it was not compared with the person's"
)

// me reads whose data the file holds.
func (r *Reader) me(list []xml.Attr, rec *intake.Record) {
	rec.Blank = false
	rec.Owner = &intake.Owner{}
	for _, a := range list {
		name, ok := strings.CutPrefix(a.Name.Local, characteristic)
		switch {
		case ok && name == "DateOfBirth" && a.Value != "":
			day, err := health.ParseDay(a.Value)
			if err != nil {
				refuse(rec, reasonBirth)
				continue
			}
			if !rec.Owner.BirthDate.IsZero() {
				refuse(rec, reasonTwice)
				continue
			}
			rec.Owner.BirthDate = day
		case ok && name == "BiologicalSex":
			sex, ok := sexOf(a.Value)
			switch {
			case !ok:
				refuse(rec, reasonSex)
			case rec.Owner.Sex != "":
				refuse(rec, reasonTwice)
			default:
				rec.Owner.Sex = sex
			}
		case a.Value != "" && !strings.HasSuffix(a.Value, "NotSet") && a.Value != "None":
			r.leftOut[kindMe]++
		}
	}
}

// sexOf reads HealthKit's HKBiologicalSex; empty where the person set none.
func sexOf(value string) (health.Sex, bool) {
	switch value {
	case "HKBiologicalSexFemale":
		return health.Female, true
	case "HKBiologicalSexMale":
		return health.Male, true
	case "HKBiologicalSexOther":
		return health.OtherSex, true
	case "HKBiologicalSexNotSet", "":
		return "", true
	}
	return "", false
}
