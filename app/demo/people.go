package demo

import "healthportal/app/health"

// patient is one invented person and the traits from which the data are drawn.
type patient struct {
	record, given, family string
	sex                   health.Sex
	born                  health.Day
	zone                  string
	team                  string
	watch                 watch
	body                  body
	blood                 blood
}

// watch says how somebody wears the wrist sensor.
type watch struct {
	// every is the minutes between two heart rates; 0 means no sensor.
	every int
	// firstDay is the first day with the sensor; long ago for those who always wore it.
	firstDay health.Day
	// gaps is the share of days without the sensor, nights the share of nights with it.
	gaps, nights float64
}

// body holds the levels of the vital signs.
type body struct {
	// restingHR is per minute, weight in kg, the pressures in mmHg.
	restingHR, weight, systolic, diastolic float64
	// kgPerYear is the trend of the weight.
	kgPerYear float64
	// bpEvery is the days between two blood pressures at home.
	bpEvery int
	// fibrillates marks paroxysmal atrial fibrillation.
	fibrillates bool
	// active is the share of days with exercise, daySteps a usual day's steps.
	active, daySteps float64
}

// blood holds the levels of the laboratory values.
type blood struct {
	// everyDays is the days between two visits to the laboratory.
	everyDays int
	// Units as in the metric catalogue.
	glucose, hba1c, cholesterol, hdl, triglycerides, creatinine, hemoglobin float64
}

// person is the patient as the portal's domain knows one.
func (p patient) person() health.Person {
	return health.Person{
		RecordNumber: p.record, FamilyName: p.family, GivenName: p.given, BirthDate: p.born,
		Sex: p.sex, TimeZone: p.zone, Synthetic: true,
	}
}

// age is in completed years.
func (p patient) age(on health.Day) int {
	years, _ := p.person().Age(on)
	return years
}

// isChild is true up to the eighteenth birthday.
func (p patient) isChild(on health.Day) bool { return p.age(on) < 18 }

func day(y, m, d int) health.Day { return health.Day{Year: y, Month: month(m), Dom: d} }

// people lists the patients. Most family names mean "example" or "sample" in
// some language; two differ by one letter and have mirrored birth dates.
func people() []patient {
	return append(cardiologyPeople(), generalPeople()...)
}

func cardiologyPeople() []patient {
	const berlin = SiteZone
	return []patient{
		{"SYN-000101", "Jonas", "Beispiel", health.Male, day(1968, 3, 14), berlin, Cardiology,
			watch{10, day(2015, 1, 1), 0.10, 0.9}, body{66, 92.4, 142, 90, -1.5, 1, false, 0.25, 7200},
			blood{91, 104, 5.8, 224, 41, 188, 1.02, 15.1}},
		{"SYN-000102", "Anna", "Meier-Muster", health.Female, day(1981, 7, 2), berlin, Cardiology,
			watch{10, day(2015, 1, 1), 0.12, 0.8}, body{62, 64.8, 118, 74, 0.4, 7, false, 0.45, 9400},
			blood{182, 88, 5.2, 186, 62, 92, 0.78, 13.4}},
		{"SYN-000103", "Anna", "Meyer-Muster", health.Female, day(1981, 2, 7), berlin, Cardiology,
			watch{15, day(2015, 1, 1), 0.15, 0.3}, body{74, 81.2, 128, 82, 1.1, 7, false, 0.15, 5600},
			blood{182, 95, 5.5, 238, 48, 152, 0.84, 11.7}},
		{"SYN-000104", "Friedrich", "Mustermann", health.Male, day(1949, 11, 28), berlin, Cardiology,
			watch{10, day(2015, 1, 1), 0.08, 0.95}, body{71, 84.0, 136, 82, -0.6, 1, true, 0.12, 5100},
			blood{91, 99, 5.7, 171, 46, 131, 1.31, 14.2}},
		{"SYN-000105", "Maximiliana Theodora Wilhelmine", "von Beispielhausen-Musterstein zu Testenburg",
			health.Female, day(1935, 5, 9), berlin, Cardiology,
			watch{}, body{76, 58.3, 148, 78, -0.9, 1, false, 0, 0},
			blood{91, 92, 5.6, 196, 57, 118, 1.12, 12.3}},
		{"SYN-000106", "Michael", "Sample", health.Male, day(1975, 9, 21), "America/New_York", Cardiology,
			watch{10, day(2015, 1, 1), 0.14, 0.75}, body{58, 78.9, 121, 76, 0, 7, false, 0.55, 10800},
			blood{182, 90, 5.3, 201, 55, 104, 1.05, 15.4}},
		{"SYN-000107", "Lucía", "Ejemplo", health.Female, day(1990, 12, 30), "America/Santiago", Cardiology,
			watch{12, day(2015, 1, 1), 0.18, 0.7}, body{64, 59.5, 112, 70, 0.3, 14, false, 0.5, 11200},
			blood{182, 84, 5.0, 172, 66, 78, 0.70, 13.0}},
		{"SYN-000108", "Gönül", "Örnek", health.Female, day(1957, 1, 17), berlin, Cardiology,
			watch{15, day(2026, 2, 3), 0.10, 0.5}, body{72, 73.6, 139, 86, 0.2, 1, false, 0.1, 4700},
			blood{91, 128, 6.9, 214, 44, 196, 0.92, 12.6}},
	}
}

