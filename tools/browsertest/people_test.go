package browsertest

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5"

	"healthportal/store/storetest"
)

// An administrator adds a clinician, shows the link as a QR code, and watches it
// being used; then changes roles, ends sessions, and disables the account after a
// fresh passkey check.
func TestAdministratorKeepsPeople(t *testing.T) {
	db := storetest.Open(t)
	c := newClinic(t, manifest)
	c.env = append(c.env, "DATABASE_URL="+db.DSN())
	conn, err := pgx.Connect(t.Context(), db.SuperuserDSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) }) //nolint:errcheck // the database is dropped next
	link := c.enrolLink("admin", c.run(0, "user", "add", "root", "--role", "admin"))
	c.serve("serve")
	admin := &account{newTab(t, c.origin), c, conn}
	admin.enrol(link)

	admin.open("/admin/users")
	admin.waitText("1 account")
	admin.visit("people")
	admin.click("Add person")
	admin.waitPath("/admin/users/new")
	admin.visit("people-new")
	admin.fill("#display_name", `Dr. Maria "Mia" Weber`)
	admin.fill("#name", "m.weber")
	admin.do("tick clinician", chromedp.Click(`input[name=roles][value=clinician]`, chromedp.ByQuery))
	admin.do("add", submitForm("/admin/users"))
	admin.waitText("No link has been made yet")
	page := admin.eval("location.pathname")
	admin.visit("person-new")

	admin.click("Make enrolment link")
	admin.waitText("QR code")
	admin.until("the button that copies is there", `!document.getElementById("copy").hidden`)
	enrol := admin.eval(`document.getElementById("enrol-url").value`)
	if !strings.HasPrefix(enrol, c.origin+"/enrol#") || !strings.HasSuffix(admin.eval("location.pathname"), "/enrol-link") {
		t.Fatalf("the link is %q, on %s", enrol, admin.eval("location.href"))
	}
	admin.visit("person-link")
	admin.click("Done")
	admin.waitText("Withdraw the link")

	clinician := newTab(t, c.origin)
	clinician.enrol(enrol)
	clinician.waitPath("/dashboard")
	admin.open(page)
	admin.waitText("End all sessions")
	admin.visit("person")
	if got := admin.eval(`document.getElementById("link").innerText`); !strings.Contains(got, "used") || !strings.Contains(got, "as a QR code") || strings.Contains(got, "Withdraw") {
		t.Errorf("the link is shown as %q", got)
	}

	// A change of roles signs the clinician out at once.
	admin.do("tick analyst", chromedp.Click(`input[name=roles][value=analyst]`, chromedp.ByQuery))
	admin.do("save", submitForm(page+"/roles"))
	admin.waitText("clinician, analyst")
	clinician.open("/dashboard")
	clinician.waitPath("/login")
	clinician.click("Sign in with a passkey")
	clinician.waitPath("/notices")
	clinician.waitText("Your roles were changed from clinician to clinician, analyst.")

	admin.stale(page)
	admin.click("Disable the account")
	admin.waitText("Enable the account")
	admin.visit("person-disabled")
	admin.click("Enable the account")
	admin.waitText("Disable the account")

	// The administrator alone can't be locked out, nor change the own roles.
	admin.open("/admin/users")
	admin.press(`#people-table tbody tr:nth-of-type(2) a`)
	admin.waitText("This is your own account")
	admin.visit("person-own")
	admin.quiet()
}
