package adultrange

import "healthportal/app/health"

// The groups of ranges, in their order on pages.
const (
	GroupVitals     = "Vital signs and body"
	GroupActivity   = "Activity and sleep"
	GroupLaboratory = "Laboratory"
)

// Where the numbers come from.
const (
	sourceNEWS2  = "Royal College of Physicians, NEWS2 (2017): the band that scores 0"
	sourcePulse  = "American Heart Association: resting heart rate of adults"
	sourceBP     = "ACC/AHA guideline 2017: normal blood pressure"
	sourceBMI    = "WHO: body mass index of adults"
	sourceATP    = "NCEP Adult Treatment Panel III (2001)"
	sourceADA    = "American Diabetes Association, Standards of Care: below prediabetes"
	sourceMove   = "WHO guidelines on physical activity (2020)"
	sourceSleep  = "National Sleep Foundation (2015): 7 to 9 hours"
	sourceKDIGO  = "KDIGO 2012: category G1"
	sourceWHOHb  = "WHO 2011: no anaemia in adults who are not pregnant"
	sourceCommon = "Common laboratory reference interval of adults"
)

// bare is what stands beside a metric of the catalogue.
type bare struct {
	code    string
	parts   []Part
	context Context
	source  string
}

func between(low, high string) []Part {
	return []Part{{Low: Limit{Digits: low}, High: Limit{Digits: high}}}
}

func below(high string) []Part { return []Part{{High: Limit{Digits: high, Open: true}}} }

func atLeast(low string) []Part { return []Part{{Low: Limit{Digits: low}}} }

func bySex(men, women []Part) []Part {
	men[0].Sex, women[0].Sex = health.Male, health.Female
	return []Part{men[0], women[0]}
}

func bareRanges() []bare {
	upTo := func(high string) []Part { return []Part{{High: Limit{Digits: high}}} }
	return []bare{
		{"heart_rate", between("60", "100"), AtRest, sourcePulse},
		{"resting_heart_rate", between("60", "100"), NoContext, sourcePulse},
		{"respiratory_rate", between("12", "20"), NoContext, sourceNEWS2},
		{"body_temperature", between("36.1", "38.0"), NoContext, sourceNEWS2},
		{"spo2", atLeast("96"), NoContext, sourceNEWS2},
		{"bp_systolic", below("120"), NoContext, sourceBP},
		{"bp_diastolic", below("80"), NoContext, sourceBP},
		{"bmi", between("18.5", "24.9"), NoContext, sourceBMI},
		{"waist_circumference", bySex(upTo("102"), upTo("88")), NoContext, sourceATP},
		{"exercise_time", atLeast("150"), PerWeek, sourceMove},
		{"sleep_duration", between("420", "540"), PerNight, sourceSleep},
		{"glucose", between("70", "99"), Fasting, sourceADA},
		{"hba1c", below("5.7"), NoContext, sourceADA},
		{"chol_total", below("200"), NoContext, sourceATP},
		{"ldl", below("100"), NoContext, sourceATP},
		{"hdl", bySex(atLeast("40"), atLeast("50")), NoContext, sourceATP},
		{"triglycerides", below("150"), NoContext, sourceATP},
		{"creatinine", bySex(between("0.74", "1.35"), between("0.59", "1.04")), NoContext, sourceCommon},
		{"egfr", atLeast("90"), NoContext, sourceKDIGO},
		{"hemoglobin", bySex(atLeast("13"), atLeast("12")), NoContext, sourceWHOHb},
		{"potassium", between("3.5", "5.0"), NoContext, sourceCommon},
		{"sodium", between("135", "145"), NoContext, sourceCommon},
	}
}

// All returns the general adult ranges in the catalogue's order.
func All() []Range {
	known := map[string]bare{}
	for _, b := range bareRanges() {
		known[b.code] = b
	}
	var list []Range
	for _, m := range health.Catalogue() {
		if b, ok := known[m.Code]; ok {
			list = append(list, Range{m, groupOf(m.Kind), b.parts, b.context, b.source})
		}
	}
	return list
}

func groupOf(kind health.Kind) string {
	switch kind {
	case health.Laboratory:
		return GroupLaboratory
	case health.Total:
		return GroupActivity
	default:
		return GroupVitals
	}
}
