package units

import (
	"strings"
	"sync"
	"unicode"
)

// spelling lists the ways in which one UCUM unit is written, without the blanks.
// Case counts, because it does in UCUM, and what may mean two units is left out.
type spelling struct{ ucum, also string }

func timesAndRates() []spelling {
	return []spelling{
		{"/min", "1/min min-1 min^-1 {beats}/min {beat}/min {Beats}/min beats/min beat/min Beats/min beats/minute beatsperminute bpm BPM " +
			"count/min counts/min {count}/min {counts}/min {breaths}/min {breath}/min {Breaths}/min {resp}/min breaths/min breath/min " +
			"breaths/minute breathsperminute br/min brpm /minute permin perminute"},
		{"/s", "1/s Hz count/s"},
		{"ms", "msec msecs millisecond milliseconds"},
		{"s", "sec secs second seconds"},
		{"min", "mins minute minutes"},
		{"h", "hr hrs hour hours"},
		{"d", "day days"},
	}
}

func bodyMeasures() []spelling {
	return []spelling{
		{"Cel", "degC DegC deg.C °C ℃ ºC celsius Celsius degreeCelsius degreesCelsius degreesC"},
		{"[degF]", "degF DegF deg.F °F ℉ ºF fahrenheit Fahrenheit degreeFahrenheit degreesFahrenheit degreesF"},
		{"K", "kelvin Kelvin"},
		{"%", "percent Percent pct"},
		{"mm[Hg]", "mmHg mmhg mmHG MMHG mm(Hg) mm_Hg mm[hg] millimetersofmercury millimetresofmercury"},
		{"kPa", "kpa KPA kilopascal kilopascals"},
		{"kg", "kgs Kg KG kilogram kilograms kilogramme kilogrammes"},
		{"g", "gm gram grams gramme grammes"},
		{"[lb_av]", "lb lbs lb. lbs. Lb Lbs LB LBS lb_av pound pounds"},
		{"[oz_av]", "oz oz. oz_av ounce ounces"},
		{"[stone_av]", "st stone stones stone_av"},
		{"mm", "millimeter millimeters millimetre millimetres"},
		{"cm", "cms CM Cm centimeter centimeters centimetre centimetres"},
		{"m", "meter meters metre metres"},
		{"km", "kms KM Km kilometer kilometers kilometre kilometres"},
		{"[in_i]", "in in. In IN in_i inch inches Inch Inches"},
		{"[ft_i]", "ft ft. Ft FT ft_i foot feet"},
		{"[yd_i]", "yd yds yd_i yard yards"},
		{"[mi_i]", "mi mi. mi_i mile miles"},
		{"kg/m2", "kg/m^2 kg/m**2 kg/(m2) kg/(m^2) Kg/m2 KG/M2 kg.m-2"},
		{"mL/kg/min", "ml/kg/min mL/min/kg ml/min/kg mL/(kg.min) ml/(kg.min) mL/(min.kg) ml/(min.kg) mL/(kg*min) ml/(kg*min) " +
			"mL/(min*kg) ml/(min*kg) mL/min.kg ml/min.kg mL.kg-1.min-1 ml.kg-1.min-1 mL.min-1.kg-1 ml.min-1.kg-1"},
		{"L/min", "l/min lpm LPM L/minute liter/min litre/min liters/min litres/min"},
		{"L/s", "l/s L/sec l/sec"},
		{"mL/min", "ml/min ML/MIN mL/minute ml/minute"},
		{"{steps}", "{step} steps step Steps"},
		{"{flights}", "{flight} {floors} {floor} flights flight floors floor"},
		// The calorie with a capital C is the kilocalorie, in UCUM's [Cal] and in Apple Health.
		{"kcal", "Kcal kCal KCAL [Cal] Cal kilocalorie kilocalories"},
		{"kJ", "kj KJ kilojoule kilojoules"},
		{"J", "joule joules"},
	}
}

