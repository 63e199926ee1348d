package browsertest

import (
	"fmt"

	"github.com/chromedp/chromedp"
)

// submitForm submits the form with the action, as its button would.
func submitForm(action string) chromedp.Action {
	return chromedp.Evaluate(fmt.Sprintf(`document.querySelector('form[action=%q]').requestSubmit()`, action), nil)
}
