package health

import (
	"strings"
	"unicode"
)

// NamesAlike reports whether two persons' names are so similar that one may be
// taken for the other: equal but for spelling, accents or order. Persons
// without a name are alike to nobody.
func NamesAlike(a, b Person) bool {
	af, ag, bf, bg := plain(a.FamilyName), plain(a.GivenName), plain(b.FamilyName), plain(b.GivenName)
	if af+ag == "" || bf+bg == "" {
		return false
	}
	return (near(af, bf) && near(ag, bg)) || (near(af, bg) && near(ag, bf))
}

// near allows one changed letter in short names and two in long ones. Given
// names match where one is the beginning of the other: Jo and Joanna.
func near(a, b string) bool {
	if a == b {
		return true
	}
	if a == "" || b == "" {
		return false
	}
	if strings.HasPrefix(a, b) || strings.HasPrefix(b, a) {
		return true
	}
	limit := 1
	if min(len(a), len(b)) >= 7 {
		limit = 2
	}
	return distance([]rune(a), []rune(b)) <= limit
}

// plain is the name in lower case, letters only, without accents.
func plain(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch base, ok := unaccented(r); {
		case ok:
			b.WriteString(base)
		case unicode.IsLetter(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unaccented spells the accented Latin letters of common names.
func unaccented(r rune) (string, bool) {
	for base, accented := range map[string]string{
		"a": "áàâäãåā", "ae": "æ", "c": "çćč", "d": "ďđ", "e": "éèêëēęě", "g": "ğ", "i": "íìîïī", "l": "łľ", "n": "ñńň",
		"o": "óòôöõøōő", "oe": "œ", "r": "řŕ", "s": "śšşș", "ss": "ß", "t": "ťțţ", "u": "úùûüūůű", "y": "ýÿ", "z": "źżž",
	} {
		if strings.ContainsRune(accented, r) {
			return base, true
		}
	}
	return "", false
}

// distance is the number of letters to insert, delete, change or swap with the
// neighbour (optimal string alignment).
func distance(a, b []rune) int {
	two, one := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range one {
		one[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(one[j]+1, row[j-1]+1, one[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], two[j-2]+1)
			}
		}
		two, one = one, row
	}
	return one[len(b)]
}