func concentrations() []spelling {
	return []spelling{
		{"mg/dL", "mg/dl MG/DL mg/DL mg% mg/100mL mg/100ml"},
		{"mg/L", "mg/l MG/L"},
		{"g/dL", "g/dl G/DL gm/dL gm/dl g% g/100mL g/100ml"},
		{"g/L", "g/l G/L gm/L gm/l"},
		{"mmol/L", "mmol/l MMOL/L mmol/litre mmol/liter"},
		{"umol/L", "umol/l UMOL/L mcmol/L mcmol/l micromol/L micromol/l umol/litre umol/liter"},
		{"meq/L", "mEq/L mEq/l meq/l MEQ/L mEQ/L meq/litre"},
		{"mmol/mol", "mmol/molHb mmol/mol{Hb} mmol/mol{HbA1c} MMOL/MOL"},
		{"mL/min/{1.73_m2}", "ml/min/{1.73_m2} mL/min/1.73m2 ml/min/1.73m2 mL/min/1.73_m2 ml/min/1.73_m2 mL/min/1.73m^2 ml/min/1.73m^2 " +
			"mL/min/{1.73m2} ml/min/{1.73m2} mL/min/{1.73m^2} mL/min/1.73.m2 ml/min/1.73.m2 mL/min/(1.73m2) ml/min/(1.73m2) " +
			"mL/min/1.73m**2 mL/min/[1.73m2] ML/MIN/1.73M2 mL/min/1.73sqm mL/min/1.73sq.m"},
		{"mL/s/{1.73_m2}", "ml/s/{1.73_m2} mL/s/1.73m2 ml/s/1.73m2"},
	}
}

// ownSpellings mean a unit in one metric only.
func ownSpellings() map[string][]spelling {
	return map[string][]spelling{
		"body_temperature": {{"Cel", "C"}, {"[degF]", "F"}},
		"steps":            {{"{steps}", "count counts {count} {counts} {#} 1"}},
		"flights_climbed":  {{"{flights}", "count counts {count} {counts} {#} 1"}},
		// Apple Health calls the unit of a body mass index "count".
		"bmi":   {{"kg/m2", "count"}},
		"hba1c": {{"%", "%NGSP %(NGSP) %{NGSP} %DCCT %(DCCT) %{DCCT} %Hb %{Hb} %{HbA1c} %{HemoglobinA1C} %ofHb %oftotalHb"}},
		// Apple Health writes the molar mass into the unit.
		"glucose": {{"mmol/L", "mmol<180.1558800000541>/L mmol<180.1558800000541>/l mmol<180.15588>/L mmol<180.156>/L"}},
	}
}

// spellings maps what is written to UCUM: for all metrics under "", else under
// the metric's code. It is made once and then only read.
var spellings = sync.OnceValue(func() map[string]map[string]string {
	table := map[string]map[string]string{"": {}}
	add := func(metric string, list []spelling) {
		if table[metric] == nil {
			table[metric] = map[string]string{}
		}
		for _, s := range list {
			table[metric][s.ucum] = s.ucum
			for _, also := range strings.Fields(s.also) {
				table[metric][also] = s.ucum
			}
		}
	}
	for _, list := range [][]spelling{timesAndRates(), bodyMeasures(), concentrations()} {
		add("", list)
	}
	for metric, list := range ownSpellings() {
		add(metric, list)
	}
	return table
})

// Canonical reads a unit as a source wrote it, in code or in words, and returns
// its UCUM code; false where the portal doesn't know it. A known unit need not be
// one of the metric's: Convert tells.
func Canonical(metric, written string) (ucum string, known bool) {
	table := spellings()
	if ucum, known = lookUp(table, metric, written); known {
		return ucum, true
	}
	if plain := fold(written); plain != written {
		return lookUp(table, metric, plain)
	}
	return "", false
}

func lookUp(table map[string]map[string]string, metric, written string) (string, bool) {
	if ucum, ok := table[metric][written]; ok {
		return ucum, true
	}
	ucum, ok := table[""][written]
	return ucum, ok
}

// fold drops blanks and what can't be seen, and spells letters and powers alike
// that have several characters.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case 'µ', 'μ':
			return 'u'
		case '²':
			return '2'
		case '·', '⋅', '∙':
			return '.'
		case '％':
			return '%'
		case '⁄', '∕':
			return '/'
		}
		if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, s)
}
