package applehealth

import "strings"

// ucum writes a HealthKit unit in UCUM; what is not known stays as it is.
// HealthKit puts everything behind the slash below it: "mL/min·kg" is mL/(min·kg).
func (r *Reader) ucum(unit string) string {
	if u, ok := r.units[unit]; ok {
		return u
	}
	u, ok := translate(unit)
	if !ok {
		u = unit
	}
	if len(r.units) < maxKinds {
		r.units[unit] = u
	}
	return u
}

func translate(unit string) (string, bool) {
	if unit == "count" {
		return "{count}", true
	}
	above, below, slash := strings.Cut(unit, "/")
	u := ""
	if above != "count" && above != "1" {
		parts, ok := factors(above)
		if !ok {
			return "", false
		}
		u = strings.Join(parts, ".")
	} else if !slash {
		return "", false
	}
	if slash {
		below = strings.TrimSuffix(strings.TrimPrefix(below, "("), ")")
		parts, ok := factors(below)
		if !ok {
			return "", false
		}
		u += "/" + strings.Join(parts, "/")
	}
	if u == "mL/min/kg" {
		// As the catalogue writes VO2 max; the order of divisors means nothing.
		u = "mL/kg/min"
	}
	return u, true
}

// factors translates "kg·m^2"; some exports write "*" for the dot.
func factors(s string) ([]string, bool) {
	list := strings.FieldsFunc(s, func(c rune) bool { return c == '·' || c == '*' })
	if len(list) == 0 {
		return nil, false
	}
	for i, f := range list {
		name, power, _ := strings.Cut(f, "^")
		u, ok := atom(name)
		if !ok || (power != "" && !allDigits(power)) {
			return nil, false
		}
		list[i] = u + power
	}
	return list, true
}

func atom(name string) (string, bool) {
	if u, ok := atoms()[name]; ok {
		return u, true
	}
	// "mmol<180.1558800000541>" names the molar mass, which UCUM does not.
	amount, mass, ok := strings.Cut(name, "<")
	if ok && strings.HasSuffix(mass, ">") && decimal(strings.TrimSuffix(mass, ">")) {
		switch amount {
		case "mol", "mmol", "nmol", "pmol":
			return amount, true
		case "mcmol":
			return "umol", true
		}
	}
	return "", false
}

// atoms are HealthKit's units (HKUnit) and their UCUM codes. Those that UCUM
// does not have (dBASPL, dBHL, cup_imp, appleEffortScore) are left out.
func atoms() map[string]string {
	return map[string]string{
		"g": "g", "kg": "kg", "mg": "mg", "mcg": "ug", "oz": "[oz_av]", "lb": "[lb_av]", "st": "[stone_av]",
		"m": "m", "km": "km", "cm": "cm", "mm": "mm", "in": "[in_i]", "ft": "[ft_i]", "yd": "[yd_i]", "mi": "[mi_i]",
		"L": "L", "dL": "dL", "cL": "cL", "mL": "mL", "l": "L", "dl": "dL", "ml": "mL",
		"fl_oz_us": "[foz_us]", "fl_oz_imp": "[foz_br]", "pt_us": "[pt_us]", "pt_imp": "[pt_br]", "cup_us": "[cup_us]",
		"s": "s", "ms": "ms", "min": "min", "hr": "h", "d": "d",
		"degC": "Cel", "degF": "[degF]", "K": "K",
		"J": "J", "kJ": "kJ", "cal": "cal", "kcal": "kcal", "Cal": "kcal", "W": "W", "kW": "kW",
		"Pa": "Pa", "kPa": "kPa", "hPa": "hPa", "mmHg": "mm[Hg]", "inHg": "[in_i'Hg]", "cmAq": "cm[H2O]", "atm": "atm",
		"Hz": "Hz", "V": "V", "mV": "mV", "mcV": "uV", "S": "S", "mcS": "uS", "IU": "[iU]",
		"rad": "rad", "deg": "deg", "D": "[diop]", "lx": "lx",
	}
}
