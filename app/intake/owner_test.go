package intake

import (
	"context"
	"errors"
	"strings"
	"testing"

	"healthportal/app/health"
)

// numbered is a store whose imports have a number.
type numbered struct{ *fakeStore }

func (numbered) ImportID() int64 { return 42 }

func (s numbered) StartImport(ctx context.Context, o health.ImportSettings) (health.Ingest, error) {
	_, err := s.fakeStore.StartImport(ctx, o)
	return s, err
}

func ownedBy(line int, born health.Day, sex health.Sex) Record {
	return Record{Line: line, Owner: &Owner{BirthDate: born, Sex: sex}}
}

// nobodys is an Observation without a subject.
func nobodys(line int, value float64) Record {
	rec := beats(line, "x", value)
	rec.Subject = health.Identifier{}
	return rec
}

func TestObservationsOfNobody(t *testing.T) {
	number := health.Identifier{System: health.SystemRecordNumber, Value: "R1"}
	store := newStore()
	store.persons[number] = health.Person{ID: 7, TimeZone: "Asia/Kolkata"}
	store.persons[fhirID("b")] = health.Person{ID: 8}
	records := func() *fakeSource { return &fakeSource{records: []Record{nobodys(1, 60), beats(2, "b", 61)}} }

	r, err := Import(t.Context(), records(), store, Options{Now: clock, CreatePersons: true})
	if err != nil || r.Refused != 1 || r.Stored != 1 || !strings.Contains(r.Problems[0].Reason, "--person") {
		t.Errorf("without a person: %s, problems %v, %v", r.Summary(), r.Problems, err)
	}
	store.batches = nil
	r, err = Import(t.Context(), records(), store, Options{Now: clock, Person: number})
	if err != nil || r.Stored != 1 || r.Repeated != 1 || r.Refused != 0 {
		t.Errorf("with a person: %s, %v", r.Summary(), err)
	}
	if rows := store.batches[0]; rows[0].Person != 7 || rows[1].Person != 8 {
		t.Errorf("stored for %d and %d", rows[0].Person, rows[1].Person)
	}
}

func TestUnknownPersonIsNotMade(t *testing.T) {
	store := newStore()
	r, err := Import(t.Context(), &fakeSource{records: []Record{nobodys(1, 60)}}, store,
		Options{Now: clock, CreatePersons: true, Person: health.Identifier{System: health.SystemRecordNumber, Value: "R1"}})
	if !errors.Is(err, ErrNoPerson) || len(store.persons) != 0 || len(store.batches) != 0 || r.Read != 0 || store.closed != 1 {
		t.Errorf("%v; %d persons, %d batches", err, len(store.persons), len(store.batches))
	}
	store.fail = "Persons"
	if _, err := Import(t.Context(), &fakeSource{}, store, Options{Person: fhirID("a")}); !errors.Is(err, errStore) {
		t.Errorf("a look-up that failed: %v", err)
	}
}

func TestOwners(t *testing.T) {
	born := health.Day{Year: 1980, Month: 1, Dom: 2}
	tests := []struct {
		name  string
		known health.Person
		owner Record
		words string // empty: taken
	}{
		{"the same", health.Person{BirthDate: born, Sex: health.Female}, ownedBy(1, born, health.Female), ""},
		{"untold", health.Person{BirthDate: born, Sex: health.Female}, ownedBy(1, health.Day{}, ""), ""},
		{"nothing stored", health.Person{Sex: health.UnknownSex}, ownedBy(1, born, health.Male), ""},
		{"sex not set", health.Person{BirthDate: born, Sex: health.Female}, ownedBy(1, born, health.UnknownSex), ""},
		{"other birth date", health.Person{BirthDate: born, Sex: health.Female}, ownedBy(1, born.AddDays(1), health.Female), "birth date differs"},
		{"other sex", health.Person{BirthDate: born, Sex: health.Female}, ownedBy(1, born, health.Male), "sex differs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			store := newStore()
			tt.known.ID = 1
			store.persons[fhirID("a")] = tt.known
			// The owner stands behind a value of the same batch: nothing is stored before the batch is looked through.
			src := &fakeSource{records: []Record{nobodys(1, 60), tt.owner, nobodys(3, 61)}}
			r, err := Import(t.Context(), src, store, Options{Now: clock, Person: fhirID("a")})
			if tt.words == "" {
				if err != nil || r.Stored != 2 {
					t.Errorf("%s, %v", r.Summary(), err)
				}
				return
			}
			if !errors.Is(err, ErrOtherOwner) || !strings.Contains(err.Error(), tt.words) || !strings.Contains(err.Error(), "nothing was stored") {
				t.Errorf("got %v", err)
			}
			if len(store.batches) != 0 || store.result != nil {
				t.Errorf("%d batches stored, result %v", len(store.batches), store.result)
			}
			for _, secret := range []string{"1980", "female", "male"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error tells %q: %v", secret, err)
				}
			}
		})
	}
}

func TestOwnerBehindStoredValues(t *testing.T) {
	store := numbered{newStore()}
	store.persons[fhirID("a")] = health.Person{ID: 1, Sex: health.Female}
	src := &fakeSource{records: []Record{nobodys(1, 60), nobodys(2, 61), ownedBy(3, health.Day{}, health.Male), nobodys(4, 62)}}
	r, err := Import(t.Context(), src, store, Options{Now: clock, Person: fhirID("a"), BatchSize: 2})
	if !errors.Is(err, ErrOtherOwner) || !strings.Contains(err.Error(), "2 values were stored before") || !strings.Contains(err.Error(), "import undo 42") {
		t.Errorf("got %v", err)
	}
	if r.Stored != 2 || r.ImportID != 42 {
		t.Errorf("%s, import %d", r.Summary(), r.ImportID)
	}
}

func TestOwnerWithoutAPersonNamed(t *testing.T) {
	src := &fakeSource{records: []Record{ownedBy(1, health.Day{}, health.Male), nobodys(2, 61)}}
	r, err := Import(t.Context(), src, newStore(), Options{Now: clock, CreatePersons: true})
	if err != nil || r.Refused != 1 || r.NewPersons != 0 {
		t.Errorf("%s, %v", r.Summary(), err)
	}
}
