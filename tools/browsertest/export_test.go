package browsertest

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

// A clinician takes a patient's heart rates out as a file, and the receipt proves
// that it is the whole one.
func TestExportWithReceipt(t *testing.T) {
	c, conn := emergencyRoom(t)
	link := c.enrolLink("clinician", c.run(0, "user", "add", "ada", "--role", "clinician", "--team", "Ward 1"))
	c.serve("serve")
	a := &account{newTab(t, c.origin), c, conn}
	a.enrol(link)
	a.waitPath("/dashboard")
	folder := t.TempDir()
	a.do("let the browser store downloads", browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(folder))

	a.press(`main tbody a[href^="/patients/"]`)
	a.waitText("Canaryfamily1")
	a.click("All events")
	a.waitText("10 events")
	a.press("#event-export")
	a.waitPath("/dashboard/events/export")
	a.waitText("What the file will hold")
	a.visit("export")
	a.press("#export-csv")
	a.waitText("Complete: 10 rows.")
	a.visit("export-done")
	file := a.downloaded(folder)
	content, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	page := a.eval(`document.getElementById("export-receipt").innerText`)
	if !strings.Contains(page, hex.EncodeToString(sum[:])) || !strings.Contains(page, file) || strings.Count(string(content), "\r\n") != 11 {
		t.Errorf("the receipt of %s (%d bytes) says %s", file, len(content), page)
	}
	if strings.Contains(file, "Canary") || strings.Contains(file, "MRN") {
		t.Errorf("the file's name tells who it is about: %s", file)
	}
	a.do("open the receipt", chromedp.Click(`#export-receipt a[href^="/dashboard/events/exports/"]`, chromedp.ByQuery))
	a.waitText("Receipt of an export")
	a.visit("export-receipt")
	a.quiet()
}

// downloaded waits for the one file in a folder.
func (a *account) downloaded(folder string) string {
	a.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		entries, err := os.ReadDir(folder)
		if err != nil {
			a.t.Fatal(err)
		}
		if len(entries) == 1 && !strings.HasSuffix(entries[0].Name(), ".crdownload") {
			return entries[0].Name()
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("the folder of downloads holds %v", entries)
		}
	}
}
