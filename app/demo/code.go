package demo

// coding is what was measured: its code, unit and usual digits.
type coding struct {
	// slug begins the ids of the Observations.
	slug string
	// loinc and display are the code and its name.
	loinc, display string
	// unit is for people, ucum the code; both empty for values without a unit.
	unit, ucum string
	// decimals is how many digits the device or laboratory reports.
	decimals int
}

func heartRate() coding   { return coding{"hr", "8867-4", "Heart rate", "/min", "/min", 0} }
func restingRate() coding { return coding{"rhr", "40443-4", "Heart rate --resting", "/min", "/min", 0} }
func variability() coding {
	return coding{"hrv", "80404-7", "R-R interval.standard deviation (Heart rate variability)", "ms", "ms", 1}
}
func saturation() coding {
	return coding{"spo2", "59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", "%", "%", 0}
}
func breathing() coding   { return coding{"resp", "9279-1", "Respiratory rate", "/min", "/min", 1} }
func temperature() coding { return coding{"temp", "8310-5", "Body temperature", "Cel", "Cel", 1} }
func steps() coding {
	return coding{"steps", "55423-8", "Number of steps in unspecified time Pedometer", "steps", "{steps}", 0}
}
func sleep() coding  { return coding{"sleep", "93832-4", "Sleep duration", "min", "min", 0} }
func weight() coding { return coding{"wt", "29463-7", "Body weight", "kg", "kg", 1} }
func height() coding { return coding{"ht", "8302-2", "Body height", "cm", "cm", 1} }
func systolic() coding {
	return coding{"sys", "8480-6", "Systolic blood pressure", "mmHg", "mm[Hg]", 0}
}
func diastolic() coding {
	return coding{"dia", "8462-4", "Diastolic blood pressure", "mmHg", "mm[Hg]", 0}
}

// The names of devices, and the URIs of senders; none holds a person's name.
const (
	wristSensor = "Wrist sensor"
	armMonitor  = "Upper-arm monitor"
	bodyScale   = "Body scale"
	thermometer = "Ear thermometer"
	wearable    = "urn:demo:wearable"
	atHome      = "urn:demo:home-devices"
	laboratory  = "urn:demo:laboratory-information-system"
	ward        = "urn:demo:ward-system"
)