func generalPeople() []patient {
	const berlin = SiteZone
	return []patient{
		{"SYN-000109", "Ravi", "Namuna", health.Male, day(1986, 4, 25), "Asia/Kolkata", GeneralMedicine,
			watch{10, day(2015, 1, 1), 0.14, 0.7}, body{69, 74.1, 124, 80, 0.8, 14, false, 0.3, 7900},
			blood{182, 101, 5.7, 209, 38, 210, 0.98, 14.6}},
		{"SYN-000110", "Mila", "Probst-Beispiel", health.Female, day(2023, 8, 11), berlin, GeneralMedicine,
			watch{}, body{104, 14.6, 94, 56, 2.4, 90, false, 0, 0},
			blood{182, 82, 5.0, 0, 0, 0, 0.32, 12.1}},
		{"SYN-000111", "Émile", "Exemple", health.Male, day(2016, 6, 3), berlin, GeneralMedicine, //nolint:misspell // French
			watch{10, day(2015, 1, 1), 0.16, 0.6}, body{86, 31.2, 102, 62, 3.1, 60, false, 0.5, 12400},
			blood{182, 85, 5.1, 0, 0, 0, 0.48, 13.1}},
		{"SYN-000112", "Sofie", "Voorbeeld", health.Female, day(2003, 10, 19), berlin, GeneralMedicine,
			watch{10, day(2025, 9, 1), 0.15, 0.8}, body{57, 61.7, 110, 68, 0.5, 30, false, 0.7, 12900},
			blood{182, 83, 4.9, 164, 71, 70, 0.74, 13.8}},
		{"SYN-000113", "Giulia", "Esempio", health.Female, day(1962, 2, 26), berlin, GeneralMedicine,
			watch{15, day(2015, 1, 1), 0.12, 0.4}, body{67, 70.4, 131, 81, -0.3, 7, false, 0.25, 6900},
			blood{182, 94, 5.6, 243, 58, 129, 0.80, 13.2}},
		{"SYN-000114", "Erik", "Exempel", health.Male, day(1995, 5, 31), berlin, GeneralMedicine,
			watch{10, day(2025, 1, 15), 0.13, 0.85}, body{54, 82.7, 119, 72, -0.2, 30, false, 0.75, 13600},
			blood{182, 89, 5.1, 178, 59, 85, 1.08, 15.7}},
		{"SYN-000115", "Kofi", "Mfano", health.Male, day(1979, 8, 8), berlin, GeneralMedicine,
			watch{10, day(2025, 4, 22), 0.20, 0.5}, body{65, 88.8, 133, 85, 0.9, 7, false, 0.2, 6300},
			blood{182, 97, 5.6, 205, 47, 146, 1.12, 14.9}},
		{"SYN-000116", "Robin", "Eksempel", health.OtherSex, day(1944, 7, 13), berlin, GeneralMedicine,
			watch{}, body{70, 77.0, 137, 79, -0.4, 1, false, 0, 0},
			blood{91, 108, 6.1, 192, 51, 139, 1.18, 13.7}},
	}
}
