package applehealth

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"healthportal/app/health"
	"healthportal/app/intake"
)

func me(birth, sex string) string {
	return `<Me HKCharacteristicTypeIdentifierDateOfBirth="` + birth + `" HKCharacteristicTypeIdentifierBiologicalSex="` + sex +
		`" HKCharacteristicTypeIdentifierBloodType="HKBloodTypeNotSet" HKCharacteristicTypeIdentifierFitzpatrickSkinType="HKFitzpatrickSkinTypeNotSet"` +
		` HKCharacteristicTypeIdentifierCardioFitnessMedicationsUse="None"/>`
}

func TestOwner(t *testing.T) {
	born := health.Day{Year: 1990, Month: 2, Dom: 2}
	tests := []struct {
		name, element string
		want          intake.Owner
		problems      []string
	}{
		{"male", me("1990-02-02", "HKBiologicalSexMale"), intake.Owner{BirthDate: born, Sex: health.Male}, nil},
		{"female", me("1990-02-02", "HKBiologicalSexFemale"), intake.Owner{BirthDate: born, Sex: health.Female}, nil},
		{"other", me("1990-02-02", "HKBiologicalSexOther"), intake.Owner{BirthDate: born, Sex: health.OtherSex}, nil},
		{"nothing set", me("", "HKBiologicalSexNotSet"), intake.Owner{}, nil},
		{"nothing at all", `<Me/>`, intake.Owner{}, nil},
		{"empty sex", me("1990-02-02", ""), intake.Owner{BirthDate: born}, nil},
		{"unknown sex", me("1990-02-02", "HKBiologicalSexQuite"), intake.Owner{BirthDate: born}, []string{reasonSex}},
		{"birth date of another shape", me("02.02.1990", "HKBiologicalSexMale"), intake.Owner{Sex: health.Male}, []string{reasonBirth}},
		{"no such day", me("1990-02-30", "HKBiologicalSexMale"), intake.Owner{Sex: health.Male}, []string{reasonBirth}},
		{"two birth dates", strings.Replace(me("1990-02-02", ""), "/>", ` HKCharacteristicTypeIdentifierDateOfBirth="1991-01-01"/>`, 1),
			intake.Owner{BirthDate: born}, []string{reasonTwice}},
		{"two sexes", strings.Replace(me("", "HKBiologicalSexMale"), "/>", ` HKCharacteristicTypeIdentifierBiologicalSex="HKBiologicalSexFemale"/>`, 1),
			intake.Owner{Sex: health.Male}, []string{reasonTwice}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, r := mustRead(t, export(tt.element))
			if len(list) != 1 || list[0].Owner == nil || *list[0].Owner != tt.want || !slices.Equal(list[0].Problems, tt.problems) {
				t.Errorf("got %+v", list)
			}
			if len(r.LeftOutCounts()) != 0 {
				t.Errorf("left out %v", r.LeftOutCounts())
			}
		})
	}
}

// The file names nobody, and a Record says nothing of its owner.
func TestNoSubject(t *testing.T) {
	list, _ := mustRead(t, export(me("1990-02-02", "HKBiologicalSexMale")+good))
	if list[1].Owner != nil || list[1].Person != nil || list[0].Person != nil {
		t.Errorf("%+v", list)
	}
	for _, rec := range list {
		if rec.Subject != (health.Identifier{}) {
			t.Errorf("subject %+v", rec.Subject)
		}
	}
}

// Blood type and skin type are not stored, which is said.
func TestOtherCharacteristics(t *testing.T) {
	_, r := mustRead(t, export(strings.NewReplacer("HKBloodTypeNotSet", "HKBloodTypeAPositive", "HKFitzpatrickSkinTypeNotSet", "HKFitzpatrickSkinTypeII").
		Replace(me("1990-02-02", "HKBiologicalSexMale"))))
	if want := map[string]int{kindMe: 2}; !maps.Equal(r.LeftOutCounts(), want) {
		t.Errorf("left out %v", r.LeftOutCounts())
	}
}
