package portal

import (
	"fmt"
	"strconv"

	"healthportal/app/keyring"
)

// viewIDs seals what was searched for, so that it can stand in an address.
type viewIDs struct{ ring *keyring.Ring }

// viewContext binds a view id to its use and its user.
func viewContext(userID int64) string {
	return "patient-list|user " + strconv.FormatInt(userID, 10)
}

// SealView encrypts the text for the user. It is padded, so that the length of
// the address tells little about the length of a name.
func (v viewIDs) SealView(userID int64, text string) string {
	const block = 32
	padded := []byte(text)
	for padded = append(padded, 0); len(padded)%block != 0; {
		padded = append(padded, 0)
	}
	return v.ring.Seal(keyring.ViewIDs, viewContext(userID), padded)
}

// OpenView returns the text that SealView sealed for the same user, else an error
// that wraps keyring.ErrToken.
func (v viewIDs) OpenView(userID int64, view string) (string, error) {
	padded, err := v.ring.Unseal(keyring.ViewIDs, viewContext(userID), view)
	if err != nil {
		return "", fmt.Errorf("view id: %w", err)
	}
	end := len(padded)
	for end > 0 && padded[end-1] == 0 {
		end--
	}
	return string(padded[:end]), nil
}
